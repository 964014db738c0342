"""`.lambdaignore` in a function's folder: the files that are not deployed, in the format of `.gitignore`."""

from __future__ import annotations

from pathlib import Path

from lambda_bundling.errors import BundlingError

NAME = ".lambdaignore"


def read_ignore_file(entry: Path) -> list[str]:
    """Return the patterns of the file and the file itself, or nothing if the folder has none."""
    file = entry / NAME
    if not file.is_file():
        return []
    try:
        text = file.read_text("utf-8-sig")
    except UnicodeDecodeError as error:
        raise BundlingError(f"'{file}' is not UTF-8 text: {error}. Save it as UTF-8.") from error
    lines = (line.strip() for line in text.splitlines())
    return [NAME, *(line for line in lines if line and not line.startswith("#"))]
