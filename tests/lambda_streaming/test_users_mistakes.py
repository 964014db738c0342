"""Values that users return and yield by mistake, and objects that only resemble a handler's: each has a clear end."""

from __future__ import annotations

import base64
import json
from types import SimpleNamespace
from typing import Any
from unittest import mock

import pytest
from lambda_streaming import HttpResponse
from lambda_streaming.applications import returned

from .conftest import RunRuntime
from .fake_runtime_api import FUNCTION_URL_EVENT

# Handlers in wrappers.


class AnswersAll:
    """An object that has every attribute, as proxies and mocks have."""

    def __getattr__(self, name: str) -> Any:
        return AnswersAll()


class FailsAlways:
    def __getattr__(self, name: str) -> Any:
        raise RuntimeError(name)


def wrapped_by(function: Any, length: int) -> Any:
    for _ in range(length):
        function = SimpleNamespace(__wrapped__=function)
    return function


def in_a_circle() -> Any:
    first, second = SimpleNamespace(), SimpleNamespace()
    first.__wrapped__, second.__wrapped__ = second, first
    return first


def itself() -> Any:
    function = SimpleNamespace()
    function.__wrapped__ = function
    return function


async def async_function() -> None: ...


def sync_function() -> None: ...


@pytest.mark.parametrize(
    ("function", "expected"),
    [
        pytest.param(itself(), False, id="wraps itself"),
        pytest.param(in_a_circle(), False, id="circle"),
        pytest.param(AnswersAll(), False, id="has every attribute"),
        pytest.param(mock.MagicMock(), False, id="mock"),
        pytest.param(mock.MagicMock(__wrapped__=async_function), True, id="mock of an async function"),
        pytest.param(FailsAlways(), False, id="fails for every attribute"),
        pytest.param(wrapped_by(async_function, 20), True, id="20 wrappers"),
        pytest.param(wrapped_by(async_function, 100_000), False, id="100,000 wrappers"),
        pytest.param(wrapped_by(sync_function, 1), False, id="sync function"),
    ],
)
def test_looks_async_ends_for_every_object(function: Any, expected: bool) -> None:
    assert returned.looks_async(function) is expected


# Items.


def error_of(source: str, run_runtime: RunRuntime, event: dict[str, Any] = FUNCTION_URL_EVENT) -> str:
    answer = run_runtime(source).invoke(event).result()
    assert answer.path.endswith("/error"), answer
    message = json.loads(answer.body)["errorMessage"]
    assert isinstance(message, str)
    return message


NO_ITEMS = {
    "class Client:\n    default_headers = {'a': 'b'}": "Client()",
    "class Client:\n    default_headers = (('a', 'b'),)": "Client()",
    "class Client:\n    default_headers = 5\n    def to_bytes(self): return b''": "Client()",
    "class Client:\n    def __getattr__(self, name): return 5": "Client()",
    "from unittest.mock import MagicMock": "MagicMock()",
}


@pytest.mark.parametrize("setup", NO_ITEMS)
def test_item_with_unrelated_attributes_is_an_ordinary_type_error(setup: str, run_runtime: RunRuntime) -> None:
    message = error_of(f"{setup}\ndef handler(event, context):\n    yield {NO_ITEMS[setup]}", run_runtime)
    assert message.startswith("an item of the response is of type ")


def test_returned_value_with_unrelated_default_headers_is_sent_whole(run_runtime: RunRuntime) -> None:
    runtime = run_runtime("""
    class Response(dict):
        default_headers = {"x-a": "b"}
    def handler(event, context):
        return Response(a=1)
    """)
    assert runtime.invoke(FUNCTION_URL_EVENT).result().payload == b'{"a": 1}'


FIXES = {
    "yield {'a': 1}": "yield json.dumps(item)",
    "yield 5": "yield json.dumps(item)",
    "yield fetch()": "type coroutine: await it, and yield its result",
    "yield items": "type function: call it",
    "yield items()": "type generator: use `yield from`",
    "yield 'a'\n    yield HttpResponse(201)": "the response head has left already",
    "yield HttpResponse(200)\n    yield HttpResponse(201)": "yields a second HttpResponse",
    "yield HttpResponse(headers={'content-type': 'a/b'})\n    yield HttpResponse(201)": "yields a second HttpResponse",
    "return iter([HttpResponse(200), HttpResponse(201)])": "yields a second HttpResponse",
    "return items": "Object of type function is not JSON serializable; call it: items(...)",
    "return HttpResponse(body=items)": "Object of type function is not JSON serializable; call it: items(...)",
    "return {'statusCode': 200, 'body': items}": "not JSON serializable; call it: items(...)",
    "return {'statusCode': 200, 'body': fetch()}": "Object of type coroutine is not JSON serializable; await it",
    "return [fetch()]": "Object of type coroutine is not JSON serializable; await it",
}


@pytest.mark.parametrize("statement", FIXES)
def test_mistake_ends_with_the_fix(statement: str, run_runtime: RunRuntime) -> None:
    source = f"""
from lambda_streaming import HttpResponse

async def fetch():
    return "fetched"

def items():
    yield "item"

def handler(event, context):
    {statement}
"""
    answer = run_runtime(source).invoke(FUNCTION_URL_EVENT).result()
    trailer = answer.trailers.get("lambda-runtime-function-error-body", "")
    error = answer.body if answer.path.endswith("/error") else base64.b64decode(trailer)
    assert FIXES[statement] in json.loads(error)["errorMessage"]


def test_written_http_response_is_an_error_that_names_from(run_runtime: RunRuntime) -> None:
    source = """
from lambda_streaming import HttpResponse, streamify_response
@streamify_response
def handler(event, response_stream, context):
    response_stream.write(HttpResponse(201))
"""
    assert "HttpResponseStream.from_" in error_of(source, run_runtime)


def test_none_is_no_headers_and_no_cookies() -> None:
    head = HttpResponse(headers=None, cookies=None)
    assert (head.headers, head.cookies) == ([], [])


BODIES = {
    "fetch('ab')": b"ab",
    "fetch(iter(['a', 'b']))": b"ab",
    "fetch(None)": b"\n",
    "fetch({'a': 1})": b'{"a": 1}',
    "fetch(fetch('ab'))": b"ab",
    "async_items()": b"ab",
    "fetch(async_items())": b"ab",
}


@pytest.mark.parametrize("kind", ["def", "async def"])
@pytest.mark.parametrize("body", BODIES)
def test_body_that_is_awaitable_is_awaited(body: str, kind: str, run_runtime: RunRuntime) -> None:
    runtime = run_runtime(f"""
from lambda_streaming import HttpResponse

async def fetch(value):
    return value

async def async_items():
    yield "a"
    yield "b"

{kind} handler(event, context):
    return HttpResponse(201, body={body})
""")
    answer = runtime.invoke(FUNCTION_URL_EVENT).result()
    assert (answer.prelude["statusCode"], answer.payload) == (201, BODIES[body])
