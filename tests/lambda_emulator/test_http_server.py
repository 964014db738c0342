"""Every server of the emulator sends at once, and answers every request."""

from __future__ import annotations

import asyncio
import http.client
import json
import os
import re
import socket
import stat
from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest
from lambda_emulator.http_server import HttpExchange, HttpServer

from .gates import PATIENCE_SECONDS, Gate
from .served import Served, host_and_port

ServeApp = Callable[..., Served]
MakeGate = Callable[[str], Gate]


@pytest.mark.process
def test_connections_have_no_delay(serve_app: ServeApp, gate: MakeGate) -> None:
    """Without TCP_NODELAY a piece waits for the acknowledgement of the one before it, up to 40 ms."""
    head_was_read = gate("head_was_read")
    served = serve_app("""
        gate = Gate("head_was_read")
        request_id, event, _ = next_invocation()
        stream = Stream(request_id)
        stream.head()
        gate.acquire()
        stream.end()
        next_invocation()
        """)
    of_other_tests = no_delay_of_accepted_sockets()
    response = served.request()

    no_delay = no_delay_of_accepted_sockets()

    head_was_read.release()
    response.read()
    assert no_delay.count(True) == of_other_tests.count(True) + 2, "one of the Function URL, one of the Runtime API"
    assert no_delay.count(False) == of_other_tests.count(False)


LONG = b"x" * 100_000

HEAD_LIMIT_BYTES = 64 * 1024


def head_of(length: int) -> bytes:
    """Return the head of a request that is `length` bytes long."""
    start, end = b"GET / HTTP/1.1\r\nHost: localhost\r\nX: ", b"\r\n\r\n"
    return start + b"x" * (length - len(start) - len(end)) + end


MALFORMED = {
    "a head that is too long": (
        b"GET / HTTP/1.1\r\nHost: localhost\r\nX: " + LONG + b"\r\n\r\n",
        431,
        "longer than 65,536",
    ),
    "a target that is too long": (b"GET /" + LONG + b" HTTP/1.1\r\nHost: localhost\r\n\r\n", 431, "longer than 65,536"),
    "no host": (b"GET / HTTP/1.1\r\n\r\n", 400, "Host"),
    "a byte that a target cannot hold": (
        b"GET /\xc3\xa9 HTTP/1.1\r\nHost: localhost\r\n\r\n",
        400,
        "illegal request line",
    ),
    "two lengths": (
        b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
        400,
        "Length",
    ),
    "a bad chunk": (b"POST / HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", 400, "chunk"),
    "an unknown coding": (
        b"POST / HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: br\r\n\r\n",
        501,
        "Transfer-Encoding",
    ),
    "a head of 70 kB": (head_of(70_000), 431, "longer than 65,536"),
    "a head above the limit by one byte": (head_of(HEAD_LIMIT_BYTES + 1), 431, "longer than 65,536"),
    "CONNECT": (b"CONNECT localhost:443 HTTP/1.1\r\nHost: localhost:443\r\n\r\n", 405, "not a proxy"),
    "no HTTP": (b"\x16\x03\x01\x02\x00 hello\r\n\r\n", 400, "request line"),
}


@pytest.mark.parametrize("front_door", ["Demo/App/FunctionUrl", "Lambda API"])
@pytest.mark.parametrize(("request_bytes", "status", "reason"), MALFORMED.values(), ids=MALFORMED)
def test_malformed_request_is_answered_and_logged(
    serve_app: ServeApp, front_door: str, request_bytes: bytes, status: int, reason: str
) -> None:
    if front_door == "Lambda API":
        request_bytes = request_bytes.replace(b" / ", b" /2015-03-31/functions/app/invocations ")
    served = serve_app("sys.exit('not to be run')")
    address = served.emulator.lambda_api_url if front_door == "Lambda API" else served.emulator.url("App")

    response = exchange(address, request_bytes)

    assert (response.status, response.headers["connection"]) == (status, "close")
    message = json.loads(response.read())["message"]
    assert reason in message
    assert not re.search(r"bytearray|b'", message)
    assert len(message) < 400
    [line] = [line for line in served.log.wait_for(f"answered with {status}") if "answered with" in line]
    assert line.startswith(f"{front_door} * a request was answered with {status}: ")
    assert reason in line


def test_longest_head_is_accepted_behind_another_request(serve_app: ServeApp) -> None:
    served = serve_app("""
        while True:
            request_id, event, _ = next_invocation()
            stream = Stream(request_id)
            stream.head()
            stream.end()
        """)
    with socket.create_connection(host_and_port(served.emulator.url("App")), PATIENCE_SECONDS) as connection:
        connection.sendall(head_of(1000) + head_of(HEAD_LIMIT_BYTES) + head_of(HEAD_LIMIT_BYTES + 1))

        statuses = re.findall(rb"HTTP/1\.1 (\d+) ", connection.makefile("rb").read())

    assert statuses == [b"200", b"200", b"431"]


def test_connect_names_the_methods_that_are_served(serve_app: ServeApp) -> None:
    served = serve_app("sys.exit('not to be run')")

    response = exchange(served.emulator.url("App"), MALFORMED["CONNECT"][0])

    assert "POST" in response.headers["allow"]


