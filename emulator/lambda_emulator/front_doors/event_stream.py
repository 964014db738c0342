"""Encoder of `application/vnd.amazon.eventstream`, the framing of `InvokeWithResponseStream`.

A message is: total length, headers length, CRC32 of those eight bytes, headers, payload, CRC32 of all bytes before it.
Numbers are big-endian. A header is its name with a length in front, the type of its value, and the value.
"""

from __future__ import annotations

import json
import struct
import zlib
from collections.abc import Mapping

CONTENT_TYPE = "application/vnd.amazon.eventstream"

_STRING_HEADER = 7
"""Type of a header value that is text."""


def encode_payload_chunk(payload: bytes) -> bytes:
    """Encode a piece of the response body as a `PayloadChunk` event."""
    return _encode_event("PayloadChunk", "application/octet-stream", payload)


def encode_invoke_complete(*, error_code: str = "", error_details: str = "", log_result: str = "") -> bytes:
    """Encode the end of the response as an `InvokeComplete` event. Empty values are left out."""
    members = {"ErrorCode": error_code, "ErrorDetails": error_details, "LogResult": log_result}
    document = {name: value for name, value in members.items() if value}
    return _encode_event("InvokeComplete", "application/json", json.dumps(document).encode())


def _encode_event(event_type: str, content_type: str, payload: bytes) -> bytes:
    headers = {":event-type": event_type, ":content-type": content_type, ":message-type": "event"}
    return encode_message(headers, payload)


def encode_message(headers: Mapping[str, str], payload: bytes) -> bytes:
    """Encode one message with text headers."""
    encoded_headers = b"".join(_encode_header(name, value) for name, value in headers.items())
    total_length = 4 + 4 + 4 + len(encoded_headers) + len(payload) + 4
    lengths = struct.pack("!II", total_length, len(encoded_headers))
    message = lengths + struct.pack("!I", zlib.crc32(lengths)) + encoded_headers + payload
    return message + struct.pack("!I", zlib.crc32(message))


def _encode_header(name: str, value: str) -> bytes:
    encoded_name, encoded_value = name.encode(), value.encode()
    return (
        struct.pack("!B", len(encoded_name))
        + encoded_name
        + struct.pack("!BH", _STRING_HEADER, len(encoded_value))
        + encoded_value
    )
