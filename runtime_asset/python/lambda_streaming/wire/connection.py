"""The one TCP connection to the Runtime API.

`_socket` is the C module below `socket`: the wrapper adds 3 to 7 ms to a cold start and nothing used here. Bytes are
sent with `MSG_DONTWAIT`, and a read without bytes is repeated once there are some. So the socket may be in blocking
mode or not: an event loop such as uvloop makes it non-blocking when it watches it. The driver decides how to wait
(`BlockingDriver`, `AsyncioDriver`).

Code of the user can raise an exception at any moment, in the runtime's own calls too: a signal handler, another thread
(`PyThreadState_SetAsyncExc`), `MemoryError`. Such an exception goes on to the user's code, whatever its class
(`was_raised_by_call`). If it arrives between a system call and its bookkeeping, the state of the connection is
unknown: `_is_unsettled` stays set, and nothing more is read.
"""

from __future__ import annotations

import _socket
import select
from errno import EAGAIN
from os import strerror

from lambda_streaming.wire.http1 import ProtocolError, Reply, ReplyDecoder

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

CONNECT_TIMEOUT_S = 2.0
# The time for a reply to a request that ended in the middle.
TRUNCATED_TIMEOUT_MS = 1000
_RECEIVE_BYTES = 65_536


class ConnectionBroken(Exception):
    """The connection could not be made, or ended before a complete reply."""


def was_raised_by_call(error: BaseException) -> bool:
    """Return True if the built-in function called in the `try` block failed; False if the user's code raised `error`.

    Call it in the `except` clause. A signal handler has a frame of its own in the traceback. An exception that another
    thread sets has no arguments.
    """
    trace = error.__traceback__
    return bool(error.args) and (trace is None or trace.tb_next is None)


