"""One response, from an open head to its end.

The phases of a response; `_MOVES` is the table of allowed moves, and `_move_to` the only place that moves:

    HEAD_OPEN   no byte has left; the head may be named; an exception becomes an /error
    HEAD_SENT   the head has left alone, because the first item did not come in time
    BODY        the head is decided; items go to the body
    ENDED       the body is complete, or failed with trailers; writes raise
    CUT_OFF     Lambda answered before the end (the caller left, or the response is too large); writes raise
    INTERRUPTED an exception of the handler interrupted the runtime while it sent; nothing more is sent, writes raise

An item is text, bytes, a buffer, or an object with `to_bytes()` and `default_headers` (`ServerSentEvent`, the lines of
`json_lines`). The head waits for the first item, which decides the content type if nothing else does. A head with a
content type waits at most `flusher.HEAD_PAUSE_S`, so that a browser's EventSource opens.
"""

from __future__ import annotations

from _thread import RLock

from lambda_streaming.http_response import HttpResponse, status_code_of
from lambda_streaming.response.body_writer import (
    DONE,
    LARGE_BYTES,
    ResponseCutOff,
    ResponseInterrupted,
    StreamClosedError,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Awaitable, Iterable, Mapping
    from typing import Any, Literal, Protocol, TypeAlias

    from lambda_streaming.response.flusher import NamedHead
    from lambda_streaming.server_sent_event import ServerSentEvent
    from lambda_streaming.wire.http1 import Reply

    Headers: TypeAlias = tuple[tuple[str, str], ...]
    Phase = Literal["head open", "head sent", "body", "ended", "cut off", "interrupted"]
    Chunk: TypeAlias = str | bytes | bytearray | memoryview | ServerSentEvent

    class Body(Protocol):
        """The body of one response; see `BodyWriter` and `CollectedBody`."""

        reply: Reply | None
        """Lambda's reply to the response, once it has come."""
        has_begun: bool
        """True once a byte may have left."""

        def start(self, driver: Any) -> None:
            """Tell the driver that the response begins."""

        def put(self, item: bytes | memoryview) -> bool:
            """Take one item; return False if the producer has to wait."""

        def hold(self, item: bytes | memoryview) -> None:
            """Take one item without a send; `put_last` follows at once."""

        def put_last(self, trailers: Iterable[tuple[str, str]] = ()) -> bool:
            """End the body; the result is that of `put`."""

        def flush(self) -> bool:
            """Send without waiting; return True if everything has left."""

        def finish(self, driver: Any) -> Awaitable[None]:
            """Send what is left and wait for `reply`, in the driver's way."""

    class Destination(Protocol):
        """The caller behind an event: decides the form of the response, and makes its body."""

        can_fail_late: bool
        """True if nothing is sent before the end, so that an error can replace the response."""
        takes_http_response: bool
        """True if a value that does not stream becomes an HTTP response, as on a buffered Function URL."""
        filler: bytes
        """Bytes to send for an empty body."""

        def open(self, head: HttpResponse) -> Body: ...
        def open_whole(self, content: bytes, content_type: str) -> Body: ...
        def await_first_item(self, head: NamedHead) -> None: ...
        def leave_unmeasured(self) -> None: ...

    class Driver(Protocol):
        """The way to wait until a body is sent: blocking, or on the event loop."""

        def until_sent(self, body: Any) -> Awaitable[None]: ...


HEAD_OPEN: Phase = "head open"
HEAD_SENT: Phase = "head sent"
BODY: Phase = "body"
ENDED: Phase = "ended"
CUT_OFF: Phase = "cut off"
INTERRUPTED: Phase = "interrupted"
_MOVES: dict[Phase, tuple[Phase, ...]] = {
    HEAD_OPEN: (HEAD_SENT, BODY, ENDED, CUT_OFF, INTERRUPTED),
    HEAD_SENT: (BODY, CUT_OFF, INTERRUPTED),
    BODY: (ENDED, CUT_OFF, INTERRUPTED),
    ENDED: (CUT_OFF, INTERRUPTED),
    CUT_OFF: (CUT_OFF, INTERRUPTED),
    INTERRUPTED: (CUT_OFF, INTERRUPTED),
}
OVER = {
    ENDED: "the response has ended: nothing can be written to it any more",
    CUT_OFF: "Lambda has cut the response off: the caller has left, or the response is too large",
    INTERRUPTED: (
        "an exception interrupted the runtime while it sent a part of this response, so nothing more of it is sent: "
        "cancel timers and alarms before you write"
    ),
}

TEXT_HEADERS: Headers = (("content-type", "text/plain; charset=utf-8"),)
BYTES_HEADERS: Headers = (("content-type", "application/octet-stream"),)


class ResponseStream:
    """The second argument of a `@streamify_response` function.

    In a sync function `write` returns when the socket has taken the data. In an async one it takes the data at once
    and returns an awaitable for the same: `await response_stream.write(data)`.
    """

    __slots__ = (
        "__weakref__",
        "_default_headers",
        "_destination",
        "_driver",
        "_has_final_head",
        "_opening",
        "body",
        "cut_off_by",
        "head",
        "log_remark",
        "phase",
    )

    def __init__(self, destination: Destination, driver: Driver) -> None:
        self._destination = destination
        self._driver = driver
        self.body: Body | None = None
        self.head: HttpResponse | None = None
        # True for the head of a web application: nothing is added to it.
        self._has_final_head = False
        # For a response without an item, which would decide them.
        self._default_headers = TEXT_HEADERS
        self.phase: Phase = HEAD_OPEN
        self.cut_off_by: ResponseCutOff | None = None
        # Text after the message of an error in the log; web applications add the request id.
        self.log_remark = ""
        # The producer opens the response, or the flusher does when a named head has waited long enough. A producer that
        # an exception interrupted may have kept the lock, and may take it again.
        self._opening = RLock()

    # For handlers.

    def write(self, data: Chunk) -> Awaitable[None]:
        """Send one item: text (as UTF-8), bytes, a buffer or a `ServerSentEvent`. Empty items are skipped.

        Raises `StreamClosedError` when the response is over, and `TypeError` for anything else.
        """
        try:
            return DONE if self.put(data) else self.wait_until_sent()
        except ResponseCutOff as reason:
            self.cut_off(reason)
            raise StreamClosedError(OVER[self.phase]) from None

    def end(self, data: Chunk | None = None) -> Awaitable[None]:
        """Write `data` if given and end the response; the function may run on. A second call does nothing."""
        if self.phase == ENDED and data is None:
            return DONE
        if data is not None:
            self.write(data)
        try:
            return DONE if self.put_end() else self.wait_until_sent()
        except ResponseCutOff as reason:
            self.cut_off(reason)
            return DONE

    def set_content_type(self, content_type: str) -> None:
        """Name the content type; before the first write."""
        head = HttpResponse() if self.head is None else self.head.copy()
        head.headers = [(name, value) for name, value in head.headers if name.lower() != "content-type"]
        head.headers.append(("content-type", content_type))
        self.name_head(head)

    # For applications and the loop.

    @property
    def is_event_stream(self) -> bool:
        content_type = self.head.content_type if self.head is not None else None
        return (content_type or "").startswith("text/event-stream")

    @property
    def is_head_named(self) -> bool:
        """True if the handler has named the head and no item has left."""
        return self.head is not None and self.phase in (HEAD_OPEN, HEAD_SENT)

    @property
    def takes_http_response(self) -> bool:
        return self._destination.takes_http_response

    @property
    def reply(self) -> Reply | None:
        """Lambda's reply to the response, once `finish` is done."""
        return None if self.body is None else self.body.reply

    @property
    def has_begun(self) -> bool:
        """True once the head has left or is decided."""
        return self.phase != HEAD_OPEN

    def drive_with(self, driver: Driver) -> Driver:
        """Wait for the socket in another way from now on; return the driver before."""
        before, self._driver = self._driver, driver
        return before

    def set_default_headers(self, headers: Headers) -> None:
        """Set the headers of a response without an item."""
        self._default_headers = headers

    def give_up(self) -> bool:
        """Close a response of which nothing has left, so that another answer can take its place.

        Return False, and change nothing, if it is too late. Tasks and threads that the handler left behind get
        `StreamClosedError` when they write, and cannot disturb the next response.
        """
        with self._opening:
            if self.phase == HEAD_OPEN or (self.phase == BODY and self._destination.can_fail_late):
                self._move_to(ENDED)
                return True
            # A whole body that could not be encoded at its end, such as for lack of memory.
            is_unsent = self.body is not None and not self.body.has_begun
            return self.phase == ENDED and self._destination.can_fail_late and is_unsent

    def answer_whole(self, content: bytes, content_type: str) -> None:
        """Answer with bytes that are no HTTP response, in place of a stream."""
        self.body = self._destination.open_whole(content, content_type)
        self.give_up()

    def write_whole(self, data: Any) -> None:
        """Write a body that does not stream, None for an empty one; stream metrics leave it out."""
        self._destination.leave_unmeasured()
        if data is not None:
            self.write(data)

    def name_head(self, head: HttpResponse) -> None:
        with self._opening:
            if self.phase in (HEAD_SENT, BODY):
                raise RuntimeError(
                    "the response head has left already: yield HttpResponse, or call HttpResponseStream.from_ or "
                    "set_content_type, once and before anything else"
                )
            if self.phase != HEAD_OPEN:
                raise StreamClosedError(OVER[self.phase])
            self.head = head
        if head.content_type is not None:
            self._destination.await_first_item(self)

    def name_final_head(self, head: HttpResponse) -> None:
        """Name the head of a web application: nothing is added to it, and it may be named again until it leaves."""
        with self._opening:
            if self.phase != HEAD_OPEN:
                raise StreamClosedError(OVER.get(self.phase, "the response head has left already"))
            self.head = head
            self._has_final_head = True

    def let_head_leave(self) -> None:
        """Send the named head alone if no item comes in time, with or without a content type."""
        if self.phase == HEAD_OPEN:
            self._destination.await_first_item(self)

    def put(self, item: Any) -> bool:
        """Take one item; return False if the producer has to wait until the body is sent."""
        data: bytes | memoryview
        kind = type(item)
        if kind is str:
            try:
                data = item.encode()
            except UnicodeEncodeError:
                data = item.encode("utf-8", "replace")
            defaults = TEXT_HEADERS
        elif kind is bytes:
            data = item
            defaults = BYTES_HEADERS
        else:
            data, defaults = _encoded(item)
        if not data:
            return True
        if self.phase == BODY:
            assert self.body is not None
            return self.body.put(data)
        return self._begin(defaults, data)

    def put_last(self, data: bytes | bytearray | memoryview) -> bool:
        """Take the last item and end the response: both leave in one send."""
        if data:
            if self.phase != BODY:
                self._begin(BYTES_HEADERS, b"")
            assert self.body is not None
            # A copy of a buffer: the producer can change it before the item leaves.
            self.body.hold(data if isinstance(data, bytes) else bytes(data))
        return self.put_end()

    def wait_until_sent(self) -> Awaitable[None]:
        """Wait, in the driver's way, until the socket has taken everything that was put."""
        assert self.body is not None
        return self._driver.until_sent(self.body)

    def put_end(self, trailers: Iterable[tuple[str, str]] = ()) -> bool:
        if self.phase in (HEAD_OPEN, HEAD_SENT):
            self._begin(self._default_headers, b"" if trailers else self._destination.filler)
        self._move_to(ENDED)
        assert self.body is not None
        return self.body.put_last(trailers)

    def finish(self) -> Awaitable[None]:
        """End the response if it has not ended, send what is left and wait for `reply`, in the driver's way."""
        if self.reply is not None:
            return DONE
        if self.phase != ENDED:
            self.put_end()
        assert self.body is not None
        # Once more, in case an exception interrupted `put_end`.
        self.body.put_last()
        return self.body.finish(self._driver)

    def cut_off(self, reason: ResponseCutOff) -> None:
        """Take nothing more: Lambda reads no further, the connection is gone, or its state is unknown."""
        self._move_to(INTERRUPTED if isinstance(reason, ResponseInterrupted) else CUT_OFF)
        self.cut_off_by = reason

    def send_head(self) -> None:
        """Let a named head leave alone, if nothing has left yet. The flusher calls this, from its own thread."""
        # The flusher never waits for the lock: while the producer has it, the response begins.
        if not self._opening.acquire(False):
            return
        try:
            if self.phase == HEAD_OPEN:
                body = self._open(())
                self._move_to(HEAD_SENT)
                body.flush()
        except Exception:  # noqa: BLE001 - the producer meets the same error at its first item, and reports it
            return
        finally:
            self._opening.release()

    def _begin(self, defaults: Headers, data: bytes | memoryview) -> bool:
        with self._opening:
            if self.phase == HEAD_OPEN:
                self._open(defaults)
            if self.phase != BODY:  # Another thread of the handler may have begun it meanwhile.
                self._move_to(BODY)
        assert self.body is not None
        return self.body.put(data) if data else True

    def _open(self, defaults: Headers) -> Body:
        head = HttpResponse() if self.head is None else self.head.copy()
        if head.content_type is None and not self._has_final_head:
            named = {name.lower() for name, _ in head.headers}
            # A browser must not guess a type that is not named.
            for name, value in (*defaults, ("x-content-type-options", "nosniff")):
                if name not in named:
                    head.headers.append((name, value))
        # Opening fails for a head that cannot be sent; then nothing has begun.
        body = self.body = self._destination.open(head)
        self.head = head
        body.start(self._driver)
        return body

    def _move_to(self, phase: Phase) -> None:
        if phase not in _MOVES[self.phase]:
            raise StreamClosedError(OVER.get(self.phase, f"a response in phase {self.phase!r} cannot be {phase!r}"))
        self.phase = phase


class HttpResponseStream:
    """Python's `awslambda.HttpResponseStream`."""

    @staticmethod
    def from_(response_stream: ResponseStream, metadata: Mapping[str, Any] | HttpResponse) -> ResponseStream:
        """Name the head of `response_stream` and return the stream.

        Args:
            response_stream: the handler's second argument, before anything was written to it.
            metadata: `{"statusCode": 200, "headers": {...}, "cookies": [...]}`, each key optional, or an
                `HttpResponse`.
        """
        if not isinstance(metadata, HttpResponse):
            unknown = set(metadata) - {"statusCode", "headers", "cookies"}
            if unknown:
                raise ValueError(
                    f"the metadata has the keys {sorted(unknown)}; allowed are statusCode, headers and cookies"
                )
            status_code = status_code_of(metadata.get("statusCode", 200))
            metadata = HttpResponse(status_code, metadata.get("headers"), metadata.get("cookies"))
        response_stream.name_head(metadata)
        return response_stream


def _encoded(item: Any) -> tuple[bytes | memoryview, Headers]:
    if hasattr(type(item), "to_bytes") and isinstance(defaults := getattr(item, "default_headers", None), tuple):
        return item.to_bytes(), defaults
    if isinstance(item, str):
        return item.encode("utf-8", "replace"), TEXT_HEADERS
    try:
        view = memoryview(item)
    except TypeError:
        raise TypeError(f"an item of the response is of type {type(item).__name__}: {_advice_on(item)}") from None
    if view.nbytes >= LARGE_BYTES and view.c_contiguous and isinstance(view.obj, bytes):
        return view.cast("B"), BYTES_HEADERS
    # A copy: the producer can change its buffer before the item leaves.
    return view.tobytes(), BYTES_HEADERS


def _advice_on(item: Any) -> str:
    """Return the fix for an item that cannot be sent."""
    kind = type(item)
    if isinstance(item, HttpResponse):
        return "pass it to HttpResponseStream.from_(response_stream, HttpResponse(...)) before the first write"
    if hasattr(kind, "__await__"):
        return "await it, and yield its result"
    if hasattr(kind, "__next__"):
        return "use `yield from` it, or write its items one by one"
    if hasattr(kind, "__anext__"):
        return "use `async for`, and yield its items one by one"
    if callable(item) and isinstance(getattr(item, "__name__", None), str):
        return f"call it: {item.__name__}(...)"
    return (
        "allowed are str, bytes, buffers and lambda_streaming.ServerSentEvent, and HttpResponse as the first item. For "
        "JSON, yield json.dumps(item), or use lambda_streaming.json_lines(items)"
    )
