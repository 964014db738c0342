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
        return _async_lines(values)
    if not hasattr(values, "__iter__"):
        raise TypeError(f"json_lines() got {type(values).__name__}; it takes an iterable or async iterable of values")
    return _lines(values)


def _lines(values: Iterable[Any]) -> Iterator[JsonLine]:
    dumps = import_standard("json").dumps
    for value in values:
        yield JsonLine(dumps(value).encode("ascii") + b"\n")


async def _async_lines(values: AsyncIterable[Any]) -> AsyncIterator[JsonLine]:
    dumps = import_standard("json").dumps
    async for value in values:
        yield JsonLine(dumps(value).encode("ascii") + b"\n")