class Connection:
    def __init__(self, connected: _socket.socket) -> None:
        # For the connection.
        self._socket = connected
        self._input = _poll_of(self._socket, select.POLLIN)
        # A second one for the thread that waits for a reply: two threads cannot wait on one.
        self._awaited_input = _poll_of(self._socket, select.POLLIN)
        # For one exchange of a request and its reply.
        self.reply: Reply | None = None
        self._received: list[bytes] = []
        self._decoder = ReplyDecoder()
        self._is_unsettled = False

    @classmethod
    def to(cls, address: str) -> Connection:
        """Connect to `host:port`. Raises `ConnectionBroken` if nothing answers."""
        return cls(_connected_socket(address))

    def fileno(self) -> int:
        return self._socket.fileno()

    def close(self) -> None:
        self._socket.close()

    def begin_exchange(self) -> None:
        """Forget the last reply, which was complete: the next request begins."""
        self.reply = None
        self._received.clear()
        self._decoder = ReplyDecoder()
        self._is_unsettled = False

    def exchange(self, *parts: bytes) -> Reply:
        """Send a request and return the reply. After an early reply the connection is not kept alive."""
        was_complete = self._send_all(*parts)
        reply = self.read_reply()
        reply.keep_alive = reply.keep_alive and was_complete
        return reply

    def _send_all(self, *parts: bytes) -> bool:
        """Return False if the reply came before the whole request was sent."""
        self.begin_exchange()
        unsent = memoryview(b"".join(parts))
        while unsent:
            sent = self.try_send((unsent,))
            unsent = unsent[sent:]
            if not sent:
                self.wait_for_room()
                if self.has_input():
                    return False
        return True

    def send_recorded(self, request: bytes, record: list[int]) -> None:
        """Send a short request, and append its size to `record` in the same step.

        No exception of the user's code can arrive between the two: Python runs signal handlers between bytecodes, and
        `extend` is one.
        """
        self.begin_exchange()
        try:
            record.extend(map(self._socket.send, (request,), (_socket.MSG_DONTWAIT,)))
        except OSError as error:
            if not was_raised_by_call(error):
                raise
            raise ConnectionBroken(str(error)) from error
        if record[-1] < len(request):
            raise ConnectionBroken("the socket took only a part of a request")

    def try_send(self, parts: Sequence[bytes | memoryview]) -> int:
        """Send without waiting; return the number of bytes that the socket took."""
        try:
            return self._socket.sendmsg(parts, (), _socket.MSG_DONTWAIT)
        except OSError as error:
            if not was_raised_by_call(error):
                raise
            if isinstance(error, BlockingIOError):
                return 0
            raise ConnectionBroken(str(error)) from error

    def has_input(self) -> bool:
        """Return True if a reply, or the connection's end, can be read at once."""
        return bool(self._input.poll(0))

    def wait_for_room(self) -> None:
        """Block until the socket takes bytes again, or has a reply to read."""
        # A new poll object each time: two threads cannot wait on one, and the flusher waits here too.
        _poll_of(self._socket, select.POLLIN | select.POLLOUT).poll()

    def receive(self, timeout_ms: int | None = None) -> Reply | None:
        """Block until there are bytes and take them; return `reply` once it is complete."""
        if self.reply is not None:
            return self.reply
        if self._is_unsettled:
            raise ConnectionBroken("an exception of the handler interrupted the runtime while it read the reply")
        # Bytes that an exception kept from being decoded are there already.
        if not self._received:
            self._take_bytes(timeout_ms)
        if self._received:
            self._is_unsettled = True
            self._decode()
            self._is_unsettled = False
        return self.reply

    def _take_bytes(self, timeout_ms: int | None) -> None:
        """Add the bytes of one read to `_received`; if there are none yet, wait for some.

        Read and record are one step, as in `send_recorded`. An exception while this waits loses nothing.
        """
        if timeout_ms is not None and not self._awaited_input.poll(timeout_ms):
            raise ConnectionBroken(f"no reply in {timeout_ms} ms")
        try:
            self._received.extend(map(self._socket.recv, (_RECEIVE_BYTES,)))
        except OSError as error:
            if not was_raised_by_call(error):
                raise
            if not isinstance(error, BlockingIOError):
                raise ConnectionBroken(str(error)) from error
            self._awaited_input.poll()

    def _decode(self) -> None:
        try:
            for data in self._received:
                self.reply = self._decoder.receive(data) if data else self._decoder.receive_end()
        except ProtocolError as error:
            raise ConnectionBroken(str(error)) from error
        self._received.clear()

    def read_reply(self, timeout_ms: int | None = None) -> Reply:
        while True:
            reply = self.receive(timeout_ms)
            if reply is not None:
                return reply

    def truncate(self) -> Reply:
        """End the request in the middle and return the reply."""
        try:
            self._socket.shutdown(_socket.SHUT_WR)
        except OSError as error:
            if not was_raised_by_call(error):
                raise
            # The peer has closed the connection; a reply may have come before.
        return self.read_reply(TRUNCATED_TIMEOUT_MS)


def _connected_socket(address: str) -> _socket.socket:
    name, _, port = address.rpartition(":")
    if not name or not port.isdecimal():
        raise ValueError(f"AWS_LAMBDA_RUNTIME_API is {address!r}; it must be host:port")
    family = _socket.AF_INET6 if ":" in name else _socket.AF_INET
    connected = _socket.socket(family, _socket.SOCK_STREAM)
    connected.settimeout(CONNECT_TIMEOUT_S)
    try:
        error_number = connected.connect_ex((name.strip("[]"), int(port)))
    except OSError as error:  # The name has no address.
        if not was_raised_by_call(error):
            raise
        raise ConnectionBroken(f"nothing answers at {address}: {error}") from error
    if error_number:
        reason = f"no answer in {CONNECT_TIMEOUT_S} s" if error_number == EAGAIN else strerror(error_number)
        raise ConnectionBroken(f"nothing answers at {address}: {reason}")
    connected.settimeout(None)
    # Nagle's algorithm would hold a small item until the one before it is acknowledged, up to 40 ms.
    connected.setsockopt(_socket.IPPROTO_TCP, _socket.TCP_NODELAY, 1)
    return connected


def _poll_of(watched: _socket.socket, events: int) -> select.poll:
    poll = select.poll()
    poll.register(watched.fileno(), events)
    return poll
