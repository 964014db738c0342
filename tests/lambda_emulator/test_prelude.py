"""The decoder finds the response head wherever the bytes are cut."""

from __future__ import annotations

import pytest
from lambda_emulator.prelude import PRELUDE_LIMIT_BYTES, PreludeDecoder, PreludeError, ResponseHead, decode_head

PRELUDE = b'{"statusCode":201,"headers":{"content-type":"text/plain","x-count":3},"cookies":["a=1","b=2"]}'
BODY = b"\x00one\x00two"
STREAM = PRELUDE + bytes(8) + BODY
HEAD = ResponseHead(201, (("content-type", "text/plain"), ("x-count", "3")), ("a=1", "b=2"))


@pytest.mark.parametrize("cut", range(len(STREAM) + 1))
def test_a_stream_cut_in_two_decodes_the_same(cut: int) -> None:
    decoder = PreludeDecoder()

    body = decoder.feed(STREAM[:cut]) + decoder.feed(STREAM[cut:])

    assert decoder.head == HEAD
    assert body == BODY


def test_a_stream_byte_by_byte_decodes_the_same() -> None:
    decoder = PreludeDecoder()

    body = b"".join(decoder.feed(STREAM[i : i + 1]) for i in range(len(STREAM)))

    assert (decoder.head, body) == (HEAD, BODY)


def test_the_head_is_known_before_any_byte_of_the_body() -> None:
    decoder = PreludeDecoder()

    assert decoder.feed(PRELUDE + bytes(7)) == b""
    assert decoder.head is None
    assert decoder.feed(bytes(1)) == b""
    assert decoder.head == HEAD


def test_an_empty_object_is_a_plain_200() -> None:
    assert decode_head(b"{}") == ResponseHead(200, (), ())


@pytest.mark.parametrize(
    ("prelude", "complaint"),
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
def test_what_is_no_response_head_is_refused_by_name(prelude: bytes, complaint: str) -> None:
    with pytest.raises(PreludeError, match=complaint):
        decode_head(prelude)


def test_a_stream_without_the_delimiter_is_refused_in_the_end() -> None:
    with pytest.raises(PreludeError, match="eight NUL bytes"):
        PreludeDecoder().feed(b"x" * (PRELUDE_LIMIT_BYTES + 1))
