"""Properties that hold for every input, checked with generated inputs.

Decoders here are written from the specifications and share nothing with the runtime's encoders. The examples are the
same in every run, so that a change that fails has failed by itself; `HYPOTHESIS_PROFILE=search` looks for others. One
that fails is mended and kept, as an `@example` or as a test that names the fact.
"""

from __future__ import annotations

import array
import base64
import itertools
import json
import os
import socket
import string
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any
from unittest import mock

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from lambda_emulator.front_doors.prelude import PreludeDecoder
from lambda_streaming import HttpResponse, ServerSentEvent, json_lines
from lambda_streaming.error_report import ErrorReport
from lambda_streaming.process.aws_json import UnmarshalError, marshal, unmarshal
from lambda_streaming.process.logs import Log
from lambda_streaming.process.settings import CAN_STREAM, LogSettings, Settings
from lambda_streaming.response import body_writer, front_door
from lambda_streaming.response.body_writer import BodyWriter
from lambda_streaming.response.destination import Destinations, PreludeDestination, ProxyDestination
from lambda_streaming.response.flusher import Flusher
from lambda_streaming.response.prelude import HeadError, encode_prelude
from lambda_streaming.response.proxy_form import proxy_json
from lambda_streaming.response_stream import ResponseStream
from lambda_streaming.wire.connection import Connection
from lambda_streaming.wire.http1 import ProtocolError, ReplyDecoder, encode_last_chunk
from lambda_streaming.wire.runtime_api import error_trailers

settings.register_profile("repeatable", derandomize=True, database=None, deadline=None, max_examples=100)
settings.register_profile("quick", derandomize=True, database=None, deadline=None, max_examples=10)
settings.register_profile("search", database=None, deadline=None, max_examples=3000)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "repeatable"))

ANY_TEXT = st.text(st.characters(exclude_categories=()))  # Lone surrogates too.
TEXT = st.text()
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | TEXT,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXT, inner, max_size=4),
    max_leaves=12,
)


# The head.

# RFC 9110: the characters of a field name (5.6.2, tchar) and of a value (5.5), restricted to ASCII.
TCHAR = "!#$%&'*+-.^_`|~" + string.digits + string.ascii_letters
FIELD_CHARACTERS = "\t" + "".join(map(chr, range(0x20, 0x7F)))
# RFC 9110, 7.6.1, and the length, which the front doors set.
OF_THE_CONNECTION = ["connection", "keep-alive", "proxy-authenticate", "proxy-authorization", "proxy-connection", "te"]
OF_THE_CONNECTION += ["trailer", "transfer-encoding", "upgrade", "content-length"]

NAMES = st.text(TCHAR, min_size=1, max_size=8) | st.sampled_from(["Set-Cookie", "X-A", "x-a", *OF_THE_CONNECTION])
VALUES = st.text(FIELD_CHARACTERS, max_size=20)
HEADERS = st.lists(st.tuples(NAMES, VALUES), max_size=6)
COOKIES = st.lists(VALUES, max_size=3)
ANY_HEADERS = st.lists(st.tuples(NAMES | ANY_TEXT, VALUES | ANY_TEXT | st.text("x", min_size=3000)), max_size=6)
STATUSES = st.integers(200, 599)
STREAMING_DOORS = st.sampled_from(sorted(CAN_STREAM))

Fields = dict[str, list[str]]


def said(headers: list[tuple[str, str]], cookies: list[str]) -> tuple[Fields, list[str]]:
    """Return headers and cookies as a client should get them: names without case, values by name, in order."""
    fields: Fields = {}
    for name, value in headers:
        fields.setdefault(name.lower(), []).append(value.strip(" \t"))
    told = [cookie.strip(" \t") for cookie in cookies] + fields.pop("set-cookie", [])
    return {name: values for name, values in fields.items() if name not in OF_THE_CONNECTION}, told


def can_be_said(headers: list[tuple[str, str]], cookies: list[str]) -> bool:
    values = [value for _, value in headers] + cookies
    return all(name and set(name) <= set(TCHAR) for name, _ in headers) and all(
        set(value) <= set(FIELD_CHARACTERS) for value in values
    )


