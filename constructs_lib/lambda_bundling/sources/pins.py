"""Pins in requirements. Pinned requirements install the same versions on every day and machine."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from lambda_bundling.sources.not_installed import NOT_INSTALLED
from lambda_bundling.sources.requirements_file import package_name, read_lines

_COMMIT = re.compile(r"@[0-9a-fA-F]{40}(?=$|[\s#;])")


def find_unpinned(lines: Sequence[str]) -> list[str]:
    """Return the requirements that may install another version later: their names, or whole lines without a name."""
    if any(line == "--no-index" for line in lines):
        return []  # The files beside the requirements count in the bundle's name.
    # A constraint with an environment marker may not apply to the function.
    limits = [limit for limit in _constraints(lines, set()) if _names_version(limit) and ";" not in limit]
    pinned = {package_name(limit) for limit in limits}
    return [
        package_name(line) or line
        for line in lines
        if not line.startswith("-") and not _is_pinned(line) and package_name(line) not in (*pinned, *NOT_INSTALLED)
    ]


def _constraints(lines: Sequence[str], seen: set[str]) -> list[str]:
    """Return the lines of all constraints files, nested ones included."""
    limits: list[str] = []
    for line in lines:
        option, _, path = line.partition(" ")
        if option == "--constraint" and "://" not in path and path not in seen:
            seen.add(path)
            inner = read_lines(Path(path))
            limits += [*inner, *_constraints(inner, seen)]
    return limits


def _is_pinned(line: str) -> bool:
    if "git+" in line:
        return _COMMIT.search(line) is not None
    # The content of a local file counts in the bundle's name, and the name of a remote file has its version.
    is_file = "@" in line or "://" in line or line.startswith((".", "/", "file:"))
    return is_file or _names_version(line)


def _names_version(line: str) -> bool:
    return re.search(r"===?\s*[^\s;,*]+(?=$|[\s;,])", line.partition(";")[0]) is not None
