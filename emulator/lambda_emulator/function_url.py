"""The front door of a Function URL: HTTP in, event to the function, response as it arrives.

With `RESPONSE_STREAM` a prelude, announced by its content type, gives the response head; without it the bytes go out
as they are. With `BUFFERED` the whole response is read as what a proxy integration returns.
"""

from __future__ import annotations

import base64
import binascii
import json
import uuid
from typing import Any

from . import cors
from .concurrency import FunctionConcurrency
from .function_url_event import HttpRequest, encode_event
from .functions import FunctionUrl, InvokeMode
from .http_server import Headers, HttpExchange, HttpServer
from .invocation import BUFFERED_LIMIT_BYTES, Invocation, new_trace_id
from .logs import Print
from .prelude import HTTP_INTEGRATION_CONTENT_TYPE, PreludeDecoder, PreludeError, ResponseHead

_NEVER_SENT = {"connection", "keep-alive", "proxy-connection", "te", "trailer", "transfer-encoding", "upgrade"}
"""What belongs to the connection is the front door's own."""

_BODILESS = {204, 304}


class FunctionUrlServer:
    """Serves one Function URL at a port of its own."""

    def __init__(self, url: FunctionUrl, concurrency: FunctionConcurrency, print_line: Print) -> None:
        self.url = url
        self._concurrency = concurrency
        self._print = print_line
        self._server = HttpServer(self._serve, lambda how: self._say(f"a request was {how}"))

    async def start(self, host: str, port: int) -> None:
        await self._server.start(host, port)

    async def close(self) -> None:
        await self._server.close()

    @property
    def address(self) -> str:
        return f"http://{self._server.address}/"

    async def _serve(self, exchange: HttpExchange) -> None:
        if self.url.cors is not None and cors.is_preflight(self.url.cors, exchange.method, exchange.headers):
            headers = cors.preflight_headers(self.url.cors, exchange.header("origin"))
            await exchange.respond(200, headers)
            return
        request_id = str(uuid.uuid4())
        trace_id = exchange.header("x-amzn-trace-id") or new_trace_id()
        event = await self._event(exchange, request_id, trace_id)
        if len(event) > BUFFERED_LIMIT_BYTES:
            await exchange.respond(413, [("content-type", "application/json")], b'{"message":"Request Too Long"}')
            return
        invocation = Invocation(
            self.url.function,
            event,
            invoke_mode=self.url.invoke_mode,
            qualifier=self.url.qualifier,
            request_id=request_id,
            trace_id=trace_id,
        )
        await self._concurrency.invoke(invocation)
        try:
            if self.url.invoke_mode is InvokeMode.RESPONSE_STREAM:
                await self._stream(exchange, invocation)
            else:
                await self._respond_whole(exchange, invocation)
        except ConnectionError:
            self._say(f"RequestId: {invocation.request_id} the caller is gone; the function goes on, as on AWS")
            invocation.abandon()
            raise

    async def _event(self, exchange: HttpExchange, request_id: str, trace_id: str) -> bytes:
        request = HttpRequest(
            method=exchange.method,
            target=exchange.target,
            http_version=exchange.http_version,
            headers=exchange.headers,
            body=await exchange.read_body(limit_bytes=BUFFERED_LIMIT_BYTES),
            source_ip=exchange.peer_host,
        )
        return encode_event(self.url, request, request_id=request_id, trace_id=trace_id, port=self._server.port)

    # RESPONSE_STREAM

    async def _stream(self, exchange: HttpExchange, invocation: Invocation) -> None:
        if not await invocation.response_started():
            await self._respond_error(exchange, invocation)
            return
        decoder = PreludeDecoder()
        if invocation.content_type != HTTP_INTEGRATION_CONTENT_TYPE:
            decoder.head = ResponseHead(200, (("content-type", invocation.content_type),), ())
        head_sent = False
        async for data in invocation.body():
            try:
                body = decoder.feed(data)
            except PreludeError as error:
                await self._refuse(exchange, invocation, str(error))
                return
            if decoder.head is None:
                continue
            if not head_sent:
                if not await self._start_response(exchange, invocation, decoder.head):
                    return
                head_sent = True
            if decoder.head.status not in _BODILESS:
                await exchange.send(body)
        if not head_sent:
            await self._end_without_body(exchange, invocation, decoder)
        elif invocation.error is not None and not invocation.error.is_end_of_stream:
            exchange.abort()
        else:
            await exchange.end_response()

    async def _end_without_body(self, exchange: HttpExchange, invocation: Invocation, decoder: PreludeDecoder) -> None:
        if invocation.error is not None:
            await self._respond_error(exchange, invocation)
        elif decoder.head is None:
            await self._refuse(exchange, invocation, "the response ended before its prelude was complete")
        elif await self._start_response(exchange, invocation, decoder.head):
            await exchange.end_response()

    async def _start_response(self, exchange: HttpExchange, invocation: Invocation, head: ResponseHead) -> bool:
        """Send the head; answer 502 and return False if it is none that HTTP can carry."""
        headers = self._response_headers(exchange, invocation, head)
        try:
            await exchange.start_response(head.status, headers)
        except ValueError as error:
            await self._refuse(exchange, invocation, f"a header cannot be sent: {error}")
            return False
        return True

    # BUFFERED

    async def _respond_whole(self, exchange: HttpExchange, invocation: Invocation) -> None:
        response = await invocation.collect()
        if invocation.error is not None:
            await self._respond_error(exchange, invocation)
            return
        try:
            head, body = decode_proxy_response(response)
            headers = self._response_headers(exchange, invocation, head)
            if head.status in _BODILESS:
                body = b""
            await exchange.respond(head.status, headers, body)
        except ValueError as error:
            await self._refuse(exchange, invocation, str(error))

    # Both

    def _response_headers(self, exchange: HttpExchange, invocation: Invocation, head: ResponseHead) -> Headers:
        headers = [
            ("x-amzn-remapped-content-length" if name.lower() == "content-length" else name, value)
            for name, value in head.headers
            if name.lower() not in _NEVER_SENT
        ]
        if not any(name.lower() == "content-type" for name, _ in headers):
            headers.append(("content-type", "application/octet-stream"))
        headers.extend(("set-cookie", cookie) for cookie in head.cookies)
        headers.extend(cors.response_headers(self.url.cors, exchange.header("origin")))
        return [*headers, *_identity(invocation)]

    async def _respond_error(self, exchange: HttpExchange, invocation: Invocation) -> None:
        headers = [("content-type", "application/json"), *_identity(invocation)]
        await exchange.respond(502, headers, b"Internal Server Error")

    async def _refuse(self, exchange: HttpExchange, invocation: Invocation, reason: str) -> None:
        """Answer as AWS answers what a Function URL cannot pass on, and say why, which AWS does not."""
        self._say(f"RequestId: {invocation.request_id} answered with 502: {reason}")
        invocation.abandon()
        await self._respond_error(exchange, invocation)

    def _say(self, line: str) -> None:
        self._print(f"{self.url.construct_path} * {line}")


