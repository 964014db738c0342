"""Gates: a handler waits at one until the test opens it."""

from __future__ import annotations

import socket

TIMEOUT_S = 20.0


class Gate:
    """Gate for a handler: a byte on a socket, which only the test sends."""

    def __init__(self) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._listener.settimeout(TIMEOUT_S)
        self.port = self._listener.getsockname()[1]

    def accept(self) -> socket.socket:
        """Return the connection of a handler that has come to the gate. A byte on it opens the gate."""
        return self._listener.accept()[0]

    def open(self) -> None:
        with self.accept() as connection:
            connection.sendall(b"x")

    def close(self) -> None:
        self._listener.close()
