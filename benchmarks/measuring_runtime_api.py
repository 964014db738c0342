"""Runtime API that sends events and measures when the responses arrive.

By default it acknowledges every packet at once (`TCP_QUICKACK`, set again after each read). Otherwise the kernel would
add 40 ms for clients with Nagle's algorithm. It is not known if AWS's service does that too.

An extension may register. It gets no event.
"""

from __future__ import annotations

import json
import re
import select
import socket
import time
from dataclasses import dataclass, field
from typing import Any

TIMEOUT_S = 60
_BUFFER_BYTES = 1024 * 1024
_ACCEPTED = b'HTTP/1.1 202 Accepted\r\nContent-Type: application/json\r\nContent-Length: 16\r\n\r\n{"status":"OK"}\n'
_REGISTERED = b"HTTP/1.1 200 OK\r\nLambda-Extension-Identifier: extension\r\nContent-Length: 2\r\n\r\n{}"
_LAST_CHUNK = b"\r\n0\r\n\r\n"
_CHUNK_HEAD = b"\r\n0123456789abcdefABCDEF"
_STAMP = re.compile(rb"(\d{20});")


@dataclass(frozen=True, slots=True)
class Answer:
    """Times of the first byte of payload and the last byte, in seconds since the event was sent, and the length."""

    first_byte_s: float
    last_byte_s: float
    received_bytes: int
    delays_s: list[float] = field(default_factory=list)


