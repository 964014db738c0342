"""`pyproject.toml`: a project's name, its dependencies, and whether the project is a package."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from packaging.utils import canonicalize_name

from lambda_bundling.errors import BundlingError

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib


def read_toml(path: Path) -> dict[str, Any]:
    """Return the content of a TOML file."""
    try:
        return tomllib.loads(path.read_text("utf-8-sig"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise BundlingError(f"'{path}' is not valid TOML: {error}") from error


@dataclass(frozen=True, slots=True)
class Project:
    """Project with a `pyproject.toml`."""

    path: Path
    """Path of `pyproject.toml`."""
    table: dict[str, Any]

    @classmethod
    def read(cls, path: Path) -> Project:
        return cls(path, read_toml(path))

    @property
    def folder(self) -> Path:
        return self.path.parent

    @property
    def name(self) -> str:
        return canonicalize_name(self._project.get("name") or self._poetry.get("name") or "")

    @property
    def is_workspace(self) -> bool:
        return "workspace" in self._uv

    @property
    def is_package(self) -> bool:
        """True if uv installs the project itself, not only its dependencies.

        https://docs.astral.sh/uv/concepts/projects/config/#project-packaging
        """
        is_project = bool(self._project or self._poetry or self._uses_setuptools)
        return is_project and bool(self._uv.get("package", "build-system" in self.table))

    @property
    def has_dynamic_dependencies(self) -> bool:
        """True if only the build system knows the dependencies."""
        dynamic = {"dependencies", "optional-dependencies"} & set(self._project.get("dynamic", ()))
        return bool(dynamic) or (not self._project and bool(self._poetry or self._uses_setuptools))

    @property
    def has_dynamic_metadata(self) -> bool:
        """True if uv has to build the project to know its name, version or dependencies."""
        return not self.name or self.has_dynamic_dependencies or "version" in self._project.get("dynamic", ())

    @property
    def uses_poetry(self) -> bool:
        return bool(self._poetry)

    @property
    def needs_poetry(self) -> bool:
        """True if only Poetry can read the dependencies: https://python-poetry.org/docs/basic-usage/#operating-modes."""
        is_package = "build-system" in self.table and self._poetry.get("package-mode", True)
        return bool(self._poetry) and not self._project and not is_package

    @property
    def requires_python(self) -> str | None:
        """Python versions in `pyproject.toml`. A dynamic value is checked after the build."""
        required = self._project.get("requires-python")
        return None if required is None else str(required)

    @property
    def poetry_folders(self) -> list[str]:
        """Names of the local projects that a Poetry project depends on."""
        return [canonicalize_name(name) for name, paths in _paths(self._poetry.get("dependencies", {})) if paths]

    @property
    def paths(self) -> list[str]:
        """Paths of the folders and files that the project depends on, as written."""
        named = [*_paths(self._uv.get("sources", {})), *_paths(self._poetry.get("dependencies", {}))]
        return [path for _, paths in named for path in paths]

    @property
    def dependencies(self) -> list[str]:
        return list(self._project.get("dependencies", ()))

    @property
    def extras(self) -> dict[str, list[str]]:
        found = self._project.get("optional-dependencies", {})
        return {canonicalize_name(name): list(lines) for name, lines in found.items()}

    @property
    def groups(self) -> dict[str, list[Any]]:
        found = self.table.get("dependency-groups", {})
        return {canonicalize_name(name): list(lines) for name, lines in found.items()}

    @property
    def names_requirements(self) -> bool:
        """False for a `pyproject.toml` that only configures tools or has nothing to install."""
        return bool(self.dependencies or self.extras or self.has_dynamic_dependencies or self.is_package) or (
            bool(self._project) and bool(self.groups)
        )

    @property
    def has_dependencies(self) -> bool:
        """True if the project has dependencies. Without a lock their versions may change from day to day."""
        return bool(self.dependencies or self.extras or self.groups or self.has_dynamic_dependencies)

    @property
    def _project(self) -> dict[str, Any]:
        return dict(self.table.get("project", {}))

    @property
    def _uses_setuptools(self) -> bool:
        files = (self.folder / name for name in ("setup.cfg", "setup.py"))
        return "build-system" in self.table and any(file.is_file() for file in files)

    @property
    def _poetry(self) -> dict[str, Any]:
        return dict(self.table.get("tool", {}).get("poetry", {}))

    @property
    def _uv(self) -> dict[str, Any]:
        return dict(self.table.get("tool", {}).get("uv", {}))


def _paths(dependencies: dict[str, Any]) -> list[tuple[str, list[str]]]:
    """Return the paths of each dependency. A dependency is a table, or a list of tables with environment markers."""
    found = []
    for name, value in dependencies.items():
        tables = value if isinstance(value, list) else [value]
        found.append((name, [table["path"] for table in tables if isinstance(table, dict) and "path" in table]))
    return found
