"""The front door of the Lambda API, as far as callers of functions need it: invoke, and find names and URLs.

Shapes and paths are AWS's own, so that any SDK works with `endpoint_url` set to this server.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import json
import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any
from urllib.parse import parse_qs, unquote

from . import event_stream
from .concurrency import FunctionConcurrency
from .function_url import FunctionUrlServer
from .functions import Function, FunctionUrl, InvokeMode
from .http_server import Headers, HttpExchange, HttpServer
from .invocation import BUFFERED_LIMIT_BYTES, Invocation, InvocationError
from .logs import Print

_VERSION = "$LATEST"


class ApiError(Exception):
    """A request that AWS would answer with an error of the given type."""

    def __init__(self, status: int, error_type: str, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.error_type = error_type
        self.message = message


class FunctionDirectory:
    """Finds a function by any name a caller may use."""

    def __init__(self, functions: Sequence[Function]) -> None:
        self._functions = functions

    def find(self, name: str) -> tuple[Function, str]:
        """Return the function and the qualifier in its name, if any.

        A function is found by its name, its ARN (whole, or from the account on), its construct path, and by its
        logical id or construct id where only one function has it.
        """
        name, qualifier = _split_qualifier(name)
        for attribute in ("name", "construct_path", "logical_id", "construct_id"):
            found = [function for function in self._functions if getattr(function, attribute) == name]
            if len(found) == 1:
                return found[0], qualifier
        known = ", ".join(function.name for function in self._functions) or "no function at all"
        raise ApiError(404, "ResourceNotFoundException", f"Function not found: {name}. This assembly has: {known}.")


def _split_qualifier(name: str) -> tuple[str, str]:
    """Read `name`, `name:qualifier`, an ARN or an ARN without `arn:aws:lambda:region:`."""
    arn = re.fullmatch(r"(?:arn:[^:]+:lambda:[^:]+:)?\d{12}:(?:function:)?([^:]+)(?::([^:]+))?", name)
    plain = arn or re.fullmatch(r"([^:]+)(?::([^:]+))?", name)
    return (plain[1], plain[2] or "") if plain else (name, "")


class LambdaApiServer:
    """Serves the Lambda API for all functions at one port."""

    def __init__(
        self,
        functions: Sequence[Function],
        concurrency: Mapping[str, FunctionConcurrency],
        url_servers: Sequence[FunctionUrlServer],
        print_line: Print,
    ) -> None:
        self._functions = functions
        self._directory = FunctionDirectory(functions)
        self._concurrency = concurrency
        self._url_servers = url_servers
        self._server = HttpServer(self._serve, lambda how: print_line(f"Lambda API * a request was {how}"))
        self._background: set[asyncio.Task[None]] = set()

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
        except ApiError as error:
            await self._respond_json(
                exchange,
                {"Type": "User", "Message": error.message},
                status=error.status,
                headers=[("x-amzn-errortype", error.error_type)],
            )

    async def _route(self, exchange: HttpExchange) -> None:
        path = exchange.target.partition("?")[0].rstrip("/")
        routes: tuple[tuple[str, str, Callable[..., Awaitable[None]]], ...] = (
            ("POST", r"/2015-03-31/functions/(.+)/invocations", self._invoke),
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
            f"{exchange.method} {path} is not served here: the emulator knows Invoke, InvokeWithResponseStream, "
            "ListFunctions, GetFunction, GetFunctionConfiguration, GetFunctionUrlConfig and ListFunctionUrlConfigs.",
        )

    # Invoke

    async def _invoke(self, exchange: HttpExchange, name: str) -> None:
        invocation_type = exchange.header("x-amz-invocation-type") or "RequestResponse"
        invocation = await self._new_invocation(exchange, name, InvokeMode.BUFFERED)
        identity = _identity(invocation)
        if invocation_type == "DryRun":
            await exchange.respond(204, identity)
            return
        if invocation_type == "Event":
            self._in_background(self._run(invocation))
            await exchange.respond(202, identity)
            return
        response = await self._run(invocation)
        headers = [("content-type", "application/json"), ("x-amz-executed-version", _VERSION), *identity]
        if exchange.header("x-amz-log-type") == "Tail":
            headers.append(("x-amz-log-result", await _log_result(invocation)))
        if invocation.error is not None:
            headers.append(("x-amz-function-error", "Unhandled"))
            response = invocation.error.document
        await exchange.respond(200, headers, response)

    async def _run(self, invocation: Invocation) -> bytes:
        await self._concurrency[invocation.function.name].invoke(invocation)
        return await invocation.collect()

    async def _invoke_with_response_stream(self, exchange: HttpExchange, name: str) -> None:
        invocation = await self._new_invocation(exchange, name, InvokeMode.RESPONSE_STREAM)
        await self._concurrency[invocation.function.name].invoke(invocation)
        await invocation.response_started()
        headers = [("content-type", event_stream.CONTENT_TYPE), ("x-amz-executed-version", _VERSION)]
        if invocation.has_response:
            headers.append(("x-amzn-remapped-content-type", invocation.content_type))
        with_log = exchange.header("x-amz-log-type") == "Tail"
        try:
            await exchange.start_response(200, [*headers, *_identity(invocation)])
            async for data in invocation.body():
                await exchange.send(event_stream.encode_payload_chunk(data))
            log_result = await _log_result(invocation) if with_log else ""
            await exchange.send(_encode_end(invocation, log_result))
            await exchange.end_response()
        except ConnectionError:
            invocation.abandon()
            raise

    async def _new_invocation(self, exchange: HttpExchange, name: str, invoke_mode: InvokeMode) -> Invocation:
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
        """Return the function and its version or alias, empty for `$LATEST`."""
        function, qualifier = self._directory.find(name)
        qualifier = qualifier or _query(exchange).get("Qualifier", "")
        if qualifier in ("", _VERSION):
            return function, ""
        if qualifier not in function.qualifiers:
            known = ", ".join([_VERSION, *sorted(function.qualifiers)])
            message = f"Function not found: {function.arn}:{qualifier}. Its versions and aliases here: {known}."
            raise ApiError(404, "ResourceNotFoundException", message)
        return function, qualifier

    def _in_background(self, work: Any) -> None:
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
        for server in self._servers_of(function):
            if server.url.qualifier == qualifier:
                await self._respond_json(exchange, _url_config(server))
                return
        raise ApiError(404, "ResourceNotFoundException", f"The function {function.name} has no such Function URL.")

    async def _list_function_url_configs(self, exchange: HttpExchange, name: str) -> None:
        function, _ = self._directory.find(name)
        configs = [_url_config(server) for server in self._servers_of(function)]
        await self._respond_json(exchange, {"FunctionUrlConfigs": configs})

    def _servers_of(self, function: Function) -> list[FunctionUrlServer]:
        return [server for server in self._url_servers if server.url.function == function]

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


def _identity(invocation: Invocation) -> Headers:
    return [("x-amzn-requestid", invocation.request_id), ("x-amzn-trace-id", invocation.trace_id)]


def _query(exchange: HttpExchange) -> dict[str, str]:
    query = parse_qs(exchange.target.partition("?")[2])
    return {name: values[0] for name, values in query.items()}


def _check_event(event: bytes) -> None:
    if len(event) > BUFFERED_LIMIT_BYTES:
        message = f"{len(event)} byte payload is too large for the Invoke operation (limit {BUFFERED_LIMIT_BYTES})"
        raise ApiError(413, "RequestTooLargeException", message)
    try:
        json.loads(event)
    except ValueError as error:
        message = f"Could not parse request body into json: {error}"
        raise ApiError(400, "InvalidRequestContentException", message) from None


def _client_context(exchange: HttpExchange) -> str:
    """Decode the header that SDKs send in base64; the function gets its JSON."""
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


def _url_config(server: FunctionUrlServer) -> dict[str, Any]:
    url: FunctionUrl = server.url
    config: dict[str, Any] = {
        "FunctionUrl": server.address,
        "FunctionArn": f"{url.function.arn}:{url.qualifier}" if url.qualifier else url.function.arn,
        "AuthType": url.auth_type,
        "InvokeMode": url.invoke_mode.value,
        "CreationTime": "1970-01-01T00:00:00Z",
        "LastModifiedTime": "1970-01-01T00:00:00Z",
    }
    if url.cors is not None:
        config["Cors"] = {
            "AllowOrigins": list(url.cors.allow_origins),
            "AllowMethods": list(url.cors.allow_methods),
            "AllowHeaders": list(url.cors.allow_headers),
            "ExposeHeaders": list(url.cors.expose_headers),
            "AllowCredentials": url.cors.allow_credentials,
            "MaxAge": url.cors.max_age_seconds or 0,
        }
    return config
