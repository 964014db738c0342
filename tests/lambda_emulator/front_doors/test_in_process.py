"""Front doors pass on the response or error of an invocation. A coroutine of the test stands in for the function."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from lambda_emulator.front_doors.function_url import FunctionUrlServer
from lambda_emulator.front_doors.lambda_api import LambdaApiServer
from lambda_emulator.front_doors.prelude import HTTP_INTEGRATION_CONTENT_TYPE
from lambda_emulator.functions import Function, FunctionUrl, InvokeMode, ServedUrl
from lambda_emulator.invocation import Invocation, InvocationError

from ..gates import PATIENCE_SECONDS
from ..served import host_and_port

FUNCTION = Function(
    name="chat",
    logical_id="Chat",
    construct_path="Demo/Chat",
    arn="arn:aws:lambda:us-east-1:123456789012:function:chat",
    runtime="provided.al2023",
    handler="handler",
    code=Path("code"),
)

FakeFunction = Callable[[Invocation], Awaitable[None]]


def function_url(invoke_mode: InvokeMode = InvokeMode.RESPONSE_STREAM) -> FunctionUrl:
    return FunctionUrl(FUNCTION, "", "Demo/Chat/FunctionUrl", "urlid", "us-east-1", "NONE", invoke_mode)


def exchange(server: FunctionUrlServer | LambdaApiServer, request: str) -> bytes:
    """Start a server, send a request without a body, and return the whole response."""

    async def exchange() -> bytes:
        await server.start("127.0.0.1", 0)
        try:
            reader, writer = await asyncio.open_connection(*host_and_port(server.address))
            writer.write(f"{request} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".encode())
            response = await reader.read()
            writer.close()
            return response
        finally:
            await server.close()

    return asyncio.run(asyncio.wait_for(exchange(), PATIENCE_SECONDS))


def request_url(function: FakeFunction, url: FunctionUrl, log: list[str] | None = None) -> bytes:
    lines = log if log is not None else []
    return exchange(FunctionUrlServer(url, function, lines.append), "GET /")


def request_api(function: FakeFunction, request: str) -> bytes:
    url = ServedUrl(function_url(), "http://127.0.0.1:9001/")
    return exchange(LambdaApiServer([FUNCTION], function, lambda: [url], lambda line: None), request)


async def stream(invocation: Invocation) -> None:
    invocation.start_response(HTTP_INTEGRATION_CONTENT_TYPE)
    await invocation.write(b'{"statusCode": 201, "cookies": ["a=1"]}' + bytes(8) + b"one")
    await invocation.write(b"two")
    invocation.finish()


async def fail(invocation: Invocation) -> None:
    invocation.finish(InvocationError.of("Function.Boom", "no luck"))


async def buffer(invocation: Invocation) -> None:
    invocation.start_response("application/json")
    await invocation.write(b'{"statusCode": 202, "body": "hello"}')
    invocation.finish()


async def never_called(invocation: Invocation) -> None:
    raise AssertionError("the function was called")


def test_stream_has_head_and_chunks() -> None:
    response = request_url(stream, function_url())

    head, _, body = response.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 201 ")
    assert b"set-cookie: a=1" in head
    assert body == b"3\r\none\r\n3\r\ntwo\r\n0\r\n\r\n"


def test_buffered_url_decodes_the_proxy_form() -> None:
    response = request_url(buffer, function_url(InvokeMode.BUFFERED))

    assert response.startswith(b"HTTP/1.1 202 ")
    assert response.endswith(b"\r\n\r\nhello")


@pytest.mark.parametrize("invoke_mode", InvokeMode)
def test_error_before_the_first_byte_is_502(invoke_mode: InvokeMode) -> None:
    response = request_url(fail, function_url(invoke_mode))

    assert response.startswith(b"HTTP/1.1 502 ")
    assert response.endswith(b"\r\n\r\nInternal Server Error")


def test_reason_of_a_rejected_response_is_logged() -> None:
    async def broken(invocation: Invocation) -> None:
        invocation.start_response(HTTP_INTEGRATION_CONTENT_TYPE)
        await invocation.write(b"no prelude")
        invocation.finish()

    log: list[str] = []
    response = request_url(broken, function_url(), log)

    assert response.startswith(b"HTTP/1.1 502 ")
    [line] = log
    assert line.endswith("answered with 502: the response ended before its prelude was complete")


def test_invoke_returns_the_error_document() -> None:
    response = request_api(fail, "POST /2015-03-31/functions/chat/invocations")

    head, _, body = response.partition(b"\r\n\r\n")
    assert b"x-amz-function-error: Unhandled" in head
    assert json.loads(body) == {"errorType": "Function.Boom", "errorMessage": "no luck"}


@pytest.mark.parametrize(
    ("request_line", "status"),
    [
        ("GET /2015-03-31/functions/nope", 404),
        ("POST /2015-03-31/functions/nope/invocations", 404),
        ("DELETE /2015-03-31/functions/chat", 404),
        ("GET /2021-10-31/functions/chat:live/url", 404),
    ],
)
def test_lambda_api_rejects_unknown_names_and_operations(request_line: str, status: int) -> None:
    response = request_api(never_called, request_line)

    assert response.startswith(f"HTTP/1.1 {status} ".encode())
    assert b"x-amzn-errortype: " in response


def test_function_url_config_has_the_local_address() -> None:
    response = request_api(never_called, "GET /2021-10-31/functions/chat/url")

    assert json.loads(response.partition(b"\r\n\r\n")[2])["FunctionUrl"] == "http://127.0.0.1:9001/"
