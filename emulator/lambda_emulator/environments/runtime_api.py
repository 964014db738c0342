"""Runtime API of one execution environment, server side.

The states and their names are those of Lambda's own implementation. `_ALLOWED` lists the moves between them, and
`_enter` is the only place that moves. Any other move is answered with 403 and changes nothing.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import contextlib
import json
import re
from collections.abc import Awaitable, Callable
from enum import Enum
from typing import NamedTuple, Protocol
from urllib.parse import unquote

from ..http_server import Headers, HttpExchange, HttpServer, TruncatedRequest
from ..invocation import Invocation, InvocationError

_MAX_HEAD_BYTES = 1024 * 1024
"""Lambda's limit for a request head. The X-Ray error cause is a header of up to 64 KiB."""

TRAILERS_LIMIT_BYTES = 4096
"""Lambda's limit for trailers. It treats a response with longer ones as truncated."""

_ERROR_TYPE_TRAILER = "lambda-runtime-function-error-type"
_ERROR_BODY_TRAILER = "lambda-runtime-function-error-body"

_VALID_ERROR_TYPE = re.compile(r"(Runtime|Function)\.[A-Z][a-zA-Z]+")
"""Pattern of an error type, which Lambda searches anywhere in the runtime's header. Others are `Runtime.Unknown`."""


class RuntimeState(Enum):
    """State of the runtime, with Lambda's names. The comment names the next request."""

    STARTED = "Started"  # /next or /init/error
    INIT_ERROR = "InitError"  # none: the runtime exits
    READY = "Ready"  # none: /next waits for an invocation
    RUNNING = "Running"  # /response or /error; /next returns the same event again
    INVOCATION_RESPONSE = "InvocationResponse"  # the rest of the response
    INVOCATION_ERROR_RESPONSE = "InvocationErrorResponse"  # the rest of the error document
    RESPONSE_SENT = "ResponseSent"  # /next


_ALLOWED = {
    RuntimeState.STARTED: {RuntimeState.READY, RuntimeState.INIT_ERROR},
    RuntimeState.INIT_ERROR: set(),
    RuntimeState.READY: {RuntimeState.READY, RuntimeState.RUNNING},
    RuntimeState.RUNNING: {RuntimeState.INVOCATION_RESPONSE, RuntimeState.INVOCATION_ERROR_RESPONSE},
    RuntimeState.INVOCATION_RESPONSE: {RuntimeState.RESPONSE_SENT},
    RuntimeState.INVOCATION_ERROR_RESPONSE: {RuntimeState.RESPONSE_SENT},
    RuntimeState.RESPONSE_SENT: {RuntimeState.READY},
}


class _Reply(NamedTuple):
    status: int
    error_type: str = ""
    error_message: str = ""
    closes_connection: bool = False

    @property
    def body(self) -> bytes:
        document = (
            {"errorMessage": self.error_message, "errorType": self.error_type} if self.error_type else {"status": "OK"}
        )
        return json.dumps(document, separators=(",", ":")).encode() + b"\n"


_ACCEPTED = _Reply(202)
_INVALID_REQUEST_ID = _Reply(400, "InvalidRequestID", "Invalid request ID")
_INVALID_RESPONSE_MODE = _Reply(400, "InvalidFunctionResponseMode", "Invalid function response mode")
_TRUNCATED = _Reply(400, "TruncatedHTTPRequest", "HTTP request detected as truncated", closes_connection=True)


def _too_large(limit_bytes: int) -> _Reply:
    message = f"Exceeded maximum allowed payload size ({limit_bytes} bytes)."
    return _Reply(413, "RequestEntityTooLarge", message, closes_connection=True)


class _Rejected(Exception):
    def __init__(self, reply: _Reply) -> None:
        super().__init__(reply.error_message)
        self.reply = reply


class RuntimeObserver(Protocol):
    """Receiver of the events of a Runtime API: the execution environment."""

    def runtime_ready(self) -> None: ...

    def invocation_started(self, invocation: Invocation) -> None: ...

    def response_sent(self, invocation: Invocation) -> None: ...

    def init_failed(self, error: InvocationError) -> None: ...

    def request_rejected(self, answer: str) -> None: ...


