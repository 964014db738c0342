"""`.lambdaignore` in a function's folder: what of it is not the function's, in the form of `.gitignore`."""

from __future__ import annotations

from pathlib import Path

from .errors import BundlingError

NAME = ".lambdaignore"


def read_ignore_file(entry: Path) -> list[str]:
    """Return its patterns, and the file itself; nothing where there is none."""
    file = entry / NAME
    if not file.is_file():
        return []
    try:
        text = file.read_text("utf-8-sig")
    except UnicodeDecodeError as error:
        raise BundlingError(f"'{file}' is not UTF-8 text: {error}; save it as such") from error
    lines = (line.strip() for line in text.splitlines())
    return [NAME, *(line for line in lines if line and not line.startswith("#"))]
