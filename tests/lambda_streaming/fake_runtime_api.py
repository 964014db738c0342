"""A Runtime API that records: the test scripts its replies, and can wait for its requests.

Its decoder follows RFC 9112 (chunked coding, trailers) and shares nothing with the runtime's encoder.
"""

from __future__ import annotations

import json
import queue
import socket
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, BinaryIO

TIMEOUT_S = 20.0

FUNCTION_URL_EVENT: dict[str, Any] = {
    "version": "2.0",
    "rawPath": "/",
    "requestContext": {
        "domainName": "abcdefghij.lambda-url.us-east-1.on.aws",
        "http": {"method": "GET", "path": "/"},
    },
}


@dataclass
class Recorded:
    """One request of the runtime, as far as it has come."""

    method: str
    path: str
    headers: dict[str, str]
    chunks: list[bytes] = field(default_factory=list)
    trailers: dict[str, str] = field(default_factory=dict)

    @property
    def body(self) -> bytes:
        return b"".join(self.chunks)

    @property
    def is_streamed(self) -> bool:
        return self.headers.get("lambda-runtime-function-response-mode") == "streaming"

    @property
    def prelude(self) -> dict[str, Any]:
        head, delimiter, _ = self.body.partition(b"\0" * 8)
        assert delimiter, f"no prelude in {self.body!r}"
        document = json.loads(head)
        assert isinstance(document, dict)
        return document

    @property
    def payload(self) -> bytes:
        """The body after the prelude."""
        _, delimiter, payload = self.body.partition(b"\0" * 8)
        assert delimiter, f"no prelude in {self.body!r}"
        return payload


class Exchange:
    """One invocation: the event, and the answer of the runtime so far."""

    def __init__(self, request_id: str, event: bytes, headers: dict[str, str], reply: bytes) -> None:
        self.request_id = request_id
        self.event = event
        self.headers = headers
        self.reply = reply
        self.reply_early_after: int | None = None
        # Called before the body of the response is read.
        self.reads_after: Callable[[], object] = lambda: None
        # Called when the response is complete, before its reply.
        self.replies_after: Callable[[], object] = lambda: None
        self.answer: Recorded | None = None
        self.is_complete = False
        self.is_broken = False
        self._changed = threading.Condition()

    def note(self, **changes: Any) -> None:
        with self._changed:
            for name, value in changes.items():
                setattr(self, name, value)
            self._changed.notify_all()

    def note_chunk(self, recorded: Recorded, chunk: bytes) -> None:
        with self._changed:
            recorded.chunks.append(chunk)
            self._changed.notify_all()

    def wait_for(self, expected: bytes) -> None:
        """Return once `expected` stands in the body; fail if the answer ends without it."""
        with self._changed:
            done = self._changed.wait_for(
                lambda: self.is_complete or self.is_broken or expected in (self.answer.body if self.answer else b""),
                TIMEOUT_S,
            )
            body = self.answer.body if self.answer else b""
        assert done, f"{expected!r} did not come within {TIMEOUT_S} s; so far {body!r}"
        assert expected in body, f"the answer ended without {expected!r}: {body!r}"

    def wait_for_end(self) -> None:
        """Return once the answer is complete or broken off."""
        with self._changed:
            done = self._changed.wait_for(lambda: self.is_complete or self.is_broken, TIMEOUT_S)
        assert done, f"no complete answer within {TIMEOUT_S} s; so far {self.answer}"

    def result(self) -> Recorded:
        """Wait for the whole answer and return it."""
        self.wait_for_end()
        assert not self.is_broken, f"the answer was broken off: {self.answer}"
        assert self.answer is not None
        return self.answer


ACCEPTED = b'HTTP/1.1 202 Accepted\r\nContent-Type: application/json\r\nContent-Length: 16\r\n\r\n{"status":"OK"}\n'


def reply(status: int, body: bytes = b"{}", *headers: str) -> bytes:
    lines = [f"HTTP/1.1 {status} Reason", f"Content-Length: {len(body)}", *headers]
    return ("\r\n".join(lines) + "\r\n\r\n").encode() + body


# Lambda's reply to a response that ends in the middle (protocol.md 1.3).
TRUNCATED = reply(400, b'{"errorType":"TruncatedHTTPRequest"}', "Connection: close")