@pytest.mark.parametrize("start_of_head", [b"G", b"GET / HTTP/1.1\r\nHost: localhost\r\n"])
def test_head_that_is_not_complete_in_time_is_answered_with_408(start_of_head: bytes) -> None:
    rejected: list[str] = []

    async def exchange() -> bytes:
        server = HttpServer(never_called, rejected.append, max_head_seconds=0.01)
        await server.start("127.0.0.1")
        reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
        writer.write(start_of_head)
        response = await asyncio.wait_for(reader.read(), PATIENCE_SECONDS)
        writer.close()
        await server.close()
        return response

    head, _, body = asyncio.run(exchange()).partition(b"\r\n\r\n")

    assert head.startswith(b"HTTP/1.1 408 ")
    assert json.loads(body)["message"] == "the head of the request is not complete after 0.01 seconds"
    assert rejected == ["answered with 408: the head of the request is not complete after 0.01 seconds"]


def test_idle_connection_has_no_time_limit() -> None:
    """An SDK keeps connections for later requests. The timer of another connection shows that time has passed."""

    async def exchange() -> bytes:
        async def answer(exchange: HttpExchange) -> None:
            await exchange.respond(200, [])

        server = HttpServer(answer, lambda answer: None, max_head_seconds=0.01)
        await server.start("127.0.0.1")
        idle_reader, idle_writer = await asyncio.open_connection("127.0.0.1", server.port)
        reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
        writer.write(b"G")
        await asyncio.wait_for(reader.read(), PATIENCE_SECONDS)

        idle_writer.write(b"GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        response = await asyncio.wait_for(idle_reader.read(), PATIENCE_SECONDS)
        for each in (writer, idle_writer):
            each.close()
        await server.close()
        return response

    assert asyncio.run(exchange()).startswith(b"HTTP/1.1 200 ")


def test_error_in_the_emulator_itself_is_answered_with_500(caplog: pytest.LogCaptureFixture) -> None:
    async def exchange() -> bytes:
        async def fail(exchange: HttpExchange) -> None:
            raise KeyError("missing")

        server = HttpServer(fail, lambda answer: None)
        await server.start("127.0.0.1")
        reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
        writer.write(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
        writer.write_eof()
        response = await asyncio.wait_for(reader.read(), PATIENCE_SECONDS)
        writer.close()
        await server.close()
        return response

    head, _, body = asyncio.run(exchange()).partition(b"\r\n\r\n")

    assert head.startswith(b"HTTP/1.1 500 ")
    assert (
        json.loads(body)["message"] == "The emulator itself has failed: KeyError('missing'). Its log has the traceback."
    )
    [record] = caplog.records
    assert record.exc_info


def test_port_above_the_last_one_is_an_error_with_the_fix() -> None:
    server = HttpServer(never_called, lambda answer: None)

    with pytest.raises(OSError, match=r"Port 65536 does not exist: the last one is 65535\. Choose a lower port"):
        asyncio.run(server.start("127.0.0.1", 65536))


async def never_called(exchange: HttpExchange) -> None:
    raise AssertionError("the handler was called")


def test_request_that_ends_too_early_is_answered(serve_app: ServeApp) -> None:
    """The sender has closed only its half of the connection, and can still read."""
    served = serve_app("sys.exit('not to be run')")

    for half in (b"GET / HT", b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 4\r\n\r\nbo"):
        assert exchange(served.emulator.url("App"), half, half_close=True).status == 400


def test_connection_without_a_request_is_closed(serve_app: ServeApp) -> None:
    served = serve_app("sys.exit('not to be run')")
    address = host_and_port(served.emulator.url("App"))

    with socket.create_connection(address, PATIENCE_SECONDS) as connection:
        connection.shutdown(socket.SHUT_WR)
        assert connection.recv(1) == b""


@pytest.mark.process
def test_malformed_request_of_a_runtime_is_answered_and_logged(serve_app: ServeApp) -> None:
    served = serve_app("""
        import socket
        request_id, _, _ = next_invocation()
        host, port = os.environ["AWS_LAMBDA_RUNTIME_API"].split(":")
        with socket.create_connection((host, int(port))) as connection:
            connection.sendall(b"GET /2018-06-01/runtime/invocation/next HTTP/1.1\\r\\n\\r\\n")
            reply = connection.makefile("rb").readline().decode()
        respond(request_id, json.dumps(reply))
        next_invocation()
        """)

    assert served.invoke()[0].startswith("HTTP/1.1 400")
    served.log.wait_for("Demo/App * a request of the runtime was answered with 400: Missing mandatory Host")


def exchange(address: str, request_bytes: bytes, *, half_close: bool = False) -> http.client.HTTPResponse:
    """Send bytes. Return the response."""
    with socket.create_connection(host_and_port(address), PATIENCE_SECONDS) as connection:
        connection.sendall(request_bytes)
        if half_close:
            connection.shutdown(socket.SHUT_WR)
        response = http.client.HTTPResponse(connection)
        response.begin()
        return response


def no_delay_of_accepted_sockets() -> list[bool]:
    """Return TCP_NODELAY of the sockets that this process's servers have accepted."""
    with ExitStack() as stack:
        sockets = [stack.enter_context(each) for each in tcp_sockets_of_this_process()]
        listening = [each for each in sockets if each.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN)]
        ports = {each.getsockname()[1] for each in listening}
        accepted = [each for each in sockets if each not in listening and each.getsockname()[1] in ports]
        return [bool(each.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)) for each in accepted]


def tcp_sockets_of_this_process() -> Iterator[socket.socket]:
    """Yield copies. The caller closes them."""
    for name in os.listdir("/dev/fd"):
        try:
            copy = os.dup(int(name))
        except OSError:  # the descriptor of the listed folder
            continue
        if not stat.S_ISSOCK(os.fstat(copy).st_mode):
            os.close(copy)
            continue
        opened = socket.socket(fileno=copy)
        if opened.family in (socket.AF_INET, socket.AF_INET6) and opened.type == socket.SOCK_STREAM:
            yield opened
        else:
            opened.close()
