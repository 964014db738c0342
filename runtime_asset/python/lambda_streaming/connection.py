"""The one TCP connection to the Runtime API.

`_socket` is the C module below `socket`: the wrapper costs a cold start 3 to 7 ms and adds nothing used here. The
socket stays in blocking mode, because `/next` waits for as long as the environment is frozen; a response is sent with
`MSG_DONTWAIT`, and whoever sends decides how to wait (`blocking_driver`, `asyncio_driver`).
"""

from __future__ import annotations

import _socket
import select

from lambda_streaming.http1 import ProtocolError, Reply, ReplyDecoder

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

CONNECT_TIMEOUT_S = 2.0
_RECEIVE_BYTES = 65_536


class ConnectionBroken(Exception):
    """The connection could not be made, or ended before a complete reply."""


class Connection:
    def __init__(self, address: str) -> None:
        self.host = address
        name, _, port = address.rpartition(":")
        if not name or not port.isdecimal():
            raise ValueError(f"AWS_LAMBDA_RUNTIME_API is {address!r}; it must be host:port")
        family = _socket.AF_INET6 if ":" in name else _socket.AF_INET
        self._socket = _socket.socket(family, _socket.SOCK_STREAM)
        self._socket.settimeout(CONNECT_TIMEOUT_S)
        try:
            self._socket.connect((name.strip("[]"), int(port)))
        except OSError as error:
            raise ConnectionBroken(f"nothing answers at {address}: {error}") from error
        self._socket.settimeout(None)
        # Nagle's algorithm would hold a small item until the one before it is acknowledged, up to 40 ms.
        self._socket.setsockopt(_socket.IPPROTO_TCP, _socket.TCP_NODELAY, 1)
        self._readable = select.poll()
        self._readable.register(self._socket.fileno(), select.POLLIN)

    def fileno(self) -> int:
        return self._socket.fileno()

    def close(self) -> None:
        self._socket.close()

    def send_all(self, *parts: bytes) -> None:
        try:
            self._socket.sendall(b"".join(parts))
        except OSError as error:
            raise ConnectionBroken(str(error)) from error

    def try_send(self, parts: Sequence[bytes | memoryview]) -> int:
        """Send what the socket takes at once; 0 when it takes nothing."""
        try:
            return self._socket.sendmsg(parts, (), _socket.MSG_DONTWAIT)
        except BlockingIOError:
            return 0

    def has_input(self) -> bool:
        """Whether a reply (or the connection's end) can be read at once."""
        return bool(self._readable.poll(0))

    def wait_for_room(self) -> None:
        """Block until the socket takes bytes again, or something can be read."""
        # A poll object of its own: one cannot be waited on by two threads, and the flusher waits here too.
        poll = select.poll()
        poll.register(self._socket.fileno(), select.POLLIN | select.POLLOUT)
        poll.poll()

    def receive(self, decoder: ReplyDecoder) -> Reply | None:
        """Give `decoder` what one read brings; blocks while there is nothing."""
        try:
            data = self._socket.recv(_RECEIVE_BYTES)
            return decoder.receive(data) if data else decoder.receive_end()
        except (OSError, ProtocolError) as error:
            raise ConnectionBroken(str(error)) from error

    def read_reply(self) -> Reply:
        decoder = ReplyDecoder()
        while True:
            reply = self.receive(decoder)
            if reply is not None:
                return reply
