"""HTTP/1.1 server on asyncio and h11: one request after another on a connection, bodies as they arrive.

A piece of a body is passed on when it arrives, without waiting for more. A slow reader slows down the peer: nothing is
received while a piece is processed, and nothing is sent before the last piece has left.
"""

from __future__ import annotations

import asyncio
import contextlib
import http.client
import json
import logging
import re
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from email.utils import formatdate
from functools import partial
from typing import NamedTuple, TypeAlias

import h11

from .access import Access, RequestSource

READ_SIZE_BYTES = 32 * 1024
"""Size of the pieces that Lambda's own Runtime API reads."""

_SOCKET_BUFFER_BYTES = 256 * 1024
"""Limit of the socket buffers. By default they grow to several MB, and a slow reader is only noticed after that."""

_LINGER_SECONDS = 0.5
"""Time to read the rest of a request after its answer. To close at once could lose the answer."""

_METHODS = "DELETE, GET, HEAD, OPTIONS, PATCH, POST, PUT"

_LAST_PORT = 65535

_STRICT_ACCESS = Access()

_REASON_LENGTH = 300
"""Length of the reason in an answer. h11's reasons contain the whole line that it cannot read."""

Headers = Sequence[tuple[str, str]]

_logger = logging.getLogger("lambda_emulator.http_server")


class RejectedRequest(Exception):
    """The server itself answers a request, with `status`, the text of this error and `headers`."""

    def __init__(self, status: int, reason: str, headers: Headers = ()) -> None:
        super().__init__(reason)
        self.status = status
        self.headers = headers


class TruncatedRequest(RejectedRequest):
    """The peer left or broke the protocol before its request was complete.

    If the handler does not answer, the server does.
    """


class PortTaken(Exception):
    """Another process listens on the port."""

    def __init__(self, host: str, port: int) -> None:
        super().__init__(f"Port {port} on {host} is taken")
        self.port = port


class HttpExchange:
    """One request and its response."""

    def __init__(self, connection: _Connection, request: h11.Request) -> None:
        self._connection = connection
        self.method = request.method.decode()
        self._authority, self.target = _split_target(request.target.decode("latin-1"))
        self.http_version = request.http_version.decode()
        self.headers = [(name.decode(), value.decode("latin-1")) for name, value in request.headers]
        self.trailers: list[tuple[str, str]] = []
        """Trailers of the request, complete when `body` has ended."""

    @property
    def peer_host(self) -> str:
        return self._connection.peer_host

    @property
    def source(self) -> RequestSource:
        names = {name for name, _ in self.headers}
        hosts = (self._authority, *(value for name, value in self.headers if name == "host"))
        return RequestSource(tuple(filter(None, hosts)), self._connection.local_address, "origin" in names)

    def header(self, name: str) -> str:
        """Return the values of a header joined by commas, or an empty text. The name is in lower case."""
        return ",".join(value for header, value in self.headers if header == name)

    async def body(self) -> AsyncIterator[bytes]:
        """Yield the body as it arrives. Raise `TruncatedRequest` if it ends too early."""
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
        """Return the whole body, or its start if it is longer than `limit_bytes`."""
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
        """Send the head. A body without `content-length` will be chunked. Raise `ValueError` for an illegal header."""
        try:
            response = _response(status, headers)
        except h11.LocalProtocolError as error:
            raise ValueError(str(error)) from None
        await self._connection.send(response)

    async def send(self, data: bytes) -> None:
        """Send a piece of the body, and wait while the peer is slow. An answer to HEAD has no body."""
        if data and self.method != "HEAD":
            await self._connection.send(h11.Data(data=data))

    async def end_response(self) -> None:
        await self._connection.send(h11.EndOfMessage())

    def abort(self) -> None:
        """Break the connection, so that the peer sees an incomplete response."""
        self._connection.abort()


Handler = Callable[[HttpExchange], Awaitable[None]]

OnRejected = Callable[[str], None]
"""Called with the answer to a request that never reached a handler."""