def decoded_prelude(data: bytes) -> tuple[int, Fields, list[str], bytes]:
    """AWS, "Configuring a Lambda function to stream responses" and API Gateway's "response transfer mode"."""
    document, delimiter, body = data.partition(bytes(8))
    assert delimiter
    assert len(data) - len(body) <= 16 * 1024
    head = json.loads(document)
    assert set(head) <= {"statusCode", "headers", "multiValueHeaders", "cookies"}
    fields = {name: [value] for name, value in head["headers"].items()}
    fields.update(head.get("multiValueHeaders", {}))
    return head["statusCode"], fields, head.get("cookies", []) + fields.pop("set-cookie", []), body


@given(STATUSES, HEADERS, COOKIES, STREAMING_DOORS, st.binary(max_size=20))
def test_any_valid_head_is_decoded_unchanged(
    status: int, headers: list[tuple[str, str]], cookies: list[str], door: str, body: bytes
) -> None:
    fields, told = said(headers, cookies)
    if door == front_door.FUNCTION_URL:  # One value a name: repeated ones are joined (RFC 9110, 5.3).
        fields = {name: [", ".join(values)] for name, values in fields.items()}
    data = encode_prelude(HttpResponse(status, headers, cookies), door) + body
    assert decoded_prelude(data) == (status, fields, told, body)


@given(STATUSES, HEADERS, COOKIES, st.binary(max_size=20))
def test_the_emulator_reads_the_same_head(
    status: int, headers: list[tuple[str, str]], cookies: list[str], body: bytes
) -> None:
    decoder = PreludeDecoder()
    data = encode_prelude(HttpResponse(status, headers, cookies), front_door.FUNCTION_URL) + body
    assert b"".join(decoder.feed(data[i : i + 1]) for i in range(len(data))) == body
    assert decoder.head is not None
    fields, told = said(headers, cookies)
    assert (decoder.head.status, list(decoder.head.cookies)) == (status, told)
    assert dict(decoder.head.headers) == {name: ", ".join(values) for name, values in fields.items()}


@given(ANY_HEADERS, st.lists(ANY_TEXT, max_size=3), STREAMING_DOORS)
def test_any_invalid_head_is_rejected_with_head_error(
    headers: list[tuple[str, str]], cookies: list[str], door: str
) -> None:
    head = HttpResponse(200, headers, cookies)
    if not can_be_said(headers, cookies):
        with pytest.raises(HeadError):
            encode_prelude(head, door)
    elif len(json.dumps([headers, cookies])) < 12_000:
        decoded_prelude(encode_prelude(head, door))
    else:
        # Only its encoding tells if it fits.
        with suppress(HeadError):
            decoded_prelude(encode_prelude(head, door))


ANYTHING = st.none() | st.booleans() | st.integers() | st.binary() | ANY_TEXT | st.lists(st.integers(), max_size=2)


@given(st.lists(st.tuples(ANYTHING, ANYTHING), max_size=3), st.lists(ANYTHING, max_size=3), STREAMING_DOORS)
@example([("a", ["b"])], [], front_door.FUNCTION_URL)  # A list cannot be hashed.
@example([], [{}], front_door.REST_API)
def test_head_values_that_are_no_text_are_rejected(headers: list[Any], cookies: list[Any], door: str) -> None:
    head = HttpResponse()
    head.headers, head.cookies = headers, cookies
    try:
        encode_prelude(head, door)
    except HeadError:
        return
    assert all(isinstance(text, str) for text in (*itertools.chain(*headers), *cookies))


# The same for front doors that buffer.

BUFFERING = (
    front_door.REST_API,
    front_door.HTTP_API_1,
    front_door.HTTP_API_2,
    front_door.FUNCTION_URL,
    front_door.ALB,
    front_door.ALB_MULTI_VALUE,
)


