"""A Runtime API that resets, closes or answers wrongly anywhere: the runtime never hangs and mixes nothing up."""

from __future__ import annotations

import json
import select
import socket
import struct
import threading
from collections.abc import Callable

import pytest

from .conftest import Gate, RunningRuntime, RunRuntime
from .fake_runtime_api import ACCEPTED, TIMEOUT_S, FakeRuntimeApi, reply

HANDLER = """
import sys
calls = []

def items(event):
    for number in range(event.get("items", 3)):
        yield f"{number}" * event.get("size", 1)

def handler(event, context):
    calls.append(event["kind"])
    if event["kind"] == "buffered":
        return "whole"
    if event["kind"] == "calls":
        return calls
    if event["kind"] == "fails":
        raise ValueError("no luck")
    return items(event)
"""


class ScriptedApi(FakeRuntimeApi):
    """Gives each connection to a script first; a script that returns `True` leaves it to the usual answers."""

    def __init__(self) -> None:
        super().__init__()
        self.scripts: list[Callable[[socket.socket], bool]] = []

    def _serve(self, connection: socket.socket) -> None:
        try:
            if self.scripts and not self.scripts.pop(0)(connection):
                connection.close()
                return
        except OSError:
            return  # The runtime was quicker to leave.
        super()._serve(connection)


@pytest.fixture
def scripted(run_runtime: RunRuntime, monkeypatch: pytest.MonkeyPatch) -> Callable[..., RunningRuntime]:
    """Start the runtime on `HANDLER` with scripts for its first connections."""

    def start(*scripts: Callable[[socket.socket], bool]) -> RunningRuntime:
        api = ScriptedApi()
        api.scripts = list(scripts)
        monkeypatch.setattr("tests.lambda_streaming.conftest.FakeRuntimeApi", lambda: api)
        return run_runtime(HANDLER)

    return start


def read_request(connection: socket.socket) -> bytes:
    data = b""
    while b"\r\n\r\n" not in data:
        data += connection.recv(65_536)
    return data


def reset(connection: socket.socket) -> None:
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()


def event(request_id: str, document: dict[str, object]) -> bytes:
    return reply(200, json.dumps(document).encode(), f"Lambda-Runtime-Aws-Request-Id: {request_id}")


def serves_the_next(runtime: RunningRuntime) -> bool:
    return runtime.invoke({"kind": "items"}).result().body == b"012"


@pytest.mark.parametrize("end", ["close", "reset"])
def test_next_is_asked_again_after_a_connection_that_broke_while_idle(
    end: str, scripted: Callable[..., RunningRuntime]
) -> None:
    def break_off(connection: socket.socket) -> bool:
        read_request(connection)
        reset(connection) if end == "reset" else connection.close()
        return False

    assert serves_the_next(scripted(break_off))


def test_next_that_breaks_again_and_again_ends_the_process(scripted: Callable[..., RunningRuntime]) -> None:
    def break_off(connection: socket.socket) -> bool:
        read_request(connection)
        return False

    runtime = scripted(*[break_off] * 10)
    assert runtime.wait_for_exit() == 1
    runtime.wait_for_log("the runtime ends, Lambda starts another")
    assert "Traceback" not in runtime.log


def test_event_that_breaks_off_at_any_byte_is_asked_for_again(scripted: Callable[..., RunningRuntime]) -> None:
    whole = event("first", {"kind": "items"})
    for cut in (*range(1, 60, 7), len(whole) - 1):

        def break_off(connection: socket.socket, cut: int = cut) -> bool:
            read_request(connection)
            connection.sendall(whole[:cut])
            connection.shutdown(socket.SHUT_WR)
            return False

        runtime = scripted(break_off)
        assert serves_the_next(runtime), cut
        runtime.stop()


@pytest.mark.parametrize("status", [403, 500])
def test_next_that_is_refused_ends_the_process(status: int, scripted: Callable[..., RunningRuntime]) -> None:
    def refuse(connection: socket.socket) -> bool:
        read_request(connection)
        connection.sendall(reply(status, b'{"errorType":"InvalidStateTransition"}'))
        return False

    runtime = scripted(refuse)
    assert runtime.wait_for_exit() == 1
    runtime.wait_for_log(f"the Runtime API answered {status} to /next")


@pytest.mark.parametrize("headers", [(), ("Lambda-Runtime-Aws-Request-Id: a", "Lambda-Runtime-Deadline-Ms: soon")])
def test_event_that_no_answer_can_name_ends_the_process(
    headers: tuple[str, ...], scripted: Callable[..., RunningRuntime]
) -> None:
    def give(connection: socket.socket) -> bool:
        read_request(connection)
        connection.sendall(reply(200, b"{}", *headers))
        return False

    runtime = scripted(give)
    assert runtime.wait_for_exit() == 1
    assert "an event without a header that can be read" in runtime.log
    assert "Traceback" not in runtime.log


