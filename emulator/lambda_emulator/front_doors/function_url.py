"""Function URLs: an HTTP request becomes an event, and the response is passed on as it arrives.

With `RESPONSE_STREAM`, the content type tells whether a prelude holds the response head. Without a prelude the bytes
are passed on as they are. With `BUFFERED`, the whole response is read in the proxy form.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Collection

from ..access import Access
from ..functions import FunctionUrl, InvokeMode
from ..http_server import Headers, HttpExchange, HttpServer
from ..invocation import BUFFERED_LIMIT_BYTES, EMULATOR_ERROR_PREFIX, Invocation, Invoke, Throttled, new_trace_id
from ..logs import Print
from . import cors
from .function_url_event import HttpRequest, encode_event
from .invocation_headers import invocation_headers, throttled_headers
from .prelude import HTTP_INTEGRATION_CONTENT_TYPE, PreludeDecoder, PreludeError, ResponseHead
from .proxy_response import decode_proxy_response

_CONNECTION_HEADERS = {"connection", "keep-alive", "proxy-connection", "te", "trailer", "transfer-encoding", "upgrade"}
"""Headers about the connection to the caller, which only the front door may set."""

_BODILESS = {204, 304}


class FunctionUrlServer:
    """Server of one Function URL, on a port of its own."""

    def __init__(
        self, url: FunctionUrl, invoke: Invoke, print_line: Print, allowed_hosts: Collection[str] = ()
    ) -> None:
        self.url = url
        self._invoke = invoke
        self._print = print_line
        self._server = HttpServer(
            self._serve,
            on_rejected=lambda answer: self._log(f"a request was {answer}"),
            access=Access(frozenset(allowed_hosts), allows_pages=True),
        )

    async def start(self, host: str, port: int) -> None:
        await self._server.start(host, port)

    async def close(self) -> None:
        await self._server.close()

    @property
    def address(self) -> str:
        return f"http://{self._server.address}/"

    async def _serve(self, exchange: HttpExchange) -> None:
        if self.url.cors is not None and cors.is_preflight(self.url.cors, exchange.method, exchange.headers):
            await exchange.respond(200, cors.preflight_headers(self.url.cors, exchange.header("origin")))
            return
        invocation = await self._new_invocation(exchange)
        if len(invocation.event) > BUFFERED_LIMIT_BYTES:
            await self._respond_instead(exchange, 413, b'{"message":"Request Too Long"}')
            return
        try:
            await self._invoke(invocation)
        except Throttled as throttled:
            headers = [*throttled_headers(), *invocation_headers(invocation)]
            await self._respond_instead(exchange, 429, json.dumps(throttled.document).encode(), headers)
            return
        try:
            if self.url.invoke_mode is InvokeMode.RESPONSE_STREAM:
                await self._stream(exchange, invocation)
            else:
                await self._respond_whole(exchange, invocation)
        except ConnectionError:
            self._log(f"RequestId: {invocation.request_id} the caller has left; the function goes on, as on AWS")
            invocation.abandon()
            raise

    async def _new_invocation(self, exchange: HttpExchange) -> Invocation:
        request_id = str(uuid.uuid4())
        trace_id = exchange.header("x-amzn-trace-id") or new_trace_id()
        return Invocation(
            self.url.function,
            await self._event(exchange, request_id=request_id, trace_id=trace_id),
            invoke_mode=self.url.invoke_mode,
            qualifier=self.url.qualifier,
            request_id=request_id,
            trace_id=trace_id,
        )

    async def _event(self, exchange: HttpExchange, *, request_id: str, trace_id: str) -> bytes:
        request = HttpRequest(
            method=exchange.method,
            target=exchange.target,
            http_version=exchange.http_version,
            headers=exchange.headers,
            body=await exchange.read_body(limit_bytes=BUFFERED_LIMIT_BYTES),
            source_ip=exchange.peer_host,
        )
        return encode_event(self.url, request, request_id=request_id, trace_id=trace_id)

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
                await self._reject_response(exchange, invocation, str(error))
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
            await self._reject_response(exchange, invocation, "the response ended before its prelude was complete")
        elif await self._start_response(exchange, invocation, decoder.head):
            await exchange.end_response()

    async def _start_response(self, exchange: HttpExchange, invocation: Invocation, head: ResponseHead) -> bool:
        """Send the head. Answer 502 and return False if HTTP cannot carry it."""
        headers = self._response_headers(exchange, invocation, head)
        try:
            await exchange.start_response(head.status, headers)
        except ValueError as error:
            await self._reject_response(exchange, invocation, f"a header cannot be sent: {error}")
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
            await self._reject_response(exchange, invocation, str(error))

    # Both

    def _response_headers(self, exchange: HttpExchange, invocation: Invocation, head: ResponseHead) -> Headers:
        headers = [
            ("x-amzn-remapped-content-length" if name.lower() == "content-length" else name, value)
            for name, value in head.headers
            if name.lower() not in _CONNECTION_HEADERS
        ]
        if not any(name.lower() == "content-type" for name, _ in headers):
            headers.append(("content-type", "application/octet-stream"))
        headers.extend(("set-cookie", cookie) for cookie in head.cookies)
        headers.extend(cors.response_headers(self.url.cors, exchange.header("origin")))
        return [*headers, *invocation_headers(invocation)]

    async def _respond_instead(self, exchange: HttpExchange, status: int, body: bytes, headers: Headers = ()) -> None:
        """Answer instead of the function. The CORS headers let a page read the status and the reason."""
        of_cors = cors.response_headers(self.url.cors, exchange.header("origin"))
        await exchange.respond(status, [("content-type", "application/json"), *headers, *of_cors], body)

    async def _respond_error(self, exchange: HttpExchange, invocation: Invocation) -> None:
        """Answer 502 as AWS does. If the emulator cannot run the function, the body says why."""
        await self._respond_instead(exchange, 502, _error_body(invocation), invocation_headers(invocation))

    async def _reject_response(self, exchange: HttpExchange, invocation: Invocation, reason: str) -> None:
        """Answer 502, as AWS does. Log the reason, which AWS does not."""
        self._log(f"RequestId: {invocation.request_id} answered with 502: {reason}")
        invocation.abandon()
        await self._respond_error(exchange, invocation)

    def _log(self, line: str) -> None:
        self._print(f"{self.url.construct_path} * {line}")


def _error_body(invocation: Invocation) -> bytes:
    error = invocation.error
    if error is not None and error.error_type.startswith(EMULATOR_ERROR_PREFIX):
        return json.dumps({"message": error.message}).encode()
    return b"Internal Server Error"
