"""Whether a uv.lock is of the projects beside it: uv says so, where it has an interpreter that the lock allows.

Where it has none, what the projects name is compared with what the lock says that they named.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from packaging.markers import Marker
from packaging.requirements import InvalidRequirement, Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name

from .byte_code import find_interpreter, version_and_magic
from .errors import BundlingError
from .project import Project, read_toml
from .pylock import check_python
from .target import Target
from .tools import OFFLINE, run

Named = dict[str, tuple[SpecifierSet, frozenset[str]]]
"""By name: the versions that are allowed, and the extras."""
_STALE = "needs to be updated"
_NO_INTERPRETER = ("No interpreter found", "requested interpreter resolved to")


def check_lock(uv: str, lock_file: Path, projects: Sequence[Project], target: Target, groups: Iterable[str]) -> None:
    """Refuse a lock that is for other Pythons, or that uv would change.

    :param projects: Those that the bundle is made of, that which is locked first.
    """
    lock = read_toml(lock_file)
    requires_python = lock.get("requires-python")
    check_python(f"'{lock_file}'", requires_python, target)
    differ = sorted(_differences(lock, projects, target.marker_environment, groups))
    project = projects[0]
    interpreter = _interpreter_for(requires_python, target)
    is_stale = None if interpreter is None else _is_stale(uv, lock_file, project.folder, interpreter)
    if is_stale or (is_stale is None and differ):
        where = f": they differ in {', '.join(differ)}" if differ else ""
        raise BundlingError(
            f"'{lock_file}' was made before '{project.path}', or a project that it needs, was changed{where}; "
            "run uv lock"
        )


def _is_stale(uv: str, lock_file: Path, project: Path, interpreter: str) -> bool | None:
    """Return what uv says, which asks no index about a lock that fits; None where it wants another interpreter."""
    command = [uv, "lock", "--check", "--python", interpreter, "--project", str(project)]
    try:
        run(command, cwd=project, what=f"checking '{lock_file}'", environment=OFFLINE)
    except BundlingError as error:
        if _STALE in str(error):
            return True
        if any(words in str(error) for words in _NO_INTERPRETER):
            return None
        raise
    return False


def _interpreter_for(requires_python: str | None, target: Target) -> str | None:
    """Return an interpreter of this machine that a lock allows."""
    for interpreter in (target.interpreter, sys.executable, find_interpreter(target.python)):
        if interpreter is not None:
            major, minor = version_and_magic(interpreter)[0]
            if SpecifierSet(requires_python or "").contains(f"{major}.{minor}.99"):
                return interpreter
    return None


def _differences(
    lock: Mapping[str, Any], projects: Iterable[Project], environment: Mapping[str, str], groups: Iterable[str]
) -> set[str]:
    """Return the names in which projects and their lock differ, as far as the target is concerned."""
    packages: dict[str, Any] = {canonicalize_name(each.get("name", "")): each for each in lock.get("package", ())}
    differ: set[str] = set()
    for project in projects:
        package = packages.get(project.name)
        if package is None or project.needs_build_to_tell:
            continue
        locked = package.get("metadata", {})
        for extra in ("", *project.extras):
            now = _named(project, [*project.dependencies, *project.extras.get(extra, ())], environment)
            then = _locked(locked.get("requires-dist", ()), {**environment, "extra": extra})
            differ |= {name for name in {*now, *then} if now.get(name) != then.get(name)}
        for group in map(canonicalize_name, groups):
            if group in project.groups:
                now = _named(project, _of_group(project.groups, group, set()), environment)
                then = _locked(locked.get("requires-dev", {}).get(group, ()), environment)
                differ |= {name for name in {*now, *then} if now.get(name) != then.get(name)}
    return differ


def _named(project: Project, lines: Iterable[str], environment: Mapping[str, str]) -> Named:
    named: Named = {}
    for line in lines:
        try:
            wanted = Requirement(line)
        except InvalidRequirement as error:
            raise BundlingError(f"'{project.path}' has the dependency '{line}', which is none: {error}") from error
        if wanted.marker is None or wanted.marker.evaluate({**environment, "extra": ""}):
            # What an address names has no other version.
            _add(named, wanted.name, "" if wanted.url else str(wanted.specifier), wanted.extras)
    return named


def _locked(requires: Iterable[Mapping[str, Any]], environment: Mapping[str, str]) -> Named:
    named: Named = {}
    for each in requires:
        if "marker" not in each or Marker(each["marker"]).evaluate({"extra": "", **environment}):
            _add(named, each["name"], each.get("specifier", ""), each.get("extras", ()))
    return named


def _add(named: Named, name: str, specifier: str, extras: Iterable[str]) -> None:
    """Add a requirement to others of its name, with which it counts together."""
    versions, has = named.get(canonicalize_name(name), (SpecifierSet(), frozenset()))
    both = versions & SpecifierSet(specifier)
    named[canonicalize_name(name)] = (both, has | {canonicalize_name(extra) for extra in extras})


def _of_group(groups: Mapping[str, list[Any]], name: str, seen: set[str]) -> list[str]:
    """Return what a group names, and the groups that it includes."""
    lines: list[str] = []
    for each in groups.get(name, ()):
        if isinstance(each, str):
            lines.append(each)
        elif (other := canonicalize_name(each.get("include-group", ""))) not in seen:
            lines += _of_group(groups, other, {*seen, name})
    return lines
