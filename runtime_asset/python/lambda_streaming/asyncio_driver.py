"""How an async handler waits for the Runtime API: on one event loop, which lives as long as the process.

Clients that a handler keeps between invocations are bound to their loop, so it is always the same. It runs only while
an invocation is answered, on the main thread. A full socket suspends the one task that writes; all others go on.
"""

from __future__ import annotations

from _thread import get_ident

from lambda_streaming.blocking_driver import wait_until_sent
from lambda_streaming.body_writer import BodyWriter, ResponseCutOff
from lambda_streaming.http1 import ReplyDecoder
from lambda_streaming.python_path import import_standard
from lambda_streaming.response_stream import DONE, StreamClosedError

import_standard("asyncio")
import asyncio  # noqa: E402 - the one just imported, whatever module of its name or its parts' the user's folder holds

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Awaitable, Generator
    from typing import Any, TypeVar

    from lambda_streaming.http1 import Reply

    T = TypeVar("T")

# What may wait for the socket when a handler does not await its writes.
UNAWAITED_LIMIT_BYTES = 16 * 1024 * 1024


class AsyncioDriver:
    def __init__(self) -> None:
        # For the process.
        self._loop = asyncio.new_event_loop()
        self._thread = get_ident()
        # For one piece of work: its task, the body it writes, who waits for room in the socket, and how many writes
        # nobody has waited for.
        self._task: asyncio.Future[Any] | None = None
        self._body: BodyWriter | None = None
        self._waiters: list[asyncio.Future[None]] = []
        self._is_sending = False
        self._unawaited = 0

    def run(self, work: Awaitable[T]) -> T:
        """Run the loop until `work` is done. Raises `ResponseCutOff` if Lambda answers before that."""
        task: asyncio.Future[T] = asyncio.ensure_future(work, loop=self._loop)
        self._task = task
        try:
            return self._loop.run_until_complete(task)
        except asyncio.CancelledError:
            if self._body is not None and self._body.is_cut_off:
                raise ResponseCutOff from None
            raise
        finally:
            self._forget_body()

    def begin(self, body: Any) -> None:
        """Take note of a response that begins: from now on an early reply cancels the handler where it waits."""
        if not isinstance(body, BodyWriter):
            return
        if get_ident() != self._thread:
            # The flusher has sent the head alone, or a thread of the handler's the first item.
            self._loop.call_soon_threadsafe(self.begin, body)
        elif self._task is not None and not body.has_ended:
            self._body = body
            self._loop.add_reader(body.connection.fileno(), self._cut_off, body)

    def until_sent(self, body: Any) -> Awaitable[None]:
        """Begin to wait at once, so that data leaves even if the result is never awaited."""
        if get_ident() != self._thread:
            # `await asyncio.to_thread(...)` around code that writes: its thread may block.
            wait_until_sent(body)
            return DONE
        if self._unawaited and (waiting := body.unsent_bytes()) > UNAWAITED_LIMIT_BYTES:
            raise BufferError(
                f"{waiting:,} bytes wait to be sent; in an async handler await each write: "
                "await response_stream.write(data)"
            )
        if not self._is_sending:
            self._is_sending = True
            self._loop.add_writer(body.connection.fileno(), self._send_more, body)
        self._unawaited += 1
        return _Sent(self)

    async def _until_room(self) -> None:
        self._unawaited -= 1
        if self._is_sending:
            # One future for each who waits: cancelling one task must not cancel the others.
            waiter: asyncio.Future[None] = self._loop.create_future()
            self._waiters.append(waiter)
            await waiter

    async def finish(self, body: BodyWriter) -> Reply:
        """Send what is left of an ended body and wait for Lambda's reply to it; other tasks run on meanwhile."""
        while not body.flush():
            await self.until_sent(body)
        decoder = ReplyDecoder()
        while True:
            await self._until_readable(body)
            reply = body.connection.receive(decoder)
            if reply is not None:
                return reply

    def _cut_off(self, body: BodyWriter) -> None:
        self._loop.remove_reader(body.connection.fileno())
        if body.has_ended:
            return  # The reply to a complete response, while the handler runs on.
        body.is_cut_off = True
        assert self._task is not None
        self._task.cancel()

    def _send_more(self, body: BodyWriter) -> None:
        error: ResponseCutOff | None = None
        try:
            if not body.flush():
                return
        except ResponseCutOff as cut_off:
            error = cut_off
        self._loop.remove_writer(body.connection.fileno())
        self._is_sending = False
        self._unawaited = 0
        waiters, self._waiters = self._waiters, []
        for waiter in waiters:
            if waiter.done():
                continue
            if error is None:
                waiter.set_result(None)
            else:
                waiter.set_exception(error)

    async def _until_readable(self, body: BodyWriter) -> None:
        if body.connection.has_input():
            return
        readable: asyncio.Future[None] = self._loop.create_future()
        self._loop.add_reader(body.connection.fileno(), _set_done, readable)
        await readable

    def _forget_body(self) -> None:
        """Stop watching the socket: it may be closed and its number be another one's before the loop runs again."""
        if self._body is not None:
            self._loop.remove_reader(self._body.connection.fileno())
            self._loop.remove_writer(self._body.connection.fileno())
        self._body = self._task = None
        self._is_sending = False
        self._unawaited = 0
        waiters, self._waiters = self._waiters, []
        for waiter in waiters:
            if not waiter.done():
                # Of tasks that the handler left behind in a write: they end, and their `finally` runs.
                waiter.set_exception(StreamClosedError("the response has ended: nothing more of it is sent"))


class _Sent:
    """What `write` returns while the socket is full: data leaves whether it is awaited or not."""

    __slots__ = ("_driver",)

    def __init__(self, driver: AsyncioDriver) -> None:
        self._driver = driver

    def __await__(self) -> Generator[Any, None, None]:
        return self._driver._until_room().__await__()


def _set_done(future: asyncio.Future[None]) -> None:
    if not future.done():
        future.set_result(None)
