"""Projects in folders that a function's requirements name: their sources go into the bundle, and into its name."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from .errors import BundlingError
from .requirements_file import read_lines
from .requirements_source import PYPROJECT, REQUIREMENTS, UV_LOCK, RequirementsSource

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

# What tools leave beside sources: it is in no wheel.
NOT_SOURCE = (".*", "__pycache__", "*.pyc", "build", "dist", "*.egg-info", "node_modules", "cdk.out")
# A folder, as requirements name one.
FOLDER = re.compile(r"(?:-e\s+|--editable[ =])?(?:file://)?(\.{0,2}/[^\s;]*|\.)(?=[\s;]|$)")


def local_projects(source: RequirementsSource, entry: Path, package: str | None) -> list[Path]:
    """Return the folders of projects that are built for the bundle, besides `entry`; in an order that stays."""
    if source.kind == UV_LOCK:
        found = list(_of_lock(source.path, entry, package))
    elif source.kind == REQUIREMENTS:
        found = [source.path.parent / folder for line in read_lines(source.path) if (folder := folder_of(line))]
    elif source.kind == PYPROJECT:
        sources = read_toml(source.path).get("tool", {}).get("uv", {}).get("sources", {})
        paths = [each["path"] for each in sources.values() if isinstance(each, dict) and "path" in each]
        found = [source.path.parent / path for path in paths]
    else:
        found = []
    own = entry.resolve()
    return sorted({path.resolve() for path in found if path.is_dir()} - {own})


def folder_of(line: str) -> str | None:
    """Return the folder that a line of requirements names, or None for one that names something else."""
    path = FOLDER.match(line)
    return None if path is None or path[1].endswith((".whl", ".zip", ".tar.gz")) else path[1]


def read_toml(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text("utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise BundlingError(f"'{path}' is not valid TOML: {error}") from error


def _of_lock(lock: Path, entry: Path, package: str | None) -> Iterator[Path]:
    """Walk from the project to all that it may need, extras and groups too: one too many costs a bundle at most."""
    packages: dict[str, list[dict[str, Any]]] = {}
    for each in read_toml(lock).get("package", []):
        packages.setdefault(each["name"], []).append(each)
    name = package or read_toml(entry / PYPROJECT).get("project", {}).get("name", "")
    names = [re.sub(r"[-_.]+", "-", name).lower()]
    for name in names:
        for each in packages.get(name, []):
            source = each.get("source", {})
            folder = source.get("editable") or source.get("directory")
            if folder is not None:
                yield lock.parent / folder
            needed = [each.get("dependencies", [])]
            needed += [*each.get("optional-dependencies", {}).values(), *each.get("dev-dependencies", {}).values()]
            names += [need["name"] for needs in needed for need in needs if need["name"] not in names]
