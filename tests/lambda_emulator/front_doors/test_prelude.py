"""The decoder finds the response head in pieces of any length."""

from __future__ import annotations

import pytest
from lambda_emulator.front_doors.prelude import (
    PRELUDE_LIMIT_BYTES,
    PreludeDecoder,
    PreludeError,
    ResponseHead,
    decode_head,
)

PRELUDE = b'{"statusCode":201,"headers":{"content-type":"text/plain","x-count":3},"cookies":["a=1","b=2"]}'
BODY = b"\x00one\x00two"
STREAM = PRELUDE + bytes(8) + BODY
HEAD = ResponseHead(201, (("content-type", "text/plain"), ("x-count", "3")), ("a=1", "b=2"))


@pytest.mark.parametrize("cut", range(len(STREAM) + 1))
def test_stream_in_two_pieces_decodes_the_same(cut: int) -> None:
    decoder = PreludeDecoder()

    body = decoder.feed(STREAM[:cut]) + decoder.feed(STREAM[cut:])

    assert decoder.head == HEAD
    assert body == BODY


def test_stream_byte_by_byte_decodes_the_same() -> None:
    decoder = PreludeDecoder()

    body = b"".join(decoder.feed(STREAM[i : i + 1]) for i in range(len(STREAM)))

    assert (decoder.head, body) == (HEAD, BODY)


def test_the_head_is_known_before_any_byte_of_the_body() -> None:
    decoder = PreludeDecoder()

    assert decoder.feed(PRELUDE + bytes(7)) == b""
    assert decoder.head is None
    assert decoder.feed(bytes(1)) == b""
    assert decoder.head == HEAD


def test_empty_object_is_status_200() -> None:
    assert decode_head(b"{}") == ResponseHead(200, (), ())


@pytest.mark.parametrize(
    ("prelude", "message"),
    [
        (b"hello", "not JSON"),
        (b"[]", "not a JSON object"),
        (b'{"statusCode":"200"}', "statusCode is '200'"),
        (b'{"statusCode":99}', "statusCode is 99"),
        (b'{"statusCode":true}', "statusCode is True"),
        (b'{"headers":["a"]}', "headers is"),
        (b'{"headers":{"a":["b"]}}', "the header 'a'"),
        (b'{"cookies":"a=1"}', "cookies is 'a=1'"),
    ],
)
def test_invalid_response_head_is_rejected_with_the_value(prelude: bytes, message: str) -> None:
    with pytest.raises(PreludeError, match=message):
        decode_head(prelude)


def test_stream_without_delimiter_is_rejected_at_the_limit() -> None:
    with pytest.raises(PreludeError, match="eight NUL bytes"):
        PreludeDecoder().feed(b"x" * (PRELUDE_LIMIT_BYTES + 1))
