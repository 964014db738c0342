"""Folders of files: copying, hashing, pruning and measuring them."""

from __future__ import annotations

import fnmatch
import hashlib
import os
import re
import shutil
import zlib
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from lambda_bundling.errors import BundlingError, BundlingWarning
from lambda_bundling.options import LeaveOut
from lambda_bundling.unused_tests import unused_tests

# https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html
UNZIPPED_LIMIT_BYTES = 250 * 1024 * 1024
ZIPPED_WARNING_BYTES = 50 * 1024 * 1024
# AWS's managed Python runtime has these packages.
BOTO3 = ("boto3", "botocore", "s3transfer", "jmespath")
# The first line that installers write for `#!python`. For a path that is long or has a space it is a shell script that
# is valid Python too. `#!/usr/bin/env python3` in a wheel is the same on every machine and does not match.
_NAMES_INTERPRETER = re.compile(rb"#![ \t]*\S*/(python|pypy)[^\s/]*(\s|$)|#!/bin/sh\r?\n'{3}exec' ", re.IGNORECASE)
_URL_WITH_USER = re.compile(rb"(://)[^/\s]+@(?=[^/\s]+/)")
_INSTALLER_FILES = ("RECORD", "INSTALLER", "REQUESTED", "direct_url.json", "uv_cache.json")


def files_of(folder: Path, excluded: Sequence[str] = ()) -> Iterator[Path]:
    """Yield the files below a folder, in the same order on every machine.

    A link counts as a file. A link to a folder outside counts as a folder, because a copy needs its content.
    """
    yield from _files_below(folder, folder, excluded, (folder.resolve(),))


def _files_below(inner: Path, folder: Path, excluded: Sequence[str], roots: tuple[Path, ...]) -> Iterator[Path]:
    for path in sorted(inner.iterdir(), key=lambda path: path.name):
        is_folder = path.is_dir()
        if is_excluded(path.relative_to(folder).as_posix(), excluded, is_folder=is_folder):
            continue
        if is_folder and (path / "CACHEDIR.TAG").is_file():
            continue  # A cache of uv, pip or a linter: https://bford.info/cachedir/
        if is_folder and not path.is_symlink():
            yield from _files_below(path, folder, excluded, roots)
        elif is_folder and not _overlaps(target := path.resolve(), roots):
            yield from _files_below(path, folder, excluded, (*roots, target))
        else:
            yield path


def _overlaps(target: Path, roots: Iterable[Path]) -> bool:
    """Return True if a folder contains a walked folder or is inside one. Walking it would never end."""
    return any(target.is_relative_to(root) or root.is_relative_to(target) for root in roots)


def is_excluded(path: str, patterns: Iterable[str], *, is_folder: bool) -> bool:
    """Return True if the patterns exclude the path, by the rules of `.gitignore`.

    A pattern without a slash matches names at every depth. A pattern that ends with a slash matches only folders. The
    last pattern that matches counts.
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
    """Compare folder by folder. Two stars match any number of folders."""
    if not pattern:
        return not parts
    if pattern[0] == "**":
        return any(_matches(parts[start:], pattern[1:]) for start in range(len(parts) + 1))
    return bool(parts) and fnmatch.fnmatchcase(parts[0], pattern[0]) and _matches(parts[1:], pattern[1:])


def hash_folder(folder: Path, excluded: Sequence[str] = ()) -> str:
    """Return a hash of the files' paths, executable bits and bytes. Times and owners do not count."""
    digest = hashlib.sha256()
    for path in files_of(folder, excluded):
        is_link = path.is_symlink() and not points_outside(path, folder)
        content = os.readlink(path).encode() if is_link else path.read_bytes()
        kind = "link" if is_link else "program" if path.stat().st_mode & 0o100 else "file"
        digest.update(f"{path.relative_to(folder).as_posix()}\0{kind}\0{len(content)}\0".encode())
        digest.update(content)
    return digest.hexdigest()


def copy_files(folder: Path, into: Path, excluded: Sequence[str] = ()) -> None:
    """Copy the files of a folder into another one, and overwrite existing files."""
    for path in files_of(folder, excluded):
        target = into / path.relative_to(folder)
        _reject_clash(path, target, into)
        target.parent.mkdir(parents=True, exist_ok=True)
        if target.is_symlink() or target.is_file():
            target.unlink()
        shutil.copy2(path, target, follow_symlinks=points_outside(path, folder))