class RuntimeApi:
    """Server of the Runtime API for one runtime process, on a port of its own."""

    def __init__(self, observer: RuntimeObserver) -> None:
        self._observer = observer
        self._server = HttpServer(self._serve, observer.request_rejected, max_head_bytes=_MAX_HEAD_BYTES)
        self.state = RuntimeState.STARTED
        self.has_extension = False
        """True if the process registered an internal extension. It then gets SIGTERM before SIGKILL."""
        self._invocation: Invocation | None = None
        self._changed = asyncio.Condition()

    async def start(self, host: str) -> str:
        """Listen, and return the address for `AWS_LAMBDA_RUNTIME_API`."""
        await self._server.start(host)
        return self._server.address

    async def close(self) -> None:
        await self._server.close()

    async def drain(self, timeout_seconds: float) -> None:
        """Read the rest of a response whose process has ended."""
        async with self._changed:
            response_read = self._changed.wait_for(lambda: self.state is not RuntimeState.INVOCATION_RESPONSE)
            with contextlib.suppress(asyncio.TimeoutError):
                await asyncio.wait_for(response_read, timeout_seconds)

    async def hand_over(self, invocation: Invocation) -> None:
        """Give the runtime its next invocation, at once or when it asks."""
        async with self._changed:
            self._invocation = invocation
            self._changed.notify_all()

    async def _serve(self, exchange: HttpExchange) -> None:
        try:
            await self._route(exchange)
        except _Rejected as rejected:
            await self._reply(exchange, rejected.reply)

    async def _route(self, exchange: HttpExchange) -> None:
        method, path = exchange.method, exchange.target.partition("?")[0]
        routes: dict[tuple[str, str], Callable[[HttpExchange], Awaitable[None]]] = {
            ("GET", "/2018-06-01/runtime/invocation/next"): self._next,
            ("POST", "/2018-06-01/runtime/init/error"): self._init_error,
            ("GET", "/2018-06-01/ping"): self._ping,
            ("POST", "/2020-01-01/extension/register"): self._register_extension,
            ("GET", "/2020-01-01/extension/event/next"): self._extension_next,
        }
        if (method, path) in routes:
            await routes[method, path](exchange)
            return
        about_invocation = re.fullmatch(r"/2018-06-01/runtime/invocation/([^/]+)/(response|error)", path)
        if method != "POST" or about_invocation is None:
            await exchange.respond(404, [("content-type", "text/plain")], b"404 page not found\n")
            return
        request_id = unquote(about_invocation[1])
        if about_invocation[2] == "response":
            await self._response(exchange, self._current(request_id))
        else:
            await self._error(exchange, self._current(request_id))

    # The runtime's requests

    async def _next(self, exchange: HttpExchange) -> None:
        if self.state is not RuntimeState.RUNNING:
            was_ready = self.state is RuntimeState.READY
            self._enter(RuntimeState.READY)
            if not was_ready:
                self._invocation = self._invocation_not_begun()
                self._observer.runtime_ready()
        invocation = await self._next_invocation()
        if self.state is RuntimeState.READY:
            invocation.begin()
            self._enter(RuntimeState.RUNNING)
            self._observer.invocation_started(invocation)
        await exchange.respond(200, _invocation_headers(invocation), invocation.event)

    async def _response(self, exchange: HttpExchange, invocation: Invocation) -> None:
        self._enter(RuntimeState.INVOCATION_RESPONSE)
        if exchange.header("lambda-runtime-function-response-mode") not in ("", "streaming"):
            # Lambda stays in this state: the runtime cannot continue, and its invocation fails.
            message = "The header Lambda-Runtime-Function-Response-Mode may only be: streaming"
            invocation.finish(InvocationError.of("Runtime.InvalidResponseModeHeader", message))
            raise _Rejected(_INVALID_RESPONSE_MODE)
        reply = await _copy_response(exchange, invocation)
        await self._end_invocation(invocation)
        await self._reply(exchange, reply)

    async def _error(self, exchange: HttpExchange, invocation: Invocation) -> None:
        # While a response is open, Lambda holds this request back, and answers it with 403 afterwards.
        async with self._changed:
            await self._changed.wait_for(lambda: self.state is not RuntimeState.INVOCATION_RESPONSE)
        self._enter(RuntimeState.INVOCATION_ERROR_RESPONSE)
        invocation.finish(await _read_error(exchange))
        await self._end_invocation(invocation)
        await self._reply(exchange, _ACCEPTED)

    async def _init_error(self, exchange: HttpExchange) -> None:
        self._enter(RuntimeState.INIT_ERROR)
        self._observer.init_failed(await _read_error(exchange))
        await self._reply(exchange, _ACCEPTED)

    async def _ping(self, exchange: HttpExchange) -> None:
        await exchange.respond(200, [("content-type", "text/plain")], b"pong")

    async def _register_extension(self, exchange: HttpExchange) -> None:
        await exchange.read_body()
        self.has_extension = True
        await exchange.respond(
            200, [("lambda-extension-identifier", "internal"), ("content-type", "application/json")], b"{}"
        )

    async def _extension_next(self, exchange: HttpExchange) -> None:
        # An internal extension gets no events. It only registers so that the process gets SIGTERM.
        await asyncio.Event().wait()

    # State

    def _enter(self, state: RuntimeState) -> None:
        if state not in _ALLOWED[self.state]:
            message = (
                f"State transition from {self.state.value} to {state.value} failed for runtime. "
                "Error: State transition is not allowed"
            )
            raise _Rejected(_Reply(403, "InvalidStateTransition", message))
        self.state = state

    def _current(self, request_id: str) -> Invocation:
        if self._invocation is None or not self._invocation.deadline_ms or self._invocation.request_id != request_id:
            raise _Rejected(_INVALID_REQUEST_ID)
        return self._invocation

    def _invocation_not_begun(self) -> Invocation | None:
        """Return the invocation that was handed over meanwhile, or None. One that has begun is over."""
        return self._invocation if self._invocation is not None and not self._invocation.deadline_ms else None

    async def _next_invocation(self) -> Invocation:
        async with self._changed:
            await self._changed.wait_for(lambda: self._invocation is not None)
        assert self._invocation is not None
        return self._invocation

    async def _end_invocation(self, invocation: Invocation) -> None:
        self._enter(RuntimeState.RESPONSE_SENT)
        self._observer.response_sent(invocation)
        async with self._changed:
            self._changed.notify_all()

    async def _reply(self, exchange: HttpExchange, reply: _Reply) -> None:
        headers: Headers = [("content-type", "application/json")]
        if reply.closes_connection:
            headers = [*headers, ("connection", "close")]
        await exchange.respond(reply.status, headers, reply.body)