class HeadLimits(NamedTuple):
    """Limits for the head of a request. The time starts with its first byte: a connection may be idle for longer."""

    max_bytes: int
    max_seconds: float


class HttpServer:
    """Server on one port, which gives every request that `access` allows to one handler."""

    def __init__(
        self,
        handler: Handler,
        on_rejected: OnRejected,
        *,
        access: Access = _STRICT_ACCESS,
        max_head_bytes: int = 64 * 1024,
        max_head_seconds: float = 30,
    ) -> None:
        self._handler = handler
        self._on_rejected = on_rejected
        self._access = access
        self._head_limits = HeadLimits(max_head_bytes, max_head_seconds)
        self._server: asyncio.Server | None = None
        self._connections: set[asyncio.Task[None]] = set()
        self._host = ""
        self.port = 0

    @property
    def address(self) -> str:
        """Host and port, in the form of a URL."""
        host = f"[{self._host}]" if ":" in self._host else self._host
        return f"{host}:{self.port}"

    async def start(self, host: str, port: int = 0) -> None:
        """Listen on `port`, or on a free port if it is 0. Raise `PortTaken`, or `OSError` if the system refuses."""
        if port > _LAST_PORT:
            raise OSError(f"Port {port} does not exist: the last one is {_LAST_PORT}. Choose a lower port with --port.")
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
        """Stop listening and break open connections."""
        if self._server is not None:
            self._server.close()
        for connection in list(self._connections):
            connection.cancel()
        await asyncio.gather(*self._connections, return_exceptions=True)

    def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        # asyncio only does this for sockets that name their protocol. Those of `socket.create_server` do not.
        writer.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        connection = _Connection(reader, writer, self._head_limits)
        task = asyncio.get_running_loop().create_task(connection.serve(self._admit, self._on_rejected))
        self._connections.add(task)
        task.add_done_callback(partial(self._disconnected, writer))

    async def _admit(self, exchange: HttpExchange) -> None:
        if exchange.method == "CONNECT":
            raise RejectedRequest(405, "This server is not a proxy.", [("allow", _METHODS)])
        refusal = self._access.refusal(exchange.source)
        if refusal:
            raise RejectedRequest(403, refusal)
        await self._handler(exchange)

    def _disconnected(self, writer: asyncio.StreamWriter, task: asyncio.Task[None]) -> None:
        self._connections.discard(task)
        writer.close()
        if not task.cancelled() and task.exception() is not None:
            _logger.error("A request failed because of an error in the emulator itself", exc_info=task.exception())


_Event: TypeAlias = "h11.Event | type[h11.NEED_DATA] | type[h11.PAUSED]"


