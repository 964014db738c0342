"""The Lambda API: the operations that invoke functions, list them and list their URLs.

Paths and documents are AWS's own, so any SDK works with `endpoint_url` set to this server.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import json
import re
from collections.abc import Awaitable, Callable, Collection, Coroutine, Mapping, Sequence
from typing import Any
from urllib.parse import parse_qs, unquote

from ..access import Access
from ..functions import (
    Cors,
    Function,
    FunctionDirectory,
    FunctionNotFound,
    InvokeMode,
    ServedUrl,
    missing_url_message,
)
from ..http_server import Headers, HttpExchange, HttpServer
from ..invocation import BUFFERED_LIMIT_BYTES, Invocation, InvocationError, Invoke, Throttled
from ..json_text import decode_json
from ..logs import Print
from . import event_stream
from .invocation_headers import invocation_headers, throttled_headers

_VERSION = "$LATEST"

_REQUEST_RESPONSE, _EVENT, _DRY_RUN = _INVOCATION_TYPES = ("RequestResponse", "Event", "DryRun")

_STREAMING_INVOCATION_TYPES = (_REQUEST_RESPONSE, _DRY_RUN)

_LOG_TYPES = ("None", "Tail")

_RETRY_SECONDS = 1
"""Time until a throttled asynchronous invoke is tried again. On AWS it grows from one second to five minutes."""


class ApiError(Exception):
    """Error that the Lambda API answers with."""

    def __init__(self, status: int, error_type: str, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.error_type = error_type
        self.message = message


class LambdaApiServer:
    """Server of the Lambda API for all functions, on one port."""

    def __init__(
        self,
        functions: Sequence[Function],
        invoke: Invoke,
        served_urls: Callable[[], Sequence[ServedUrl]],
        print_line: Print,
        allowed_hosts: Collection[str] = (),
    ) -> None:
        self._functions = functions
        self._directory = FunctionDirectory(functions)
        self._invoke = invoke
        self._served_urls = served_urls
        self._print = print_line
        self._server = HttpServer(
            self._serve,
            on_rejected=lambda answer: print_line(f"Lambda API * a request was {answer}"),
            access=Access(frozenset(allowed_hosts)),
        )
        self._background: set[asyncio.Task[object]] = set()

    async def start(self, host: str, port: int) -> None:
        await self._server.start(host, port)

    async def close(self) -> None:
        await self._server.close()
        for task in self._background:
            task.cancel()

    @property
    def address(self) -> str:
        return f"http://{self._server.address}"

    async def _serve(self, exchange: HttpExchange) -> None:
        try:
            await self._route(exchange)
        except FunctionNotFound as error:
            await self._respond_error(exchange, ApiError(404, "ResourceNotFoundException", str(error)))
        except ApiError as error:
            await self._respond_error(exchange, error)
        except Throttled as throttled:
            await self._respond_json(exchange, throttled.document, status=429, headers=throttled_headers())

    async def _respond_error(self, exchange: HttpExchange, error: ApiError) -> None:
        headers = [("x-amzn-errortype", error.error_type)]
        await self._respond_json(
            exchange, {"Type": "User", "Message": error.message}, status=error.status, headers=headers
        )

    async def _route(self, exchange: HttpExchange) -> None:
        path = exchange.target.partition("?")[0].rstrip("/")
        routes: tuple[tuple[str, str, Callable[..., Awaitable[None]]], ...] = (
            ("POST", r"/2015-03-31/functions/(.+)/invocations", self._invoke_operation),
            ("POST", r"/2021-11-15/functions/(.+)/response-streaming-invocations", self._invoke_with_response_stream),
            ("GET", r"/2015-03-31/functions", self._list_functions),
            ("GET", r"/2015-03-31/functions/([^/]+)", self._get_function),
            ("GET", r"/2015-03-31/functions/([^/]+)/configuration", self._get_function_configuration),
            ("GET", r"/2021-10-31/functions/([^/]+)/url", self._get_function_url_config),
            ("GET", r"/2021-10-31/functions/([^/]+)/urls", self._list_function_url_configs),
        )
        for method, pattern, answer in routes:
            match = re.fullmatch(pattern, path)
            if match and method == exchange.method:
                await answer(exchange, *(unquote(group) for group in match.groups()))
                return
        raise ApiError(
            404,
            "UnknownOperationException",
            f"{exchange.method} {path} is not served here. The emulator serves Invoke, InvokeWithResponseStream, "
            "ListFunctions, GetFunction, GetFunctionConfiguration, GetFunctionUrlConfig and ListFunctionUrlConfigs.",
        )

    # Invoke

    async def _invoke_operation(self, exchange: HttpExchange, name: str) -> None:
        invocation_type = _invocation_type(exchange, _INVOCATION_TYPES)
        invocation = await self._new_invocation(exchange, name, InvokeMode.BUFFERED)
        if invocation_type == _DRY_RUN:
            await exchange.respond(204, invocation_headers(invocation))
        elif invocation_type == _EVENT:
            self._in_background(self._run_asynchronously(invocation))
            await exchange.respond(202, invocation_headers(invocation))
        else:
            await self._respond_whole(exchange, invocation)

    async def _respond_whole(self, exchange: HttpExchange, invocation: Invocation) -> None:
        response = await self._run(invocation)
        headers = [("content-type", "application/json"), ("x-amz-executed-version", _VERSION)]
        headers.extend(invocation_headers(invocation))
        if exchange.header("x-amz-log-type") == "Tail":
            headers.append(("x-amz-log-result", await _log_result(invocation)))
        if invocation.error is not None:
            headers.append(("x-amz-function-error", "Unhandled"))
            response = invocation.error.document
        await exchange.respond(200, headers, response)

    async def _run(self, invocation: Invocation) -> bytes:
        await self._invoke(invocation)
        return await invocation.collect()

    async def _run_asynchronously(self, invocation: Invocation) -> None:
        """Run the invocation when the limits allow it. Drop it if its function never runs."""
        while True:
            try:
                await self._run(invocation)
                return
            except Throttled as throttled:
                is_dropped = invocation.function.reserved_concurrency == 0
                state = "is dropped" if is_dropped else f"is tried again in {_RETRY_SECONDS} s"
                self._print(f"Lambda API * the asynchronous invoke {invocation.request_id} {state}: {throttled}")
            if is_dropped:
                return
            await asyncio.sleep(_RETRY_SECONDS)

    async def _invoke_with_response_stream(self, exchange: HttpExchange, name: str) -> None:
        invocation_type = _invocation_type(exchange, _STREAMING_INVOCATION_TYPES)
        invocation = await self._new_invocation(exchange, name, InvokeMode.RESPONSE_STREAM)
        if invocation_type == _DRY_RUN:
            await exchange.respond(204, invocation_headers(invocation))
            return
        await self._invoke(invocation)
        await invocation.response_started()
        headers = [("content-type", event_stream.CONTENT_TYPE), ("x-amz-executed-version", _VERSION)]
        if invocation.has_response:
            headers.append(("x-amzn-remapped-content-type", invocation.content_type))
        with_log = exchange.header("x-amz-log-type") == "Tail"
        try:
            await exchange.start_response(200, [*headers, *invocation_headers(invocation)])
            async for data in invocation.body():
                await exchange.send(event_stream.encode_payload_chunk(data))
            log_result = await _log_result(invocation) if with_log else ""
            await exchange.send(_encode_end(invocation, log_result))
            await exchange.end_response()
        except ConnectionError:
            invocation.abandon()
            raise

    async def _new_invocation(self, exchange: HttpExchange, name: str, invoke_mode: InvokeMode) -> Invocation:
        _choice(exchange, "x-amz-log-type", _LOG_TYPES)
        function, qualifier = self._find(exchange, name)
        event = await exchange.read_body(limit_bytes=BUFFERED_LIMIT_BYTES) or b"{}"
        _check_event(event)
        return Invocation(
            function,
            event,
            invoke_mode=invoke_mode,
            qualifier=qualifier,
            client_context=_client_context(exchange),
            tenant_id=_tenant_id(exchange, function),
            trace_id=exchange.header("x-amzn-trace-id"),
        )

    def _find(self, exchange: HttpExchange, name: str) -> tuple[Function, str]:
        """Return the function and the qualifier, which is an empty text for `$LATEST`."""
        function, qualifier = self._directory.find(name)
        qualifier = qualifier or _query(exchange).get("Qualifier", "")
        if qualifier in ("", _VERSION):
            return function, ""
        if qualifier not in function.qualifiers:
            known = ", ".join([_VERSION, *sorted(function.qualifiers)])
            message = f"Function not found: {function.arn}:{qualifier}. Its versions and aliases here: {known}."
            raise ApiError(404, "ResourceNotFoundException", message)
        return function, qualifier

    def _in_background(self, work: Coroutine[Any, Any, object]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._background.add(task)
        task.add_done_callback(self._background.discard)

    # Names and URLs

    async def _list_functions(self, exchange: HttpExchange) -> None:
        functions = [_configuration(function) for function in self._functions]
        await self._respond_json(exchange, {"Functions": functions})

    async def _get_function(self, exchange: HttpExchange, name: str) -> None:
        function, _ = self._find(exchange, name)
        await self._respond_json(exchange, {"Configuration": _configuration(function), "Tags": {}})

    async def _get_function_configuration(self, exchange: HttpExchange, name: str) -> None:
        function, _ = self._find(exchange, name)
        await self._respond_json(exchange, _configuration(function))

    async def _get_function_url_config(self, exchange: HttpExchange, name: str) -> None:
        function, qualifier = self._find(exchange, name)
        urls = self._urls_of(function)
        for served in urls:
            if served.url.qualifier == qualifier:
                await self._respond_json(exchange, _url_config(served))
                return
        message = missing_url_message(function, qualifier, [served.url for served in urls])
        raise ApiError(404, "ResourceNotFoundException", message)

    async def _list_function_url_configs(self, exchange: HttpExchange, name: str) -> None:
        function, _ = self._directory.find(name)
        configs = [_url_config(served) for served in self._urls_of(function)]
        await self._respond_json(exchange, {"FunctionUrlConfigs": configs})

    def _urls_of(self, function: Function) -> list[ServedUrl]:
        return [served for served in self._served_urls() if served.url.function == function]

    async def _respond_json(
        self, exchange: HttpExchange, document: Mapping[str, Any], *, status: int = 200, headers: Headers = ()
    ) -> None:
        body = json.dumps(document).encode()
        await exchange.respond(status, [("content-type", "application/json"), *headers], body)


async def _log_result(invocation: Invocation) -> str:
    return base64.b64encode(await invocation.log_tail()).decode()


def _encode_end(invocation: Invocation, log_result: str) -> bytes:
    error = invocation.error or InvocationError("", b"")
    return event_stream.encode_invoke_complete(
        error_code=error.error_type,
        error_details=error.document.decode(errors="replace"),
        log_result=log_result,
    )


def _invocation_type(exchange: HttpExchange, allowed: Sequence[str]) -> str:
    return _choice(exchange, "x-amz-invocation-type", allowed)


def _choice(exchange: HttpExchange, header: str, allowed: Sequence[str]) -> str:
    """Return the value of a header, or the first allowed value if it is missing."""
    value = exchange.header(header) or allowed[0]
    if value not in allowed:
        message = f"The value {value!r} of {header} is not valid. Use one of: {', '.join(allowed)}."
        raise ApiError(400, "InvalidParameterValueException", message)
    return value


def _query(exchange: HttpExchange) -> dict[str, str]:
    query = parse_qs(exchange.target.partition("?")[2])
    return {name: values[0] for name, values in query.items()}


def _check_event(event: bytes) -> None:
    if len(event) > BUFFERED_LIMIT_BYTES:
        message = f"{len(event)} byte payload is too large for the Invoke operation (limit {BUFFERED_LIMIT_BYTES})"
        raise ApiError(413, "RequestTooLargeException", message)
    try:
        decode_json(event)
    except ValueError as error:
        message = f"Could not parse request body into json: {error}"
        raise ApiError(400, "InvalidRequestContentException", message) from None


def _client_context(exchange: HttpExchange) -> str:
    """Return the JSON of the client context, which SDKs send in base64."""
    try:
        return base64.b64decode(exchange.header("x-amz-client-context"), validate=True).decode()
    except (binascii.Error, UnicodeDecodeError):
        message = "Client context must be a valid Base64-encoded JSON object."
        raise ApiError(400, "InvalidRequestContentException", message) from None


def _tenant_id(exchange: HttpExchange, function: Function) -> str:
    tenant_id = exchange.header("x-amz-tenant-id")
    if function.isolates_tenants and not tenant_id:
        message = "The invoked function is enabled with tenancy configuration. Add a valid tenant ID in your request."
        raise ApiError(400, "InvalidParameterValueException", message)
    if tenant_id and not function.isolates_tenants:
        message = "The invoked function is not enabled with tenancy configuration. Remove the tenant ID."
        raise ApiError(400, "InvalidParameterValueException", message)
    return tenant_id


def _configuration(function: Function) -> dict[str, Any]:
    return {
        "FunctionName": function.name,
        "FunctionArn": function.arn,
        "Runtime": function.runtime,
        "Handler": function.handler,
        "Timeout": function.timeout_seconds,
        "MemorySize": function.memory_size_mb,
        "Version": _VERSION,
        "Architectures": [function.architecture],
        "Environment": {"Variables": dict(function.environment)},
        "Layers": [{"Arn": layer.arn} for layer in function.layers],
        "PackageType": "Zip",
        "State": "Active",
    }


def _url_config(served: ServedUrl) -> dict[str, Any]:
    url = served.url
    config: dict[str, Any] = {
        "FunctionUrl": served.address,
        "FunctionArn": f"{url.function.arn}:{url.qualifier}" if url.qualifier else url.function.arn,
        "AuthType": url.auth_type,
        "InvokeMode": url.invoke_mode.value,
        "CreationTime": "1970-01-01T00:00:00Z",
        "LastModifiedTime": "1970-01-01T00:00:00Z",
    }
    if url.cors is not None:
        config["Cors"] = _cors_config(url.cors)
    return config


def _cors_config(cors: Cors) -> dict[str, Any]:
    return {
        "AllowOrigins": list(cors.allow_origins),
        "AllowMethods": list(cors.allow_methods),
        "AllowHeaders": list(cors.allow_headers),
        "ExposeHeaders": list(cors.expose_headers),
        "AllowCredentials": cors.allow_credentials,
        "MaxAge": cors.max_age_seconds or 0,
    }