def _identity(invocation: Invocation) -> Headers:
    return [("x-amzn-requestid", invocation.request_id), ("x-amzn-trace-id", invocation.trace_id)]


def decode_proxy_response(response: bytes) -> tuple[ResponseHead, bytes]:
    """Read what a buffered function returned: an object with `statusCode` is a response, all else a JSON body."""
    try:
        document = json.loads(response)
    except ValueError:
        document = None
    if not isinstance(document, dict) or "statusCode" not in document:
        return ResponseHead(200, (("content-type", "application/json"),), ()), response
    return _proxy_head(document), _proxy_body(document)


def _proxy_head(document: dict[str, Any]) -> ResponseHead:
    status = document["statusCode"]
    status = int(status) if isinstance(status, str) and status.isdigit() else status
    if not isinstance(status, int) or not 200 <= status <= 599:
        raise ValueError(f"statusCode is {status!r}; allowed is a number from 200 to 599")
    headers = document.get("headers") or {}
    if not isinstance(headers, dict):
        raise ValueError(f"headers is {headers!r}; allowed is an object of names and texts")
    texts = tuple((name, value if isinstance(value, str) else json.dumps(value)) for name, value in headers.items())
    if not any(name.lower() == "content-type" for name, _ in texts):
        texts = (*texts, ("content-type", "application/json"))
    return ResponseHead(status, texts, tuple(document.get("cookies") or ()))


def _proxy_body(document: dict[str, Any]) -> bytes:
    body = document.get("body") or ""
    if not isinstance(body, str):
        raise ValueError(f"body is of type {type(body).__name__}; allowed is a text")
    if not document.get("isBase64Encoded"):
        return body.encode()
    try:
        return base64.b64decode(body, validate=True)
    except binascii.Error as error:
        raise ValueError(f"isBase64Encoded is true and body is not base64: {error}") from None
