"""The driver of async handlers: they wait for the Runtime API on one event loop, which lives as long as the process.

Clients that a handler keeps between invocations are bound to their loop, so it is always the same. It runs only while
an invocation is answered, on the main thread. A full socket suspends the one task that writes; all others go on.
"""

from __future__ import annotations

from _thread import get_ident

from lambda_streaming.process.python_path import import_standard
from lambda_streaming.response.body_writer import DONE, ResponseCutOff, StreamClosedError

import_standard("asyncio")
import asyncio  # noqa: E402 - the standard one, just imported; the user's folder may hold a module of this name

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Generator
    from typing import Any, TypeVar

    from lambda_streaming.response.body_writer import BodyWriter

    T = TypeVar("T")

# The most bytes that may wait for the socket when a handler does not await its writes.
UNAWAITED_LIMIT_BYTES = 16 * 1024 * 1024
# The time for tasks that are cancelled when the process ends.
CANCEL_TIMEOUT_S = 1.0


class _Work:
    """One run of the loop, which answers one invocation: its task, its body, and the waiters for room in the socket."""

    __slots__ = ("body", "is_sending", "on_cut_off", "task", "thread", "unawaited", "waiters")

    def __init__(self, task: asyncio.Future[Any] | None, on_cut_off: Callable[[], object] | None) -> None:
        # A sync decorator may call an async function in a thread of its own.
        self.thread = get_ident()
        self.task = task
        self.on_cut_off = on_cut_off
        self.body: BodyWriter | None = None
        self.waiters: list[asyncio.Future[None]] = []
        self.is_sending = False
        # The number of writes that were not awaited.
        self.unawaited = 0


class AsyncioDriver:
    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._work = _Work(None, None)

    def run(self, work: Awaitable[T], on_cut_off: Callable[[], object] | None = None) -> T:
        """Run the loop until `work` is done.

        If Lambda answers before that, `on_cut_off` is called on the loop. Without it the work is cancelled, and
        `ResponseCutOff` is raised.
        """
        task: asyncio.Future[T] = asyncio.ensure_future(work, loop=self._loop)
        current = self._work = _Work(task, on_cut_off or task.cancel)
        try:
            return self._loop.run_until_complete(task)
        except asyncio.CancelledError:
            if current.body is not None and current.body.cut_off_by is not None:
                raise current.body.cut_off_by from None
            raise
        finally:
            if not task.done():
                task.cancel()  # A signal handler's exception has ended the loop in the middle.
            self._forget_body()

    def begin(self, body: BodyWriter) -> None:
        """Watch a response that begins: from now on an early reply reaches the application where it waits."""
        if get_ident() != self._work.thread:
            # The flusher has sent the head, or a thread of the handler the first item.
            self._loop.call_soon_threadsafe(self.begin, body)
        elif self._work.task is not None and not body.has_ended:
            self._work.body = body
            # Most responses that do not stream have ended before the loop comes to this.
            self._loop.call_soon(self._watch, self._work)

    def _watch(self, work: _Work) -> None:
        if work.body is not None and not work.body.has_ended:
            self._loop.add_reader(work.body.connection.fileno(), self._cut_off, work.body)

    def until_sent(self, body: BodyWriter) -> Awaitable[None]:
        """Begin to wait at once, so that data leaves even if the result is never awaited."""
        work = self._work
        if get_ident() != work.thread:
            # `await asyncio.to_thread(...)` around code that writes: its thread may block.
            body.wait_until_sent()
            return DONE
        if work.unawaited and (waiting := body.unsent_bytes()) > UNAWAITED_LIMIT_BYTES:
            raise BufferError(
                f"{waiting:,} bytes wait to be sent; in an async handler await each write: "
                "await response_stream.write(data)"
            )
        if not work.is_sending:
            work.is_sending = True
            self._loop.add_writer(body.connection.fileno(), self._send_more, body)
        work.unawaited += 1
        return _Sent(self._loop, work)

    def close(self) -> None:
        """Cancel the tasks that are left, as `asyncio.run` does, so that their `finally` runs."""
        tasks = asyncio.all_tasks(self._loop)
        for task in tasks:
            task.cancel()
        if tasks:
            self._loop.run_until_complete(asyncio.wait(tasks, timeout=CANCEL_TIMEOUT_S))
        self._loop.run_until_complete(self._loop.shutdown_asyncgens())

    async def finish(self, body: BodyWriter) -> None:
        """Send what is left of an ended body and wait for Lambda's reply to it; other tasks go on meanwhile."""
        while not body.flush():
            await self.until_sent(body)
        while True:
            await self._until_readable(body)
            reply = body.connection.receive()
            if reply is not None:
                body.take_reply(reply)
                return

    def _cut_off(self, body: BodyWriter) -> None:
        self._loop.remove_reader(body.connection.fileno())
        if body.has_ended:
            return  # The reply to a complete response, while the handler runs on.
        body.cut_off_by = ResponseCutOff
        assert self._work.on_cut_off is not None
        self._work.on_cut_off()

    def _send_more(self, body: BodyWriter) -> None:
        error: ResponseCutOff | None = None
        try:
            if not body.flush():
                return
        except ResponseCutOff as cut_off:
            error = cut_off
        # If an exception of the handler's code interrupts this, the loop calls it again: the writer goes last.
        self._wake_waiters(error)
        self._work.unawaited = 0
        self._work.is_sending = False
        self._loop.remove_writer(body.connection.fileno())

    def _wake_waiters(self, error: Exception | None) -> None:
        waiters = self._work.waiters
        while waiters:
            waiter = waiters[0]
            if waiter.done():
                pass
            elif error is None:
                waiter.set_result(None)
            else:
                waiter.set_exception(error)
            del waiters[0]

    async def _until_readable(self, body: BodyWriter) -> None:
        if body.connection.has_input():
            return
        readable: asyncio.Future[None] = self._loop.create_future()
        self._loop.add_reader(body.connection.fileno(), _set_done, readable)
        await readable

    def _forget_body(self) -> None:
        """Stop watching the socket: it may be closed, and its number reused, before the loop runs again."""
        work = self._work
        if work.body is not None:
            self._loop.remove_reader(work.body.connection.fileno())
            self._loop.remove_writer(work.body.connection.fileno())
        work.body = work.task = None
        work.is_sending = False
        work.unawaited = 0
        # Tasks that the handler left behind in a write end here, and their `finally` runs.
        self._wake_waiters(StreamClosedError("the response has ended: nothing more of it is sent"))


class _Sent:
    """The result of `write` while the socket is full. The data leaves even if this is never awaited."""

    __slots__ = ("_loop", "_work")

    def __init__(self, loop: asyncio.AbstractEventLoop, work: _Work) -> None:
        self._loop = loop
        self._work = work

    def __await__(self) -> Generator[Any, None, None]:
        work = self._work
        work.unawaited -= 1
        if work.is_sending:
            # One future for each waiter: cancelling one task must not cancel the others.
            waiter: asyncio.Future[None] = self._loop.create_future()
            work.waiters.append(waiter)
            yield from waiter


def close_process_driver() -> None:
    """End the event loop of the process, if there is one."""
    if _process_driver is not None:
        _process_driver.close()


def process_driver() -> AsyncioDriver:
    """Return the driver of the process. The first call makes its event loop."""
    global _process_driver
    if _process_driver is None:
        _process_driver = AsyncioDriver()
    return _process_driver


_process_driver: AsyncioDriver | None = None


def _set_done(future: asyncio.Future[None]) -> None:
    if not future.done():
        future.set_result(None)
