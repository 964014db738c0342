"""The body of one streamed response: decides when its bytes leave.

The first items of a burst leave as they come, each as a frame of its own. Further small items that follow within
`BURST_PAUSE_S` are joined: they leave as one frame when `JOINED_BYTES` have gathered, when the next item comes later
than the pause, or when the flusher finds that the producer has gone quiet, even if it blocks. Large items are never
copied. Unsent bytes are bounded: the producer waits for them to leave.

Two threads meet here, the producer's and the flusher's. Taking an item needs no lock (a deque's `append` is atomic);
framing and sending happen under a lock, and never block inside it.

An exception of the user's code can interrupt the producer at any point: a signal handler, an async exception, a switch
to another greenlet. Between a send and its bookkeeping the number of bytes that left is then unknown. So
`_is_unsettled` is set for as long as that lasts. If `flush` finds it set, nothing more may leave: it raises
`ResponseInterrupted`, and the loop closes the connection without the last chunk. Lambda reports a truncated response.
The lock knows its owner: a thread that already has it was interrupted inside.
"""

from __future__ import annotations

# Without `collections`, which would cost a cold start more than all the rest of this module.
from _collections import deque  # type: ignore[import-not-found]
from _thread import RLock
from time import monotonic, sleep

from lambda_streaming.wire.connection import ConnectionBroken
from lambda_streaming.wire.http1 import CRLF, encode_last_chunk, frame_start

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Awaitable, Generator, Iterable
    from typing import Any, NoReturn

    from lambda_streaming.response.flusher import Flusher
    from lambda_streaming.wire.connection import Connection
    from lambda_streaming.wire.http1 import Reply

# An item that comes this soon after the last send belongs to a burst. Sending alone costs some 6 us, so a burst at
# full speed has its 30th item by then.
BURST_PAUSE_S = 0.000_200
# This many items of a burst are sent one by one: most handlers write pairs and small groups, which never wait.
SENT_ALONE = 8
JOINED_BYTES = 32_768
# From this size on a separate send is cheaper than a copy.
LARGE_BYTES = 16_384

# The parts of one system call; Linux allows 1,024.
MAX_PARTS = 64


class ResponseCutOff(Exception):
    """The Runtime API answered, or closed the connection, before the response was complete."""


class ResponseInterrupted(ResponseCutOff):
    """An exception of the user's code interrupted a send: the number of bytes that left is unknown."""


class StreamClosedError(RuntimeError):
    """Raised by a write to a response that is over."""


class _Done:
    """An awaitable that is done: `write` returns it when there is nothing to wait for."""

    __slots__ = ()

    def __await__(self) -> Generator[None, None, None]:
        return
        yield


DONE = _Done()


