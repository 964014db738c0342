"""Layout of a function's files, as on Lambda: code at `/var/task`, layers merged at `/opt`.

On this machine both are folders at another place. They are copies, so that a function cannot change the assembly. All
execution environments of a function share them, as on Lambda, where they are read-only.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath

from ..functions import Code, Function, InlineCode
from .archive import SPECIAL_FILE, Extracted, LeftOut, clear, extract, make_folder, remove_escaping_links
from .sdk import link_sdk

_TASK_ROOT = "/var/task"
_OPT = "/opt"

_RUNTIME_BOOTSTRAP = """\
import sys

sys.exit(
    "AWS's own Python runtime is not part of the emulator. "
    "Use an exec wrapper that starts another runtime, or an OS-only runtime with a bootstrap of your own."
)
"""
"""Stand-in for the program of AWS's runtime, for exec wrappers that start it."""


@dataclass(frozen=True, slots=True)
class Layout:
    """Folders of a function on this machine."""

    task: Path
    opt: Path
    runtime: Path
    left_out: tuple[LeftOut, ...] = ()
    """Members of archives that would be outside the folders."""

    def local_path(self, path: str) -> str:
        """Return the local path of a path inside Lambda. Return any other path as it is."""
        for lambda_path, folder in ((_TASK_ROOT, self.task), (_OPT, self.opt)):
            if path == lambda_path or path.startswith(f"{lambda_path}/"):
                return f"{folder}{path.removeprefix(lambda_path)}"
        return path

    def translate(self, value: str) -> str:
        """Translate the value of a variable that holds a path, or a list of paths as `PATH` does."""
        return ":".join(self.local_path(path) for path in value.split(":"))


def lay_out(function: Function, folder: Path) -> Layout:
    """Make the folders of `function` inside `folder`, which must not exist. Later layers replace earlier ones."""
    layout = Layout(task=folder / "task", opt=folder / "opt", runtime=folder / "runtime")
    for part in (layout.task, layout.opt, layout.runtime):
        part.mkdir(parents=True)
    extracted = [_place(function.code, layout.task, layout)]
    extracted += [_place(layer.content, layout.opt, layout) for layer in function.layers]
    links = [link for each in extracted for link in each.links]
    left_out = [member for each in extracted for member in each.left_out]
    left_out += remove_escaping_links(links, (layout.task, layout.opt))
    (layout.runtime / "bootstrap.py").write_text(_RUNTIME_BOOTSTRAP)
    link_sdk(layout.runtime)
    return replace(layout, left_out=tuple(left_out))


def _place(content: Code, target: Path, layout: Layout) -> Extracted:
    if isinstance(content, InlineCode):
        (target / content.file_name).write_text(content.text)
    elif content.is_dir():
        return Extracted(left_out=tuple(_merge(content, target)))
    else:
        return extract(content, target, layout.local_path)
    return Extracted()


def _merge(source: Path, target: Path) -> Iterator[LeftOut]:
    """Copy a folder into another. Links are copied as they are, and never followed."""
    for entry in os.scandir(source):
        if entry.is_dir(follow_symlinks=False):
            yield from _merge(Path(entry.path), make_folder(target, PurePosixPath(entry.name)))
        elif entry.is_symlink() or entry.is_file(follow_symlinks=False):
            clear(target / entry.name)
            shutil.copy2(entry.path, target / entry.name, follow_symlinks=False)
        else:
            yield LeftOut(source.name, entry.name, SPECIAL_FILE)