@given(STATUSES, HEADERS, COOKIES, st.lists(st.binary(max_size=9) | TEXT.map(str.encode)), st.sampled_from(BUFFERING))
@example(200, [("content-encoding", "gzip")], [], [b"text all the same"], front_door.HTTP_API_2)
def test_proxy_form_decodes_to_the_same_response(
    status: int, headers: list[tuple[str, str]], cookies: list[str], items: list[bytes], door: str
) -> None:
    document = json.loads(proxy_json(HttpResponse(status, headers, cookies), b"".join(items), door))
    # AWS's pages on each proxy integration: the body is text, or base64 where `isBase64Encoded` says so.
    text = document["body"]
    assert (base64.b64decode(text, validate=True) if document["isBase64Encoded"] else text.encode()) == b"".join(items)
    fields, told = said(headers, cookies)
    if "multiValueHeaders" in document:
        decoded: Fields = document["multiValueHeaders"]
    else:
        fields = {name: [", ".join(values)] for name, values in fields.items()}
        decoded = {name: [value] for name, value in document["headers"].items()}
    # One value a name for a plain load balancer, and cookies cannot be joined: each has a spelling of its own.
    names = [name for name in decoded if name.lower() == "set-cookie"]
    sent = [cookie for name in names for cookie in decoded.pop(name)]
    assert document["statusCode"] == status
    assert document.get("cookies", []) + sent == told
    assert decoded == fields


# Framing.


class Reader:
    """The other end: reads pieces of the given sizes, again and again."""

    def __init__(self, end: socket.socket, sizes: list[int]) -> None:
        self._end = end
        self._sizes = itertools.cycle(sizes)
        self.data = bytearray()

    def take(self) -> None:
        self.data += self._end.recv(next(self._sizes))

    def take_until_sent(self, body: BodyWriter) -> None:
        while not body.flush():
            self.take()

    def take_rest(self) -> bytes:
        self._end.setblocking(False)
        try:
            while True:
                self.take()
        except BlockingIOError:
            return bytes(self.data)


class FlusherByHand:
    """Flushes when the test says so, as the flusher's thread may at any time."""

    def __init__(self) -> None:
        self.watched: BodyWriter | None = None

    def watch(self, body: BodyWriter) -> bool:
        self.watched = body
        return True

    def flush(self) -> None:
        if self.watched is not None:
            self.watched._is_watched = False
            self.watched.flush()


class SocketDestination:
    can_fail_late = False
    filler = b""

    def __init__(self, connection: Connection, flusher: Any, opening: bytes = b"") -> None:
        self._parts = (connection, flusher, b"POST / HTTP/1.1\r\n\r\n", opening)

    def open(self, head: HttpResponse) -> BodyWriter:
        return BodyWriter(*self._parts)

    def await_first_item(self, stream: ResponseStream) -> None:
        pass


class NoDriver:
    def begin(self, body: Any) -> None:
        pass

    def until_sent(self, body: Any) -> Any:
        raise AssertionError


@contextmanager
def pair(sizes: list[int]) -> Iterator[tuple[Connection, Reader]]:
    """Make a connection with a small buffer, which takes items in pieces, and a reader for its other end."""
    ours, theirs = socket.socketpair()
    with ours, theirs:
        ours.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)
        yield Connection(ours), Reader(theirs, sizes)


def dechunked(data: bytes) -> tuple[list[bytes], dict[str, str]]:
    """Decode by RFC 9112, 7.1: chunks, the last chunk, trailers, and nothing after them."""
    chunks = []
    while True:
        size_line, line_end, data = data.partition(b"\r\n")
        assert line_end
        assert size_line
        assert set(size_line) <= set(string.hexdigits.encode())
        size = int(size_line, 16)
        if not size:
            break
        assert data[size : size + 2] == b"\r\n"
        chunks.append(data[:size])
        data = data[size + 2 :]
    *lines, last = data.split(b"\r\n")[:-1]
    assert last == b""
    assert data.endswith(b"\r\n")
    return chunks, dict(line.decode("ascii").split(": ", 1) for line in lines)