def _reject_clash(path: Path, target: Path, into: Path) -> None:
    """Reject a file in the place of a folder, and a folder in the place of a file."""
    if target.is_dir() and not target.is_symlink():
        raise BundlingError(
            f"'{path}' is a file, but '{target.relative_to(into)}' is a folder of an installed package. "
            "Rename the file."
        )
    for own, above in zip(path.parents, target.parents, strict=False):
        if above == into:
            return
        if above.is_file():
            raise BundlingError(
                f"'{own}' is a folder, but '{above.relative_to(into)}' is a file of an installed package. "
                "Rename the folder."
            )


def points_outside(path: Path, folder: Path) -> bool:
    """Return True for a link to a file outside the folder. A copy needs the content of that file."""
    return path.is_symlink() and path.is_file() and not path.resolve().is_relative_to(folder.resolve())


def set_modes(folder: Path) -> None:
    """Set the modes that Lambda needs. They do not depend on the umask."""
    for path in (folder, *folder.rglob("*")):
        if not path.is_symlink():
            path.chmod(0o755 if path.is_dir() or path.stat().st_mode & 0o100 else 0o644)


def remove_traces(folder: Path) -> None:
    """Remove what an installer writes about this machine. Entry points stay in the metadata."""
    _remove_scripts(folder / "bin")
    for name in (".lock", ".gitignore"):
        (folder / name).unlink(missing_ok=True)
    for path in list(folder.rglob("__pycache__")):
        shutil.rmtree(path)
    for info in folder.glob("*.dist-info"):
        for name in _INSTALLER_FILES:
            (info / name).unlink(missing_ok=True)
        _remove_passwords(info / "METADATA")


def _remove_scripts(folder: Path) -> None:
    """Remove scripts that name this machine's interpreter. Programs from wheels stay, because they fit the target."""
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
    """Remove user names and passwords from the URLs in a package's own requirements."""
    if metadata.is_file():
        lines = metadata.read_bytes().split(b"\n")
        cut = [_URL_WITH_USER.sub(rb"\1", line) if line.startswith(b"Requires-Dist:") else line for line in lines]
        if cut != lines:
            metadata.write_bytes(b"\n".join(cut))


def leave_out(folder: Path, kinds: Iterable[LeaveOut], own: Iterable[Path] = ()) -> None:
    """Remove the chosen kinds of files. `own` are the function's own files, which may import packages."""
    chosen = set(kinds)
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


def warn_of_size(folder: Path) -> list[BundlingWarning]:
    """Return a warning if the zip is larger than the 50 MB that Lambda accepts without S3. The CDK uses S3."""
    if size_of(folder) <= ZIPPED_WARNING_BYTES:
        return []
    zipped = sum(len(zlib.compress(path.read_bytes(), 1)) for path in files_of(folder) if not path.is_symlink())
    if zipped <= ZIPPED_WARNING_BYTES:
        return []
    return [
        BundlingWarning(
            "largeBundle",
            f"the zipped function has about {zipped / 1024 / 1024:.0f} MB, which every cold start loads. Leave files "
            "out (leave_out=), or build a container image (base_image=).",
        )
    ]


def check_size(folder: Path, python: str) -> None:
    """Reject a function that is too large for Lambda, and list its largest packages."""
    total = size_of(folder)
    if total <= UNZIPPED_LIMIT_BYTES:
        return
    sizes: dict[str, int] = {}
    for path in folder.iterdir():
        if not path.name.endswith(".dist-info"):
            # A wheel puts its shared libraries beside its package.
            name = path.name.removesuffix(".libs")
            sizes[name] = sizes.get(name, 0) + (size_of(path) if path.is_dir() else path.stat().st_size)
    largest = sorted(sizes.items(), key=lambda item: -item[1])[:10]
    rows = "\n".join(f"  {size / 1024 / 1024:7.1f} MB  {name}" for name, size in largest)
    raise BundlingError(
        f"the unzipped function has {total / 1024 / 1024:.0f} MB, and Lambda allows 250 MB, layers included. The "
        f"largest packages are\n{rows}\nLeave files out (leave_out=[LeaveOut.TESTS, LeaveOut.BOTO3]), or build a "
        f"container image: base_image='public.ecr.aws/lambda/python:{python}'."
    )
