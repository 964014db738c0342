"""Logs of functions, printed line by line with the time and the name of the function in front.

The output of a process has a record in each line. In a managed runtime, records of `logging` and of the runtime itself
are *frames*, as on Lambda, so that a record may have several lines. Lambda has a second pipe for them. Here both pipes
are one, and the mark of a frame, which is not valid UTF-8, tells them apart: lines and frames keep their order.
"""

from __future__ import annotations

import asyncio
import fcntl
import os
import struct
import sys
import termios
from collections.abc import Callable, Iterator
from datetime import datetime

Print = Callable[[str], None]

TAIL_BYTES = 4096
"""Length of the log that an invoke with `LogType: Tail` returns."""

_READ_SIZE_BYTES = 64 * 1024

_ESCAPE = "backslashreplace"
"""Error handler for text that an encoding lacks. JSON can carry half a surrogate pair, which no encoding has."""

_FRAME_HEAD = struct.Struct(">IIQ")
"""Head of a frame: type with log level and format, length of the record in bytes, time in microseconds."""

_FRAME_MARK = b"\xa5\x5a\x00"
"""The first bytes of a frame's type."""

_FRAME_LEVELS = {0x02, 0x03, 0x06, 0x07, 0x0A, 0x0B, 0x0E, 0x0F, 0x12, 0x13, 0x16, 0x17, 0x1A, 0x1B}
"""The last byte of a frame's type: JSON (even) or text (odd), without a level or with one of TRACE to FATAL."""

_MAX_RECORD_BYTES = 16 * 1024 * 1024
"""Limit for the length of a frame, more than any record that CloudWatch takes."""

_MAX_LINE_BYTES = 1024 * 1024
"""Length at which a line is cut into records. CloudWatch takes none that is longer."""


def print_line(line: str) -> None:
    """Print a line and flush it. Characters that stdout cannot encode are escaped."""
    encoding = sys.stdout.encoding or "utf-8"
    print(line.encode(encoding, _ESCAPE).decode(encoding), flush=True)


def with_time(print_line: Print) -> Print:
    """Return a function that prints a line with the local time in front."""

    def print_with_time(line: str) -> None:
        print_line(f"{datetime.now().time().isoformat('milliseconds')} {line}")

    return print_with_time


class FunctionLog:
    """Log stream of one execution environment."""

    def __init__(self, prefix: str, print_line: Print) -> None:
        self._prefix = prefix
        self._print = print_line
        self._tail = b""

    def write(self, record: str) -> None:
        """Write a record. It ends with a line break, even if the function wrote none."""
        self._tail = (self._tail + record.encode(errors=_ESCAPE) + b"\n")[-TAIL_BYTES:]
        # AWS's Python runtime joins the lines of one record by carriage returns, which CloudWatch shows as line breaks.
        for line in record.replace("\r", "\n").split("\n"):
            self._print(f"{self._prefix} | {line}")

    def announce(self, line: str) -> None:
        """Print a line of the emulator itself, which is not part of the function's log."""
        self._print(f"{self._prefix} * {line}")

    def start_tail(self) -> None:
        """Begin the log of an invocation."""
        self._tail = b""

    @property
    def tail(self) -> bytes:
        return self._tail


