"""What can go wrong with a bundle."""

from __future__ import annotations

import re
from typing import NamedTuple


class BundlingError(Exception):
    """A bundle could not be made; the message says why, and what would help. Nothing half-made is left behind."""


class Notice(NamedTuple):
    """What a user should know of a bundle that was made; `id` is stable, so that it can be acknowledged."""

    id: str
    message: str


def without_secrets(text: str) -> str:
    """Return a tool's output without the names, passwords and queries that addresses may hold."""
    # A password may have slashes and more; what has neither it nor a name before the first slash keeps its `@commit`.
    text = re.sub(r"(\w+:/{1,2})[^\s/`'\"]*:(?!\d+/)[^\s`'\"]*@", r"\1", text)
    text = re.sub(r"(\w+:/{1,2})[^\s/`'\"]+@", r"\1", text)
    return re.sub(r"(\w+://[^\s`'\"?]+)\?[^\s`'\"]+", r"\1?...", text)
