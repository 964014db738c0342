"""Lay out a function's content as Lambda does: code at `/var/task`, layers merged at `/opt`.

On a desk both are folders somewhere else, and copies, so that nothing a function does can change the assembly. As on
Lambda, where they are read-only, all execution environments of a function share them.
"""

from __future__ import annotations

import os
import shutil
import stat
import zipfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from .functions import Code, Function, InlineCode
from .sdk import link_sdk

_TASK_ROOT = "/var/task"
_OPT = "/opt"

_RUNTIME_BOOTSTRAP = """\
import sys

sys.exit(
    "AWS's own Python runtime is not part of the emulator: only a runtime that the exec wrapper starts, "
    "or a bootstrap of the function's own, can run here."
)
"""
"""Stands where AWS's runtime has its program, for exec wrappers that hand back to it."""


@dataclass(frozen=True, slots=True)
class Layout:
    """Where on this desk a function finds what Lambda gives it."""

    task: Path
    opt: Path
    runtime: Path

    def on_desk(self, path: str) -> str:
        """Translate a path as Lambda knows it; leave any other as it is."""
        for lambda_path, folder in ((_TASK_ROOT, self.task), (_OPT, self.opt)):
            if path == lambda_path or path.startswith(f"{lambda_path}/"):
                return f"{folder}{path.removeprefix(lambda_path)}"
        return path

    def translate(self, value: str) -> str:
        """Translate a variable's value: a path, or a list of paths as in `PATH`."""
        return ":".join(self.on_desk(path) for path in value.split(":"))


def lay_out(function: Function, folder: Path) -> Layout:
    """Make the folders of `function` inside `folder`, which must not exist. A later layer wins over an earlier one."""
    layout = Layout(task=folder / "task", opt=folder / "opt", runtime=folder / "runtime")
    for part in (layout.task, layout.opt, layout.runtime):
        part.mkdir(parents=True)
    _place(function.code, layout.task)
    for layer in function.layers:
        _place(layer.content, layout.opt)
    (layout.runtime / "bootstrap.py").write_text(_RUNTIME_BOOTSTRAP)
    link_sdk(layout.runtime)
    return layout


def _place(content: Code, target: Path) -> None:
    if isinstance(content, InlineCode):
        (target / content.file_name).write_text(content.text)
    elif content.is_dir():
        _merge(content, target)
    else:
        _unzip(content, target)


def _merge(source: Path, target: Path) -> None:
    for entry in os.scandir(source):
        place = target / entry.name
        if entry.is_dir(follow_symlinks=False):
            if place.is_symlink() or place.is_file():
                place.unlink()
            place.mkdir(exist_ok=True)
            _merge(Path(entry.path), place)
        else:
            _clear(place)
            shutil.copy2(entry.path, place, follow_symlinks=False)


def _unzip(archive: Path, target: Path) -> None:
    with zipfile.ZipFile(archive) as opened:
        for member in _links_last(opened.infolist()):
            mode = member.external_attr >> 16
            if stat.S_ISLNK(mode):
                link = target / member.filename
                link.parent.mkdir(parents=True, exist_ok=True)
                _clear(link)
                link.symlink_to(opened.read(member).decode())
                continue
            place = Path(opened.extract(member, target))
            if not member.is_dir() and stat.S_IMODE(mode):
                place.chmod(stat.S_IMODE(mode))


def _links_last(members: Iterable[zipfile.ZipInfo]) -> list[zipfile.ZipInfo]:
    """Order links after files, so that nothing is ever extracted through a link."""
    return sorted(members, key=lambda member: stat.S_ISLNK(member.external_attr >> 16))


def _clear(place: Path) -> None:
    """Make room for what a later layer brings under the same name."""
    if place.is_dir() and not place.is_symlink():
        shutil.rmtree(place)
    else:
        place.unlink(missing_ok=True)