class BodyWriter:
    def __init__(self, connection: Connection, flusher: Flusher, request_head: bytes, opening: bytes = b"") -> None:
        self.connection = connection
        self._flusher = flusher
        # Items taken and not yet framed; frames (and the request head) not yet passed to the socket.
        self._joined: deque[bytes | memoryview] = deque((opening,) if opening else ())
        self._joined_bytes = 0
        self._unsent: list[bytes | memoryview] = [request_head]
        # The prelude must leave in one frame with the first bytes of the body (protocol.md 1.4).
        self._has_opening = bool(opening)
        self._sending = RLock()
        self._is_unsettled = False
        self._last_send = 0.0
        self._sent_alone = 0
        self.has_begun = False
        # The last chunk and its trailers, once the application has ended the body; `has_ended` once they are framed.
        self._last_chunk = b""
        self.has_ended = False
        # Set once nothing more may be sent.
        self.cut_off_by: type[ResponseCutOff] | None = None
        self.reply: Reply | None = None
        # The flusher sleeps on while this grows: the producer sends by itself.
        self._sends = 0
        self._is_watched = False

    def start(self, driver: Any) -> None:
        driver.begin(self)

    def put(self, item: bytes | memoryview) -> bool:
        """Take one item, never empty; return False if the socket is full and the producer has to wait."""
        size = len(item)
        if size < LARGE_BYTES:
            if monotonic() - self._last_send > BURST_PAUSE_S:
                self._sent_alone = 0
            elif self._sent_alone >= SENT_ALONE and self._joined_bytes + size < JOINED_BYTES:
                self._joined.append(item)
                self._joined_bytes += size
                return self._is_watched or self._begin_watch()
        self._joined.append(item)
        return self.flush()

    def hold(self, item: bytes | memoryview) -> None:
        """Take one item, never empty, without a send: the end of the body follows, and both leave together."""
        self._joined.append(item)

    def _begin_watch(self) -> bool:
        try:
            # First: the flusher may be done, and have cleared it, before `watch` returns.
            self._is_watched = True
            if self._flusher.watch(self):
                return True
        except BaseException:
            self._is_watched = False
            raise
        self._is_watched = False
        return self.flush()

    def put_last(self, trailers: Iterable[tuple[str, str]] = ()) -> bool:
        """End the body; the result is that of `put`. The trailers of the first call count."""
        if not self._last_chunk:
            self._last_chunk = encode_last_chunk(trailers)
        return self.flush()

    def unsent_bytes(self) -> int:
        return self._joined_bytes + sum(len(part) for part in self._unsent)

    def finish(self, driver: Any) -> Awaitable[None]:
        """Send what is left and wait for `reply`, in the driver's way."""
        return driver.finish(self)  # type: ignore[no-any-return]

    def take_reply(self, reply: Reply) -> None:
        self.reply = reply

    def wait_until_sent(self) -> None:
        """Block until everything has left."""
        while not self.flush():
            self.connection.wait_for_room()

    def flush_when_quiet(self) -> None:
        """Send the joined items once the producer sends nothing for `BURST_PAUSE_S`. The flusher calls this."""
        while True:
            sends = self._sends
            sleep(BURST_PAUSE_S)
            if self._sends == sends or not self._joined:
                break
        # From here on an item that is joined asks for a new watch, so none is forgotten.
        self._is_watched = False
        try:
            # Never wait for the lock: an interrupted producer may have kept it.
            while self.cut_off_by is None and not self._flush_if_free():
                self.connection.wait_for_room()
        except ResponseCutOff:
            pass  # The producer learns of it at its next item.

    def _flush_if_free(self) -> bool:
        if not self._sending.acquire(False):
            sleep(BURST_PAUSE_S)
            return False
        try:
            return self._send_unsent()
        finally:
            self._sending.release()

    def flush(self) -> bool:
        """Send as much as the socket takes; return True if everything has left. Raises `ResponseCutOff`."""
        if self._sending._is_owned():  # type: ignore[attr-defined] # It is a `threading.RLock`, whose stub lacks it.
            self._interrupted()
        with self._sending:
            return self._send_unsent()

    def _send_unsent(self) -> bool:
        if self.cut_off_by is not None:
            raise self.cut_off_by
        if self._is_unsettled:
            self._interrupted()
        self._is_unsettled = True
        self._frame_joined()
        if self._last_chunk and not self.has_ended:
            self.has_ended = True
            self._unsent.append(self._last_chunk)
        has_left = self._send_frames()
        self._is_unsettled = False
        return has_left

    def _send_frames(self) -> bool:
        try:
            while self._unsent:
                # A request of which nothing was sent has no reply.
                if self.has_begun and self.connection.has_input():
                    break
                sent = self.connection.try_send(self._unsent[:MAX_PARTS])
                if not sent:
                    return False
                self.has_begun = True
                self._forget(sent)
            else:
                return True
        except ConnectionBroken:
            pass
        self.cut_off_by = ResponseCutOff
        self._unsent.clear()
        raise ResponseCutOff

    def _interrupted(self) -> NoReturn:
        self.cut_off_by = ResponseInterrupted
        raise ResponseInterrupted

    def _frame_joined(self) -> int:
        """Frame the items that have been taken; return their size in bytes."""
        if not self._joined:
            return 0
        # The producer may append meanwhile: those items have their turn next.
        items = [self._joined.popleft() for _ in range(len(self._joined))]
        self._joined_bytes = 0
        if self.has_ended:
            return 0  # A thread that the application left behind wrote after the end.
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
        self._sends += 1
        self._last_send = monotonic()
        return size

    def _forget(self, sent: int) -> None:
        """Drop the first `sent` of the unsent bytes."""
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


class BlockingDriver:
    """Waits for the Runtime API by blocking: backpressure reaches a sync handler as time."""

    def begin(self, body: BodyWriter) -> None:
        """Do nothing: an early reply is noticed at the next item."""

    def until_sent(self, body: BodyWriter) -> Awaitable[None]:
        body.wait_until_sent()
        return DONE

    def finish(self, body: BodyWriter) -> Awaitable[None]:
        body.wait_until_sent()
        body.take_reply(body.connection.read_reply())
        return DONE
