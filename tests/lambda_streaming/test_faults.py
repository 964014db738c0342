"""A Runtime API that resets, closes or answers wrongly: the runtime never hangs, and keeps invocations apart."""

from __future__ import annotations

import json
import select
import socket
import struct
import threading
from collections.abc import Callable

import pytest

from ..gate import Gate
from .conftest import RunningRuntime, RunRuntime
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
    """Passes each connection to a script first; a script that returns True hands it on to the usual answers."""

    def __init__(self) -> None:
        super().__init__()
        self.scripts: list[Callable[[socket.socket], bool]] = []

    def _serve(self, connection: socket.socket) -> None:
        try:
            if self.scripts and not self.scripts.pop(0)(connection):
                connection.close()
                return
        except OSError:
            return  # The runtime has left already.
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
def test_next_is_repeated_after_idle_connection_breaks(end: str, scripted: Callable[..., RunningRuntime]) -> None:
    def break_off(connection: socket.socket) -> bool:
        read_request(connection)
        reset(connection) if end == "reset" else connection.close()
        return False

    assert serves_the_next(scripted(break_off))


def test_next_that_breaks_twice_ends_the_process(scripted: Callable[..., RunningRuntime]) -> None:
    def break_off(connection: socket.socket) -> bool:
        read_request(connection)
        return False

    runtime = scripted(*[break_off] * 10)
    assert runtime.wait_for_exit() == 1
    runtime.wait_for_log("the runtime ends, Lambda starts another")
    assert "Traceback" not in runtime.log


def test_event_cut_at_any_byte_is_requested_again(scripted: Callable[..., RunningRuntime]) -> None:
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
def test_next_with_error_status_ends_the_process(status: int, scripted: Callable[..., RunningRuntime]) -> None:
    def refuse(connection: socket.socket) -> bool:
        read_request(connection)
        connection.sendall(reply(status, b'{"errorType":"InvalidStateTransition"}'))
        return False

    runtime = scripted(refuse)
    assert runtime.wait_for_exit() == 1
    runtime.wait_for_log(f"the Runtime API answered {status} to /next")


@pytest.mark.parametrize("headers", [(), ("Lambda-Runtime-Aws-Request-Id: a", "Lambda-Runtime-Deadline-Ms: soon")])
def test_event_without_usable_request_id_ends_the_process(
    headers: tuple[str, ...], scripted: Callable[..., RunningRuntime]
) -> None:
    def give(connection: socket.socket) -> bool:
        read_request(connection)
        connection.sendall(reply(200, b"{}", *headers))
        return False

    runtime = scripted(give)
    assert runtime.wait_for_exit() == 1
    assert "an event with a missing or invalid header" in runtime.log
    assert "Traceback" not in runtime.log


@pytest.mark.parametrize("answer", [b"SSH-2.0-OpenSSH_9\r\n\r\n", b"\0" * 300_000])
def test_next_without_http_ends_the_process(answer: bytes, scripted: Callable[..., RunningRuntime]) -> None:
    def speak_nonsense(connection: socket.socket) -> bool:
        read_request(connection)
        connection.sendall(answer)
        connection.shutdown(socket.SHUT_WR)
        return False

    runtime = scripted(speak_nonsense, speak_nonsense)
    assert runtime.wait_for_exit() == 1
    runtime.wait_for_log("the runtime ends, Lambda starts another")


RESPONSES: dict[str, dict[str, object]] = {
    "buffered": {"kind": "buffered"},
    "error": {"kind": "fails"},
    "streamed": {"kind": "items"},
    "large": {"kind": "items", "items": 200, "size": 100_000},
}


@pytest.mark.parametrize("response", RESPONSES)
@pytest.mark.parametrize("end", ["close at once", "reset at once", "close after the head", "half a reply"])
def test_lost_response_is_not_made_twice(end: str, response: str, scripted: Callable[..., RunningRuntime]) -> None:
    """Lambda sends the same event again; the handler has run and does not run again."""
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
def test_next_waits_for_reply_to_response(response: str, scripted: Callable[..., RunningRuntime]) -> None:
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
def test_slow_reader_gets_everything_in_order(size: int, scripted: Callable[..., RunningRuntime]) -> None:
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
    parts: list[bytes] = []
    while True:
        size_line, _, body = body.partition(b"\r\n")
        size = int(size_line, 16)
        if not size:
            return b"".join(parts)
        parts.append(body[:size])
        assert body[size : size + 2] == b"\r\n"
        body = body[size + 2 :]


@pytest.mark.parametrize("how", ["yield", "write"])
def test_full_socket_suspends_only_the_writing_task(how: str, run_runtime: RunRuntime, gate: Gate) -> None:
    """Nothing is read before another task of the handler has run; a blocked loop would never get there."""
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


