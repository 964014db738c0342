"""Extraction of zip archives, whose members cannot leave their folder.

Layers come from third parties. A name such as `../x` or a symbolic link could lead the extraction to another place on
this machine. So nothing is written through a link, and a member that would leave the folder is left out.
"""

from __future__ import annotations

import os
import shutil
import stat
import zipfile
import zlib
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

_FILE_TYPES = {0, stat.S_IFREG, stat.S_IFDIR, stat.S_IFLNK}
"""Types of members that are extracted. An archive from another system than Unix has no types, which is a 0."""

SPECIAL_FILE = "it is a device, pipe or socket"


class UnreadableArchive(OSError):
    """The archive is damaged, or has a form that Lambda does not read either."""


@dataclass(frozen=True, slots=True)
class LeftOut:
    """A member that is not extracted."""

    archive: str
    member: str
    reason: str

    def __str__(self) -> str:
        return f"{self.member} of {self.archive} is left out: {self.reason}"


@dataclass(frozen=True, slots=True)
class Link:
    """A symbolic link that an archive has made."""

    place: Path
    left_out: LeftOut
    """The record of the link, if it must be removed."""


@dataclass(frozen=True, slots=True)
class Extracted:
    """Links that were made, and members that were left out."""

    links: tuple[Link, ...] = ()
    left_out: tuple[LeftOut, ...] = ()


def extract(archive: Path, target: Path, local_path: Callable[[str], str]) -> Extracted:
    """Extract an archive into `target`. Its members replace files and links that are there.

    `local_path` translates the absolute paths of Lambda, to which a link may lead.
    """
    try:
        with zipfile.ZipFile(archive) as opened:
            return _Extraction(opened, archive.name, target, local_path).run()
    except (zipfile.BadZipFile, zlib.error, EOFError, RuntimeError, ValueError) as error:
        raise UnreadableArchive(f"{archive.name} cannot be extracted: {error}") from None


def remove_escaping_links(links: Sequence[Link], roots: Collection[Path]) -> Iterator[LeftOut]:
    """Remove links that lead out of `roots`. Yield a record of each.

    A link may lead through another, so they are looked at together, and again while one was removed.
    """
    inside = [root.resolve() for root in roots]
    remaining = [link for link in links if link.place.is_symlink()]
    while escaping := [link for link in remaining if not _is_inside(link.place, inside)]:
        for link in escaping:
            link.place.unlink()
            remaining.remove(link)
            yield link.left_out


def clear(place: Path) -> None:
    """Remove a file, link or folder that another replaces."""
    if place.is_dir() and not place.is_symlink():
        shutil.rmtree(place)
    else:
        place.unlink(missing_ok=True)


def make_folder(root: Path, relative: PurePosixPath) -> Path:
    """Make a folder below `root` and return it. Replace files and links on the way: no path leads through a link."""
    folder = root
    for part in relative.parts:
        folder = folder / part
        if folder.is_symlink() or folder.is_file():
            folder.unlink()
        folder.mkdir(exist_ok=True)
    return folder


def _is_inside(place: Path, roots: Sequence[Path]) -> bool:
    try:
        destination = Path(os.path.realpath(place))
    except (OSError, ValueError):
        return False
    return any(destination.is_relative_to(root) for root in roots)


class _Extraction:
    """Extraction of one archive: folders and files first, links last."""

    def __init__(self, opened: zipfile.ZipFile, name: str, target: Path, local_path: Callable[[str], str]) -> None:
        self._opened = opened
        self._name = name
        self._target = target
        self._local_path = local_path
        self._folders: set[PurePosixPath] = set()
        self._links: list[Link] = []
        self._left_out: list[LeftOut] = []

    def run(self) -> Extracted:
        members = [member for member in self._opened.infolist() if self._is_accepted(member)]
        links = [member for member in members if _type_of(member) == stat.S_IFLNK]
        for member in members:
            self._folders.update(_path_of(member).parents)
        for member in members:
            if _type_of(member) != stat.S_IFLNK:
                self._extract_plain(member)
        for member in links:
            self._extract_link(member)
        return Extracted(tuple(self._links), tuple(self._left_out))

    def _is_accepted(self, member: zipfile.ZipInfo) -> bool:
        path = _path_of(member)
        if path.is_absolute() or ".." in path.parts:
            return self._leave_out(member, "its name leads out of the folder")
        if _type_of(member) not in _FILE_TYPES:
            return self._leave_out(member, SPECIAL_FILE)
        return bool(path.parts)

    def _leave_out(self, member: zipfile.ZipInfo, reason: str) -> bool:
        self._left_out.append(self._record(member, reason))
        return False

    def _record(self, member: zipfile.ZipInfo, reason: str) -> LeftOut:
        return LeftOut(self._name, member.filename, reason)

    def _extract_plain(self, member: zipfile.ZipInfo) -> None:
        path = _path_of(member)
        if member.is_dir() or _type_of(member) == stat.S_IFDIR:
            self._folders.add(path)
            make_folder(self._target, path)
        elif path in self._folders:
            self._leave_out(member, "other members use its name as a folder")
        else:
            self._extract_file(member, make_folder(self._target, path.parent) / path.name)

    def _extract_file(self, member: zipfile.ZipInfo, place: Path) -> None:
        clear(place)
        with self._opened.open(member) as source, place.open("xb") as file:
            shutil.copyfileobj(source, file)
        mode = member.external_attr >> 16 & 0o777
        if mode:
            place.chmod(mode)

    def _extract_link(self, member: zipfile.ZipInfo) -> None:
        path = _path_of(member)
        if path in self._folders:
            self._leave_out(member, "it is a link, and other members use its name as a folder")
            return
        destination = os.fsdecode(self._opened.read(member))
        place = make_folder(self._target, path.parent) / path.name
        clear(place)
        place.symlink_to(self._local_destination(destination, place))
        self._links.append(Link(place, self._record(member, f"it is a link to {destination}, out of the folder")))

    def _local_destination(self, destination: str, place: Path) -> str:
        if not destination.startswith("/"):
            return destination
        local = self._local_path(os.path.normpath(destination))
        return local if local == destination else os.path.relpath(local, place.parent)


def _path_of(member: zipfile.ZipInfo) -> PurePosixPath:
    return PurePosixPath(member.filename)


def _type_of(member: zipfile.ZipInfo) -> int:
    return stat.S_IFMT(member.external_attr >> 16)
