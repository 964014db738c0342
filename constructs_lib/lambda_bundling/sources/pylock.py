"""`pylock.toml` (PEP 751): the form that all dependencies get before uv installs them.

https://packaging.python.org/en/latest/specifications/pylock-toml/
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from packaging.markers import InvalidMarker, Marker
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name

from lambda_bundling.errors import BundlingError
from lambda_bundling.sources.project import read_toml
from lambda_bundling.target import Target

# Keys for the files of a package, and keys that the installation does not need.
_FILES = ("wheels", "sdist", "archive")
_DROPPED_KEYS = ("marker", "dependencies", "requires-python", "attestation-identities", "tool")


@dataclass(frozen=True, slots=True)
class LockedPackage:
    """Package in a lock."""

    lock: Path
    table: dict[str, Any]

    @property
    def name(self) -> str:
        return canonicalize_name(self.table["name"])

    @property
    def version(self) -> str | None:
        version = self.table.get("version")
        return None if version is None else str(version)

    @property
    def folder(self) -> Path | None:
        """Folder of the local project to build, or None for a package from elsewhere."""
        directory = self.table.get("directory")
        if directory is None:
            return None
        return Path(os.path.abspath(self.lock.parent / directory["path"] / directory.get("subdirectory", "")))

    @property
    def files(self) -> list[Path]:
        """Local files that the package may come from."""
        tables = [each for kind in _FILES for each in _listed(self.table.get(kind))]
        return [path for each in tables if (path := _local_path(self.lock.parent, each)) is not None]

    def holds_for(self, environment: dict[str, Any]) -> bool:
        marker = self.table.get("marker")
        try:
            return marker is None or Marker(marker).evaluate(environment, context="lock_file")
        except InvalidMarker as error:
            raise BundlingError(f"'{self.lock}' has an invalid environment marker for {self.name}: {error}") from error


@dataclass(frozen=True, slots=True)
class Pylock:
    """Lock in the format of `pylock.toml`."""

    path: Path
    requires_python: str | None
    packages: tuple[LockedPackage, ...]


def read_pylock(path: Path) -> Pylock:
    """Return a lock that was read from a file."""
    lock = read_toml(path)
    if lock.get("lock-version") != "1.0":
        raise BundlingError(f"lock-version of '{path}' must be 1.0, got {lock.get('lock-version')!r}")
    tables = lock.get("packages", [])
    for number, table in enumerate(tables, 1):
        if not isinstance(table.get("name"), str):
            raise BundlingError(f"'{path}' has no name for package {number} of {len(tables)}. Lock again.")
    return Pylock(path, lock.get("requires-python"), tuple(LockedPackage(path, table) for table in tables))


def select(lock: Pylock, target: Target, extras: Sequence[str], groups: Sequence[str]) -> list[LockedPackage]:
    """Return the packages for a target, including the requested extras and groups."""
    environment: dict[str, Any] = {
        **target.marker_environment,
        "extras": frozenset(canonicalize_name(name) for name in extras),
        "dependency_groups": frozenset(canonicalize_name(name) for name in groups),
    }
    chosen = [package for package in lock.packages if package.holds_for(environment)]
    for package in chosen:
        check_python(f"{package.name} of '{lock.path}'", package.table.get("requires-python"), target)
    return chosen


def check_python(subject: str, requires_python: str | None, target: Target) -> None:
    """Reject a project or lock for other Python versions. A bundle for this machine may try any version."""
    if target.interpreter is not None:
        return
    # One patch version has to match. Lambda has the newest.
    patches = (target.full_version, f"{target.version}.99")
    if requires_python and not any(SpecifierSet(requires_python).contains(version) for version in patches):
        raise BundlingError(
            f"{subject} requires Python {requires_python}, but the function has {target.version}. Choose another "
            "runtime, or change requires-python and lock again."
        )


def from_wheel(name: str, wheel: Path) -> LockedPackage:
    """Return the package of a wheel that was built on this machine."""
    digest = hashlib.sha256(wheel.read_bytes()).hexdigest()
    return LockedPackage(wheel, {"name": name, "archive": {"path": str(wheel), "hashes": {"sha256": digest}}})


def write_pylock(path: Path, packages: Iterable[LockedPackage]) -> None:
    """Write a lock that any interpreter installs completely."""
    lines = ['lock-version = "1.0"', 'created-by = "cdk-lambda-streaming"']
    for package in packages:
        lines.append("[[packages]]")
        for key, value in package.table.items():
            if key not in _DROPPED_KEYS:
                lines.append(f"{key} = {_to_toml(_with_absolute_paths(value, package.lock.parent))}")
    path.write_text("\n".join(lines) + "\n", "utf-8")


def _with_absolute_paths(value: Any, folder: Path) -> Any:
    """Return a value with absolute paths and without upload times."""
    if isinstance(value, list):
        return [_with_absolute_paths(each, folder) for each in value]
    if isinstance(value, dict):
        return {
            key: os.path.abspath(folder / each) if key == "path" else _with_absolute_paths(each, folder)
            for key, each in value.items()
            if key != "upload-time"
        }
    return value


def _to_toml(value: Any) -> str:
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{json.dumps(key)} = {_to_toml(each)}" for key, each in value.items()) + " }"
    if isinstance(value, list):
        return f"[{', '.join(map(_to_toml, value))}]"
    return json.dumps(value)  # TOML and JSON write strings, numbers and booleans alike.


def _listed(value: Any) -> list[dict[str, Any]]:
    return value if isinstance(value, list) else [] if value is None else [value]


def _local_path(folder: Path, table: dict[str, Any]) -> Path | None:
    if "path" in table:
        return Path(os.path.abspath(folder / table["path"]))
    url = urlsplit(table.get("url", ""))
    return Path(unquote(url.path)) if url.scheme == "file" else None