class MeasuringRuntimeApi:
    """Server for one invocation at a time. A client may open several connections: Node.js opens one for `/next`."""

    def __init__(self, *, acknowledges_at_once: bool = True) -> None:
        self._acknowledges_at_once = acknowledges_at_once
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.address = f"127.0.0.1:{self._listener.getsockname()[1]}"
        self._connections: list[socket.socket] = []
        self._waiting: socket.socket | None = None
        self._count = 0
        self._buffer = bytearray(_BUFFER_BYTES)
        self._arrived = 0.0

    def wait_for_next(self) -> float:
        """Wait until the runtime asks for an event. Return the time of its request (`time.perf_counter`)."""
        while True:
            connection = self._ready_connection()
            moment = time.perf_counter()
            head, body = self._receive_head(connection)
            if head.startswith(b"POST /2020-01-01/extension/register "):
                self._receive_body(connection, head, body)
                connection.sendall(_REGISTERED)
            elif not head.startswith(b"GET /2020-01-01/extension/event/next "):
                assert head.startswith(b"GET /2018-06-01/runtime/invocation/next "), head
                self._waiting = connection
                return moment

    def invoke(self, response: str) -> Answer:
        """Send an event, read the response, and wait until the runtime asks for the next event.

        `response` names the response in the event, and is the path of its request.
        """
        assert self._waiting is not None, "the runtime has not asked for an event"
        self._count += 1
        event = json.dumps({"response": response, **_function_url_event(f"/{response}")}).encode()
        head = (
            f"HTTP/1.1 200 OK\r\nLambda-Runtime-Aws-Request-Id: {self._count:032x}\r\n"
            f"Lambda-Runtime-Deadline-Ms: {int(time.time() * 1000) + 60_000}\r\n"
            "Lambda-Runtime-Invoked-Function-Arn: arn:aws:lambda:us-east-1:123456789012:function:measured\r\n"
            f"Content-Type: application/json\r\nContent-Length: {len(event)}\r\n\r\n"
        )
        start = time.perf_counter()
        self._waiting.sendall(head.encode() + event)
        connection = self._ready_connection()
        answer = self._receive_answer(connection, start, watches_stamps=response == "pairs")
        connection.sendall(_ACCEPTED)
        self.wait_for_next()
        return answer

    def close(self) -> None:
        for each in (self._listener, *self._connections):
            each.close()

    def _receive_answer(self, connection: socket.socket, start: float, *, watches_stamps: bool) -> Answer:
        head, rest = self._receive_head(connection)
        assert b"/response HTTP/1.1" in head, head + rest
        if b"chunked" not in head.lower():
            return self._receive_whole_answer(connection, start, head, rest)
        # A prelude ends with eight NUL bytes. The payload begins after it and after the head of the next chunk.
        received, first_byte_s, tail, seen = 0, 0.0, b"", b""
        delays: list[float] = []
        data: bytes | memoryview = rest
        while True:
            now_ns = time.monotonic_ns()
            received += len(data)
            if not first_byte_s:
                seen += bytes(data)
                if seen.partition(b"\0" * 8)[2].strip(_CHUNK_HEAD):
                    first_byte_s = self._arrived - start
            if watches_stamps:
                delays += [(now_ns - int(stamp)) / 1e9 for stamp in _STAMP.findall(bytes(data))]
            tail = (tail + bytes(data[-8:]))[-8:]
            if tail.endswith(_LAST_CHUNK):
                return Answer(first_byte_s, self._arrived - start, received, delays)
            data = memoryview(self._buffer)[: self._receive(connection)]

    def _receive_whole_answer(self, connection: socket.socket, start: float, head: bytes, body: bytes) -> Answer:
        first_byte_s = self._arrived - start
        body = self._receive_body(connection, head, body)
        return Answer(first_byte_s, self._arrived - start, len(body))

    def _receive_body(self, connection: socket.socket, head: bytes, body: bytes) -> bytes:
        length = re.search(rb"(?i)content-length: (\d+)", head)
        assert length is not None, head
        while len(body) < int(length[1]):
            body += self._buffer[: self._receive(connection)]
        return body

    def _receive_head(self, connection: socket.socket) -> tuple[bytes, bytes]:
        data = b""
        while b"\r\n\r\n" not in data:
            data += self._buffer[: self._receive(connection)]
        head, _, rest = data.partition(b"\r\n\r\n")
        return head, rest

    def _receive(self, connection: socket.socket) -> int:
        count = connection.recv_into(self._buffer)
        # The time that this server needs does not count.
        self._arrived = time.perf_counter()
        assert count, "the runtime closed its connection in the middle of a request"
        if self._acknowledges_at_once:
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_QUICKACK, 1)
        return count

    def _ready_connection(self) -> socket.socket:
        """Return a connection on which a request begins. Accept new connections, and remove closed ones."""
        deadline = time.monotonic() + TIMEOUT_S
        while True:
            ready, _, _ = select.select([self._listener, *self._connections], [], [], TIMEOUT_S)
            assert ready, f"the runtime sent nothing for {TIMEOUT_S} s"
            assert time.monotonic() < deadline
            for each in ready:
                if each is self._listener:
                    connection, _ = self._listener.accept()
                    connection.settimeout(TIMEOUT_S)
                    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                    self._connections.append(connection)
                elif each.recv(1, socket.MSG_PEEK):
                    return each
                else:
                    self._connections.remove(each)
                    each.close()


def _function_url_event(path: str) -> dict[str, Any]:
    host = "measured.lambda-url.us-east-1.on.aws"
    http = {"method": "GET", "path": path, "protocol": "HTTP/1.1", "sourceIp": "192.0.2.1", "userAgent": "benchmark"}
    return {
        "version": "2.0",
        "routeKey": "$default",
        "rawPath": path,
        "rawQueryString": "",
        "headers": {"host": host, "accept": "*/*", "x-forwarded-proto": "https", "x-forwarded-port": "443"},
        "requestContext": {
            "accountId": "anonymous",
            "apiId": "measured",
            "domainName": host,
            "domainPrefix": "measured",
            "http": http,
            "requestId": "request",
            "routeKey": "$default",
            "stage": "$default",
            "time": "01/Jan/2026:00:00:00 +0000",
            "timeEpoch": 1767225600000,
        },
        "isBase64Encoded": False,
    }
