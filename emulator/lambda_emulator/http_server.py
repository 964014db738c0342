"""HTTP/1.1 served over asyncio by h11: one request after another on a connection, bodies as they arrive.

A body is handed on in pieces of what has been received, never waiting for more. A reader that stops reading stops the
peer: nothing is received while a piece is being dealt with, and nothing is sent before the last piece has left.
"""

from __future__ import annotations

import asyncio
import contextlib
import http.client
import json
import logging
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from email.utils import formatdate
from functools import partial

import h11

READ_SIZE_BYTES = 32 * 1024
"""What Lambda's own Runtime API reads at a time."""

_SOCKET_BUFFER_BYTES = 256 * 1024
"""Left alone, a loopback socket grows to several MB, and a slow reader would be noticed only after that."""

_LINGER_SECONDS = 0.5
"""How long a peer that still sends is read after its answer: to close at once would lose the answer with the rest."""

Headers = Sequence[tuple[str, str]]

_logger = logging.getLogger("lambda_emulator.http_server")


class TruncatedRequest(Exception):
    """The peer went away, or broke the protocol, before its request was complete. Whoever does not answer it leaves
    the answer to the server: the status it carries, and its text."""

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(reason)
        self.status = status


class PortTaken(Exception):
    """Another process listens where this one wants to."""

    def __init__(self, host: str, port: int) -> None:
        super().__init__(f"Port {port} on {host} is taken")
        self.port = port


class HttpExchange:
    """One request and its response."""

    def __init__(self, connection: _Connection, request: h11.Request) -> None:
        self._connection = connection
        self.method = request.method.decode()
        self.target = request.target.decode("latin-1")
        self.http_version = request.http_version.decode()
        self.headers = [(name.decode(), value.decode("latin-1")) for name, value in request.headers]
        self.trailers: list[tuple[str, str]] = []
        """Complete once `body` has ended."""

    @property
    def peer_host(self) -> str:
        return self._connection.peer_host

    def header(self, name: str) -> str:
        """Return the values of a header (name in lower case) joined by commas, or an empty text."""
        return ",".join(value for header, value in self.headers if header == name)

    async def body(self) -> AsyncIterator[bytes]:
        """Yield the body as it arrives; raise `TruncatedRequest` if it does not arrive whole."""
        pending = bytearray()
        while True:
            event = self._connection.next_event()
            if isinstance(event, h11.Data):
                pending += event.data
                if len(pending) < READ_SIZE_BYTES:
                    continue
            if pending:
                yield bytes(pending)
                pending.clear()
            if isinstance(event, h11.EndOfMessage):
                self.trailers = [(name.decode(), value.decode("latin-1")) for name, value in event.headers]
                return
            if event is h11.NEED_DATA:
                await self._connection.receive()
            elif not isinstance(event, h11.Data):
                raise TruncatedRequest(400, "the body ended before it was complete")

    async def read_body(self, *, limit_bytes: int | None = None) -> bytes:
        """Read the whole body, or as much as shows that it is longer than `limit_bytes`."""
        body = bytearray()
        async for data in self.body():
            body += data
            if limit_bytes is not None and len(body) > limit_bytes:
                break
        return bytes(body)

    async def respond(self, status: int, headers: Headers, body: bytes = b"") -> None:
        """Send a whole response."""
        await self.start_response(status, [*headers, ("content-length", str(len(body)))])
        await self.send(body)
        await self.end_response()

    async def start_response(self, status: int, headers: Headers) -> None:
        """Send the head; a body without `content-length` will be chunked. Raise `ValueError` for an illegal header."""
        try:
            response = _response(status, headers)
        except h11.LocalProtocolError as error:
            raise ValueError(str(error)) from None
        await self._connection.send(response)

    async def send(self, data: bytes) -> None:
        """Send a piece of the body, and wait while the peer is slow. Nothing follows the head of an answer to HEAD."""
        if data and self.method != "HEAD":
            await self._connection.send(h11.Data(data=data))

    async def end_response(self) -> None:
        await self._connection.send(h11.EndOfMessage())

    def abort(self) -> None:
        """Break the connection, so that the peer can tell that the response is not complete."""
        self._connection.abort()


Handler = Callable[[HttpExchange], Awaitable[None]]

OnRefused = Callable[[str], None]
"""Is told how a request was answered that no handler could."""


