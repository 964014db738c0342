"""Folders: what of them is copied, what their content's hash is, what is cut from them, how large they are."""

from __future__ import annotations

import fnmatch
import hashlib
import os
import re
import shutil
import zlib
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from .errors import BundlingError, Notice
from .imports import unused_tests
from .options import LeaveOut

# https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html
UNZIPPED_LIMIT_BYTES = 250 * 1024 * 1024
ZIPPED_HINT_BYTES = 50 * 1024 * 1024
# AWS's managed Python has these.
BOTO3 = ("boto3", "botocore", "s3transfer", "jmespath")
# What installers write for `#!python`; where the path is long or has a space, a shell's script that is Python too. A
# wheel's own `#!/usr/bin/env python3` is the same everywhere.
_NAMES_INTERPRETER = re.compile(rb"#![ \t]*\S*/(python|pypy)[^\s/]*(\s|$)|#!/bin/sh\r?\n'{3}exec' ", re.IGNORECASE)
_ADDRESS_OF_USER = re.compile(rb"(://)[^/\s]+@(?=[^/\s]+/)")
_OF_INSTALLERS = ("RECORD", "INSTALLER", "REQUESTED", "direct_url.json", "uv_cache.json")


def files_of(folder: Path, excluded: Sequence[str] = ()) -> Iterator[Path]:
    """Return the files below a folder in an order that is the same everywhere.

    Links are files, but one to a folder elsewhere, of which a copy has to have the content.
    """
    yield from _files_below(folder, folder, excluded, (folder.resolve(),))


def _files_below(inner: Path, folder: Path, excluded: Sequence[str], roots: tuple[Path, ...]) -> Iterator[Path]:
    for path in sorted(inner.iterdir(), key=lambda path: path.name):
        is_folder = path.is_dir()
        if is_excluded(path.relative_to(folder).as_posix(), excluded, is_folder=is_folder):
            continue
        if is_folder and (path / "CACHEDIR.TAG").is_file():
            continue  # https://bford.info/cachedir/: uv's, pip's, a linter's.
        if is_folder and not path.is_symlink():
            yield from _files_below(path, folder, excluded, roots)
        elif is_folder and not _meet(target := path.resolve(), roots):
            yield from _files_below(path, folder, excluded, (*roots, target))
        else:
            yield path


def _meet(target: Path, roots: Iterable[Path]) -> bool:
    """Whether a folder is a part of those that are walked, or they of it, so that there would be no end."""
    return any(target.is_relative_to(root) or root.is_relative_to(target) for root in roots)


def is_excluded(path: str, patterns: Iterable[str], *, is_folder: bool) -> bool:
    """Whether a pattern means the path, as in `.gitignore`.

    One without a slash means names at every depth, one with a slash at its end folders; the last that matches counts.
    """
    excluded = False
    for pattern in patterns:
        negated, plain = pattern.startswith("!"), pattern.removeprefix("!")
        if plain.endswith("/") and not is_folder:
            continue
        plain = plain.rstrip("/")
        is_anchored = "/" in plain
        parts = plain.lstrip("/").split("/")
        if _matches(path.split("/") if is_anchored else [path.rpartition("/")[2]], parts):
            excluded = not negated
    return excluded


def _matches(parts: Sequence[str], pattern: Sequence[str]) -> bool:
    """Compare folder by folder; two stars stand for any number of them."""
    if not pattern:
        return not parts
    if pattern[0] == "**":
        return any(_matches(parts[start:], pattern[1:]) for start in range(len(parts) + 1))
    return bool(parts) and fnmatch.fnmatchcase(parts[0], pattern[0]) and _matches(parts[1:], pattern[1:])


def hash_of(folder: Path, excluded: Sequence[str] = ()) -> str:
    """Return a hash of paths, of whether files are executable, and of their bytes; never of times or owners."""
    digest = hashlib.sha256()
    for path in files_of(folder, excluded):
        is_link = path.is_symlink() and not leads_out(path, folder)
        content = os.readlink(path).encode() if is_link else path.read_bytes()
        kind = "link" if is_link else "program" if path.stat().st_mode & 0o100 else "file"
        digest.update(f"{path.relative_to(folder).as_posix()}\0{kind}\0{len(content)}\0".encode())
        digest.update(content)
    return digest.hexdigest()


def copy_files(folder: Path, into: Path, excluded: Sequence[str] = ()) -> None:
    """Copy a folder's files over what is there, with modes that no umask decides."""
    for path in files_of(folder, excluded):
        target = into / path.relative_to(folder)
        _refuse_clash(path, target, into)
        target.parent.mkdir(parents=True, exist_ok=True)
        if target.is_symlink() or target.is_file():
            target.unlink()
        shutil.copy2(path, target, follow_symlinks=leads_out(path, folder))