SIZES = st.integers(0, 40) | st.sampled_from([4095, 16_383, 16_384, 16_385, 32_768, 100_000])
KINDS: dict[str, Callable[[int], tuple[Any, bytes]]] = {
    "bytes": lambda size: (b"b" * size, b"b" * size),
    "text": lambda size: ("t" * size, b"t" * size),
    "text beyond ASCII": lambda size: ("é" * size, "é".encode() * size),
    "text that UTF-8 cannot hold": lambda size: ("\ud800" * size, b"?" * size),
    "text of another class": lambda size: (type("Text", (str,), {})("s" * size), b"s" * size),
    "bytearray": lambda size: (bytearray(b"a" * size), b"a" * size),
    "view": lambda size: (memoryview(b"v" * size), b"v" * size),
    "view of every second byte": lambda size: (memoryview(b"xy" * size)[::2], b"x" * size),
    "array of numbers": lambda size: (array.array("H", [0x4141] * size), b"AA" * size),
    "event": lambda size: (ServerSentEvent("e" * size), b"data: " + b"e" * size + b"\n\n"),
    "line": lambda size: (next(json_lines(["l" * size])), b'"' + b"l" * size + b'"\n'),
}
ITEMS = st.lists(st.tuples(st.sampled_from(sorted(KINDS)), SIZES), max_size=30)
PIECES = st.lists(st.integers(1, 5000) | st.just(65_536), min_size=1, max_size=5)
TRAILERS = st.sampled_from([{}, {"Name": "value", "Other": "x" * 3000}])


STEPS = st.lists(st.tuples(st.sampled_from(sorted(KINDS)), SIZES, st.booleans(), st.booleans()), max_size=30)


@given(STEPS, PIECES, TRAILERS, st.sampled_from([b"", bytes(99)]))
def test_items_leave_whole_in_order_and_framed(
    steps: list[tuple[str, int, bool, bool]], pieces: list[int], trailers: dict[str, str], opening: bytes
) -> None:
    """This holds for all items, at any speed, whenever the flusher runs, and for any reader."""
    flusher = FlusherByHand()
    expected = opening
    clock = mock.Mock(return_value=0.0)
    with pair(pieces) as (connection, reader), mock.patch.object(body_writer, "monotonic", clock):
        stream = ResponseStream(SocketDestination(connection, flusher, opening), NoDriver())  # type: ignore[arg-type]
        for kind, size, pauses_before, flushes_after in steps:
            clock.return_value += 1.0 if pauses_before else 0.0
            item, data = KINDS[kind](size)
            expected += data
            if not stream.put(item):
                assert isinstance(stream.body, BodyWriter)
                reader.take_until_sent(stream.body)
            if flushes_after:
                flusher.flush()
        if not stream.put_end(trailers.items()):
            assert isinstance(stream.body, BodyWriter)
            reader.take_until_sent(stream.body)
        received = reader.take_rest()
    head, _, body = received.partition(b"\r\n\r\n")
    assert head == b"POST / HTTP/1.1"
    chunks, received_trailers = dechunked(body)
    assert b"".join(chunks) == expected
    assert received_trailers == trailers
    if len(expected) > len(opening) > 0:
        assert len(chunks[0]) > len(opening)  # The prelude never leaves without the first bytes of the body.


@settings(max_examples=40)
@given(ITEMS, PIECES)
def test_items_leave_whole_and_in_order_beside_the_flusher_thread(
    items: list[tuple[str, int]], pieces: list[int]
) -> None:
    with pair(pieces) as (connection, reader):
        stream = ResponseStream(SocketDestination(connection, FLUSHER), NoDriver())  # type: ignore[arg-type]
        for kind, size in items:
            if not stream.put(KINDS[kind](size)[0]):
                assert isinstance(stream.body, BodyWriter)
                reader.take_until_sent(stream.body)
        stream.put_end()
        assert isinstance(stream.body, BodyWriter)
        reader.take_until_sent(stream.body)
        received = reader.take_rest()
    chunks, _ = dechunked(received.partition(b"\r\n\r\n")[2])
    assert b"".join(chunks) == b"".join(KINDS[kind](size)[1] for kind, size in items)


