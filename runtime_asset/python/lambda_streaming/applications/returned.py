"""The value that the call of a handler returned: which kind it is, and its bytes if it does not stream.

The kind of the function plays no part. A value that does not stream is answered as AWS's managed Python runtime
answers it; a front door that streams gets the response that a buffered Function URL would make of it.
"""

from __future__ import annotations

import sys

from lambda_streaming.http_response import HttpResponse, header_lines, status_code_of
from lambda_streaming.process.aws_json import MarshalError, marshal

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator
    from typing import Any, ClassVar

    from lambda_streaming.process.logs import Log
    from lambda_streaming.response_stream import ResponseStream

PIECE_BYTES = 64 * 1024

# `inspect` calls them CO_COROUTINE and CO_ASYNC_GENERATOR, and is slow to import.
_ASYNC_CODE_FLAGS = 0x80 | 0x200
_MOST_WRAPPERS = 100


class Turn:
    """The response of the invocation that is answered now, for a function under `@streamify_response` to write.

    The function runs inside the call of the handler, below the decorators. So the turn keeps how it went: a decorator
    that swallows an exception, or returns early, cannot make a complete response of a broken one.
    """

    __slots__ = ("failure", "is_over", "is_taken", "log", "run", "stream")

    # Lambda gives a process one event at a time. A decorator may call the function in another thread.
    current: ClassVar[Turn | None] = None

    def __init__(self, stream: ResponseStream, run: Callable[..., Any], log: Log) -> None:
        self.stream = stream
        self.log = log
        # `run(awaitable, stream, on_cut_off)` runs the awaitable on the event loop of the process.
        self.run = run
        self.is_taken = False
        self.is_over = False
        self.failure: BaseException | None = None

    @classmethod
    def take(cls, subject: str, advice: str = "") -> Turn:
        """Return the current turn for a callable that writes the whole response; `subject` names it in errors."""
        turn = cls.current
        if turn is None:
            raise RuntimeError(f"{subject} was called while the runtime answers no event{advice}")
        if turn.is_taken:
            raise RuntimeError(
                f"{subject} was called a second time for the same event: its response cannot be sent twice. Repeat "
                "what failed inside the function, not its call"
            ) from turn.failure
        turn.is_taken = True
        return turn

    def fail(self, error: BaseException) -> None:
        self.failure = error
        self.is_over = True

    def has_answered(self, value: Any) -> bool:
        """Return True if the stream is the answer, and not the `value` that the call returned.

        Raises the failure of the function. A value that a decorator returned in its place counts if nothing has left.
        """
        if not self.is_taken:
            return False
        if not self.is_over:
            raise RuntimeError(
                "the call of the handler returned while its function under @streamify_response was still running: "
                "a decorator must wait for it (await it, if the decorator is async)"
            )
        if self.failure is None:
            return True
        if value is None or self.stream.has_begun:
            raise self.failure
        return False


def check_outcome(outcome: Any) -> None:
    """Reject items that a streamified function yields or returns: they would be lost without a sign."""
    kind = type(outcome)
    if hasattr(kind, "__next__") or hasattr(kind, "__anext__"):
        raise TypeError(
            f"a function under @streamify_response returned {kind.__name__}, whose items would be lost: call "
            "response_stream.write(item) in it, or take @streamify_response away and yield from "
            "handler(event, context)"
        )


def is_loop_running() -> bool:
    # Not imported here: without asyncio there is no loop.
    asyncio = sys.modules.get("asyncio")
    return asyncio is not None and asyncio._get_running_loop() is not None


# Kinds of values.


def looks_async(function: Any) -> bool:
    """Return True if a call will probably need the event loop. Only the call's result tells for sure."""
    function = unwrapped(function)
    code = _attribute(function, "__code__") or _attribute(_attribute(function, "__func__"), "__code__")
    return isinstance(code, type(looks_async.__code__)) and bool(code.co_flags & _ASYNC_CODE_FLAGS)


def unwrapped(function: Any) -> Any:
    """Return the function below the decorators that name what they wrap."""
    # Some objects have every attribute, and some are their own `__wrapped__`.
    for _ in range(_MOST_WRAPPERS):
        wrapped = _attribute(function, "__wrapped__")
        if wrapped is None:
            break
        function = wrapped
    return function


def _attribute(value: Any, name: str) -> Any:
    try:
        return getattr(value, name, None)
    except Exception:  # noqa: BLE001 - an object of the user may fail for any attribute
        return None


def is_awaitable(value: Any) -> bool:
    return hasattr(type(value), "__await__")


def streams(value: Any) -> bool:
    kind = type(value)
    is_iterator = hasattr(kind, "__next__") or hasattr(kind, "__anext__") or hasattr(kind, "__aiter__")
    return is_iterator or _is_file(value) or _is_source(value)


def as_iterator(value: Any) -> Iterator[Any] | None:
    """Return the items of an iterator, a file-like object (botocore's `StreamingBody`) or a source, else None."""
    # A file is an iterator of lines too: read in pieces, it needs no lines.
    if _is_file(value):
        return _pieces(value)
    if not hasattr(type(value), "__next__"):
        if not _is_source(value):
            return None
        return _event_lines(value) if _is_event_stream(value) else _items_of(value)
    if getattr(value, "gi_frame", value) is None:
        raise RuntimeError(
            "the generator that the handler returned has ended before its first item could be sent: a decorator has "
            "read it. Powertools' tracer does so to record the response; use "
            "@tracer.capture_lambda_handler(capture_response=False)"
        )
    return value  # type: ignore[no-any-return]