TIMEOUT_WHILE_WAITING = """
import signal, socket, sys, threading

def ring(number, frame):
    raise TimeoutError("little time is left") from open_gate()

def open_gate():
    socket.create_connection(("127.0.0.1", port)).close()

def ring_when_the_main_thread_waits():
    main = threading.main_thread().ident
    while sys._current_frames()[main].f_code.co_name != "wait_for_room":
        threading.Event().wait(0.001)
    signal.pthread_kill(main, signal.SIGALRM)

def handler(event, context):
    global port
    yield "first"
    if event:
        port = event["port"]
        signal.signal(signal.SIGALRM, ring)
        threading.Thread(target=ring_when_the_main_thread_waits).start()
        yield b"x" * 30_000_000
"""


def test_timeout_of_the_handler_is_not_a_closed_connection(run_runtime: RunRuntime, gate: Gate) -> None:
    """`TimeoutError` is an `OSError`. It arrives while the runtime waits for the socket: no bytes are lost."""
    runtime = run_runtime(TIMEOUT_WHILE_WAITING)
    exchange = runtime.invoke({"port": gate.port})
    exchange.reads_after = gate.open  # Nothing is read before the alarm.
    answer = exchange.result()
    assert answer.trailers["lambda-runtime-function-error-type"] == "Function.TimeoutError"
    assert len(answer.body) == len("first") + 30_000_000
    assert answer.body == b"first" + b"x" * 30_000_000
    assert runtime.invoke({}).result().body == b"first"


@pytest.mark.parametrize("error", ["RuntimeError", "ZeroDivisionError", "OSError"])
def test_standard_output_that_cannot_be_flushed_changes_nothing(error: str, run_runtime: RunRuntime) -> None:
    runtime = run_runtime(f"""
import sys

class Output:
    def write(self, text): return len(text)
    def flush(self): raise {error}("bad")

sys.stdout = Output()

def handler(event, context):
    yield "item"
""")
    for _ in range(2):
        assert runtime.invoke().result().body == b"item"


def test_later_attempt_at_a_lost_request_is_served(scripted: Callable[..., RunningRuntime]) -> None:
    """Lambda retries an asynchronous invocation with the same request id, and a later deadline."""
    answers: list[bytes] = []
    done = threading.Event()

    def attempt(deadline_ms: int, closes: bool) -> Callable[[socket.socket], bool]:
        def serve(connection: socket.socket) -> bool:
            read_request(connection)
            text = event("same", {"kind": "items", "items": 2, "size": 1})
            connection.sendall(
                text.replace(b"\r\n\r\n", b"\r\nLambda-Runtime-Deadline-Ms: %d\r\n\r\n" % deadline_ms, 1)
            )
            if closes:
                return False
            data = bytearray()
            while not data.endswith(b"\r\n0\r\n\r\n"):
                data += connection.recv(4096)
            answers.append(bytes(data))
            connection.sendall(ACCEPTED)
            done.set()
            return True

        return serve

    runtime = scripted(attempt(1, closes=True), attempt(2, closes=False))
    assert done.wait(TIMEOUT_S)
    assert b"/same/response" in answers[0]
    assert serves_the_next(runtime)


AFTER_A_SEND = """
import sys
from lambda_streaming import StreamClosedError, streamify_response

def after_send(function):
    '''Call `function` right after the next send, as a signal handler or a switch to another greenlet may.'''
    def profile(frame, event, called):
        if event == "c_return" and called.__name__ == "sendmsg":
            sys.setprofile(None)
            function()
    sys.setprofile(profile)
"""


@pytest.mark.parametrize("error", ["KeyboardInterrupt", "SystemExit"])
def test_exception_that_ends_the_process_truncates_the_response(error: str, run_runtime: RunRuntime) -> None:
    runtime = run_runtime(f"""{AFTER_A_SEND}
def end():
    raise {error}

def handler(event, context):
    yield "first"
    after_send(end)
    yield "second"
""")
    exchange = runtime.invoke()
    exchange.wait_for_end()
    assert exchange.is_broken
    assert runtime.wait_for_exit() != 0 or error == "SystemExit"
    assert "lambda_streaming: An exception interrupted the runtime while it sent" in runtime.log


@pytest.mark.parametrize("keyword", ["", "async "])
def test_write_in_the_middle_of_a_send_truncates_the_response(keyword: str, run_runtime: RunRuntime) -> None:
    """A signal handler or another greenlet writes while a send is under way: no deadlock, and no wrong bytes."""
    runtime = run_runtime(f"""{AFTER_A_SEND}
@streamify_response
{keyword}def handler(event, response_stream, context):
    def write():
        try:
            response_stream.write("in between")
        except StreamClosedError as error:
            print("refused:", error)
    response_stream.write("first")
    if event:
        after_send(write)
    response_stream.write("second")
""")
    for _ in range(2):
        exchange = runtime.invoke({"interrupt": True})
        exchange.wait_for_end()
        assert exchange.is_broken
        assert runtime.invoke(0).result().body == b"firstsecond"
    assert "refused: an exception interrupted the runtime" in runtime.log
