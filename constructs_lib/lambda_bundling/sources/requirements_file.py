"""Lines of `requirements.txt`: continuation lines are joined, comments removed, and files after `-r` inserted."""

from __future__ import annotations

import codecs
import os
import re
from pathlib import Path
from urllib.parse import unquote, urlsplit

from packaging.utils import canonicalize_name

from lambda_bundling.errors import BundlingError

_INCLUDES = re.compile(r"(-r|-c|--requirement|--constraint)[= ]?\s*(\S.*)")
# A project in a folder, with or without its name before it.
_FOLDER = re.compile(
    r"(?:-e\s+|--editable[ =])?(?:(?P<name>[\w.-]+)\s*(?:\[[^\]]*\])?\s*@\s*)?"
    r"(?P<path>file:[^\s;\[]+|\.{0,2}/[^\s;\[]*|\.\.?(?=[\s;\[]|$))"
)
# User name and password of a URL: https://www.rfc-editor.org/rfc/rfc3986#section-3.2.1
_USER = re.compile(r"://([^/\s@'\"]+)@")
# File or URL with a hash: https://packaging.python.org/en/latest/specifications/direct-url/
_HASHED = re.compile(r"(?P<path>[^\s@]+)#(?:\S*&)?(?P<kind>sha256|sha384|sha512|sha224|md5)=(?P<hash>[0-9a-fA-F]+)")
_INDEX = re.compile(r"(?:-i|--index-url|--extra-index-url)[= ]\s*(\S+)")


def package_name(line: str) -> str:
    """Return the package name at the start of a line, or nothing for options and paths."""
    name = re.match(r"[A-Za-z0-9][A-Za-z0-9._-]*", line)
    return canonicalize_name(name[0]) if name else ""


def pinned_version(line: str) -> str | None:
    """Return the only version that a line allows, or None if it allows several."""
    version = re.match(r"[^=;<>~!]*==\s*([^\s;,*]+)(?=$|[\s;])", line)
    return version[1] if version else None


def join_lines(text: str) -> list[str]:
    """Return the logical lines of a requirements file, without comments and empty lines."""
    joined = re.sub(r"\\\r?\n\s*", " ", text)
    lines = (re.sub(r"(^|\s)#.*$", "", line).strip() for line in joined.splitlines())
    return [line for line in lines if line]


def read_text(path: Path) -> str:
    """Return the text of a file: UTF-16 if it starts with that byte order mark, else UTF-8."""
    content = path.read_bytes()
    is_utf16 = content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    return content.decode("utf-16" if is_utf16 else "utf-8-sig", "replace")


def read_lines(path: Path, seen: tuple[Path, ...] = ()) -> list[str]:
    """Return the lines of a file and of the files it includes. Constraints stay files, with absolute paths."""
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
    """Return a requirements file and the files after -r and -c in it. All of them decide the installation."""
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
    """Return the URLs of the indexes that requirements name, with variables replaced by their values.

    https://pip.pypa.io/en/stable/reference/requirements-file-format/#using-environment-variables
    """
    found = [named[1] for line in lines if (named := _INDEX.fullmatch(line))]
    return [_expand(url) for url in found]


def folders(lines: list[str], base: Path) -> list[tuple[str, str, Path]]:
    """Return the local projects that requirements name: package name if given, path as written, and folder."""
    found = []
    for line in lines:
        named = _FOLDER.match(line)
        if named is not None:
            path = _local_path(named["path"], base)
            if path.is_dir():
                found.append((named["name"] or "", named["path"], path))
    return found


def hashed_files(lines: list[str], base: Path) -> list[tuple[Path, str, str]]:
    """Return the local files that requirements name with a hash in the URL: file, hash algorithm and hash."""
    found = []
    for line in map(_expand, lines):
        named = _HASHED.search(line)
        if named is not None:
            path = _local_path(named["path"], base)
            if path.is_file():
                found.append((path, named["kind"], named["hash"].lower()))
    return found


def has_password(path: Path) -> bool:
    """Return True if a file has a URL with a password or token in plain text, not in a variable."""
    return any(not re.fullmatch(r"git|([^:]*:)?\$\{\w+\}", found[1]) for found in _USER.finditer(read_text(path)))


def _local_path(written: str, base: Path) -> Path:
    """Return the path of a path or `file:` URL. Other URLs become paths that do not exist."""
    return base / (unquote(urlsplit(written).path) if written.startswith("file:") else written)


def _expand(text: str) -> str:
    return re.sub(r"\$\{([A-Z0-9_]+)\}", lambda name: os.environ.get(name[1], name[0]), text)


def _included(path: Path, option: re.Match[str]) -> Path:
    other = (path.parent / option[2].strip("'\"")).absolute()
    if not other.is_file():
        raise BundlingError(f"'{path}' has '{option[1]} {option[2]}', but the file '{other}' does not exist")
    return other
