"""JSON lines (`application/x-ndjson`): one JSON value a line."""

from __future__ import annotations

from lambda_streaming.python_path import import_standard

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import AsyncIterable, AsyncIterator, Iterable, Iterator
    from typing import Any, overload


class JsonLine(bytes):
    """One line, newline included, that knows its content type."""

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
    """Turn values into lines of JSON: `return json_lines(rows)`, or `yield from json_lines(rows)`.

    Args:
        values: an iterable or async iterable of anything `json.dumps` takes.

    Returns:
        An iterator, or an async iterator when `values` is async.
    """
    if hasattr(values, "__aiter__"):
        return _AsyncLines(values)
    if not hasattr(values, "__iter__"):
        raise TypeError(f"json_lines() got {type(values).__name__}; it takes an iterable or async iterable of values")
    return _Lines(values)


class _Lines:
    """Knows its content type also when there is no line."""

    default_headers = JsonLine.default_headers

    def __init__(self, values: Iterable[Any]) -> None:
        self._values = iter(values)
        self._dumps = import_standard("json").dumps

    def __iter__(self) -> _Lines:
        return self

    def __next__(self) -> JsonLine:
        return JsonLine(self._dumps(next(self._values)).encode("ascii") + b"\n")

    def close(self) -> None:
        close = getattr(self._values, "close", None)
        if close is not None:
            close()


class _AsyncLines:
    default_headers = JsonLine.default_headers

    def __init__(self, values: AsyncIterable[Any]) -> None:
        self._values = values.__aiter__()
        self._dumps = import_standard("json").dumps

    def __aiter__(self) -> _AsyncLines:
        return self

    async def __anext__(self) -> JsonLine:
        return JsonLine(self._dumps(await self._values.__anext__()).encode("ascii") + b"\n")

    async def aclose(self) -> None:
        close = getattr(self._values, "aclose", None)
        if close is not None:
            await close()
