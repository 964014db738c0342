"""Whether a uv.lock is of the project beside it. uv itself would have to resolve again to say so, at every synth."""

from __future__ import annotations

import re
from pathlib import Path

from .errors import BundlingError
from .local_projects import read_toml
from .requirements_source import PYPROJECT


def check_lock(lock: Path, entry: Path) -> None:
    """Refuse a lock that knows of other dependencies, by their names, than the project's pyproject.toml names."""
    project = read_toml(entry / PYPROJECT).get("project", {})
    if {"dependencies", "optional-dependencies"} & set(project.get("dynamic", ())):
        return
    optional = project.get("optional-dependencies", {}).values()
    lines = [*project.get("dependencies", ()), *(line for extra in optional for line in extra)]
    named = {_normal(re.split(r"[^A-Za-z0-9._-]", line.strip(), maxsplit=1)[0]) for line in lines}
    for package in read_toml(lock).get("package", ()):
        if package["name"] == _normal(project.get("name", "")):
            locked = {each["name"] for each in package.get("metadata", {}).get("requires-dist", ())}
            # A project may name itself, for one of its extras.
            if named - locked - {package["name"]} or locked - named:
                differ = ", ".join(sorted((named ^ locked) - {package["name"]}))
                raise BundlingError(
                    f"'{lock}' was made before '{entry / PYPROJECT}' was changed: they differ in {differ}; run uv lock"
                )


def _normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()
