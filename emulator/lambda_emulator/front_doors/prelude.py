"""Decoder of the prelude: a response head as JSON, then eight NUL bytes, then the body.

A response stream with the content type `HTTP_INTEGRATION_CONTENT_TYPE` begins with it. It may arrive in pieces of any
length. JSON text cannot contain a NUL, so the first eight of them in a row are the delimiter.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from ..json_text import decode_json

HTTP_INTEGRATION_CONTENT_TYPE = "application/vnd.awslambda.http-integration-response"

DELIMITER = bytes(8)

PRELUDE_LIMIT_BYTES = 1024 * 1024
"""Limit for a stream without the delimiter, so that it cannot fill the memory. AWS documents none."""


class PreludeError(Exception):
    """The content type announces a prelude, and the stream begins with something else."""


@dataclass(frozen=True, slots=True)
class ResponseHead:
    """Status, headers and cookies of an HTTP response."""

    status: int
    headers: tuple[tuple[str, str], ...]
    cookies: tuple[str, ...]


class PreludeDecoder:
    """Decoder that separates the prelude from the body of a stream."""

    def __init__(self) -> None:
        self.head: ResponseHead | None = None
        self._received = b""

    def feed(self, data: bytes) -> bytes:
        """Take the next bytes of the stream. Return the bytes of the body: none while the prelude is incomplete."""
        if self.head is not None:
            return data
        self._received += data
        prelude, delimiter, body = self._received.partition(DELIMITER)
        if delimiter:
            self.head = decode_head(prelude)
            self._received = b""
            return body
        if len(prelude) > PRELUDE_LIMIT_BYTES:
            raise PreludeError(f"no eight NUL bytes within the first {PRELUDE_LIMIT_BYTES:,} bytes")
        return b""


def decode_head(prelude: bytes) -> ResponseHead:
    """Decode the JSON of a prelude. A missing status is 200."""
    try:
        document = decode_json(prelude)
    except ValueError as error:
        raise PreludeError(f"the prelude is not JSON ({error}): {_shown(prelude)}") from None
    if not isinstance(document, dict):
        raise PreludeError(f"the prelude is not a JSON object: {_shown(prelude)}")
    return ResponseHead(
        status=_status(document.get("statusCode", 200)),
        headers=_headers(document.get("headers") or {}),
        cookies=_cookies(document.get("cookies") or []),
    )


def _shown(prelude: bytes) -> str:
    return repr(prelude[:200].decode(errors="backslashreplace"))


def _status(value: Any) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or not 200 <= value <= 599:
        raise PreludeError(f"statusCode is {value!r}; it must be a number from 200 to 599")
    return value


def _headers(value: Any) -> tuple[tuple[str, str], ...]:
    if not isinstance(value, dict):
        raise PreludeError(f"headers is {value!r}; it must be an object of names and texts")
    return tuple((name, _header_text(name, text)) for name, text in value.items())


def _header_text(name: str, value: Any) -> str:
    if isinstance(value, (str, int, float)):
        return value if isinstance(value, str) else json.dumps(value)
    raise PreludeError(f"the header {name!r} is {value!r}; it must be a text")


def _cookies(value: Any) -> tuple[str, ...]:
    if not isinstance(value, list) or not all(isinstance(cookie, str) for cookie in value):
        raise PreludeError(f"cookies is {value!r}; it must be a list of texts")
    return tuple(value)