@pytest.mark.parametrize("answer", [b"SSH-2.0-OpenSSH_9\r\n\r\n", b"\0" * 300_000])
def test_next_that_is_no_http_ends_the_process(answer: bytes, scripted: Callable[..., RunningRuntime]) -> None:
    def speak_nonsense(connection: socket.socket) -> bool:
        read_request(connection)
        connection.sendall(answer)
        connection.shutdown(socket.SHUT_WR)
        return False

    runtime = scripted(speak_nonsense, speak_nonsense)
    assert runtime.wait_for_exit() == 1
    runtime.wait_for_log("the runtime ends, Lambda starts another")


RESPONSES = {
    "buffered": {"kind": "buffered"},
    "error": {"kind": "fails"},
    "streamed": {"kind": "items"},
    "large": {"kind": "items", "items": 200, "size": 100_000},
}


@pytest.mark.parametrize("response", RESPONSES)
@pytest.mark.parametrize("end", ["close at once", "reset at once", "close after the head", "half a reply"])
def test_response_that_is_lost_with_its_connection_is_not_made_twice(
    end: str, response: str, scripted: Callable[..., RunningRuntime]
) -> None:
    """Lambda gives the same event again; the handler has run and does not run again."""
    given_again = threading.Event()
    errors: list[bytes] = []

    def break_off(connection: socket.socket) -> bool:
        read_request(connection)
        connection.sendall(event("lost", RESPONSES[response]))
        if end == "close after the head":
            read_request(connection)
        elif end == "half a reply":
            read_request(connection)
            connection.sendall(ACCEPTED[:20])
        reset(connection) if end.startswith("reset") else connection.close()
        return False

    def give_again(connection: socket.socket) -> bool:
        assert b"/invocation/next" in read_request(connection)
        connection.sendall(event("lost", RESPONSES[response]))
        errors.append(read_request(connection))
        connection.sendall(ACCEPTED)
        given_again.set()
        return True

    runtime = scripted(break_off, give_again)
    assert given_again.wait(TIMEOUT_S)
    assert errors[0].startswith(b"POST /2018-06-01/runtime/invocation/lost/error ")
    assert b"Runtime.ResponseLost" in errors[0]
    assert json.loads(runtime.invoke({"kind": "calls"}).result().body) == [RESPONSES[response]["kind"], "calls"]
    assert serves_the_next(runtime)


@pytest.mark.parametrize("response", ["buffered", "error", "streamed"])
def test_next_is_not_asked_for_before_the_reply_to_the_response(
    response: str, scripted: Callable[..., RunningRuntime]
) -> None:
    """Lambda would refuse it with 403 and end the environment."""
    asked_early: list[object] = []

    def withhold_the_reply(connection: socket.socket) -> bool:
        read_request(connection)
        connection.sendall(event("first", RESPONSES[response]))
        data = read_request(connection)
        while not data.endswith((b'"whole"', b"\r\n0\r\n\r\n", b"}")):
            data += connection.recv(65_536)
        asked_early.extend(select.select([connection], [], [], 0.1)[0])
        connection.sendall(ACCEPTED)
        return True

    runtime = scripted(withhold_the_reply)
    assert serves_the_next(runtime)
    assert not asked_early
    assert runtime.api.connections == 1


@pytest.mark.parametrize("size", [1, 10_000])
def test_reader_that_takes_little_at_a_time_gets_all_in_order(
    size: int, scripted: Callable[..., RunningRuntime]
) -> None:
    received: list[bytes] = []
    done = threading.Event()

    def read_slowly(connection: socket.socket) -> bool:
        read_request(connection)
        connection.sendall(event("slow", {"kind": "items", "items": 300, "size": size}))
        data = bytearray()
        while not data.endswith(b"\r\n0\r\n\r\n"):
            data += connection.recv(4096)
        received.append(bytes(data))
        connection.sendall(ACCEPTED)
        done.set()
        return True

    runtime = scripted(read_slowly)
    assert done.wait(TIMEOUT_S)
    body = received[0].partition(b"\r\n\r\n")[2]
    assert dechunked(body) == b"".join(f"{number}".encode() * size for number in range(300))
    assert serves_the_next(runtime)


def dechunked(body: bytes) -> bytes:
    parts = []
    while True:
        size_line, _, body = body.partition(b"\r\n")
        size = int(size_line, 16)
        if not size:
            return b"".join(parts)
        parts.append(body[:size])
        assert body[size : size + 2] == b"\r\n"
        body = body[size + 2 :]


@pytest.mark.parametrize("how", ["yield", "write"])
def test_full_socket_suspends_only_the_task_that_writes(how: str, run_runtime: RunRuntime, gate: Gate) -> None:
    """Nothing is read before another task of the handler's has run; with a blocked loop nothing ever would be."""
    runtime = run_runtime("""
import asyncio
from lambda_streaming import streamify_response

async def elsewhere(port):
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    await reader.read(1)
    writer.close()

async def items(event):
    task = asyncio.ensure_future(elsewhere(event["port"]))
    yield b"x" * 30_000_000
    await task

@streamify_response
async def stream(event, response_stream, context):
    task = asyncio.ensure_future(elsewhere(event["port"]))
    await response_stream.write(b"x" * 30_000_000)
    await task

def handler(event, context):
    return items(event) if event["how"] == "yield" else stream(event, context)
""")
    exchange = runtime.invoke({"port": gate.port, "how": how})
    exchange.reads_after = gate.open
    assert len(exchange.result().body) == 30_000_000
