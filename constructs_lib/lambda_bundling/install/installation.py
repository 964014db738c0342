"""Request to an installer, and its result."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from lambda_bundling.errors import BundlingWarning
from lambda_bundling.sources.requirements_source import RequirementsSource
from lambda_bundling.target import Target


@dataclass(frozen=True, slots=True)
class Installation:
    """Dependencies to install and the empty folder for them."""

    source: RequirementsSource
    entry: Path
    target: Target
    into: Path
    changed: Path | None = None
    """Copy of the entry. Its files replace those of the entry's own project."""

    @property
    def scratch(self) -> Path:
        """Folder for temporary files."""
        return self.into.parent


@dataclass(frozen=True, slots=True)
class LocalInput:
    """Folder or file of this machine in a bundle. Its hash is part of the bundle's name."""

    path: Path
    hash: str


@dataclass(frozen=True, slots=True)
class Installed:
    """Result of an installation."""

    warnings: Sequence[BundlingWarning] = ()
    local: Sequence[LocalInput] = ()
