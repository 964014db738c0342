"""Show what functions log: line by line, each with the name of its function in front."""

from __future__ import annotations

import asyncio
import codecs
import os
import sys
from collections.abc import Callable

Print = Callable[[str], None]

TAIL_BYTES = 4096
"""How much of its log an invocation returns when asked (`LogType: Tail`)."""

_READ_SIZE_BYTES = 64 * 1024

_ESCAPE = "backslashreplace"
"""A function may report any text that JSON can hold, half a surrogate pair among it."""


def print_line(line: str) -> None:
    """Print at once, whatever stdout is connected to; what it cannot encode is shown escaped."""
    encoding = sys.stdout.encoding or "utf-8"
    print(line.encode(encoding, _ESCAPE).decode(encoding), flush=True)


class FunctionLog:
    """The log stream of one execution environment."""

    def __init__(self, prefix: str, print_line: Print) -> None:
        self._prefix = prefix
        self._print = print_line
        self._tail = b""

    def write(self, line: str) -> None:
        self._tail = (self._tail + line.encode(errors=_ESCAPE) + b"\n")[-TAIL_BYTES:]
        # AWS's Python runtime joins the lines of one record by carriage returns, which CloudWatch shows as line breaks.
        for part in line.split("\r"):
            self._print(f"{self._prefix} | {part}")

    def note(self, line: str) -> None:
        """Say something of the emulator's own; it is no part of the function's log."""
        self._print(f"{self._prefix} * {line}")

    def start_tail(self) -> None:
        """Begin an invocation's log."""
        self._tail = b""

    @property
    def tail(self) -> bytes:
        return self._tail


class LogPipe:
    """What a process writes to stdout and stderr, both in one pipe so that their order is kept.

    It is read whenever there is something, and by `read_now` before an event that the lines written until then should
    stand in front of.
    """

    def __init__(self, log: FunctionLog) -> None:
        self._log = log
        self._decoder = codecs.getincrementaldecoder("utf-8")(errors="replace")
        self._incomplete_line = ""
        self._read_end, self.write_end = os.pipe()
        os.set_blocking(self._read_end, False)
        self._loop = asyncio.get_running_loop()
        self._loop.add_reader(self._read_end, self._read_some)

    def close_write_end(self) -> None:
        """Leave writing to the process that inherited it."""
        os.close(self.write_end)

    def read_now(self) -> None:
        """Show everything that has been written so far."""
        while self._read_some():
            pass

    def close(self) -> None:
        """Show the rest, an unfinished last line included."""
        if self._read_end < 0:
            return
        self.read_now()
        if self._incomplete_line:
            self._log.write(self._incomplete_line)
        self._stop_reading()

    def _read_some(self) -> bool:
        if self._read_end < 0:
            return False
        try:
            data = os.read(self._read_end, _READ_SIZE_BYTES)
        except BlockingIOError:
            return False
        if not data:
            self._loop.remove_reader(self._read_end)
            return False
        *lines, self._incomplete_line = (self._incomplete_line + self._decoder.decode(data)).split("\n")
        for line in lines:
            self._log.write(line.rstrip("\r"))
        return True

    def _stop_reading(self) -> None:
        self._loop.remove_reader(self._read_end)
        os.close(self._read_end)
        self._read_end = -1
