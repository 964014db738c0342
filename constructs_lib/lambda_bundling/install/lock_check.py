"""Check that uv.lock is up to date.

uv checks the lock if this machine has an interpreter that the lock allows. Otherwise this module compares the
dependencies of the projects with those that the lock recorded.
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

from lambda_bundling.errors import BundlingError, BundlingWarning, without_secrets
from lambda_bundling.interpreters import find_interpreter, version_and_magic
from lambda_bundling.sources.project import Project, read_toml
from lambda_bundling.sources.pylock import check_python
from lambda_bundling.target import Target
from lambda_bundling.tools import OFFLINE, run

Dependencies = dict[str, tuple[SpecifierSet | None, frozenset[str]]]
"""Allowed versions and extras by name. The versions are None if a URL, a path or a repository decides them."""
# Keys in a lock for dependencies with a URL, a path or a repository.
_ORIGINS = {"editable", "directory", "virtual", "path", "url", "git"}
_STALE = "needs to be updated"
_NO_INTERPRETER = ("No interpreter found", "requested interpreter resolved to")


def check_lock(
    uv: str, lock_file: Path, projects: Sequence[Project], target: Target, groups: Iterable[str]
) -> list[BundlingWarning]:
    """Reject a lock that is not for the target or not up to date. Return a warning if uv could not check it.

    :param projects: The locked project, then the local projects in the bundle.
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
        changed = f" Changed: {', '.join(differ)}." if differ else ""
        raise BundlingError(
            f"'{lock_file}' is out of date: '{project.path}', or a local project that it needs, has changed.{changed} "
            "Run `uv lock`."
        )
    if is_stale is not None or target.interpreter is not None:
        return []
    return [
        BundlingWarning(
            "lockNotChecked",
            f"uv could not check that '{lock_file}' is up to date, because this machine has no Python "
            f"{requires_python}. Only names, versions and extras were compared, not [tool.uv]. Install an interpreter, "
            f"for example with `uv python install {target.version}`.",
        )
    ]


def _check_environments(lock_file: Path, markers: Sequence[str], target: Target) -> None:
    if markers and not any(Marker(marker).evaluate({**target.marker_environment, "extra": ""}) for marker in markers):
        raise BundlingError(
            f"'{lock_file}' is only for {' and '.join(markers)}, as environments under [tool.uv] says, but the "
            f"function has {target}. Add sys_platform == 'linux' there and lock again."
        )


def _is_stale(uv: str, lock_file: Path, project: Path, interpreter: str) -> bool | None:
    """Return uv's answer, or None if uv needs another interpreter. uv contacts no index if the lock is up to date."""
    command = [uv, "lock", "--check", "--python", interpreter, "--project", str(project)]
    try:
        run(command, cwd=project, action=f"checking '{lock_file}'", environment=OFFLINE)
    except BundlingError as error:
        if _STALE in str(error):
            return True
        if any(words in str(error) for words in _NO_INTERPRETER):
            return None
        raise
    return False


def _interpreters_for(requires_python: str | None, target: Target) -> Iterator[str]:
    """Yield interpreters on this machine that a lock may allow. uv checks their patch versions."""
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
    """Return the dependencies that differ between the projects and their lock, for the target."""
    packages: dict[str, Any] = {canonicalize_name(each.get("name", "")): each for each in lock.get("package", ())}
    differ: set[str] = set()
    for project in projects:
        package = packages.get(project.name)
        if package is None or project.has_dynamic_dependencies:
            continue
        locked = package.get("metadata", {})
        for extra in ("", *project.extras):
            now = _named(project, [*project.dependencies, *project.extras.get(extra, ())], environment)
            then = _locked(locked.get("requires-dist", ()), {**environment, "extra": extra})
            differ |= _compare(now, then)
        for group in map(canonicalize_name, groups):
            if group in project.groups:
                now = _named(project, _of_group(project.groups, group, set()), environment)
                then = _locked(locked.get("requires-dev", {}).get(group, ()), environment)
                differ |= _compare(now, then)
    return differ


def _compare(now: Dependencies, then: Dependencies) -> set[str]:
    """Return the names that differ. The lock has no versions for dependencies with an origin."""
    differ = {name for name in {*now, *then} if now.get(name) != then.get(name)}
    return {name for name in differ if name not in now or then.get(name) != (None, now[name][1])}


def _named(project: Project, lines: Iterable[str], environment: Mapping[str, str]) -> Dependencies:
    named: Dependencies = {}
    for line in lines:
        try:
            wanted = Requirement(line)
        except InvalidRequirement as error:
            message = without_secrets(f"'{project.path}' has the invalid dependency '{line}': {error}")
            raise BundlingError(message) from None
        if wanted.marker is None or wanted.marker.evaluate({**environment, "extra": ""}):
            # A URL decides the version.
            _add(named, wanted.name, "" if wanted.url else str(wanted.specifier), wanted.extras)
    return named


def _locked(requires: Iterable[Mapping[str, Any]], environment: Mapping[str, str]) -> Dependencies:
    named: Dependencies = {}
    for each in requires:
        if "marker" not in each or Marker(each["marker"]).evaluate({"extra": "", **environment}):
            _add(named, each["name"], each.get("specifier", ""), each.get("extras", ()))
            if not _ORIGINS.isdisjoint(each):
                named[canonicalize_name(each["name"])] = (None, named[canonicalize_name(each["name"])][1])
    return named


def _add(named: Dependencies, name: str, specifier: str, extras: Iterable[str]) -> None:
    """Add a requirement to those of the same name. All of them apply together."""
    versions, has = named.get(canonicalize_name(name), (SpecifierSet(), frozenset()))
    both = None if versions is None else versions & SpecifierSet(specifier)
    named[canonicalize_name(name)] = (both, has | {canonicalize_name(extra) for extra in extras})


def _of_group(groups: Mapping[str, list[Any]], name: str, seen: set[str]) -> list[str]:
    """Return the requirements of a group and of the groups that it includes."""
    lines: list[str] = []
    for each in groups.get(name, ()):
        if isinstance(each, str):
            lines.append(each)
        elif (other := canonicalize_name(each.get("include-group", ""))) not in seen:
            lines += _of_group(groups, other, {*seen, name})
    return lines