FLUSHER = Flusher()


# Errors.

ERROR_NAMES = (
    st.from_regex(r"(Runtime\.|Function\.)?[A-Za-z_0-9]{0,9}", fullmatch=True)
    | TEXT
    | TEXT.map("Runtime.".__add__)
    | st.sampled_from(["\U0001f600" * 300, "x" * 5000, "Runtime." + "X" * 5000, "Runtime.X\r\nY: z"])
).filter(lambda name: "\0" not in name)
MESSAGES = st.tuples(ANY_TEXT, st.sampled_from([1, 100, 20_000])).map(lambda pair: pair[0] * pair[1])
FILE_NAMES = st.text(st.characters(exclude_characters="\0"), max_size=300)


def raised(name: str, message: str, depth: int, file_name: str) -> BaseException:
    """Return an exception from `depth` calls down, in a file of that name."""
    source = """
def one(depth):
    if not depth:
        raise Raised(message)
    two(depth - 1)
def two(depth):
    one(depth)
"""
    scope: dict[str, Any] = {"Raised": type(name, (Exception,), {}), "message": message}
    # A tracer that measures coverage cannot encode every file name.
    tracer = sys.gettrace()
    sys.settrace(None)
    try:
        exec(compile(source, file_name, "exec"), scope)
        scope["one"](depth)
    except scope["Raised"] as error:
        return error  # type: ignore[no-any-return]
    finally:
        sys.settrace(tracer)
    raise AssertionError


def assert_is_error_document(document: dict[str, Any]) -> None:
    assert list(document) == ["errorMessage", "errorType", "requestId", "stackTrace"]
    assert all(isinstance(document[name], str) for name in ("errorMessage", "errorType", "requestId"))
    assert all(isinstance(line, str) for line in document["stackTrace"])


@given(ERROR_NAMES, MESSAGES, st.sampled_from([0, 1, 40, 200]), FILE_NAMES, st.sampled_from(["", "r", "r" * 5000]))
@example("\U0001f600" * 300, "", 0, "index.py", "")
@example("Runtime.X\r\nY: z", "", 0, "index.py", "")
@example("E", "", 0, "index.py", "r" * 5000)
def test_trailers_of_any_error_are_complete_and_within_limit(
    name: str, message: str, depth: int, file_name: str, request_id: str
) -> None:
    """A Go server accepts 4,096 bytes of trailers; more, or a broken document, would lose the error."""
    report = ErrorReport.of_exception(raised(name, message, depth, file_name), request_id)
    data = encode_last_chunk(error_trailers(report))
    assert len(data) <= 4000
    chunks, trailers = dechunked(data)
    assert not chunks
    error_type, body = trailers.values()
    assert_has_lambda_s_form(error_type)
    document = json.loads(base64.b64decode(body, validate=True))
    assert_is_error_document(document)
    whole = report.document()
    if len(json.dumps(whole)) < 2700:
        assert document == whole
    if len(json.dumps([name, message, request_id])) < 2000 and len(json.dumps(file_name)) < 300:
        assert document["errorMessage"] == message
        # The innermost call is kept.
        assert document["stackTrace"][-1:] == report.stack_trace[-1:]


@given(ERROR_NAMES, MESSAGES, st.sampled_from([0, 40]), FILE_NAMES)
def test_any_error_can_be_posted_and_logged(name: str, message: str, depth: int, file_name: str) -> None:
    report = ErrorReport.of_exception(raised(name, message, depth, file_name), "request")
    document = json.loads(report.to_json())
    assert_is_error_document(document)
    assert document["errorType"] == name
    assert document["errorMessage"] == message
    assert_has_lambda_s_form(report.runtime_api_type)
    cause = report.to_xray_cause()
    if cause is None:
        # Lambda would refuse the header, and the error with it.
        assert len(json.dumps([message, file_name] * 2)) > 1_000_000
    else:
        assert cause.isascii()
        assert cause.isprintable()
        assert json.loads(cause)["exceptions"][0]["message"] == message
    for log_format in ("TEXT", "JSON"):
        log = Log(LogSettings({"AWS_LAMBDA_LOG_FORMAT": log_format}))
        records: list[str] = []
        log.sink = mock.Mock(log_lines=lambda lines, frame_type, records=records: records.extend(lines))
        log.error(report)
        assert records


