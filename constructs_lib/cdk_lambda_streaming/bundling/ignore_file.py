"""`.lambdaignore` in a function's folder: what of it is not the function's, in the form of `.gitignore`."""

from __future__ import annotations

from pathlib import Path

NAME = ".lambdaignore"


def read_ignore_file(entry: Path) -> list[str]:
    """Return its patterns, and the file itself; nothing where there is none."""
    file = entry / NAME
    if not file.is_file():
        return []
    lines = (line.strip() for line in file.read_text("utf-8-sig").splitlines())
    return [NAME, *(line for line in lines if line and not line.startswith("#"))]