class LogDecoder:
    """Decoder of the output of a process: each line is a record, and each frame between or inside lines is one."""

    def __init__(self, *, with_frames: bool) -> None:
        self._with_frames = with_frames
        self._line = bytearray()
        self._unread = bytearray()
        """Bytes that may belong to a frame."""

    def feed(self, data: bytes) -> Iterator[str]:
        self._unread += data
        while self._unread:
            yield from self._take_lines(self._start_of_frame())
            if len(self._unread) < _FRAME_HEAD.size:
                return
            end = self._end_of_frame()
            if end is None:
                self._line += self._take(len(_FRAME_MARK))
            elif len(self._unread) < end:
                return
            else:
                yield _text(self._take(end)[_FRAME_HEAD.size :]).removesuffix("\n")

    def flush(self) -> str:
        """Return the incomplete line at the end of an invocation. The rest of a frame is still on its way."""
        if len(self._unread) < _FRAME_HEAD.size:
            self._line += self._take(len(self._unread))
        return self._take_line()

    def close(self) -> str:
        """Return the incomplete record at the end of the process."""
        if len(self._unread) >= _FRAME_HEAD.size:
            self._take(_FRAME_HEAD.size)
        self._line += self._take(len(self._unread))
        return self._take_line()

    def _start_of_frame(self) -> int:
        """Return the number of bytes in front of the next frame, or of what may become one."""
        if not self._with_frames:
            return len(self._unread)
        start = self._unread.find(_FRAME_MARK)
        if start >= 0:
            return start
        begun = next((size for size in (2, 1) if self._unread.endswith(_FRAME_MARK[:size])), 0)
        return len(self._unread) - begun

    def _end_of_frame(self) -> int | None:
        """Return the end of the frame at the start. Return None if these bytes are text that looks like one."""
        frame_type, length, _ = _FRAME_HEAD.unpack_from(self._unread)
        is_frame = frame_type & 0xFF in _FRAME_LEVELS and length <= _MAX_RECORD_BYTES
        return _FRAME_HEAD.size + length if is_frame else None

    def _take_lines(self, size: int) -> Iterator[str]:
        first, *others = self._take(size).split(b"\n")
        yield from self._continue_line(first)
        for start_of_line in others:
            yield self._take_line().rstrip("\r")
            yield from self._continue_line(start_of_line)

    def _continue_line(self, data: bytearray) -> Iterator[str]:
        """Add bytes to the line. Yield what is longer than a record may be."""
        self._line += data
        while len(self._line) > _MAX_LINE_BYTES:
            end = _end_of_character(self._line, _MAX_LINE_BYTES)
            yield _text(self._line[:end])
            del self._line[:end]

    def _take_line(self) -> str:
        line, self._line = self._line, bytearray()
        return _text(line)

    def _take(self, size: int) -> bytearray:
        taken = self._unread[:size]
        del self._unread[:size]
        return taken


def _text(data: bytearray) -> str:
    return data.decode(errors="replace")


def _end_of_character(data: bytearray, end: int) -> int:
    """Return `end`, or the start of the character that it would cut. A character has at most four bytes."""
    return next((start for start in range(end, end - 4, -1) if data[start] & 0xC0 != 0x80), end)


class LogPipe:
    """Pipe for stdout, stderr and frames of a process: one for all, which keeps their order.

    It is read whenever it holds data.
    """

    def __init__(self, log: FunctionLog, *, with_frames: bool) -> None:
        self._log = log
        self._decoder = LogDecoder(with_frames=with_frames)
        self._read_end, self.write_end = os.pipe()
        os.set_blocking(self._read_end, False)
        self._loop = asyncio.get_running_loop()
        self._loop.add_reader(self._read_end, self._read, _READ_SIZE_BYTES)

    def close_write_end(self) -> None:
        """Close this process's copy. The function's process has inherited its own."""
        if self.write_end >= 0:
            os.close(self.write_end)
            self.write_end = -1

    def read_now(self) -> None:
        """Log everything written so far, before the emulator logs a line of its own.

        The process may go on to write, and faster than this. So the pipe is read once, and not until it is empty.
        """
        size = _unread_bytes(self._read_end) if self._read_end >= 0 else 0
        if size:
            self._read(size)

    def flush(self) -> None:
        """Log everything written so far, with an unfinished last line: the invocation is over."""
        self.read_now()
        self._write(self._decoder.flush())

    def close(self) -> None:
        """Log the rest, and stop reading."""
        self.close_write_end()
        if self._read_end < 0:
            return
        self.read_now()
        self._write(self._decoder.close())
        self._loop.remove_reader(self._read_end)
        os.close(self._read_end)
        self._read_end = -1

    def _read(self, size: int) -> None:
        try:
            data = os.read(self._read_end, size)
        except BlockingIOError:
            return
        if not data:
            self._loop.remove_reader(self._read_end)
        for record in self._decoder.feed(data):
            self._log.write(record)

    def _write(self, record: str) -> None:
        if record:
            self._log.write(record)


def _unread_bytes(pipe: int) -> int:
    """Return the number of bytes in a pipe."""
    return int.from_bytes(fcntl.ioctl(pipe, termios.FIONREAD, bytes(4)), sys.byteorder)
