"""botocore's own decoder reads the messages."""

from __future__ import annotations

import json

import pytest
from botocore.eventstream import EventStreamBuffer
from lambda_emulator.front_doors.event_stream import encode_invoke_complete, encode_message, encode_payload_chunk


def decode(data: bytes) -> list[tuple[dict[str, str], bytes]]:
    buffer = EventStreamBuffer()
    buffer.add_data(data)
    return [(message.headers, message.payload) for message in buffer]


@pytest.mark.parametrize("payload", [b"", b"x", bytes(range(256)) * 200])
def test_payload_chunk_carries_the_bytes(payload: bytes) -> None:
    [(headers, decoded)] = decode(encode_payload_chunk(payload))

    assert decoded == payload
    assert headers == {
        ":event-type": "PayloadChunk",
        ":content-type": "application/octet-stream",
        ":message-type": "event",
    }


def test_invoke_complete_carries_the_error() -> None:
    [(headers, payload)] = decode(encode_invoke_complete(error_code="Function.Boom", error_details="{}"))

    assert headers[":event-type"] == "InvokeComplete"
    assert json.loads(payload) == {"ErrorCode": "Function.Boom", "ErrorDetails": "{}"}


def test_invoke_complete_of_a_success_is_empty() -> None:
    [(_, payload)] = decode(encode_invoke_complete())

    assert json.loads(payload) == {}


def test_messages_need_no_separator() -> None:
    assert len(decode(encode_payload_chunk(b"one") + encode_payload_chunk(b"two") + encode_invoke_complete())) == 3


def test_header_values_can_be_any_text() -> None:
    assert decode(encode_message({"name": "välue"}, b"")) == [({"name": "välue"}, b"")]
