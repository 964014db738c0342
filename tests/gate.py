"""What a handler under test can wait for, and only the test can give."""

from __future__ import annotations

import socket

TIMEOUT_S = 20.0


class Gate:
    """Something a handler can wait for that only the test can give: a byte on a socket."""

    def __init__(self) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._listener.settimeout(TIMEOUT_S)
        self.port = self._listener.getsockname()[1]

    def open(self) -> None:
        connection, _ = self._listener.accept()
        with connection:
            connection.sendall(b"x")

    def close(self) -> None:
        self._listener.close()
