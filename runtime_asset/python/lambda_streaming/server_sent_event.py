"""Server-sent events: the HTML standard's section 9.2, "Server-sent events"."""

from __future__ import annotations

from lambda_streaming.process.python_path import import_standard

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


class ServerSentEvent:
    """One event of a `text/event-stream` response; yield it.

    Args:
        data: text, which may have line breaks; any other value is encoded as JSON.
        event: the event's type, for `addEventListener(event)` in the browser. Default: none, for `onmessage`.
        id: the browser sends it as `Last-Event-ID` when it reconnects. Default: none.
        retry_ms: the browser waits this many milliseconds before it reconnects. Default: the browser's own.
    """

    __slots__ = ("_encoded",)

    default_headers = (("content-type", "text/event-stream"), ("cache-control", "no-cache"))

    def __init__(
        self, data: Any, *, event: str | None = None, id: str | None = None, retry_ms: int | None = None
    ) -> None:
        lines = []
        if event is not None:
            lines.append(f"event: {_one_line('event', event)}")
        if id is not None:
            lines.append(f"id: {_one_line('id', id)}")
            if "\0" in id:
                raise ValueError(f"id is {id!r}: browsers ignore an id that holds a NUL")
        if retry_ms is not None:
            if not isinstance(retry_ms, int) or isinstance(retry_ms, bool) or retry_ms < 0:
                raise ValueError(f"retry_ms is {retry_ms!r}; it must be a whole number of milliseconds")
            lines.append(f"retry: {int.__repr__(retry_ms)}")
        text = data if isinstance(data, str) else import_standard("json").dumps(data, ensure_ascii=False)
        # The standard has three line ends; each ends a line of data.
        lines += [f"data: {line}" for line in text.replace("\r\n", "\n").replace("\r", "\n").split("\n")]
        self._encoded = ("\n".join(lines) + "\n\n").encode("utf-8", "replace")

    @classmethod
    def keep_alive(cls) -> ServerSentEvent:
        """Return a comment, which browsers ignore. Send one every 15 seconds or so while a stream is quiet."""
        comment = cls.__new__(cls)
        comment._encoded = b": keep-alive\n\n"
        return comment

    def to_bytes(self) -> bytes:
        return self._encoded


def _one_line(name: str, value: str) -> str:
    if not isinstance(value, str) or "\n" in value or "\r" in value:
        raise ValueError(f"{name} is {value!r}; it must be text on one line")
    return str.__str__(value)  # For an enum member this is its value; its own `str` is its name.
