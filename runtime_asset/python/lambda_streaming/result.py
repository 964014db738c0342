"""What the call of a handler returned, and so how it is answered. The looks of the function play no part."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator
    from typing import Any

PIECE_BYTES = 64 * 1024


# `inspect` names them CO_COROUTINE and CO_ASYNC_GENERATOR, and is slow to import.
_ASYNC_CODE_FLAGS = 0x80 | 0x200


def looks_async(function: Any) -> bool:
    """Whether a call will probably need the event loop. A guess: what the call returns decides."""
    while hasattr(function, "__wrapped__"):
        function = function.__wrapped__
    code = getattr(function, "__code__", None) or getattr(getattr(function, "__func__", None), "__code__", None)
    return code is not None and bool(code.co_flags & _ASYNC_CODE_FLAGS)


def is_awaitable(result: Any) -> bool:
    return hasattr(type(result), "__await__")


def streams(result: Any) -> bool:
    kind = type(result)
    return hasattr(kind, "__next__") or hasattr(kind, "__anext__") or hasattr(kind, "__aiter__") or _is_file(result)


def as_iterator(result: Any) -> Iterator[Any] | None:
    """The items of an iterator or of a file-like object (botocore's `StreamingBody` is one); `None` for others."""
    # A file is an iterator of lines too: read in pieces, it needs no lines.
    if _is_file(result):
        return _pieces(result)
    if not hasattr(type(result), "__next__"):
        return None
    if getattr(result, "gi_frame", result) is None:
        raise RuntimeError(
            "the generator that the handler returned has ended before its first item could be sent: something around "
            "the handler has read it. Powertools' tracer does, to record the response, unless it stands as "
            "@tracer.capture_lambda_handler(capture_response=False)"
        )
    return result  # type: ignore[no-any-return]


def as_async_iterator(result: Any) -> AsyncIterator[Any] | None:
    if hasattr(type(result), "__anext__"):
        return result  # type: ignore[no-any-return]
    if hasattr(type(result), "__aiter__"):
        return result.__aiter__()  # type: ignore[no-any-return]
    return None


def _is_file(result: Any) -> bool:
    return callable(getattr(result, "read", None)) and not isinstance(result, type)


def _pieces(file: Any) -> Iterator[Any]:
    try:
        while piece := file.read(PIECE_BYTES):
            yield piece
    finally:
        close = getattr(file, "close", None)
        if close is not None:
            close()
