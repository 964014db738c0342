"""The body of one streamed response: which bytes leave when.

The first items of a burst leave as they come, each as a frame of its own. Further small ones that follow within
`BURST_PAUSE_S` are joined: they leave as one frame when `JOINED_BYTES` have gathered, when the next item comes later
than the pause, or when the flusher finds that the producer has gone quiet, even if it blocks. Large items are never
copied. Whatever is not yet sent is bounded by the producer waiting for it.

Two threads meet here, the producer's and the flusher's. Taking an item needs no lock (a deque's `append` is atomic);
framing and sending happen under one, and never block inside it.
"""

from __future__ import annotations

# Without `collections`, which would cost a cold start more than all the rest of this module.
from _collections import deque  # type: ignore[import-not-found]
from _thread import allocate_lock
from time import monotonic

from lambda_streaming.http1 import CRLF, encode_last_chunk, frame_start

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from lambda_streaming.connection import Connection
    from lambda_streaming.flusher import Flusher

# An item that comes this soon after the last send belongs to a burst. Sending alone costs some 6 us, so a burst at
# full speed has its 30th item by then.
BURST_PAUSE_S = 0.000_200
# So many items of a burst still leave alone: pairs and small groups, which are most of what handlers write, never wait.
SENT_ALONE = 8
JOINED_BYTES = 32_768
# From here on the system call costs little beside moving the bytes, and joining would copy them.
LARGE_BYTES = 16_384

# The parts of one system call; Linux takes 1,024.
MAX_PARTS = 64


class ResponseCutOff(Exception):
    """The Runtime API answered, or closed the connection, before the response was complete: nobody reads on."""


class BodyWriter:
    def __init__(self, connection: Connection, flusher: Flusher, request_head: bytes, opening: bytes = b"") -> None:
        self.connection = connection
        self._flusher = flusher
        # Items taken and not yet framed; frames (and the request head) not yet given to the socket.
        self._joined: deque[bytes | memoryview] = deque((opening,) if opening else ())
        self._joined_bytes = 0
        self._unsent: list[bytes | memoryview] = [request_head]
        # The prelude must leave in one frame with the first bytes of the body (protocol 1.4).
        self._has_opening = bool(opening)
        self._sending = allocate_lock()
        self._last_send = 0.0
        self._sent_alone = 0
        self._has_begun = False
        self.has_ended = False
        # Read by the flusher, which sleeps on while this changes.
        self.sends = 0
        self.is_watched = False
        self.is_cut_off = False

    def put(self, item: bytes | memoryview) -> bool:
        """Take one item, never empty; `True` unless the socket is full and the producer has to wait."""
        size = len(item)
        if size < LARGE_BYTES:
            if monotonic() - self._last_send > BURST_PAUSE_S:
                self._sent_alone = 0
            elif self._sent_alone >= SENT_ALONE and self._joined_bytes + size < JOINED_BYTES:
                self._joined.append(item)
                self._joined_bytes += size
                if not self.is_watched:
                    self.is_watched = True
                    self._flusher.watch(self)
                return True
        self._joined.append(item)
        return self.flush()

    def put_last(self, trailers: Iterable[tuple[str, str]] = ()) -> bool:
        """End the body; as `put`."""
        with self._sending:
            self._frame_joined()
            self.has_ended = True
            self._unsent.append(encode_last_chunk(trailers))
        return self.flush()

    def unsent_bytes(self) -> int:
        return self._joined_bytes + sum(len(part) for part in self._unsent)

    @property
    def has_joined(self) -> bool:
        return bool(self._joined)

    def flush(self) -> bool:
        """Send what the socket takes; whether all is gone. Raises `ResponseCutOff`."""
        with self._sending:
            if self.is_cut_off:
                raise ResponseCutOff
            self._frame_joined()
            try:
                while self._unsent:
                    # Nobody answers a request of which nothing has been sent.
                    if self._has_begun and self.connection.has_input():
                        raise ResponseCutOff
                    sent = self.connection.try_send(self._unsent[:MAX_PARTS])
                    if not sent:
                        return False
                    self._has_begun = True
                    self._forget(sent)
            except (OSError, ResponseCutOff):
                self.is_cut_off = True
                self._unsent.clear()
                raise ResponseCutOff from None
            return True

    def _frame_joined(self) -> int:
        """Frame the items that have been taken; how many bytes they are."""
        if not self._joined:
            return 0
        # The producer may append meanwhile: what is there now is taken, the rest has its turn.
        items = [self._joined.popleft() for _ in range(len(self._joined))]
        self._joined_bytes = 0
        if self.has_ended:
            return 0  # A left-behind thread of the application's wrote past the end.
        large = items.pop() if len(items[-1]) >= LARGE_BYTES else None
        if large is not None and self._has_opening:
            items.append(memoryview(large)[:LARGE_BYTES])
            large = memoryview(large)[LARGE_BYTES:] or None
        self._has_opening = False
        size = 0
        if items:
            joined = b"".join(items)
            size = len(joined)
            self._unsent.append(b"%x\r\n%b\r\n" % (size, joined))
        if large is not None:
            self._unsent += (frame_start(len(large)), large, CRLF)
            size += len(large)
        self._sent_alone += 1
        self.sends += 1
        self._last_send = monotonic()
        return size

    def _forget(self, sent: int) -> None:
        """Drop the first `sent` bytes of what was unsent."""
        unsent = self._unsent
        done = 0
        for part in unsent:
            size = len(part)
            if sent < size:
                break
            sent -= size
            done += 1
        del unsent[:done]
        if sent:
            unsent[0] = memoryview(unsent[0])[sent:]
