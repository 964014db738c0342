"""Whether requirements name versions, so that another day or machine installs the same."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from .not_installed import NOT_INSTALLED, name_of
from .requirements_file import read_lines

_COMMIT = re.compile(r"@[0-9a-fA-F]{40}(?=$|[\s#;])")


def unpinned(lines: Sequence[str]) -> list[str]:
    """Return the names, or whole lines without one, of what an index or a repository may answer otherwise later."""
    if any(line == "--no-index" for line in lines):
        return []  # What is there is part of the bundle's name.
    # A limit that holds under a condition may not hold for the function.
    pinned = {name_of(limit) for limit in _limits(lines, set()) if _names_version(limit) and ";" not in limit}
    return [
        name_of(line) or line
        for line in lines
        if not line.startswith("-") and not _is_pinned(line) and name_of(line) not in (*pinned, *NOT_INSTALLED)
    ]


def _limits(lines: Sequence[str], seen: set[str]) -> list[str]:
    """Return the lines of the constraints that requirements name, and of those that they name."""
    limits: list[str] = []
    for line in lines:
        option, _, path = line.partition(" ")
        if option == "--constraint" and "://" not in path and path not in seen:
            seen.add(path)
            inner = read_lines(Path(path))
            limits += [*inner, *_limits(inner, seen)]
    return limits


def _is_pinned(line: str) -> bool:
    if "git+" in line:
        return _COMMIT.search(line) is not None
    # Addresses and paths are files, whose content counts or that have their version in their names.
    is_file = "@" in line or "://" in line or line.startswith((".", "/", "file:"))
    return is_file or _names_version(line)


def _names_version(line: str) -> bool:
    return re.search(r"===?\s*[^\s;,*]+(?=$|[\s;,])", line.partition(";")[0]) is not None