def assert_has_lambda_s_form(error_type: str) -> None:
    """Protocol 1.5: a word, then letters after the dot; anything else is recorded as unknown."""
    kind, _, name = error_type.partition(".")
    assert kind in ("Function", "Runtime")
    assert name[0] in string.ascii_uppercase
    assert set(name) <= set(string.ascii_letters)


# Replies.

REASONS = st.sampled_from([b"OK", b"", b"Not Found"])
FIELD_LINES = st.lists(
    st.tuples(st.text(TCHAR, min_size=1, max_size=6), st.text(FIELD_CHARACTERS, max_size=9)).map(
        lambda pair: f"X-{pair[0]}:{pair[1]}\r\n".encode()
    ),
    max_size=3,
).map(b"".join)


@st.composite
def replies(draw: Any) -> tuple[bytes, int, bytes]:
    """Return a reply that a server may send, with its status and body."""
    status = draw(st.integers(200, 599).filter(lambda status: status not in (204, 304)))
    body = draw(st.binary(max_size=40))
    interim = draw(st.sampled_from([b"", b"HTTP/1.1 100 Continue\r\n\r\n", b"HTTP/1.1 103 Early\r\nA: b\r\n\r\n"]))
    head = interim + b"HTTP/1.1 %d %b\r\n" % (status, draw(REASONS)) + draw(FIELD_LINES)
    if draw(st.booleans()):
        return head + b"Content-Length: %d\r\n\r\n" % len(body) + body, status, body
    cuts = sorted(draw(st.lists(st.integers(0, len(body)), max_size=3)))
    pieces = [body[start:end] for start, end in itertools.pairwise([0, *cuts, len(body)])]
    extension = draw(st.sampled_from([b"", b";name=value", b' ; name="v"']))
    coded = b"".join(b"%X%b\r\n%b\r\n" % (len(piece), extension, piece) for piece in pieces if piece)
    return head + b"Transfer-Encoding: chunked\r\n\r\n" + coded + b"0\r\n" + draw(FIELD_LINES) + b"\r\n", status, body


def outcome(pieces: list[bytes]) -> tuple[int, dict[str, str], bytes] | str:
    decoder = ReplyDecoder()
    try:
        for piece in pieces:
            reply = decoder.receive(piece)
            if reply is not None:
                break
        else:
            reply = decoder.receive_end()
    except ProtocolError:
        return "ProtocolError"
    return reply.status, reply.headers, reply.body


def cut_in_two(data: bytes) -> Iterator[list[bytes]]:
    return ([data[:offset], data[offset:]] for offset in range(len(data) + 1))


@given(replies())
def test_any_reply_is_decoded_the_same_when_cut_anywhere(drawn: tuple[bytes, int, bytes]) -> None:
    data, status, body = drawn
    whole = outcome([data])
    assert (whole[0], whole[2]) == (status, body)
    for pieces in cut_in_two(data):
        assert outcome(pieces) == whole
    assert outcome([data[i : i + 1] for i in range(len(data))]) == whole


NOISE = st.binary(max_size=6) | st.sampled_from([b"\r\n", b"\r\n\r\n", b"-", b"0", b"_", b"\xff", b" ", b":"])


@given(replies(), st.data())
def test_any_damaged_reply_gives_the_same_result_when_cut_anywhere(
    drawn: tuple[bytes, int, bytes], data: st.DataObject
) -> None:
    damaged = drawn[0]
    for _ in range(data.draw(st.integers(1, 3))):
        start = data.draw(st.integers(0, len(damaged)))
        damaged = damaged[:start] + data.draw(NOISE) + damaged[start + data.draw(st.integers(0, 3)) :]
    whole = outcome([damaged])
    for pieces in cut_in_two(damaged):
        assert outcome(pieces) == whole


