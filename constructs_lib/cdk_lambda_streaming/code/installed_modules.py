"""Modules that a package gets besides the files in `entry`: those of dependencies, projects and hooks."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from lambda_bundling.errors import BundlingError
from lambda_bundling.options import BundlingOptions, Installer
from lambda_bundling.plan import find_source
from lambda_bundling.sources.project import Project
from lambda_bundling.sources.requirements_file import folders, read_lines
from lambda_bundling.sources.requirements_source import (
    PYLOCK,
    PYPROJECT,
    REQUIREMENTS,
    RequirementsSource,
    find_requirements,
)


@dataclass(frozen=True, slots=True)
class InstalledModules:
    """Modules that are installed. Their names are unknown, because nothing is installed to find them."""

    from_packages: bool = False
    """True if packages are installed."""
    from_hooks: bool = False
    """True if hooks may write modules into any folder."""
    from_own_project: bool | None = False
    """True if the project in `entry` is installed, so that `src/app` becomes `app`. None if that is unknown."""


def find_installed(entry: Path, options: BundlingOptions | None, *, by_image: bool) -> InstalledModules:
    """Return the modules that are installed for `entry`. A container image installs only `requirements.txt`."""
    options = options or BundlingOptions()
    hooks = bool(options.before_bundling or options.after_bundling)
    try:
        source = _source_of_image(entry) if by_image else find_source(entry, options)
        own = source is not None and _installs_own_project(source, entry, options)
    except BundlingError:
        return InstalledModules(True, True, None)  # The bundler reports it.
    return InstalledModules(source is not None, hooks, own or (None if hooks else own))


def _source_of_image(entry: Path) -> RequirementsSource | None:
    return find_requirements(entry, REQUIREMENTS) if (entry / REQUIREMENTS).is_file() else None


def _installs_own_project(source: RequirementsSource, entry: Path, options: BundlingOptions) -> bool | None:
    if source.kind == PYLOCK or options.package is not None or options.installer is Installer.DOCKER:
        return None
    if source.kind == REQUIREMENTS:
        named = folders(read_lines(source.path), source.path.parent)
        return any(folder.resolve() == entry.resolve() for _, _, folder in named)
    pyproject = source.project / PYPROJECT
    return source.project.resolve() == entry.resolve() and Project.read(pyproject).is_package
