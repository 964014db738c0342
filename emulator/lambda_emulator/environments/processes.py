"""Processes of the emulator, which `supervisor.py` starts and ends.

They end with the emulator, however it ends, and with all their descendants.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import json
import os
import signal
import socket
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from . import supervisor
from .temporary_folder import TemporaryFolder

_PROGRAM = Path(supervisor.__file__)

_LAUNCHER_ANSWER_SECONDS = 5

_LAUNCHER_END_SECONDS = 10

_EXHAUSTED = {errno.EMFILE, errno.ENFILE, errno.EAGAIN, errno.ENOMEM}


def is_exhausted(error: OSError) -> bool:
    """Return True if this machine has no descriptors, processes or memory left."""
    return error.errno in _EXHAUSTED


class Process:
    """A process with its descendants."""

    def __init__(self, pid: int, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.pid = pid
        self._writer = writer
        self._status = asyncio.ensure_future(_read_status(reader, writer))

    @property
    def has_ended(self) -> bool:
        return self._status.done()

    async def wait(self) -> int:
        """Return the exit status, negative for a signal, when the process and all its descendants have ended."""
        return await asyncio.shield(self._status)

    def send_signal(self, number: signal.Signals) -> None:
        """Send a signal to the process group."""
        self._tell(number)

    def end(self) -> None:
        """End the process and all its descendants at once."""
        self._tell(supervisor.END)

    def _tell(self, number: int) -> None:
        if not self.has_ended:
            self._writer.write(bytes([number]))


class _Launcher(NamedTuple):
    program: asyncio.subprocess.Process
    requests: socket.socket


class Processes:
    """Launcher of processes. `folder` is removed when the emulator has ended and no process is left.

    The launcher starts with the first process, and keeps the folder locked until it ends.
    """

    def __init__(self, folder: TemporaryFolder) -> None:
        self._folder = folder
        self._start: asyncio.Task[_Launcher] | None = None

    async def run(
        self,
        command: Sequence[str],
        *,
        folder: Path,
        variables: Mapping[str, str],
        stdout: int,
        stderr: int,
        inherited: Mapping[str, int] | None = None,
        max_open_files: int | None = None,
    ) -> Process:
        """Start a process. Raise `OSError` if it cannot start.

        `inherited` are descriptors, each with the name of the variable that tells the process its number.
        """
        inherited = inherited or {}
        request = supervisor.Request(command, str(folder), dict(variables), tuple(inherited), max_open_files)
        reader, writer = await self._connect(stdout, stderr, *inherited.values())
        writer.write(f"{json.dumps(request._asdict())}\n".encode())
        with contextlib.suppress(ConnectionError):
            answer = json.loads(await reader.readline() or "{}")
            if "pid" in answer:
                return Process(answer["pid"], reader, writer)
            if "errno" in answer:
                writer.close()
                raise OSError(answer["errno"], os.strerror(answer["errno"]))
        writer.close()
        raise _launcher_has_ended()

    async def close(self) -> None:
        """End all processes that are left, and the launcher."""
        if self._start is None:
            return
        with contextlib.suppress(OSError, asyncio.TimeoutError):
            program, requests = await self._start
            requests.close()
            await asyncio.wait_for(program.wait(), _LAUNCHER_END_SECONDS)

    async def _launcher(self) -> _Launcher:
        """Return the launcher. Raise `OSError` if it cannot start; the next call tries it again."""
        if self._start is None or (self._start.done() and self._start.exception()):
            self._start = asyncio.create_task(_start_launcher(self._folder))
        return await asyncio.shield(self._start)

    async def _connect(self, *descriptors: int) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        launcher = await self._launcher()
        control, theirs = socket.socketpair()
        with theirs:
            try:
                socket.send_fds(launcher.requests, [b"+"], [theirs.fileno(), *descriptors])
            except (ConnectionError, TimeoutError):
                control.close()
                raise _launcher_has_ended() from None
        return await asyncio.open_connection(sock=control)


async def _start_launcher(folder: TemporaryFolder) -> _Launcher:
    requests, theirs = socket.socketpair()
    requests.settimeout(_LAUNCHER_ANSWER_SECONDS)
    command = (sys.executable, "-I", "-S", str(_PROGRAM), str(theirs.fileno()), str(folder.lock), str(folder.path))
    with theirs:
        try:
            program = await asyncio.create_subprocess_exec(
                *command,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.DEVNULL,
                pass_fds=(theirs.fileno(), folder.lock),
                start_new_session=True,  # Ctrl-C reaches the emulator alone
            )
        except OSError:
            requests.close()
            raise
    return _Launcher(program, requests)


async def _read_status(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> int:
    """Return the exit status, or that of SIGKILL if the supervisor was killed."""
    status = -int(signal.SIGKILL)
    with contextlib.suppress(ConnectionError, LookupError, ValueError):
        status = int(json.loads(await reader.readline())["status"])
    writer.close()
    return status


def _launcher_has_ended() -> OSError:
    return OSError(0, "the process that starts functions has ended; start the emulator again")
