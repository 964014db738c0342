"""One response, from nothing named to its end.

The phases, and what is expected in each:

    "head open"   no byte has left; the head may be named, an exception is still an /error and not a 200
    "head sent"   the head has left alone, because the first item did not come; it is still awaited
    "body"        the head is decided; items go to the body
    "ended"       the body is complete, or failed with trailers; nothing more is taken
    "cut off"     Lambda answered before the end (caller gone, size limit); nothing more is taken

An item is text, bytes, a buffer, or an object that encodes itself and knows its default headers (`ServerSentEvent`,
the lines of `json_lines`). The head waits for the first item, which decides the content type
when nothing else does. A head that names its content type waits 100 ms at most (`flusher.HEAD_PAUSE_S`): a browser's
EventSource opens with it.
"""

from __future__ import annotations

from _thread import allocate_lock

from lambda_streaming.body_writer import LARGE_BYTES, ResponseCutOff
from lambda_streaming.http_response import HttpResponse

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Awaitable, Generator, Iterable
    from typing import Any, Literal, Protocol, TypeAlias

    from lambda_streaming.server_sent_event import ServerSentEvent

    Headers: TypeAlias = tuple[tuple[str, str], ...]
    Phase = Literal["head open", "head sent", "body", "ended", "cut off"]
    Chunk: TypeAlias = str | bytes | bytearray | memoryview | ServerSentEvent

    class Body(Protocol):
        """Where a response's bytes go; see `BodyWriter` and `CollectedBody`."""

        def put(self, item: bytes | memoryview) -> bool: ...
        def put_last(self, trailers: Iterable[tuple[str, str]] = ()) -> bool: ...
        def flush(self) -> bool: ...

    class Outlet(Protocol):
        """What a response is for: it makes the body once the head is decided.

        `can_fail_late`: nothing leaves before the end, so that an error can replace all of it. `filler` stands for a
        body without a byte. `await_first_item` is told of a head that could go alone.
        """

        can_fail_late: bool
        filler: bytes

        def open(self, head: HttpResponse) -> Body: ...
        def await_first_item(self, stream: ResponseStream) -> None: ...

    class Driver(Protocol):
        """How to wait until a body is sent: blocking, or on the event loop."""

        def begin(self, body: Body) -> None: ...
        def until_sent(self, body: Body) -> Awaitable[None]: ...


TEXT_HEADERS: Headers = (("content-type", "text/plain; charset=utf-8"),)
BYTES_HEADERS: Headers = (("content-type", "application/octet-stream"),)


class StreamClosedError(RuntimeError):
    """Raised by a write to a response that is over."""


class _Done:
    """An awaitable that is done: what `write` returns when there is nothing to wait for."""

    __slots__ = ()

    def __await__(self) -> Generator[None, None, None]:
        return
        yield


DONE = _Done()


