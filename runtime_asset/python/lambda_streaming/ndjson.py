"""JSON lines (`application/x-ndjson`): one JSON value a line.

Not named `json_lines`: importing a submodule of that name would hide the function `lambda_streaming.json_lines`.
"""

from __future__ import annotations

from lambda_streaming.process.python_path import import_standard

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import AsyncIterable, AsyncIterator, Callable, Iterable, Iterator
    from typing import Any, overload


class JsonLine(bytes):
    """One line with its newline, and its default content type."""

    __slots__ = ()

    default_headers = (("content-type", "application/x-ndjson"),)

    def to_bytes(self) -> bytes:
        return self


if TYPE_CHECKING:

    @overload
    def json_lines(values: Iterable[Any]) -> Iterator[JsonLine]: ...
    @overload
    def json_lines(values: AsyncIterable[Any]) -> AsyncIterator[JsonLine]: ...


def json_lines(values: Any) -> Any:
    """Encode values as lines of JSON: `return json_lines(rows)`, or `yield from json_lines(rows)`.

    Args:
        values: an iterable or async iterable of anything `json.dumps` takes.

    Returns:
        An iterator, or an async iterator when `values` is async.
    """
    if not hasattr(values, "__aiter__") and not hasattr(values, "__iter__"):
        raise TypeError(f"json_lines() got {type(values).__name__}; it takes an iterable or async iterable of values")
    return encoded_lines(values, import_standard("json").dumps)


def encoded_lines(values: Any, encode: Callable[[Any], str]) -> Any:
    """Encode each value as a line, by a function that returns JSON without line breaks."""
    return (_AsyncLines if hasattr(values, "__aiter__") else _Lines)(values, encode)


class _Lines:
    """An iterator of lines; its default headers count even if there is no line."""

    default_headers = JsonLine.default_headers

    def __init__(self, values: Iterable[Any], encode: Callable[[Any], str]) -> None:
        self._source = values
        self._values = iter(values)
        self._encode = encode

    def __iter__(self) -> _Lines:
        return self

    def __next__(self) -> JsonLine:
        return JsonLine(self._encode(next(self._values)).encode() + b"\n")

    def close(self) -> None:
        for each in (self._values, self._source):
            _close(each)


class _AsyncLines:
    default_headers = JsonLine.default_headers

    def __init__(self, values: AsyncIterable[Any], encode: Callable[[Any], str]) -> None:
        self._source = values
        self._values = values.__aiter__()
        self._encode = encode

    def __aiter__(self) -> _AsyncLines:
        return self

    async def __anext__(self) -> JsonLine:
        return JsonLine(self._encode(await self._values.__anext__()).encode() + b"\n")

    async def aclose(self) -> None:
        close = getattr(self._values, "aclose", None)
        if close is not None:
            await close()
        if self._source is not self._values:
            _close(self._source)


def _close(source: Any) -> None:
    """Close an iterator, or the iterable that it came from: an event stream of AWS's SDK holds a connection."""
    close = getattr(source, "close", None)
    if close is not None:
        close()