class HttpServer:
    """Listens on one port and gives every request to one handler."""

    def __init__(self, handler: Handler, on_refused: OnRefused, *, max_head_bytes: int = 64 * 1024) -> None:
        self._handler = handler
        self._on_refused = on_refused
        self._max_head_bytes = max_head_bytes
        self._server: asyncio.Server | None = None
        self._connections: set[asyncio.Task[None]] = set()
        self._host = ""
        self.port = 0

    @property
    def address(self) -> str:
        """Host and port, as they stand in a URL."""
        host = f"[{self._host}]" if ":" in self._host else self._host
        return f"{host}:{self.port}"

    async def start(self, host: str, port: int = 0) -> None:
        """Listen; port 0 is any free one. Raise `PortTaken`."""
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        try:
            listener = socket.create_server((host, port), family=family)
        except OSError as error:
            if isinstance(error, PermissionError) or "in use" in str(error):
                raise PortTaken(host, port) from None
            raise
        for option in (socket.SO_SNDBUF, socket.SO_RCVBUF):  # inherited by the accepted sockets
            listener.setsockopt(socket.SOL_SOCKET, option, _SOCKET_BUFFER_BYTES)
        self._host = host
        self.port = listener.getsockname()[1]
        self._server = await asyncio.start_server(self._connected, sock=listener, limit=READ_SIZE_BYTES)

    async def close(self) -> None:
        """Stop listening and break what is under way."""
        if self._server is not None:
            self._server.close()
        for connection in list(self._connections):
            connection.cancel()
        await asyncio.gather(*self._connections, return_exceptions=True)

    def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        # asyncio does so only where the socket names its protocol, which those of `socket.create_server` do not.
        writer.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        connection = _Connection(reader, writer, self._max_head_bytes)
        task = asyncio.get_running_loop().create_task(connection.serve(self._handler, self._on_refused))
        self._connections.add(task)
        task.add_done_callback(partial(self._disconnected, writer))

    def _disconnected(self, writer: asyncio.StreamWriter, task: asyncio.Task[None]) -> None:
        self._connections.discard(task)
        writer.close()
        if not task.cancelled() and task.exception() is not None:
            _logger.error("A request failed in the emulator itself", exc_info=task.exception())


class _Connection:
    """h11's state machine and the socket it is fed from."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, max_head_bytes: int) -> None:
        self._reader = reader
        self._writer = writer
        self._h11 = h11.Connection(h11.SERVER, max_incomplete_event_size=max_head_bytes)
        self._max_head_bytes = max_head_bytes
        self.peer_host = str(writer.get_extra_info("peername")[0])
        writer.transport.set_write_buffer_limits(high=READ_SIZE_BYTES)

    async def serve(self, handler: Handler, on_refused: OnRefused) -> None:
        with contextlib.suppress(ConnectionError):
            try:
                while (request := await self._next_request()) is not None:
                    await handler(HttpExchange(self, request))
                    if not await self._ready_for_next():
                        return
            except TruncatedRequest as refused:
                if self._h11.our_state in (h11.IDLE, h11.SEND_RESPONSE):
                    on_refused(f"answered with {refused.status}: {refused}")
                    await self._refuse(refused)

    async def _refuse(self, refused: TruncatedRequest) -> None:
        body = json.dumps({"message": str(refused)}).encode()
        headers = [("content-type", "application/json"), ("content-length", str(len(body))), ("connection", "close")]
        await self.send(_response(refused.status, headers))
        await self.send(h11.Data(data=body))
        await self.send(h11.EndOfMessage())
        await self._linger()

    async def _next_request(self) -> h11.Request | None:
        while (event := self.next_event()) is h11.NEED_DATA:
            await self.receive()
        return event if isinstance(event, h11.Request) else None

    async def _ready_for_next(self) -> bool:
        while isinstance(self.next_event(), (h11.Data, h11.EndOfMessage)):
            pass  # what has arrived of a body that nobody asked for
        if self._h11.our_state is h11.DONE and self._h11.their_state is h11.DONE:
            self._h11.start_next_cycle()
            return True
        if self._h11.their_state is h11.SEND_BODY:
            await self._linger()
        return False

    async def _linger(self) -> None:
        async def discard() -> None:
            while await self._reader.read(READ_SIZE_BYTES):
                pass

        if self._writer.can_write_eof():
            self._writer.write_eof()
        try:
            await asyncio.wait_for(discard(), _LINGER_SECONDS)
        except asyncio.TimeoutError:
            return

    def next_event(self) -> h11.Event | type[h11.NEED_DATA] | type[h11.PAUSED]:
        try:
            return self._h11.next_event()
        except h11.RemoteProtocolError as error:
            too_long = f"the head of the request is longer than {self._max_head_bytes:,} bytes"
            status = error.error_status_hint
            raise TruncatedRequest(status, too_long if status == 431 else str(error)) from None

    async def receive(self) -> None:
        if self._h11.they_are_waiting_for_100_continue:
            await self.send(h11.InformationalResponse(status_code=100, headers=[]))
        self._h11.receive_data(await self._reader.read(READ_SIZE_BYTES))

    async def send(self, event: h11.Event) -> None:
        try:
            data = self._h11.send(event)
        except h11.LocalProtocolError:
            # The peer broke off (h11 is in its error state): there is nobody to send to.
            raise ConnectionResetError from None
        if data:
            self._writer.write(data)
            await self._writer.drain()

    def abort(self) -> None:
        self._writer.transport.abort()


def _response(status: int, headers: Headers) -> h11.Response:
    with_date = [("date", formatdate(usegmt=True)), *headers]
    return h11.Response(
        status_code=status,
        headers=[(name.encode(), value.encode()) for name, value in with_date],
        reason=http.client.responses.get(status, "").encode(),
    )
