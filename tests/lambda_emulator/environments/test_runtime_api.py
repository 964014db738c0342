"""The Runtime API answers as Lambda does, to the byte."""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from lambda_emulator.environments.runtime_api import TRAILERS_LIMIT_BYTES, RuntimeApi, RuntimeState
from lambda_emulator.functions import Function, InvokeMode
from lambda_emulator.invocation import BUFFERED_LIMIT_BYTES, Invocation, InvocationError

FUNCTION = Function(
    name="chat",
    logical_id="Chat",
    construct_path="Demo/Chat",
    arn="arn:aws:lambda:eu-west-1:123456789012:function:chat",
    runtime="python3.13",
    handler="app.handler",
    code=Path("code"),
    timeout_seconds=3,
)

OK = b'{"status":"OK"}\n'
INVALID_REQUEST_ID = b'{"errorMessage":"Invalid request ID","errorType":"InvalidRequestID"}\n'
TOO_LARGE = (
    b'{"errorMessage":"Exceeded maximum allowed payload size (6291556 bytes).","errorType":"RequestEntityTooLarge"}\n'
)
TRUNCATED = b'{"errorMessage":"HTTP request detected as truncated","errorType":"TruncatedHTTPRequest"}\n'
INVALID_MODE = b'{"errorMessage":"Invalid function response mode","errorType":"InvalidFunctionResponseMode"}\n'

NEXT = b"GET /2018-06-01/runtime/invocation/next HTTP/1.1\r\nHost: localhost\r\n\r\n"
STREAMING = "Lambda-Runtime-Function-Response-Mode: streaming\r\nTransfer-Encoding: chunked\r\n"
DECLARED = "Trailer: Lambda-Runtime-Function-Error-Type, Lambda-Runtime-Function-Error-Body\r\n"
ERROR_DOCUMENT = b'{"errorType":"Function.Boom","errorMessage":"boom"}'
ERROR_TRAILERS = (
    b"Lambda-Runtime-Function-Error-Type: Function.Boom\r\n"
    b"Lambda-Runtime-Function-Error-Body: " + base64.b64encode(ERROR_DOCUMENT) + b"\r\n"
)


def rejection(state: str, wanted: str) -> bytes:
    message = f"State transition from {state} to {wanted} failed for runtime. Error: State transition is not allowed"
    return b'{"errorMessage":"%s","errorType":"InvalidStateTransition"}\n' % message.encode()


class RecordingObserver:
    def __init__(self) -> None:
        self.events: list[str] = []
        self.init_error: InvocationError | None = None

    def runtime_ready(self) -> None:
        self.events.append("ready")

    def invocation_started(self, invocation: Invocation) -> None:
        self.events.append("started")

    def response_sent(self, invocation: Invocation) -> None:
        self.events.append("sent")

    def init_failed(self, error: InvocationError) -> None:
        self.init_error = error

    def request_rejected(self, answer: str) -> None:
        self.events.append(f"rejected: {answer}")


