"""Errors and warnings of the bundler."""

from __future__ import annotations

import re
from typing import NamedTuple


class BundlingError(Exception):
    """A bundle could not be built. The message names the cause and the fix. No partial bundle stays behind."""


class BundlingWarning(NamedTuple):
    """A warning about a bundle. The id is stable, so that users can acknowledge it."""

    id: str
    message: str


def without_secrets(text: str) -> str:
    """Return a tool's output without the user names, passwords and queries of its URLs."""
    # A password may contain slashes. Without a password or a user name before the first slash, `@commit` stays.
    text = re.sub(r"(\w+:/{1,2})[^\s/`'\"]*:(?!\d+/)[^\s`'\"]*@", r"\1", text)
    text = re.sub(r"(\w+:/{1,2})[^\s/`'\"]+@", r"\1", text)
    return re.sub(r"(\w+://[^\s`'\"?]+)\?[^\s`'\"]+", r"\1?...", text)