def _refuse_clash(path: Path, target: Path, into: Path) -> None:
    """Refuse a file where a folder is, and a folder where a file is: neither can be over the other."""
    if target.is_dir() and not target.is_symlink():
        raise BundlingError(
            f"'{path}' is a file, and '{target.relative_to(into)}' a folder of an installed package; rename the file"
        )
    for own, above in zip(path.parents, target.parents, strict=False):
        if above == into:
            return
        if above.is_file():
            raise BundlingError(
                f"'{own}' is a folder, and '{above.relative_to(into)}' a file of an installed package; rename the "
                "folder"
            )


def leads_out(path: Path, folder: Path) -> bool:
    """Whether a path is a link to a file outside of the folder, of which a copy has to have the content."""
    return path.is_symlink() and path.is_file() and not path.resolve().is_relative_to(folder.resolve())


def set_modes(folder: Path) -> None:
    """Give files and folders the modes that Lambda needs, whatever wrote them."""
    for path in (folder, *folder.rglob("*")):
        if not path.is_symlink():
            path.chmod(0o755 if path.is_dir() or path.stat().st_mode & 0o100 else 0o644)


def remove_traces(folder: Path) -> None:
    """Take away what an installer leaves of the machine it ran on; entry points stay in the metadata."""
    _remove_scripts(folder / "bin")
    for name in (".lock", ".gitignore"):
        (folder / name).unlink(missing_ok=True)
    for path in list(folder.rglob("__pycache__")):
        shutil.rmtree(path)
    for info in folder.glob("*.dist-info"):
        for name in _OF_INSTALLERS:
            (info / name).unlink(missing_ok=True)
        _remove_passwords(info / "METADATA")


def _remove_scripts(folder: Path) -> None:
    """Remove those that name the desk's interpreter; programs that wheels bring are the target's."""
    if not folder.is_dir():
        return
    for path in list(folder.iterdir()):
        if path.is_file() and _NAMES_INTERPRETER.match(_first_bytes(path)):
            path.unlink()
    if not any(folder.iterdir()):
        folder.rmdir()


def _first_bytes(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(4096)


def _remove_passwords(metadata: Path) -> None:
    """Take the users out of the addresses that a package was built with as its requirements."""
    if metadata.is_file():
        lines = metadata.read_bytes().split(b"\n")
        cut = [_ADDRESS_OF_USER.sub(rb"\1", line) if line.startswith(b"Requires-Dist:") else line for line in lines]
        if cut != lines:
            metadata.write_bytes(b"\n".join(cut))


def leave_out(folder: Path, what: Iterable[LeaveOut], own: Iterable[Path] = ()) -> None:
    """Take away what the user does not want in the function; `own` are its own files, which may import it."""
    chosen = set(what)
    if LeaveOut.BOTO3 in chosen:
        for name in BOTO3:
            shutil.rmtree(folder / name, ignore_errors=True)
            for info in folder.glob(f"{name}-*.dist-info"):
                shutil.rmtree(info)
    if LeaveOut.TYPE_STUBS in chosen:
        for path in [*folder.rglob("*.pyi"), *folder.rglob("py.typed")]:
            path.unlink()
        for path in folder.glob("*-stubs"):
            shutil.rmtree(path)
    if LeaveOut.TESTS in chosen:
        for path in unused_tests(folder, own):
            shutil.rmtree(path)


def size_of(folder: Path) -> int:
    return sum(path.lstat().st_size for path in folder.rglob("*") if not path.is_dir())


def hint_at_size(folder: Path) -> list[Notice]:
    """Return a hint where the function's zip is larger than what Lambda takes by itself: the CDK goes through S3."""
    if size_of(folder) <= ZIPPED_HINT_BYTES:
        return []
    zipped = sum(len(zlib.compress(path.read_bytes(), 1)) for path in files_of(folder) if not path.is_symlink())
    if zipped <= ZIPPED_HINT_BYTES:
        return []
    return [
        Notice(
            "largeBundle",
            f"the function has about {zipped / 1024 / 1024:.0f} MB zipped: each cold start loads it; look for what can "
            "be left out (leave_out=), or make it a container image (base_image=)",
        )
    ]


def check_size(folder: Path, python: str) -> None:
    """Refuse what Lambda would, and name what is large; `python` is the function's version."""
    total = size_of(folder)
    if total <= UNZIPPED_LIMIT_BYTES:
        return
    sizes: dict[str, int] = {}
    for path in folder.iterdir():
        if not path.name.endswith(".dist-info"):
            # The libraries that a wheel brings stand beside its package.
            name = path.name.removesuffix(".libs")
            sizes[name] = sizes.get(name, 0) + (size_of(path) if path.is_dir() else path.stat().st_size)
    largest = sorted(sizes.items(), key=lambda item: -item[1])[:10]
    rows = "\n".join(f"  {size / 1024 / 1024:7.1f} MB  {name}" for name, size in largest)
    raise BundlingError(
        f"the function has {total / 1024 / 1024:.0f} MB unzipped, and Lambda allows 250 MB, layers included; the "
        f"largest packages are\n{rows}\nleave some out (leave_out=[LeaveOut.TESTS, LeaveOut.BOTO3]), or make it a "
        f"container image: base_image='public.ecr.aws/lambda/python:{python}'"
    )
