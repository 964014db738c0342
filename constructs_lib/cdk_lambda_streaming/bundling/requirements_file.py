"""`requirements.txt` as lines: continued lines joined, comments left out, files that `-r` names in their place."""

from __future__ import annotations

import re
from pathlib import Path

_INCLUDES = re.compile(r"(-r|-c|--requirement|--constraint)[= ]?\s*(\S.*)")


def join_lines(text: str) -> list[str]:
    """Return a requirements file's logical lines, without comments and empty ones."""
    joined = re.sub(r"\\\r?\n\s*", " ", text)
    lines = (re.sub(r"(^|\s)#.*$", "", line).strip() for line in joined.splitlines())
    return [line for line in lines if line]


def read_lines(path: Path, seen: tuple[Path, ...] = ()) -> list[str]:
    """Return the lines of a file and of those it includes; constraints stay files, by their absolute paths."""
    lines: list[str] = []
    for line in join_lines(path.read_text("utf-8", "replace")):
        option = _INCLUDES.fullmatch(line)
        if option is None or "://" in option[2]:
            lines.append(line)
            continue
        other = (path.parent / option[2]).absolute()
        if option[1] in ("-c", "--constraint"):
            lines.append(f"--constraint {other}")
        elif other not in seen:
            lines += read_lines(other, (*seen, path.absolute()))
    return lines


def included_files(path: Path) -> list[Path]:
    """Return a requirements file and those that it names by -r and -c, which decide too what is installed."""
    files = [path]
    for file in files:
        for line in join_lines(file.read_text("utf-8", "replace")):
            option = _INCLUDES.fullmatch(line)
            other = file.parent / option[2] if option else file
            if other.is_file() and other not in files:
                files.append(other)
    return files
