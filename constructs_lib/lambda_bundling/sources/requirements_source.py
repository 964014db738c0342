"""Source of a function's requirements: the file that names the dependencies."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from packaging.utils import canonicalize_name

from lambda_bundling.errors import BundlingError
from lambda_bundling.options import BundlingOptions
from lambda_bundling.sources.project import Project, read_toml
from lambda_bundling.sources.pylock import check_python
from lambda_bundling.sources.requirements_file import included_files
from lambda_bundling.target import Target

UV_LOCK = "uv.lock"
PYLOCK = "pylock.toml"
REQUIREMENTS = "requirements.txt"
PYPROJECT = "pyproject.toml"
IN_ORDER = (UV_LOCK, PYLOCK, REQUIREMENTS, PYPROJECT)


@dataclass(frozen=True, slots=True)
class RequirementsSource:
    """File that names the dependencies."""

    kind: str
    """Format of the file, as a name in `IN_ORDER`."""
    path: Path
    inputs: tuple[Path, ...]
    """All files that decide what is installed."""
    project: Path
    """Folder of the project that has the dependencies."""


def find_requirements(entry: Path, named: str | os.PathLike[str] | None) -> RequirementsSource | None:
    """Return the source of the dependencies, or None for a folder without dependencies."""
    # Tools run in other folders, where a relative path has another meaning.
    entry = entry.absolute()
    if named is not None:
        path = entry / named
        if not path.is_file():
            raise BundlingError(
                f"bundling.requirements is '{os.fspath(named)}', which does not exist in '{entry}'. The folder has "
                f"{', '.join(sorted(name.name for name in entry.iterdir() if name.name in IN_ORDER)) or 'none'}."
            )
        return _source(_kind_of(path), path, entry)
    lock = find_uv_lock(entry)
    if lock is not None:
        return _source(UV_LOCK, lock, entry)
    for kind in IN_ORDER[1:]:
        path = entry / kind
        if path.is_file() and (kind != PYPROJECT or Project.read(path).names_requirements):
            return _source(kind, path, entry)
    return None


def find_uv_lock(entry: Path) -> Path | None:
    """Return the lock of the project in `entry`, or the lock of its workspace."""
    if not (entry / PYPROJECT).is_file():
        return entry / UV_LOCK if (entry / UV_LOCK).is_file() else None
    for folder in (entry, *entry.absolute().parents):
        if (folder / UV_LOCK).is_file():
            # A lock in a folder above counts only for a workspace.
            return folder / UV_LOCK if folder == entry or _is_workspace(folder / PYPROJECT) else None
    return None


def reject_missing_choices(source: RequirementsSource, options: BundlingOptions, target: Target) -> None:
    """Reject extras, groups or a package that the source does not have, and a project for other Pythons."""
    if options.package is not None and source.kind != UV_LOCK:
        raise BundlingError(
            f"bundling.package is '{options.package}', but the dependencies come from '{source.path.name}', which has "
            "no workspace members. Leave it out, or lock the workspace with `uv lock`."
        )
    if source.kind == REQUIREMENTS and (options.extras or options.groups):
        option = "extras" if options.extras else "groups"
        raise BundlingError(
            f"bundling.{option} is {list(getattr(options, option))!r}, but the dependencies come from "
            f"'{source.path.name}', which has no {option}. Add the packages to that file, or pass "
            "requirements='pyproject.toml'."
        )
    if source.kind == PYLOCK:
        lock = read_toml(source.path)
        check_names("extras", options.extras, lock.get("extras", ()), source.path)
        check_names("groups", options.groups, lock.get("dependency-groups", ()), source.path)
    if source.kind == PYPROJECT:
        project = Project.read(source.path)
        check_python(f"'{source.path}'", project.requires_python, target)
        if not project.has_dynamic_dependencies:
            check_names("extras", options.extras, project.extras, source.path)
        check_names("groups", options.groups, project.groups, source.path)


def check_names(option: str, requested: Iterable[str], available: Iterable[str], path: Path) -> None:
    """Reject a requested name that is not available."""
    has = {canonicalize_name(name) for name in available}
    for name in requested:
        if canonicalize_name(name) not in has:
            raise BundlingError(
                f"bundling.{option} has '{name}', but the {option} of '{path}' are: {', '.join(sorted(has)) or 'none'}"
            )


def _is_workspace(pyproject: Path) -> bool:
    return pyproject.is_file() and Project.read(pyproject).is_workspace


def _source(kind: str, path: Path, entry: Path) -> RequirementsSource:
    if kind == REQUIREMENTS:
        return RequirementsSource(kind, path, tuple(included_files(path)), entry)
    if kind != UV_LOCK:
        return RequirementsSource(kind, path, (path,), path.parent)
    root = path.parent
    project = entry if (entry / PYPROJECT).is_file() else root
    if not (project / PYPROJECT).is_file():
        raise BundlingError(f"'{path}' needs its {PYPROJECT}, but neither '{entry}' nor '{root}' has one")
    # The configuration in a workspace's root applies to its members.
    files = (path, project / PYPROJECT, root / PYPROJECT, root / "uv.toml")
    return RequirementsSource(kind, path, tuple(dict.fromkeys(file for file in files if file.is_file())), project)


def _kind_of(path: Path) -> str:
    if path.name == UV_LOCK:
        return UV_LOCK
    if path.name == PYPROJECT:
        return PYPROJECT
    if path.name == PYLOCK or (path.name.startswith("pylock.") and path.suffix == ".toml"):
        return PYLOCK
    return REQUIREMENTS