def as_async_iterator(value: Any) -> AsyncIterator[Any] | None:
    if hasattr(type(value), "__anext__"):
        return value  # type: ignore[no-any-return]
    if not hasattr(type(value), "__aiter__"):
        return None
    return _event_lines(value) if _is_event_stream(value) else value.__aiter__()  # type: ignore[no-any-return]


def _is_source(value: Any) -> bool:
    """Return True for an iterable that is neither an iterator nor data, such as botocore's `EventStream`.

    Data has a length (list, dict, text), is equal to other data of the same content (models), or has JSON members.
    """
    kind = type(value)
    return (
        hasattr(kind, "__iter__")
        and not any(hasattr(kind, name) for name in ("__next__", "__await__", "__len__", "_asdict"))
        and getattr(kind, "__eq__") is object.__eq__  # noqa: B009 - mypy takes the attribute for the operator's
        and not isinstance(value, type)
    )


def _is_event_stream(value: Any) -> bool:
    """Return True for the event stream of botocore, or of its asyncio version, which is a subclass."""
    # Not imported for this: a program that has such a stream has imported the module.
    module: Any = sys.modules.get("botocore.eventstream")
    return module is not None and isinstance(value, module.EventStream)


def _event_lines(events: Any) -> Any:
    """Return the events, which are dicts, as lines of JSON. Bytes in them become text, as in every JSON result."""
    from lambda_streaming.ndjson import encoded_lines

    return encoded_lines(events, marshal)


def _items_of(source: Any) -> Iterator[Any]:
    try:
        yield from source
    finally:
        _close(source)


def _is_file(value: Any) -> bool:
    return callable(getattr(value, "read", None)) and not isinstance(value, type)


def _pieces(file: Any) -> Iterator[Any]:
    try:
        while piece := file.read(PIECE_BYTES):
            yield piece
    finally:
        _close(file)


def _close(source: Any) -> None:
    close = getattr(source, "close", None)
    if close is not None:
        close()


def default_headers_of(value: Any) -> Any:
    """Return the headers that the items of `value` have by default, None for an attribute that only has the name."""
    headers = getattr(type(value), "default_headers", None)
    return headers if isinstance(headers, tuple) else None


# Values that do not stream.


class JsonText(str):
    """Text with the default content type JSON."""

    __slots__ = ()

    default_headers = (("content-type", "application/json"),)

    def to_bytes(self) -> bytes:
        return self.encode()


def encode_value(value: Any) -> tuple[bytes, str]:
    """Return body and content type for a plain invoke."""
    if isinstance(value, bytes):
        return value, "application/unknown"
    return marshal(value).encode(), "application/json"


def http_response_of(value: Any) -> HttpResponse:
    """Return the response that a buffered Function URL makes of a value: a dict with `statusCode`, or a body.

    AWS, "Invoking Lambda function URLs", response payload format.
    """
    if isinstance(value, (bytes, bytearray)):
        return HttpResponse(body=bytes(value))
    if not (isinstance(value, dict) and "statusCode" in value):
        return HttpResponse(headers={"content-type": "application/json"}, body=marshal(value))
    try:
        return _http_response_of_dict(value)
    except (TypeError, ValueError) as error:
        raise MarshalError(str(error)) from None


def _http_response_of_dict(value: dict[str, Any]) -> HttpResponse:
    headers = _merged(value.get("headers") or {}, value.get("multiValueHeaders") or {})
    response = HttpResponse(status_code_of(value["statusCode"]), headers, value.get("cookies"), body=_body_of(value))
    if response.content_type is None and not streams(response.body):
        response.headers.append(("content-type", "application/json"))
    return response


def _merged(single: Any, multi: Any) -> list[tuple[str, str]]:
    """Return the lines of both forms of headers. As in API Gateway, a pair in both counts once."""
    lines = list(header_lines(multi))
    spellings = {(name.lower(), text): "" for name, text in lines}
    for name, text in header_lines(single):
        # The same spelling again is a list with equal values.
        if spellings.setdefault((name.lower(), text), name) == name:
            lines.append((name, text))
    return lines


def has_streaming_body(value: Any) -> bool:
    """Return True for a response dict whose body streams, as routers make of a route's generator."""
    return isinstance(value, dict) and "statusCode" in value and streams(value.get("body"))


def _body_of(value: dict[str, Any]) -> Any:
    body = value.get("body")
    if streams(body):
        return body
    if body is None:
        return ""
    if value.get("isBase64Encoded"):
        return _from_base64(body)
    return body if isinstance(body, (str, bytes)) else marshal(body)


def _from_base64(body: Any) -> bytes:
    from binascii import a2b_base64

    try:
        return a2b_base64(body)
    except (TypeError, ValueError) as error:
        raise ValueError(f"isBase64Encoded is True, and the body is no base64: {error}") from None