class FakeRuntimeApi:
    def __init__(self) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.address = f"127.0.0.1:{self._listener.getsockname()[1]}"
        self.connections = 0
        self.init_errors: queue.Queue[Recorded] = queue.Queue()
        self.restore_errors: queue.Queue[Recorded] = queue.Queue()
        self.extensions: queue.Queue[Recorded] = queue.Queue()
        self.idle = threading.Event()
        self.restore_asked = threading.Semaphore(0)
        self.restored = threading.Semaphore(0)
        self._waiting: queue.Queue[Exchange | None] = queue.Queue()
        self._exchanges: dict[str, Exchange] = {}
        self._open: list[socket.socket] = []
        self._ended = False
        threading.Thread(target=self._accept, daemon=True).start()

    def invoke(self, event: Any = None, *, headers: dict[str, str] | None = None, reply: bytes = ACCEPTED) -> Exchange:
        request_id = f"00000000-0000-4000-8000-{len(self._exchanges):012d}"
        body = event if isinstance(event, bytes) else json.dumps(event).encode()
        exchange = Exchange(request_id, body, headers or {}, reply)
        self._exchanges[request_id] = exchange
        self._waiting.put(exchange)
        if self._ended:
            exchange.note(is_broken=True)
        return exchange

    def note_runtime_ended(self) -> None:
        self._ended = True
        for exchange in self._exchanges.values():
            if not exchange.is_complete:
                exchange.note(is_broken=True)

    def close(self) -> None:
        self._waiting.put(None)
        self._listener.close()
        for connection in self._open:
            connection.close()

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            self.connections += 1
            self._open.append(connection)
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        try:
            stream = connection.makefile("rb")
            while (recorded := _read_head(stream)) is not None:
                answer = self._answer(recorded, stream, connection)
                if answer is None:
                    return
                connection.sendall(answer)
                if b"Connection: close" in answer:
                    return
        except (OSError, ValueError):
            return  # The runtime went away, or the test ended.
        finally:
            connection.close()

    def _answer(self, recorded: Recorded, stream: BinaryIO, connection: socket.socket) -> bytes | None:
        if recorded.path == "/2018-06-01/runtime/invocation/next":
            self.idle.set()
            exchange = self._waiting.get()
            self.idle.clear()
            return None if exchange is None else _event(exchange)
        if recorded.path == "/2018-06-01/runtime/init/error":
            _read_body(recorded, stream, recorded.chunks.append)
            self.init_errors.put(recorded)
            return ACCEPTED
        if recorded.path == "/2018-06-01/runtime/restore/next":
            self.restore_asked.release()
            self.restored.acquire()
            return reply(200, b"")
        if recorded.path == "/2018-06-01/runtime/restore/error":
            _read_body(recorded, stream, recorded.chunks.append)
            self.restore_errors.put(recorded)
            return ACCEPTED
        if recorded.path == "/2020-01-01/extension/register":
            _read_body(recorded, stream, recorded.chunks.append)
            self.extensions.put(recorded)
            return reply(200, b"{}", "Lambda-Extension-Identifier: id")
        if recorded.path == "/2020-01-01/extension/event/next":
            stream.read(1)  # Until the process ends: it requests no events.
            return None
        exchange = self._exchanges[recorded.path.split("/")[-2]]
        exchange.note(answer=recorded)
        exchange.reads_after()
        complete = False

        def note(chunk: bytes) -> None:
            exchange.note_chunk(recorded, chunk)
            if exchange.reply_early_after is not None and len(recorded.body) >= exchange.reply_early_after:
                raise _EarlyReply

        try:
            complete = _read_body(recorded, stream, note)
        except _EarlyReply:
            exchange.note(is_complete=True)
            connection.sendall(exchange.reply)
            time.sleep(0)
            _drain(stream)
            return None
        finally:
            if not complete and not exchange.is_complete:
                exchange.note(is_broken=True)
        if not complete:
            return TRUNCATED
        exchange.note(is_complete=True)
        exchange.replies_after()
        return exchange.reply


class _EarlyReply(Exception):
    pass


def _event(exchange: Exchange) -> bytes:
    headers = {
        "Lambda-Runtime-Aws-Request-Id": exchange.request_id,
        "Lambda-Runtime-Deadline-Ms": str(int(time.time() * 1000) + 60_000),
        "Lambda-Runtime-Invoked-Function-Arn": "arn:aws:lambda:us-east-1:123456789012:function:test",
        "Content-Type": "application/json",
        "Content-Length": str(len(exchange.event)),
        **exchange.headers,
    }
    head = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    return f"HTTP/1.1 200 OK\r\n{head}\r\n".encode() + exchange.event


def _read_head(stream: BinaryIO) -> Recorded | None:
    line = stream.readline()
    if not line:
        return None
    method, path, version = line.decode("ascii").split()
    assert version == "HTTP/1.1"
    return Recorded(method, path, _read_fields(stream))


def _read_fields(stream: BinaryIO) -> dict[str, str]:
    fields: dict[str, str] = {}
    while (line := stream.readline()) != b"\r\n":
        assert line.endswith(b"\r\n"), f"a field line ends wrongly: {line!r}"
        name, _, value = line.decode("latin-1").partition(":")
        name, value = name.lower(), value.strip()
        fields[name] = f"{fields[name]}, {value}" if name in fields else value
    return fields


def _read_body(recorded: Recorded, stream: BinaryIO, note: Any) -> bool:
    """Read one request body; whether it was complete."""
    if recorded.headers.get("transfer-encoding") != "chunked":
        length = int(recorded.headers.get("content-length", "0"))
        body = stream.read(length)
        if body:
            note(body)
        return len(body) == length
    while True:
        line = stream.readline()
        if not line:
            return False
        size = int(line, 16)
        if size == 0:
            recorded.trailers.update(_read_fields(stream))
            return True
        chunk = stream.read(size)
        if len(chunk) < size:
            return False
        end = stream.read(2)
        assert end == b"\r\n", f"a chunk of {size} bytes ends with {end!r}"
        note(chunk)


def _drain(stream: BinaryIO) -> None:
    while stream.read(65_536):
        pass
