"""What all servers of the emulator owe their peers: prompt sending, and an answer to whatever is sent."""

from __future__ import annotations

import os
import socket
import stat
from collections.abc import Callable, Iterator
from contextlib import suppress

from .conftest import Desk, Gate

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
    response = desk.request()

    options = [
        accepted.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY) for accepted in accepted_sockets_of_this_process()
    ]

    head_was_read.release()
    response.read()
    assert len(options) == 2, "the Function URL's and the Runtime API's"
    assert all(options)


def accepted_sockets_of_this_process() -> list[socket.socket]:
    """Return the connected sockets whose port one of the listening sockets has: the servers' ends."""
    listening_ports, connected = set(), []
    for each in sockets_of_this_process():
        if each.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN):
            listening_ports.add(each.getsockname()[1])
        with suppress(OSError):
            each.getpeername()
            connected.append(each)
    return [each for each in connected if each.getsockname()[1] in listening_ports]


def sockets_of_this_process() -> Iterator[socket.socket]:
    for name in os.listdir("/dev/fd"):
        with suppress(OSError):
            copy = os.dup(int(name))
            if not stat.S_ISSOCK(os.fstat(copy).st_mode):
                os.close(copy)
                continue
            opened = socket.socket(fileno=copy)
            if opened.family in (socket.AF_INET, socket.AF_INET6) and opened.type == socket.SOCK_STREAM:
                yield opened
