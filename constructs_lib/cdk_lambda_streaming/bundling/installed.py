"""What an installer has done."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from .errors import Notice


@dataclass(frozen=True)
class LocalInput:
    """A folder or file of this machine that was installed: it decides what the bundle is, as the requirements do."""

    path: Path
    hash: str


@dataclass(frozen=True)
class Installed:
    notices: Sequence[Notice] = ()
    local: Sequence[LocalInput] = ()
