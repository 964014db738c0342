"""The HTTP/1.1 codec, on named bytes cut at every offset."""

from __future__ import annotations

import pytest
from lambda_streaming.wire.http1 import (
    MAX_HEAD_BYTES,
    ProtocolError,
    Reply,
    ReplyDecoder,
    encode_last_chunk,
    encode_request_head,
)

WITH_LENGTH = (
    b'HTTP/1.1 200 OK\r\nLambda-Runtime-Aws-Request-Id: abc\r\nX-Empty:\r\nContent-Length: 11\r\n\r\n{"a": "\r\n"}'
)
CHUNKED = (
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: Chunked\r\n\r\n"
    b"5;name=value\r\nhello\r\nA\r\n, world\r\n!\r\n0\r\nX-Trailer: t\r\n\r\n"
)
CHUNKED_HEAD = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
NO_CONTENT = b"HTTP/1.1 204 No Content\r\n\r\n"
AFTER_CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 202 Accepted\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"

REPLIES = {
    WITH_LENGTH: (200, b'{"a": "\r\n"}', True),
    CHUNKED: (200, b"hello, world\r\n!", True),
    NO_CONTENT: (204, b"", True),
    AFTER_CONTINUE: (202, b"", False),
}


def decode(*pieces: bytes) -> Reply | None:
    decoder = ReplyDecoder()
    reply = None
    for piece in pieces:
        assert reply is None, "the reply was complete before its last byte"
        reply = decoder.receive(piece)
    return reply


@pytest.mark.parametrize("data", REPLIES)
def test_reply_is_the_same_when_cut_anywhere(data: bytes) -> None:
    status, body, keep_alive = REPLIES[data]
    for first in range(1, len(data)):
        reply = decode(data[:first], data[first:])
        assert reply is not None
        assert (reply.status, reply.body, reply.keep_alive) == (status, body, keep_alive)
    byte_by_byte = decode(*(data[i : i + 1] for i in range(len(data))))
    assert byte_by_byte is not None
    assert byte_by_byte.body == body


def test_header_names_are_lower_case_and_empty_values_absent() -> None:
    reply = decode(WITH_LENGTH)
    assert reply is not None
    assert reply.headers == {"lambda-runtime-aws-request-id": "abc", "content-length": "11"}


def test_body_without_length_ends_with_the_connection() -> None:
    decoder = ReplyDecoder()
    assert decoder.receive(b"HTTP/1.0 500 Bad\r\n\r\nsome ") is None
    assert decoder.receive(b"text") is None
    reply = decoder.receive_end()
    assert (reply.status, reply.body, reply.keep_alive) == (500, b"some text", False)


@pytest.mark.parametrize("data", REPLIES)
def test_connection_that_ends_early_is_an_error(data: bytes) -> None:
    for end in range(len(data)):
        decoder = ReplyDecoder()
        decoder.receive(data[:end])
        with pytest.raises(ProtocolError):
            decoder.receive_end()


def test_bytes_after_the_reply_end_the_connection() -> None:
    reply = decode(WITH_LENGTH + b"HTTP/1.1 400")
    assert reply is not None
    assert not reply.keep_alive


@pytest.mark.parametrize(
    "data",
    [
        b"SSH-2.0-OpenSSH\r\n\r\n",
        b"HTTP/1.1 OK\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nno colon\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: " + b"1" * 5000 + b"\r\n\r\n",
        b"HTTP/1.1 2000 OK\r\n\r\n",
        b"HTTP/1.1 099 OK\r\n\r\n",
        CHUNKED_HEAD + b"xyz\r\n",
        # `int` accepts all of these; the first would move the decoder back, and it would never end.
        CHUNKED_HEAD + b"-6\r\n",
        CHUNKED_HEAD + b"+1\r\na\r\n0\r\n\r\n",
        CHUNKED_HEAD + b"0x1\r\na\r\n0\r\n\r\n",
        CHUNKED_HEAD + b"0_1\r\na\r\n0\r\n\r\n",
        CHUNKED_HEAD + b"\r\n",
        CHUNKED_HEAD + b"1\r\nab\r\n0\r\n\r\n",
        b"x" * 300_000,
        b"HTTP/1.1 200 OK\r\nX: " + b"x" * 300_000 + b"\r\nContent-Length: 0\r\n\r\n",
    ],
    ids=lambda data: repr(data[-20:]),
)
def test_bytes_that_are_not_http_are_an_error(data: bytes) -> None:
    with pytest.raises(ProtocolError):
        decode(data)


def test_longest_head_is_the_same_when_cut_anywhere() -> None:
    start, end = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nX: ", b"\r\n\r\n"
    longest = start + b"x" * (MAX_HEAD_BYTES - len(start)) + end
    for cut in (1, MAX_HEAD_BYTES - 1, *range(len(longest) - 5, len(longest))):
        assert decode(longest[:cut], longest[cut:]) is not None
        with pytest.raises(ProtocolError):
            decode(longest[:cut], b"x", longest[cut:])


@pytest.mark.parametrize("status", [204, 304])
def test_status_without_body_ignores_the_length_in_its_head(status: int) -> None:
    for header in (b"Content-Length: 5", b"Transfer-Encoding: chunked"):
        reply = decode(b"HTTP/1.1 %d Reason\r\n%b\r\n\r\n" % (status, header))
        assert reply is not None
        assert reply.body == b""


def test_request_head_and_last_chunk() -> None:
    assert encode_request_head("GET", "/p", "h:1", [("A", "b")]) == b"GET /p HTTP/1.1\r\nHost: h:1\r\nA: b\r\n\r\n"
    assert encode_last_chunk() == b"0\r\n\r\n"
    assert encode_last_chunk([("A", "b"), ("C", "d")]) == b"0\r\nA: b\r\nC: d\r\n\r\n"