async def _copy_response(exchange: HttpExchange, invocation: Invocation) -> _Reply:
    """Pass on the response as it arrives, and end the invocation as the response ends."""
    invocation.start_response(exchange.header("content-type") or "application/octet-stream")
    copied_bytes = 0
    try:
        async for data in exchange.body():
            copied_bytes += len(data)
            excess_bytes = copied_bytes - invocation.limit_bytes
            if excess_bytes > 0:
                # The caller gets one byte more than the limit, as on AWS.
                await invocation.write(data[: len(data) - excess_bytes + 1])
                invocation.finish(_response_too_large(invocation.limit_bytes))
                return _too_large(invocation.limit_bytes)
            await invocation.write(data)
    except TruncatedRequest:
        invocation.finish(_truncated_response())
        return _TRUNCATED
    if _encoded_length(exchange.trailers) > TRAILERS_LIMIT_BYTES:
        invocation.finish(_truncated_response())
        return _TRUNCATED
    invocation.finish(_mid_stream_error(exchange))
    return _ACCEPTED


def _mid_stream_error(exchange: HttpExchange) -> InvocationError | None:
    """Return the error in the trailers, or None. Lambda only reads trailers that the header `Trailer` declares."""
    declared = {name.strip().lower() for name in exchange.header("trailer").split(",")}
    trailers = {name: value for name, value in exchange.trailers if name in declared}
    error_type = trailers.get(_ERROR_TYPE_TRAILER, "")
    if not error_type:
        return None
    encoded = trailers.get(_ERROR_BODY_TRAILER, "")
    try:
        document = base64.b64decode(encoded, validate=True)
    except binascii.Error:
        document = encoded.encode()
    return InvocationError(error_type, document, is_end_of_stream=True)


async def _read_error(exchange: HttpExchange) -> InvocationError:
    try:
        document = await exchange.read_body()
    except TruncatedRequest:
        raise _Rejected(_TRUNCATED) from None
    valid = _VALID_ERROR_TYPE.search(exchange.header(_ERROR_TYPE_TRAILER))
    return InvocationError(valid[0] if valid else "Runtime.Unknown", document)


def _response_too_large(limit_bytes: int) -> InvocationError:
    message = f"Response payload size exceeded maximum allowed payload size ({limit_bytes} bytes)."
    return InvocationError.of("Function.ResponseSizeTooLarge", message)


def _truncated_response() -> InvocationError:
    return InvocationError.of("Runtime.TruncatedResponse", "The response ended before it was complete.")


def _encoded_length(headers: Headers) -> int:
    return sum(len(f"{name}: {value}\r\n") for name, value in headers) + len("\r\n")


def _invocation_headers(invocation: Invocation) -> Headers:
    headers = {
        "Lambda-Runtime-Aws-Request-Id": invocation.request_id,
        "Lambda-Runtime-Deadline-Ms": str(invocation.deadline_ms),
        "Lambda-Runtime-Invoked-Function-Arn": invocation.invoked_arn,
        "Lambda-Runtime-Trace-Id": invocation.trace_id,
        "Lambda-Runtime-Client-Context": invocation.client_context,
        "Lambda-Runtime-Aws-Tenant-Id": invocation.tenant_id,
        "Content-Type": "application/json",
    }
    return [(name, value) for name, value in headers.items() if value]
