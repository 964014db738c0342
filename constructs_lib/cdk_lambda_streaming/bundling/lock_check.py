"""Whether a uv.lock is of the projects beside it: uv says so, where it has an interpreter that the lock allows.

Where it has none, what the projects name is compared with what the lock says that they named.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from packaging.markers import Marker
from packaging.requirements import InvalidRequirement, Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name

from .byte_code import find_interpreter, version_and_magic
from .errors import BundlingError, Notice, without_secrets
from .project import Project, read_toml
from .pylock import check_python
from .target import Target
from .tools import OFFLINE, run

Named = dict[str, tuple[SpecifierSet | None, frozenset[str]]]
"""By name: the versions that are allowed, None where a source says which, and the extras."""
# What a lock has of a dependency that an address or [tool.uv.sources] says more of.
_SOURCES = {"editable", "directory", "virtual", "path", "url", "git"}
_STALE = "needs to be updated"
_NO_INTERPRETER = ("No interpreter found", "requested interpreter resolved to")


def check_lock(
    uv: str, lock_file: Path, projects: Sequence[Project], target: Target, groups: Iterable[str]
) -> list[Notice]:
    """Refuse a lock that is not for the target, or that uv would change; return a notice where uv could not say.

    :param projects: Those that the bundle is made of, that which is locked first.
    """
    lock = read_toml(lock_file)
    requires_python = lock.get("requires-python")
    check_python(f"'{lock_file}'", requires_python, target)
    _check_environments(lock_file, lock.get("supported-markers", ()), target)
    differ = sorted(_differences(lock, projects, target.marker_environment, groups))
    project = projects[0]
    answers = (_is_stale(uv, lock_file, project.folder, found) for found in _interpreters_for(requires_python, target))
    is_stale = next((answer for answer in answers if answer is not None), None)
    if is_stale or (is_stale is None and differ):
        where = f": they differ in {', '.join(differ)}" if differ else ""
        raise BundlingError(
            f"'{lock_file}' was made before '{project.path}', or a project that it needs, was changed{where}; "
            "run uv lock"
        )
    if is_stale is not None or target.interpreter is not None:
        return []
    return [
        Notice(
            "lockNotChecked",
            f"this machine has no Python {requires_python}, so uv could not say whether '{lock_file}' is up to date: "
            "names, versions and extras were compared, and not what [tool.uv] says; install one, for example with uv "
            f"python install {target.version}",
        )
    ]


def _check_environments(lock_file: Path, markers: Sequence[str], target: Target) -> None:
    if markers and not any(Marker(marker).evaluate({**target.marker_environment, "extra": ""}) for marker in markers):
        raise BundlingError(
            f"'{lock_file}' is for {' and '.join(markers)} alone, by environments under [tool.uv], and the function "
            f"has {target}; add sys_platform == 'linux' and lock again"
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


def _interpreters_for(requires_python: str | None, target: Target) -> Iterator[str]:
    """Yield interpreters of this machine that a lock may allow; uv knows their patch versions."""
    allowed = SpecifierSet(requires_python or "")
    tried = [target.interpreter, sys.executable, find_interpreter(target.python)]
    for interpreter in (*tried, *(find_interpreter((3, minor)) for minor in range(20, 7, -1))):
        if interpreter is not None:
            major, minor = version_and_magic(interpreter)[0]
            if allowed.contains(f"{major}.{minor}.99"):
                yield interpreter


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
            differ |= _unlike(now, then)
        for group in map(canonicalize_name, groups):
            if group in project.groups:
                now = _named(project, _of_group(project.groups, group, set()), environment)
                then = _locked(locked.get("requires-dev", {}).get(group, ()), environment)
                differ |= _unlike(now, then)
    return differ


def _unlike(now: Named, then: Named) -> set[str]:
    """Return the names that differ; of what has a source, uv writes no versions."""
    differ = {name for name in {*now, *then} if now.get(name) != then.get(name)}
    return {name for name in differ if name not in now or then.get(name) != (None, now[name][1])}


def _named(project: Project, lines: Iterable[str], environment: Mapping[str, str]) -> Named:
    named: Named = {}
    for line in lines:
        try:
            wanted = Requirement(line)
        except InvalidRequirement as error:
            said = without_secrets(f"'{project.path}' has the dependency '{line}', which is none: {error}")
            raise BundlingError(said) from None
        if wanted.marker is None or wanted.marker.evaluate({**environment, "extra": ""}):
            # What an address names has no other version.
            _add(named, wanted.name, "" if wanted.url else str(wanted.specifier), wanted.extras)
    return named


def _locked(requires: Iterable[Mapping[str, Any]], environment: Mapping[str, str]) -> Named:
    named: Named = {}
    for each in requires:
        if "marker" not in each or Marker(each["marker"]).evaluate({"extra": "", **environment}):
            _add(named, each["name"], each.get("specifier", ""), each.get("extras", ()))
            if not _SOURCES.isdisjoint(each):
                named[canonicalize_name(each["name"])] = (None, named[canonicalize_name(each["name"])][1])
    return named


def _add(named: Named, name: str, specifier: str, extras: Iterable[str]) -> None:
    """Add a requirement to others of its name, with which it counts together."""
    versions, has = named.get(canonicalize_name(name), (SpecifierSet(), frozenset()))
    both = None if versions is None else versions & SpecifierSet(specifier)
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