class ResponseStream:
    """The second argument of a `@streamify_response` function.

    In a sync function `write` returns when the socket has taken the data. In an async one it takes the data at once
    and returns an awaitable for the same: `await response_stream.write(data)`.
    """

    __slots__ = ("_opening", "body", "default_headers", "driver", "head", "outlet", "phase")

    def __init__(self, outlet: Outlet, driver: Driver) -> None:
        self.outlet = outlet
        self.driver = driver
        self.body: Body | None = None
        self.head: HttpResponse | None = None
        # For a response without an item, which would decide them.
        self.default_headers = TEXT_HEADERS
        self.phase: Phase = "head open"
        # The producer opens the response, or the flusher does when a named head has waited long enough.
        self._opening = allocate_lock()

    # What handlers call.

    def write(self, data: Chunk) -> Awaitable[None]:
        """Send one item: text (as UTF-8), bytes, a buffer or a `ServerSentEvent`. Empty ones are passed over.

        Raises `StreamClosedError` when the response is over, and `TypeError` for anything else.
        """
        try:
            return DONE if self.put(data) else self.wait_until_sent()
        except ResponseCutOff:
            self.phase = "cut off"
            raise StreamClosedError(_OVER[self.phase]) from None

    def end(self, data: Chunk | None = None) -> Awaitable[None]:
        """Write `data` if given and end the response; the function may run on. A second call does nothing."""
        if self.phase == "ended" and data is None:
            return DONE
        if data is not None:
            self.write(data)
        try:
            return DONE if self.put_end() else self.wait_until_sent()
        except ResponseCutOff:
            self.phase = "cut off"
            return DONE

    def set_content_type(self, content_type: str) -> None:
        """Name the content type; before the first write."""
        head = HttpResponse() if self.head is None else self.head.copy()
        head.headers = [(name, value) for name, value in head.headers if name.lower() != "content-type"]
        head.headers.append(("content-type", content_type))
        self.name_head(head)

    # What the runtime calls, too.

    @property
    def is_event_stream(self) -> bool:
        content_type = self.head.content_type if self.head is not None else None
        return (content_type or "").startswith("text/event-stream")

    def give_up(self) -> bool:
        """Close a response of which nothing has left, so that another answer can take its place.

        `False`, and nothing changes, if it is too late. Whatever writes later, a task or thread that the handler left
        behind, is told that the response is over, and cannot disturb the next one.
        """
        with self._opening:
            if self.phase == "head open" or (self.phase == "body" and self.outlet.can_fail_late):
                self.phase = "ended"
                return True
            return False

    def name_head(self, head: HttpResponse) -> None:
        with self._opening:
            if self.phase in ("head sent", "body"):
                raise RuntimeError(
                    "the response head has left already: yield HttpResponse, or call HttpResponseStream.from_ or "
                    "set_content_type, once and before anything else"
                )
            if self.phase != "head open":
                raise StreamClosedError(_OVER[self.phase])
            self.head = head
        if head.content_type is not None:
            self.outlet.await_first_item(self)

    def put(self, item: Any) -> bool:
        """Take one item; `False` when the producer has to wait until the body is sent."""
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
        if self.phase == "body":
            assert self.body is not None
            return self.body.put(data)
        return self._begin(defaults, data)

    def wait_until_sent(self) -> Awaitable[None]:
        """Wait, in the driver's way, until the socket has taken all that was put."""
        assert self.body is not None
        return self.driver.until_sent(self.body)

    def put_end(self, trailers: Iterable[tuple[str, str]] = ()) -> bool:
        if self.phase in ("head open", "head sent"):
            self._begin(self.default_headers, b"" if trailers else self.outlet.filler)
        if self.phase != "body":
            raise StreamClosedError(_OVER[self.phase])
        assert self.body is not None
        self.phase = "ended"
        return self.body.put_last(trailers)

    def send_head(self) -> None:
        """Let a named head go alone, if nothing has left yet; called by the flusher."""
        with self._opening:
            if self.phase != "head open":
                return
            try:
                body = self._open(())
                self.phase = "head sent"
                body.flush()
            except Exception:  # noqa: BLE001 - the producer, not this thread, is told: it meets the same at its first item
                return

    def _begin(self, defaults: Headers, data: bytes | memoryview) -> bool:
        with self._opening:
            if self.phase == "head open":
                self._open(defaults)
            elif self.phase != "head sent":
                raise StreamClosedError(_OVER[self.phase])
            self.phase = "body"
        assert self.body is not None
        return self.body.put(data) if data else True

    def _open(self, defaults: Headers) -> Body:
        head = HttpResponse() if self.head is None else self.head.copy()
        if head.content_type is None:
            named = {name.lower() for name, _ in head.headers}
            # A browser must not guess at a type that nobody named.
            for name, value in (*defaults, ("x-content-type-options", "nosniff")):
                if name not in named:
                    head.headers.append((name, value))
        # Opening fails for a head that cannot be sent; then nothing has begun.
        body = self.body = self.outlet.open(head)
        self.head = head
        self.driver.begin(body)
        return body


_OVER = {
    "ended": "the response has ended: nothing can be written to it any more",
    "cut off": "Lambda has cut the response off (the caller has gone, or it grew too large): nobody reads on",
}


def _encoded(item: Any) -> tuple[bytes | memoryview, Headers]:
    defaults = getattr(item, "default_headers", None)
    if defaults is not None:
        return item.to_bytes(), defaults
    if isinstance(item, str):
        return item.encode("utf-8", "replace"), TEXT_HEADERS
    try:
        view = memoryview(item)
    except TypeError:
        raise TypeError(
            f"an item of the response is of type {type(item).__name__}; allowed are str, bytes, buffers and "
            "lambda_streaming.ServerSentEvent, and HttpResponse as the first item. For JSON, yield json.dumps(item), "
            "or use lambda_streaming.json_lines(items)"
        ) from None
    if view.nbytes >= LARGE_BYTES and view.c_contiguous and isinstance(view.obj, bytes):
        return view.cast("B"), BYTES_HEADERS
    # What its producer can change may leave later, or with the whole response: it is copied.
    return view.tobytes(), BYTES_HEADERS
