"""Semaphores that a test shares with a function."""

from __future__ import annotations

import os
import select
from pathlib import Path

PATIENCE_SECONDS = 10
"""Time limit of every wait in these tests."""


class Gate:
    """Semaphore that a test and a function share: a named pipe, so that neither has to poll."""

    def __init__(self, path: Path) -> None:
        os.mkfifo(path)
        self._fd = os.open(path, os.O_RDWR)

    def fileno(self) -> int:
        return self._fd

    def release(self) -> None:
        os.write(self._fd, b" ")

    def acquire(self) -> str:
        """Wait for the function. Return the line that it writes."""
        line = b""
        while not line.endswith(b"\n"):
            readable, _, _ = select.select([self._fd], [], [], PATIENCE_SECONDS)
            assert readable, "the function did not release its gate"
            line += os.read(self._fd, 1)
        return line.decode().rstrip()

    def close(self) -> None:
        os.close(self._fd)


class Life:
    """Named pipe that a process and its descendants keep open until the last of them has ended."""

    def __init__(self, path: Path) -> None:
        os.mkfifo(path)
        self._fd = os.open(path, os.O_RDONLY | os.O_NONBLOCK)

    def wait_for_end(self) -> None:
        """Wait until no process has the pipe open. The test knows that one had."""
        readable, _, _ = select.select([self._fd], [], [], PATIENCE_SECONDS)
        assert readable, "a process is still alive"
        assert os.read(self._fd, 1) == b""

    @property
    def has_ended(self) -> bool:
        return bool(select.select([self._fd], [], [], 0)[0])

    def close(self) -> None:
        os.close(self._fd)