@given(st.binary(max_size=300))
def test_any_bytes_are_a_reply_or_protocol_error(data: bytes) -> None:
    for prefix in (b"", b"HTTP/1.1 ", b"HTTP/1.1 200 OK\r\n", b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"):
        outcome([prefix + data])


# Events.

SHAPED = st.fixed_dictionaries(
    {},
    optional={
        "version": st.sampled_from(["1.0", "2.0", 2.0, None]) | JSON,
        "httpMethod": st.sampled_from(["GET", "HEAD"]) | JSON,
        "multiValueHeaders": JSON,
        "requestContext": JSON
        | st.fixed_dictionaries(
            {},
            optional={
                "elb": JSON,
                "domainName": st.sampled_from(["x.lambda-url.us-east-1.on.aws", "x.execute-api.aws"]) | JSON,
                "http": JSON | st.fixed_dictionaries({}, optional={"method": st.sampled_from(["GET", "HEAD"]) | JSON}),
            },
        ),
    },
)
DOORS = {*BUFFERING, None}


@given(JSON | SHAPED)
def test_any_event_has_at_most_one_front_door(event: Any) -> None:
    door = front_door.of_event(event)
    assert door in DOORS
    if door is not None:
        assert isinstance(front_door.method_of_event(event), str)
    for named in ("none", "function-url,rest-api", "function-url:live,rest-api:GET /never"):
        known = Settings({"_HANDLER": "index.handler", "LAMBDA_STREAMING_FRONT_DOORS": named})
        destinations = Destinations(
            api=mock.Mock(), flusher=mock.Mock(), metrics=mock.Mock(), settings=known, log=mock.Mock()
        )
        made = destinations.for_event(event, mock.Mock(function_arn=""))
        streams = isinstance(made, PreludeDestination)
        assert streams is (door in known.streaming_front_doors)
        assert isinstance(made, ProxyDestination) is (door is not None and not streams)


def test_deeply_nested_event_has_a_front_door() -> None:
    """The event is nested deeper than `repr` can go: turning a part of it into text would fail."""
    deep: Any = []
    for _ in range(100_000):
        deep = [deep]
    http_event: dict[str, Any] = {"version": "2.0", "requestContext": {"http": {"method": deep}, "domainName": deep}}
    rest_event: dict[str, Any] = {"httpMethod": deep, "requestContext": {}}
    for event, door in ((http_event, front_door.HTTP_API_2), (rest_event, front_door.REST_API)):
        assert front_door.of_event(event) == door
        assert front_door.method_of_event(event) == "GET"


CONTEXTS: dict[str, dict[str, Any]] = {
    front_door.FUNCTION_URL: {
        "version": "2.0",
        "requestContext": {"http": {"method": "GET"}, "domainName": "x.lambda-url.us-east-1.on.aws"},
    },
    front_door.HTTP_API_2: {"version": "2.0", "requestContext": {"http": {"method": "GET"}}},
    front_door.HTTP_API_1: {"version": "1.0", "httpMethod": "GET", "requestContext": {}},
    front_door.REST_API: {"httpMethod": "GET", "requestContext": {}},
    front_door.ALB: {"httpMethod": "GET", "headers": {}, "requestContext": {"elb": {}}},
    front_door.ALB_MULTI_VALUE: {"httpMethod": "GET", "multiValueHeaders": {}, "requestContext": {"elb": {}}},
}


@given(st.sampled_from(sorted(CONTEXTS)), SHAPED | st.dictionaries(TEXT, JSON))
def test_front_door_does_not_depend_on_client_input(door: str, sent: dict[str, Any]) -> None:
    event = {**CONTEXTS[door], "headers": sent, "queryStringParameters": sent, "body": json.dumps(sent)}
    event["requestContext"] = {**event["requestContext"], "authorizer": sent}
    assert front_door.of_event(event) == door


@given(JSON)
def test_any_json_value_survives_a_round_trip(value: Any) -> None:
    assert unmarshal(json.dumps(value).encode()) == value
    assert unmarshal(json.dumps(value, ensure_ascii=False).encode()) == value
    assert json.loads(marshal(value)) == value


@given(st.binary() | ANY_TEXT.map(lambda text: text.encode("utf-8", "surrogatepass")))
@example(b"[" * 100_000)
@example(b"1" * 5000)
def test_any_other_event_is_an_unmarshal_error(event: bytes) -> None:
    try:
        value = unmarshal(event)
    except UnmarshalError:
        return
    assert json.loads(event) == value


# Items that handlers yield.


class EventSource:
    """The HTML standard, 9.2.6, "Interpreting an event stream", as far as messages go; `messages` as dispatched."""

    def __init__(self) -> None:
        self.messages: list[tuple[str, str, str]] = []
        self.reconnection_time_ms: int | None = None
        self._last_event_id = ""

    def interpret(self, stream: bytes) -> None:
        text = stream.decode("utf-8", "replace").removeprefix("\ufeff")
        data = event_type = ""
        *lines, rest = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
        assert rest == ""  # An incomplete event at the end would be discarded.
        for line in lines:
            if not line:
                if data:
                    self.messages.append((event_type or "message", data.removesuffix("\n"), self._last_event_id))
                data = event_type = ""
                continue
            field, _, value = line.partition(":")
            value = value.removeprefix(" ")
            if field == "event":
                event_type = value
            elif field == "data":
                data += value + "\n"
            elif field == "id" and "\0" not in value:
                self._last_event_id = value
            elif field == "retry" and value and set(value) <= set(string.digits):
                self.reconnection_time_ms = int(value)


def on_lines(text: str) -> str:
    """Return data after the losses that the standard allows: kinds of line ends, lone surrogates."""
    return text.replace("\r\n", "\n").replace("\r", "\n").encode("utf-8", "replace").decode()


ONE_LINE = st.none() | ANY_TEXT
EVENTS = st.lists(st.tuples(ANY_TEXT | JSON, ONE_LINE, ONE_LINE, st.none() | st.integers(0)), max_size=4)


@given(EVENTS)
@example([("one\x0btwo\x85three\u2028four", " led by a space", " 7", 0)])
@example([("\ufeff", "", "", None)])
def test_any_server_sent_event_is_decoded_as_in_the_html_standard(events: list[tuple[Any, Any, Any, Any]]) -> None:
    stream = b""
    expected = []
    last_event_id = ""
    retry_ms = None
    for data, event, event_id, retry in events:
        if set(event or "") & set("\r\n") or set(event_id or "") & set("\r\n\0"):
            with pytest.raises(ValueError, match=r"it must be text on one line|holds a NUL"):
                ServerSentEvent(data, event=event, id=event_id, retry_ms=retry)
            continue
        encoded = ServerSentEvent(data, event=event, id=event_id, retry_ms=retry).to_bytes()
        stream += encoded + ServerSentEvent.keep_alive().to_bytes()
        last_event_id = last_event_id if event_id is None else on_lines(event_id)
        retry_ms = retry_ms if retry is None else retry
        text = on_lines(data) if isinstance(data, str) else data
        expected.append((on_lines(event or "") or "message", text, last_event_id))
    source = EventSource()
    source.interpret(stream)
    assert source.reconnection_time_ms == retry_ms
    assert [(event, event_id) for event, _, event_id in source.messages] == [(event, id_) for event, _, id_ in expected]
    for (_, data, _), (_, expected_data, _) in zip(source.messages, expected, strict=True):
        assert (data if isinstance(expected_data, str) else json.loads(data)) == expected_data


@given(st.lists(JSON, max_size=5))
def test_any_json_values_are_separate_lines(values: list[Any]) -> None:
    lines = list(json_lines(values))
    assert all(line.count(b"\n") == 1 and line.endswith(b"\n") for line in lines)
    assert [json.loads(line) for line in lines] == values