class Runtime:
    """Connection of a runtime. Tests write its bytes."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer
        self.headers: dict[str, str] = {}

    def send(self, data: bytes) -> None:
        self._writer.write(data)

    async def reply(self) -> tuple[int, bytes]:
        head = (await self._reader.readuntil(b"\r\n\r\n")).decode()
        status, *lines = head.strip().split("\r\n")
        self.headers = {name.lower(): value for name, value in (line.split(": ", 1) for line in lines)}
        return int(status.split()[1]), await self._reader.readexactly(int(self.headers["content-length"]))

    async def request(self, data: bytes) -> tuple[int, bytes]:
        self.send(data)
        return await self.reply()

    async def is_closed(self) -> bool:
        return await self._reader.read() == b""

    def close(self) -> None:
        self._writer.close()


class Bench:
    """A Runtime API and one invocation."""

    def __init__(self, invoke_mode: InvokeMode = InvokeMode.RESPONSE_STREAM) -> None:
        self.observer = RecordingObserver()
        self.api = RuntimeApi(self.observer)
        self.invocation = Invocation(FUNCTION, b'{"a":1}', invoke_mode=invoke_mode, request_id="first")
        self.runtime: Runtime

    async def connect(self) -> Runtime:
        reader, writer = await asyncio.open_connection(*self._address)
        return Runtime(reader, writer)

    async def take_event(self) -> None:
        await self.api.hand_over(self.invocation)
        await self.runtime.request(NEXT)

    async def open(self) -> None:
        host, port = (await self.api.start("127.0.0.1")).split(":")
        self._address = (host, int(port))
        self.runtime = await self.connect()

    def respond(self, body: bytes, headers: str = "", request_id: str = "first", to: str = "response") -> bytes:
        length = "" if "chunked" in headers else f"Content-Length: {len(body)}\r\n"
        path = f"/2018-06-01/runtime/invocation/{request_id}/{to}"
        return f"POST {path} HTTP/1.1\r\nHost: localhost\r\n{headers}{length}\r\n".encode() + body


Test = Callable[[Bench], Awaitable[None]]


def run(test: Test, bench: Bench | None = None) -> None:
    bench = bench or Bench()

    async def whole() -> None:
        await bench.open()
        try:
            await asyncio.wait_for(test(bench), 10)
        finally:
            await bench.api.close()

    asyncio.run(whole())


def test_next_waits_and_returns_the_event_with_its_headers() -> None:
    async def test(bench: Bench) -> None:
        bench.runtime.send(NEXT)
        await bench.api.hand_over(bench.invocation)
        status, body = await bench.runtime.reply()
        headers = bench.runtime.headers

        assert (status, body) == (200, b'{"a":1}')
        assert headers["lambda-runtime-aws-request-id"] == "first"
        assert headers["lambda-runtime-deadline-ms"] == str(bench.invocation.deadline_ms)
        assert headers["lambda-runtime-invoked-function-arn"] == FUNCTION.arn
        assert headers["lambda-runtime-trace-id"].startswith("Root=1-")
        assert headers["content-type"] == "application/json"
        assert "lambda-runtime-client-context" not in headers
        assert bench.observer.events == ["ready", "started"]

    run(test)


def test_next_before_a_response_returns_the_same_event() -> None:
    async def test(bench: Bench) -> None:
        await bench.take_event()
        deadline_ms = bench.invocation.deadline_ms

        assert await (await bench.connect()).request(NEXT) == (200, b'{"a":1}')
        assert bench.invocation.deadline_ms == deadline_ms

    run(test)


def test_buffered_response_ends_the_invocation() -> None:
    async def test(bench: Bench) -> None:
        await bench.take_event()
        assert await bench.runtime.request(bench.respond(b"[1]", "Content-Type: application/json\r\n")) == (202, OK)

        assert await bench.invocation.collect() == b"[1]"
        assert bench.invocation.content_type == "application/json"
        assert bench.invocation.error is None
        assert bench.observer.events == ["ready", "started", "sent"]

    run(test, Bench(InvokeMode.BUFFERED))


def test_chunk_is_passed_on_before_the_next_is_sent() -> None:
    async def test(bench: Bench) -> None:
        await bench.take_event()
        body = bench.invocation.body()
        bench.runtime.send(bench.respond(b"3\r\none\r\n", STREAMING))
        assert await body.__anext__() == b"one"
        bench.runtime.send(b"3\r\ntwo\r\n")
        assert await body.__anext__() == b"two"
        assert await bench.runtime.request(b"0\r\n\r\n") == (202, OK)
        assert [data async for data in body] == []

    run(test)


def test_next_during_a_response_is_rejected() -> None:
    async def test(bench: Bench) -> None:
        await bench.take_event()
        bench.runtime.send(bench.respond(b"3\r\none\r\n", STREAMING))
        await bench.invocation.response_started()

        reply = await (await bench.connect()).request(NEXT)

        assert reply == (403, rejection("InvocationResponse", "Ready"))
        assert len(reply[1]) == 165
        assert await bench.runtime.request(b"0\r\n\r\n") == (202, OK)

    run(test)


def test_error_during_a_response_waits_for_its_end_and_is_rejected() -> None:
    async def test(bench: Bench) -> None:
        await bench.take_event()
        bench.runtime.send(bench.respond(b"3\r\none\r\n", STREAMING))
        await bench.invocation.response_started()
        other = await bench.connect()
        other.send(bench.respond(ERROR_DOCUMENT, to="error"))

        assert await bench.runtime.request(b"0\r\n\r\n") == (202, OK)
        assert await other.reply() == (403, rejection("ResponseSent", "InvocationErrorResponse"))
        assert bench.invocation.error is None

    run(test)


def test_second_response_is_rejected() -> None:
    async def test(bench: Bench) -> None:
        await bench.take_event()
        await bench.runtime.request(bench.respond(b"1"))

        assert await bench.runtime.request(bench.respond(b"2")) == (
            403,
            rejection("ResponseSent", "InvocationResponse"),
        )
        assert await bench.invocation.collect() == b"1"

    run(test)


@pytest.mark.parametrize("to", ["response", "error"])
def test_wrong_request_id_is_rejected_and_the_invocation_goes_on(to: str) -> None:
    async def test(bench: Bench) -> None:
        await bench.take_event()

        reply = await bench.runtime.request(bench.respond(b"late", request_id="zero", to=to))

        assert reply == (400, INVALID_REQUEST_ID)
        assert bench.api.state is RuntimeState.RUNNING
        assert await bench.runtime.request(bench.respond(b"1")) == (202, OK)

    run(test)


def test_misspelled_response_mode_is_rejected_and_blocks_the_runtime() -> None:
    async def test(bench: Bench) -> None:
        await bench.take_event()
        headers = "Lambda-Runtime-Function-Response-Mode: Streaming\r\n"

        assert await bench.runtime.request(bench.respond(b"", headers)) == (400, INVALID_MODE)
        assert await bench.runtime.request(NEXT) == (403, rejection("InvocationResponse", "Ready"))
        assert bench.invocation.error is not None
        assert bench.invocation.error.error_type == "Runtime.InvalidResponseModeHeader"

    run(test)


def test_declared_trailers_become_the_error_of_the_stream() -> None:
    async def test(bench: Bench) -> None:
        await bench.take_event()
        request = bench.respond(b"3\r\none\r\n0\r\n" + ERROR_TRAILERS + b"\r\n", STREAMING + DECLARED)

        assert await bench.runtime.request(request) == (202, OK)
        assert await bench.invocation.collect() == b"one"
        assert bench.invocation.error == InvocationError("Function.Boom", ERROR_DOCUMENT, is_end_of_stream=True)

    run(test)


def test_undeclared_trailers_are_ignored() -> None:
    async def test(bench: Bench) -> None:
        await bench.take_event()
        request = bench.respond(b"3\r\none\r\n0\r\n" + ERROR_TRAILERS + b"\r\n", STREAMING)

        assert await bench.runtime.request(request) == (202, OK)
        assert bench.invocation.is_over
        assert bench.invocation.error is None

    run(test)


def test_trailers_can_be_declared_in_several_headers() -> None:
    async def test(bench: Bench) -> None:
        await bench.take_event()
        declared = "Trailer: Lambda-Runtime-Function-Error-Type\r\nTrailer: Lambda-Runtime-Function-Error-Body\r\n"
        request = bench.respond(b"0\r\n" + ERROR_TRAILERS + b"\r\n", STREAMING + declared)

        assert await bench.runtime.request(request) == (202, OK)
        assert bench.invocation.error is not None
        assert bench.invocation.error.document == ERROR_DOCUMENT

    run(test)


@pytest.mark.parametrize(("excess_bytes", "status"), [(0, 202), (1, 400)])
def test_trailers_above_the_limit_truncate_the_response(excess_bytes: int, status: int) -> None:
    async def test(bench: Bench) -> None:
        await bench.take_event()
        name = b"Lambda-Runtime-Function-Error-Type: "
        value = b"x" * (TRAILERS_LIMIT_BYTES - len(name) - len(b"\r\n\r\n") + excess_bytes)
        request = bench.respond(b"0\r\n" + name + value + b"\r\n\r\n", STREAMING + DECLARED)

        assert (await bench.runtime.request(request))[0] == status
        assert bench.invocation.error is not None
        assert (bench.invocation.error.error_type == "Runtime.TruncatedResponse") == (status == 400)

    run(test)


def test_closed_connection_truncates_the_response_and_the_runtime_can_reconnect() -> None:
    async def test(bench: Bench) -> None:
        await bench.take_event()
        bench.runtime.send(bench.respond(b"3\r\none\r\n", STREAMING))
        await bench.invocation.response_started()
        bench.runtime.close()

        assert await bench.invocation.collect() == b"one"
        assert bench.invocation.error is not None
        assert bench.invocation.error.error_type == "Runtime.TruncatedResponse"

        second = Invocation(FUNCTION, b"{}", invoke_mode=InvokeMode.BUFFERED)
        reconnected = await bench.connect()
        reconnected.send(NEXT)
        await bench.api.hand_over(second)
        assert await reconnected.reply() == (200, b"{}")

    run(test)


def test_malformed_chunk_truncates_the_response() -> None:
    async def test(bench: Bench) -> None:
        await bench.take_event()
        bench.runtime.send(bench.respond(b"5\r\nbad chunk", STREAMING))

        assert await bench.runtime.reply() == (400, TRUNCATED)
        assert bench.runtime.headers["connection"] == "close"

    run(test)


def test_response_above_the_limit_is_answered_while_it_is_sent() -> None:
    async def test(bench: Bench) -> None:
        await bench.take_event()
        collected = asyncio.ensure_future(bench.invocation.collect())
        bench.runtime.send(bench.respond(b"%x\r\n" % (BUFFERED_LIMIT_BYTES * 2), STREAMING))
        bench.runtime.send(b"x" * (BUFFERED_LIMIT_BYTES + 1000))

        assert await bench.runtime.reply() == (413, TOO_LARGE)
        assert bench.runtime.headers["connection"] == "close"
        assert await bench.runtime.is_closed()
        assert len(await collected) == BUFFERED_LIMIT_BYTES + 1
        assert bench.invocation.error is not None
        assert bench.invocation.error.error_type == "Function.ResponseSizeTooLarge"
        assert bench.api.state is RuntimeState.RESPONSE_SENT

    run(test, Bench(InvokeMode.BUFFERED))


def test_stream_above_the_limit_is_answered_with_the_limit_of_streams(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lambda_emulator.invocation.STREAM_LIMIT_BYTES", 1000)

    async def test(bench: Bench) -> None:
        await bench.take_event()

        assert await bench.runtime.request(bench.respond(b"x" * 1001)) == (413, TOO_LARGE.replace(b"6291556", b"1000"))

    run(test)


def test_buffered_response_of_a_streaming_invoke_has_the_limit_of_streams() -> None:
    async def test(bench: Bench) -> None:
        await bench.take_event()
        collected = asyncio.ensure_future(bench.invocation.collect())

        assert await bench.runtime.request(bench.respond(b"x" * 7_000_000)) == (202, OK)
        assert len(await collected) == 7_000_000

    run(test)


@pytest.mark.parametrize(
    ("sent", "recorded"),
    [
        ("Function.Boom", "Function.Boom"),
        ("Runtime.ImportModuleError", "Runtime.ImportModuleError"),
        ("Function.Error404", "Function.Error"),
        ("ValueError", "Runtime.Unknown"),
        ("", "Runtime.Unknown"),
    ],
)
def test_error_types_in_another_form_than_lambdas_are_unknown(sent: str, recorded: str) -> None:
    async def test(bench: Bench) -> None:
        await bench.take_event()
        header = f"Lambda-Runtime-Function-Error-Type: {sent}\r\n"

        assert await bench.runtime.request(bench.respond(ERROR_DOCUMENT, header, to="error")) == (202, OK)
        assert bench.invocation.error == InvocationError(recorded, ERROR_DOCUMENT)
        assert not await bench.invocation.response_started()

    run(test)


def test_init_error_is_accepted_once() -> None:
    async def test(bench: Bench) -> None:
        path = "POST /2018-06-01/runtime/init/error HTTP/1.1\r\nHost: localhost\r\n"
        request = f"{path}Content-Length: {len(ERROR_DOCUMENT)}\r\n\r\n".encode() + ERROR_DOCUMENT

        assert await bench.runtime.request(request) == (202, OK)
        assert bench.observer.init_error is not None
        assert bench.observer.init_error.message == "boom"
        assert await bench.runtime.request(request) == (403, rejection("InitError", "InitError"))

    run(test)


def test_init_error_after_next_is_rejected() -> None:
    async def test(bench: Bench) -> None:
        await bench.take_event()
        request = b"POST /2018-06-01/runtime/init/error HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\n\r\n"

        assert await bench.runtime.request(request) == (403, rejection("Running", "InitError"))

    run(test)


def test_client_context_reaches_the_runtime_as_json() -> None:
    async def test(bench: Bench) -> None:
        bench.invocation.client_context = json.dumps({"custom": {"a": "1"}})
        await bench.take_event()

        assert bench.runtime.headers["lambda-runtime-client-context"] == '{"custom": {"a": "1"}}'

    run(test)


def test_writing_waits_while_the_reader_is_behind() -> None:
    """The buffer between the function and a slow caller is bounded."""

    async def test(bench: Bench) -> None:
        written_bytes = 0

        async def write() -> None:
            nonlocal written_bytes
            while True:
                await bench.invocation.write(bytes(32 * 1024))
                written_bytes += 32 * 1024

        writer = asyncio.ensure_future(write())
        for _ in range(100):
            await asyncio.sleep(0)
        assert written_bytes == 64 * 1024

        await bench.invocation.body().__anext__()
        for _ in range(100):
            await asyncio.sleep(0)
        assert written_bytes == 96 * 1024
        writer.cancel()

    run(test)
