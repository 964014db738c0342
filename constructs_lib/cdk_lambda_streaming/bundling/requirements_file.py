"""`requirements.txt` as lines: continued lines joined, comments left out, files that `-r` names in their place."""

from __future__ import annotations

import codecs
import os
import re
from pathlib import Path
from urllib.parse import unquote, urlsplit

from .errors import BundlingError

_INCLUDES = re.compile(r"(-r|-c|--requirement|--constraint)[= ]?\s*(\S.*)")
# A project in a folder, with its name before it or without.
_FOLDER = re.compile(
    r"(?:-e\s+|--editable[ =])?(?:(?P<name>[\w.-]+)\s*(?:\[[^\]]*\])?\s*@\s*)?"
    r"(?P<path>file:[^\s;\[]+|\.{0,2}/[^\s;\[]*|\.\.?(?=[\s;\[]|$))"
)
# Who an address is asked as: https://www.rfc-editor.org/rfc/rfc3986#section-3.2.1
_USER = re.compile(r"://([^/\s@'\"]+)@")
# A file or an address with a hash: https://packaging.python.org/en/latest/specifications/direct-url/
_HASHED = re.compile(r"(?P<path>[^\s@]+)#(?:\S*&)?(?P<kind>sha256|sha384|sha512|sha224|md5)=(?P<hash>[0-9a-fA-F]+)")
_INDEX = re.compile(r"(?:-i|--index-url|--extra-index-url)[= ]\s*(\S+)")


def join_lines(text: str) -> list[str]:
    """Return a requirements file's logical lines, without comments and empty ones."""
    joined = re.sub(r"\\\r?\n\s*", " ", text)
    lines = (re.sub(r"(^|\s)#.*$", "", line).strip() for line in joined.splitlines())
    return [line for line in lines if line]


def read_text(path: Path) -> str:
    """Return a file's text: UTF-8, or what its first bytes say, as some editors write them."""
    content = path.read_bytes()
    is_utf16 = content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    return content.decode("utf-16" if is_utf16 else "utf-8-sig", "replace")


def read_lines(path: Path, seen: tuple[Path, ...] = ()) -> list[str]:
    """Return the lines of a file and of those it includes; constraints stay files, by their absolute paths."""
    lines: list[str] = []
    for line in join_lines(read_text(path)):
        option = _INCLUDES.fullmatch(line)
        if option is None or "://" in option[2]:
            lines.append(line)
            continue
        other = _included(path, option)
        if option[1] in ("-c", "--constraint"):
            lines.append(f"--constraint {other}")
        elif other not in seen:
            lines += read_lines(other, (*seen, path.absolute()))
    return lines


def included_files(path: Path) -> list[Path]:
    """Return a requirements file and those that it names by -r and -c, which decide too what is installed."""
    files = [path]
    for file in files:
        for line in join_lines(read_text(file)):
            option = _INCLUDES.fullmatch(line)
            if option is not None and "://" not in option[2]:
                other = _included(file, option)
                if other not in files:
                    files.append(other)
    return files


def indexes(lines: list[str]) -> list[str]:
    """Return the addresses of the indexes that requirements name, with what variables of theirs stand for.

    https://pip.pypa.io/en/stable/reference/requirements-file-format/#using-environment-variables
    """
    found = [named[1] for line in lines if (named := _INDEX.fullmatch(line))]
    return [_expand(address) for address in found]


def folders(lines: list[str], base: Path) -> list[tuple[str, str, Path]]:
    """Return the projects in folders that requirements name: their names, if given, what was written, the folder."""
    found = []
    for line in lines:
        named = _FOLDER.match(line)
        if named is not None:
            path = _local_path(named["path"], base)
            if path.is_dir():
                found.append((named["name"] or "", named["path"], path))
    return found


def hashed_files(lines: list[str], base: Path) -> list[tuple[Path, str, str]]:
    """Return the files on this machine that requirements name with a hash in their addresses: file, kind and hash."""
    found = []
    for line in map(_expand, lines):
        named = _HASHED.search(line)
        if named is not None:
            path = _local_path(named["path"], base)
            if path.is_file():
                found.append((path, named["kind"], named["hash"].lower()))
    return found


def has_password(path: Path) -> bool:
    """Whether a file has an address with a password or a token, written out and not a variable's."""
    return any(not re.fullmatch(r"git|([^:]*:)?\$\{\w+\}", found[1]) for found in _USER.finditer(read_text(path)))


def _local_path(written: str, base: Path) -> Path:
    """Return the path that is written as one, or as an address; addresses elsewhere are paths of nothing."""
    return base / (unquote(urlsplit(written).path) if written.startswith("file:") else written)


def _expand(text: str) -> str:
    return re.sub(r"\$\{([A-Z0-9_]+)\}", lambda name: os.environ.get(name[1], name[0]), text)


def _included(path: Path, option: re.Match[str]) -> Path:
    other = (path.parent / option[2].strip("'\"")).absolute()
    if not other.is_file():
        raise BundlingError(f"'{path}' names '{option[2]}' by {option[1]}, and there is no file '{other}'")
    return other
