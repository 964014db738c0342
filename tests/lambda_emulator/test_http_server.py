"""What all servers of the emulator owe their peers: prompt sending, and an answer to whatever is sent."""

from __future__ import annotations

import http.client
import json
import os
import socket
import stat
import urllib.parse
from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest

from .conftest import PATIENCE_SECONDS, Desk, Gate

ServeApp = Callable[..., Desk]
MakeGate = Callable[[str], Gate]


def test_small_pieces_are_sent_at_once_on_every_connection(serve_app: ServeApp, gate: MakeGate) -> None:
    """Without TCP_NODELAY a piece waits for the acknowledgement of the one before it, up to 40 ms."""
    head_was_read = gate("head_was_read")
    desk = serve_app("""
        gate = Gate("head_was_read")
        request_id, event, _ = next_invocation()
        stream = Stream(request_id)
        stream.head()
        gate.acquire()
        stream.end()
        next_invocation()
        """)
    of_other_tests = no_delay_of_accepted_sockets()
    response = desk.request()

    no_delay = no_delay_of_accepted_sockets()

    head_was_read.release()
    response.read()
    assert no_delay.count(True) == of_other_tests.count(True) + 2, "the Function URL's and the Runtime API's"
    assert no_delay.count(False) == of_other_tests.count(False)


LONG = b"x" * 100_000

MALFORMED = {
    "a head that is too long": (b"GET / HTTP/1.1\r\nHost: x\r\nX: " + LONG + b"\r\n\r\n", 431, "longer than 65,536"),
    "a target that is too long": (b"GET /" + LONG + b" HTTP/1.1\r\nHost: x\r\n\r\n", 431, "longer than 65,536"),
    "no host": (b"GET / HTTP/1.1\r\n\r\n", 400, "Host"),
    "a byte that a target cannot hold": (b"GET /\xc3\xa9 HTTP/1.1\r\nHost: x\r\n\r\n", 400, "illegal request line"),
    "two lengths": (b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n", 400, "Length"),
    "a bad chunk": (b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", 400, "chunk"),
    "an unknown coding": (b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: br\r\n\r\n", 501, "Transfer-Encoding"),
    "no HTTP": (b"\x16\x03\x01\x02\x00 hello\r\n\r\n", 400, "request line"),
}


@pytest.mark.parametrize("front_door", ["Demo/App/FunctionUrl", "Lambda API"])
@pytest.mark.parametrize(("request_bytes", "status", "reason"), MALFORMED.values(), ids=MALFORMED)
def test_a_malformed_request_is_answered_and_said(
    serve_app: ServeApp, front_door: str, request_bytes: bytes, status: int, reason: str
) -> None:
    if front_door == "Lambda API":
        request_bytes = request_bytes.replace(b" / ", b" /2015-03-31/functions/app/invocations ")
    desk = serve_app("sys.exit('not to be run')")
    address = desk.emulator.lambda_api_url if front_door == "Lambda API" else desk.emulator.url("App")

    response = exchange(address, request_bytes)

    assert (response.status, response.headers["connection"]) == (status, "close")
    assert reason in json.loads(response.read())["message"]
    [line] = [line for line in desk.log.wait_for(f"answered with {status}") if "answered with" in line]
    assert line.startswith(f"{front_door} * a request was answered with {status}: ")
    assert reason in line


def test_a_request_that_ends_too_early_is_answered(serve_app: ServeApp) -> None:
    """Its sender may still read: it has closed only its own half of the connection."""
    desk = serve_app("sys.exit('not to be run')")

    for half in (b"GET / HT", b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n\r\nbo"):
        assert exchange(desk.emulator.url("App"), half, half_close=True).status == 400


def test_a_connection_without_a_request_is_nothing_to_be_said(serve_app: ServeApp) -> None:
    desk = serve_app("sys.exit('not to be run')")
    address = urllib.parse.urlsplit(desk.emulator.url("App"))

    with socket.create_connection((str(address.hostname), address.port), PATIENCE_SECONDS) as connection:
        connection.shutdown(socket.SHUT_WR)
        assert connection.recv(1) == b""


def test_a_malformed_request_of_a_runtime_is_answered_and_said_in_its_log(serve_app: ServeApp) -> None:
    desk = serve_app("""
        import socket
        request_id, _, _ = next_invocation()
        host, port = os.environ["AWS_LAMBDA_RUNTIME_API"].split(":")
        with socket.create_connection((host, int(port))) as connection:
            connection.sendall(b"GET /2018-06-01/runtime/invocation/next HTTP/1.1\\r\\n\\r\\n")
            reply = connection.makefile("rb").readline().decode()
        respond(request_id, json.dumps(reply))
        next_invocation()
        """)

    assert desk.invoke()[0].startswith("HTTP/1.1 400")
    desk.log.wait_for("Demo/App * a request of the runtime was answered with 400: Missing mandatory Host")


def exchange(address: str, request_bytes: bytes, *, half_close: bool = False) -> http.client.HTTPResponse:
    """Send bytes; return the response with its body in memory."""
    parts = urllib.parse.urlsplit(address)
    with socket.create_connection((str(parts.hostname), parts.port), PATIENCE_SECONDS) as connection:
        connection.sendall(request_bytes)
        if half_close:
            connection.shutdown(socket.SHUT_WR)
        response = http.client.HTTPResponse(connection)
        response.begin()
        return response


def no_delay_of_accepted_sockets() -> list[bool]:
    """Look at this process's connected sockets whose port one of its listening sockets has: the servers' ends."""
    with ExitStack() as stack:
        sockets = [stack.enter_context(each) for each in tcp_sockets_of_this_process()]
        listening = [each for each in sockets if each.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN)]
        ports = {each.getsockname()[1] for each in listening}
        accepted = [each for each in sockets if each not in listening and each.getsockname()[1] in ports]
        return [bool(each.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)) for each in accepted]


def tcp_sockets_of_this_process() -> Iterator[socket.socket]:
    """Yield copies, which are the caller's to close."""
    for name in os.listdir("/dev/fd"):
        try:
            copy = os.dup(int(name))
        except OSError:  # the folder that is being listed
            continue
        if not stat.S_ISSOCK(os.fstat(copy).st_mode):
            os.close(copy)
            continue
        opened = socket.socket(fileno=copy)
        if opened.family in (socket.AF_INET, socket.AF_INET6) and opened.type == socket.SOCK_STREAM:
            yield opened
        else:
            opened.close()
