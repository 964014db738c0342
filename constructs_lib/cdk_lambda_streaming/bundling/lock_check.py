"""Whether a uv.lock is of the projects beside it. uv itself would resolve again to say so, at every synth."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from packaging.markers import Marker
from packaging.requirements import InvalidRequirement, Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name

from .errors import BundlingError
from .project import Project, read_toml
from .pylock import check_python
from .target import Target

Named = tuple[str, SpecifierSet, frozenset[str]]


def check_lock(lock_file: Path, projects: Iterable[Project], target: Target, groups: Iterable[str]) -> None:
    """Refuse a lock that is for other Pythons, or that knows of other dependencies than a project now names.

    What counts is what holds for the target: names, versions and extras, of the project and each of its extras.
    """
    lock = read_toml(lock_file)
    check_python(f"'{lock_file}'", lock.get("requires-python"), target)
    packages: dict[str, Any] = {
        canonicalize_name(package.get("name", "")): package for package in lock.get("package", ())
    }
    for project in projects:
        package = packages.get(project.name)
        if package is not None and not project.needs_build_to_tell:
            _compare(lock_file, project, package.get("metadata", {}), target.marker_environment, groups)


def _compare(
    lock_file: Path,
    project: Project,
    locked: Mapping[str, Any],
    environment: Mapping[str, str],
    groups: Iterable[str],
) -> None:
    requires = locked.get("requires-dist", ())
    differ: set[str] = set()
    for extra in ("", *project.extras):
        now = _named(project, [*project.dependencies, *project.extras.get(extra, ())], environment)
        then = _locked(requires, {**environment, "extra": extra})
        differ |= _names(now ^ then)
    for group in map(canonicalize_name, groups):
        if group not in project.groups:
            continue
        lines = _of_group(project.groups, group, set())
        then = _locked(locked.get("requires-dev", {}).get(group, ()), dict(environment))
        differ |= _names(_named(project, lines, environment) ^ then)
    # A project may name itself, for one of its extras.
    differ -= {project.name}
    if differ:
        raise BundlingError(
            f"'{lock_file}' was made before '{project.path}' was changed: they differ in {', '.join(sorted(differ))}; "
            "run uv lock"
        )


def _named(project: Project, lines: Iterable[str], environment: Mapping[str, str]) -> set[Named]:
    named: set[Named] = set()
    for line in lines:
        try:
            wanted = Requirement(line)
        except InvalidRequirement as error:
            raise BundlingError(f"'{project.path}' has the dependency '{line}', which is none: {error}") from error
        if wanted.marker is None or wanted.marker.evaluate({**environment, "extra": ""}):
            extras: frozenset[str] = frozenset(canonicalize_name(extra) for extra in wanted.extras)
            # What an address names has no other version.
            named.add((canonicalize_name(wanted.name), SpecifierSet() if wanted.url else wanted.specifier, extras))
    return named


def _locked(requires: Iterable[Mapping[str, Any]], environment: Mapping[str, str]) -> set[Named]:
    return {
        (
            canonicalize_name(each["name"]),
            SpecifierSet(each.get("specifier", "")),
            frozenset(canonicalize_name(extra) for extra in each.get("extras", ())),
        )
        for each in requires
        if "marker" not in each or Marker(each["marker"]).evaluate({"extra": "", **environment})
    }


def _of_group(groups: Mapping[str, list[Any]], name: str, seen: set[str]) -> list[str]:
    """Return what a group names, and the groups that it includes."""
    lines: list[str] = []
    for each in groups.get(name, ()):
        if isinstance(each, str):
            lines.append(each)
        elif (other := canonicalize_name(each.get("include-group", ""))) not in seen:
            lines += _of_group(groups, other, {*seen, name})
    return lines


def _names(found: set[Named]) -> set[str]:
    return {name for name, _, _ in found}