class _Connection:
    """Connection to one peer: a socket, and h11's state machine."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, limits: HeadLimits) -> None:
        self._reader = reader
        self._writer = writer
        self._h11 = h11.Connection(h11.SERVER, max_incomplete_event_size=limits.max_bytes)
        self._limits = limits
        self._method = ""
        self.peer_host = str(writer.get_extra_info("peername")[0])
        self.local_address = str(writer.get_extra_info("sockname")[0])
        writer.transport.set_write_buffer_limits(high=READ_SIZE_BYTES)

    async def serve(self, handler: Handler, on_rejected: OnRejected) -> None:
        with contextlib.suppress(ConnectionError):
            try:
                while (request := await self._next_request()) is not None:
                    await handler(HttpExchange(self, request))
                    if not await self._ready_for_next():
                        return
            except RejectedRequest as error:
                if self._may_answer:
                    on_rejected(f"answered with {error.status}: {error}")
                    await self._reject(error)
            except ConnectionError:
                raise
            except Exception as error:
                await self._answer_failure(error)
                raise

    async def _answer_failure(self, error: Exception) -> None:
        if self._may_answer:
            reason = f"The emulator itself has failed: {error!r}. Its log has the traceback."
            with contextlib.suppress(ConnectionError):
                await self._reject(RejectedRequest(500, reason))

    @property
    def _may_answer(self) -> bool:
        return self._h11.our_state in (h11.IDLE, h11.SEND_RESPONSE)

    async def _reject(self, error: RejectedRequest) -> None:
        body = json.dumps({"message": str(error)}).encode()
        headers = [("content-type", "application/json"), ("content-length", str(len(body))), ("connection", "close")]
        await self.send(_response(error.status, [*headers, *error.headers]))
        if self._method != "HEAD":
            await self.send(h11.Data(data=body))
        await self.send(h11.EndOfMessage())
        await self._linger()

    async def _next_request(self) -> h11.Request | None:
        self._method = ""
        event = self.next_event()
        if event is h11.NEED_DATA and not self._unread_bytes:
            await self.receive(self._head_room())  # without a time limit: the connection is idle
            event = self.next_event()
        if event is h11.NEED_DATA:
            event = await self._rest_of_head()
        if not isinstance(event, h11.Request):
            return None
        self._method = event.method.decode()
        return event

    async def _rest_of_head(self) -> _Event:
        seconds = self._limits.max_seconds
        try:
            return await asyncio.wait_for(self._read_head(), seconds)
        except asyncio.TimeoutError:
            raise TruncatedRequest(408, f"the head of the request is not complete after {seconds} seconds") from None

    async def _read_head(self) -> _Event:
        """Return the event that follows. A longer head than the limit is never received whole."""
        while (event := self.next_event()) is h11.NEED_DATA:
            await self.receive(self._head_room())
        return event

    def _head_room(self) -> int:
        room = self._limits.max_bytes - self._unread_bytes
        if room <= 0:
            raise self._too_long()
        return min(room, READ_SIZE_BYTES)

    @property
    def _unread_bytes(self) -> int:
        return len(self._h11.trailing_data[0])

    def _too_long(self) -> TruncatedRequest:
        return TruncatedRequest(431, f"the head of the request is longer than {self._limits.max_bytes:,} bytes")

    async def _ready_for_next(self) -> bool:
        while isinstance(self.next_event(), (h11.Data, h11.EndOfMessage)):
            pass  # the part of a body that the handler did not read
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

    def next_event(self) -> _Event:
        try:
            return self._h11.next_event()
        except h11.RemoteProtocolError as error:
            if error.error_status_hint == 431:
                raise self._too_long() from None
            raise TruncatedRequest(error.error_status_hint, _reason(error)) from None

    async def receive(self, limit_bytes: int = READ_SIZE_BYTES) -> None:
        if self._h11.they_are_waiting_for_100_continue:
            await self.send(h11.InformationalResponse(status_code=100, headers=[]))
        self._h11.receive_data(await self._reader.read(limit_bytes))

    async def send(self, event: h11.Event) -> None:
        try:
            data = self._h11.send(event)
        except h11.LocalProtocolError:
            # h11 is in its error state: the peer has broken the connection.
            raise ConnectionResetError from None
        if data:
            self._writer.write(data)
            await self._writer.drain()

    def abort(self) -> None:
        self._writer.transport.abort()


def _split_target(target: str) -> tuple[str, str]:
    """Return the authority and the path of a target such as `http://name/path`. A usual target has no authority."""
    absolute = re.match(r"https?://([^/?#]*)", target, re.IGNORECASE)
    if absolute is None:
        return "", target
    path = target[absolute.end() :]
    return absolute[1], path if path.startswith("/") else f"/{path}"


def _reason(error: h11.RemoteProtocolError) -> str:
    """Return h11's reason without Python's notation for bytes, and not longer than `_REASON_LENGTH`."""
    text = re.sub(r"bytearray\((b['\"].*['\"])\)", r"\1", str(error), flags=re.DOTALL)
    text = re.sub(r"\bb(?=['\"])", "", text)
    return text if len(text) <= _REASON_LENGTH else f"{text[:_REASON_LENGTH]}…"


def _response(status: int, headers: Headers) -> h11.Response:
    with_date = [("date", formatdate(usegmt=True)), *headers]
    return h11.Response(
        status_code=status,
        headers=[(name.encode(), value.encode()) for name, value in with_date],
        reason=http.client.responses.get(status, "").encode(),
    )
