"""Temporary folder of an emulator, and the removal of those that dead emulators have left.

A folder is locked from the moment it counts until its emulator and its launcher have ended. The kernel releases the
lock, so a stopped emulator keeps its folder, and nothing depends on a process id. A folder that can be locked, and
belongs to this user, is one that nothing uses.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import tempfile
from contextlib import suppress
from enum import Enum
from pathlib import Path
from typing import NamedTuple

PREFIX = "lambda-streaming-emulator-"


class Lock(Enum):
    """Result of an attempt to lock a folder."""

    OURS = "this process holds the lock"
    TAKEN = "an emulator holds the lock"
    NOT_SUPPORTED = "the file system has no locks"


class TemporaryFolder(NamedTuple):
    path: Path
    lock: int
    """Descriptor of the locked folder."""

    def remove(self) -> None:
        shutil.rmtree(self.path, ignore_errors=True)
        os.close(self.lock)


def make_folder() -> TemporaryFolder:
    """Return a folder that no other emulator takes for a dead one's."""
    while True:
        path = Path(tempfile.mkdtemp(prefix=PREFIX))
        with suppress(FileNotFoundError):  # another emulator has collected it before it was locked
            return _lock_folder(path)


def _lock_folder(path: Path) -> TemporaryFolder:
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    # Without locks, as on some network file systems, no folder is ever collected.
    if _lock(descriptor) is not Lock.TAKEN and path.exists():
        return TemporaryFolder(path, descriptor)
    os.close(descriptor)
    raise FileNotFoundError(path)


def remove_dead_folders() -> None:
    """Remove the folders of dead emulators of this user."""
    with os.scandir(tempfile.gettempdir()) as entries:
        folders = [entry.path for entry in entries if entry.name.startswith(PREFIX)]
    for folder in folders:
        _remove_if_dead(folder)


def _remove_if_dead(folder: str) -> None:
    try:
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    except OSError:  # not a folder, or one of another user
        return
    try:
        if os.fstat(descriptor).st_uid == os.geteuid() and _lock(descriptor) is Lock.OURS:
            shutil.rmtree(folder, ignore_errors=True)
    finally:
        os.close(descriptor)


def _lock(descriptor: int) -> Lock:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return Lock.TAKEN
    except OSError:
        return Lock.NOT_SUPPORTED
    return Lock.OURS
