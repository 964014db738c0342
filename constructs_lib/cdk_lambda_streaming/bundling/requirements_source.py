"""Where a folder names its dependencies."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path

from .errors import BundlingError
from .requirements_file import included_files

UV_LOCK = "uv.lock"
PYLOCK = "pylock.toml"
REQUIREMENTS = "requirements.txt"
PYPROJECT = "pyproject.toml"
IN_ORDER = (UV_LOCK, PYLOCK, REQUIREMENTS, PYPROJECT)


@dataclass(frozen=True)
class RequirementsSource:
    kind: str
    """The name in `IN_ORDER` that it is handled as."""
    path: Path
    inputs: tuple[Path, ...]
    """Every file whose content decides what is installed."""


def find_requirements(entry: Path, named: str | os.PathLike[str] | None) -> RequirementsSource | None:
    """Return the source of the dependencies, or None for a folder without."""
    # Tools run in folders of their own, where a relative path means another.
    entry = entry.absolute()
    if named is not None:
        path = entry / named
        if not path.is_file():
            raise BundlingError(
                f"bundling.requirements is '{os.fspath(named)}', which is not in '{entry}'; it has "
                f"{', '.join(sorted(name.name for name in entry.iterdir() if name.name in IN_ORDER)) or 'none'}"
            )
        return _source(_kind_of(path), path)
    lock = find_uv_lock(entry)
    if lock is not None:
        return _source(UV_LOCK, lock, entry / PYPROJECT)
    for kind in IN_ORDER[1:]:
        if (entry / kind).is_file() and (kind != PYPROJECT or _has_project(entry / kind)):
            return _source(kind, entry / kind)
    return None


def find_uv_lock(entry: Path) -> Path | None:
    """Return the lock of the project in `entry`: its own, or that of the workspace it is a member of."""
    if not (entry / PYPROJECT).is_file():
        return None
    for folder in (entry, *entry.absolute().parents):
        if (folder / UV_LOCK).is_file():
            # Above, it counts where a workspace says so.
            return folder / UV_LOCK if folder == entry or _is_workspace(folder / PYPROJECT) else None
    return None


def _is_workspace(pyproject: Path) -> bool:
    return pyproject.is_file() and "[tool.uv.workspace]" in pyproject.read_text("utf-8")


def _source(kind: str, path: Path, *others: Path) -> RequirementsSource:
    inputs = [path, *others]
    if kind == REQUIREMENTS:
        inputs = included_files(path)
    return RequirementsSource(kind, path, tuple(dict.fromkeys(inputs)))


def _kind_of(path: Path) -> str:
    if path.name == UV_LOCK:
        return UV_LOCK
    if path.name == PYPROJECT:
        return PYPROJECT
    if path.name == PYLOCK or (path.name.startswith("pylock.") and path.suffix == ".toml"):
        return PYLOCK
    return REQUIREMENTS


def _has_project(pyproject: Path) -> bool:
    # One that only configures tools names no dependencies.
    return re.search(r"^\s*\[\s*project\s*\]", pyproject.read_text("utf-8-sig"), re.MULTILINE) is not None
