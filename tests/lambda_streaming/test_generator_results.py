"""A generator that returns a value, and errors that name the user's line."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest

from .conftest import RunRuntime
from .fake_runtime_api import FUNCTION_URL_EVENT
from .test_heads import HTTP_API_2_EVENT

FORBIDDEN = """
from lambda_streaming import HttpResponse

def handler(event, context):
    if event.get("forbidden", True):
        return {value}
    yield "item"
"""
RESULTS: dict[str, tuple[str, int, bytes]] = {
    "dict": ('{"statusCode": 403, "body": "no"}', 403, b"no"),
    "HttpResponse": ('HttpResponse(403, body="no")', 403, b"no"),
    "HttpResponse of an iterator": ('HttpResponse(403, body=iter(["n", "o"]))', 403, b"no"),
    "another generator": ('(item for item in ["n", "o"])', 200, b"no"),
    "text": ('"no"', 200, b'"no"'),
    "bytes": ('b"no"', 200, b"no"),
    "zero": ("0", 200, b"0"),
}


@pytest.mark.parametrize("name", RESULTS)
def test_value_returned_before_the_first_item_is_the_response(name: str, run_runtime: RunRuntime) -> None:
    value, status, body = RESULTS[name]
    runtime = run_runtime(FORBIDDEN.replace("{value}", value))
    for _ in range(2):
        answer = runtime.invoke(FUNCTION_URL_EVENT).result()
        assert (answer.prelude["statusCode"], answer.payload) == (status, body)
    assert runtime.invoke({**FUNCTION_URL_EVENT, "forbidden": False}).result().payload == b"item"


def test_value_returned_before_the_first_item_is_buffered_where_the_front_door_buffers(run_runtime: RunRuntime) -> None:
    runtime = run_runtime(FORBIDDEN.replace("{value}", '{"statusCode": 403, "body": "no"}'))
    document = json.loads(runtime.invoke(HTTP_API_2_EVENT).result().body)
    assert (document["statusCode"], document["body"]) == (403, "no")
    assert json.loads(runtime.invoke({"queue": "event"}).result().body) == {"statusCode": 403, "body": "no"}


def test_value_of_a_generator_that_an_async_function_returns_is_the_response(run_runtime: RunRuntime) -> None:
    source = FORBIDDEN.replace("{value}", '{"statusCode": 403, "body": "no"}').replace("def handler", "def items")
    runtime = run_runtime(source + "\nasync def handler(event, context):\n    return items(event, context)\n")
    assert runtime.invoke(FUNCTION_URL_EVENT).result().prelude["statusCode"] == 403


AFTER_AN_ITEM = """
from lambda_streaming import HttpResponse

def decorate(function):
    return function

@decorate
def handler(event, context):
    def inner():
        return "of another function"
    yield {first}
    if inner():
        return {"statusCode": 500}
"""


@pytest.mark.parametrize("first", ['"item"', "HttpResponse(201)", '""'])
def test_value_returned_after_an_item_is_an_error_that_names_the_line(first: str, run_runtime: RunRuntime) -> None:
    runtime = run_runtime(AFTER_AN_ITEM.replace("{first}", first))
    answer = runtime.invoke(FUNCTION_URL_EVENT).result()
    if first == '"item"':
        assert answer.trailers["lambda-runtime-function-error-type"] == "Function.TypeError"
    else:
        assert json.loads(answer.body)["errorType"] == "TypeError"
    runtime.wait_for_log("the generator 'handler' returned a value of type dict after its first item")
    runtime.wait_for_log("(returned at index.py:13)")


def test_value_of_a_body_generator_is_an_error(run_runtime: RunRuntime) -> None:
    source = FORBIDDEN.replace("{value}", '{"statusCode": 403}').replace("def handler", "def items")
    runtime = run_runtime(
        source + "\ndef handler(event, context):\n    return HttpResponse(body=items(event, context))\n"
    )
    assert json.loads(runtime.invoke(FUNCTION_URL_EVENT).result().body)["errorType"] == "TypeError"
    runtime.wait_for_log("(returned at index.py:6)")


# Errors about items: the source, the line, and a part of the message.
ITEM_ERRORS = {
    "dict": ("def handler(event, context):\n    yield 'first'\n    yield {'a': 1}\n", 3, "json_lines"),
    "number": ("def handler(event, context):\n    yield 5\n", 2, "type int"),
    "None": ("def handler(event, context):\n    yield 'first'\n    yield None\n", 3, "NoneType"),
    "number of an inner generator": (
        "def inner():\n    yield 5\n\ndef handler(event, context):\n    yield from inner()\n",
        2,
        "type int",
    ),
    "number of an async generator": ("async def handler(event, context):\n    yield 'a'\n    yield 5\n", 3, "type int"),
    "coroutine": ("async def work(): pass\n\nasync def handler(event, context):\n    yield work()\n", 4, "await"),
    "late head": (
        "from lambda_streaming import HttpResponse\ndef handler(event, context):\n"
        "    yield 'a'\n    yield HttpResponse(404)\n",
        4,
        "HttpResponse",
    ),
    "header that cannot be sent": (
        "from lambda_streaming import HttpResponse\ndef handler(event, context):\n"
        "    yield HttpResponse(headers={'x-name': 'Zoë'})\n    yield 'a'\n",
        4,
        "not ASCII",
    ),
}


@pytest.mark.parametrize("name", ITEM_ERRORS)
def test_error_about_an_item_names_the_line_that_yielded_it(name: str, run_runtime: RunRuntime) -> None:
    source, line, message = ITEM_ERRORS[name]
    runtime = run_runtime(source)
    report = reported(runtime.invoke(FUNCTION_URL_EVENT).result())
    assert message in report["errorMessage"]
    assert report["errorMessage"].endswith(f"(yielded at index.py:{line})")
    (entry,) = report["stackTrace"]
    assert f'index.py", line {line}, in ' in entry
    assert source.splitlines()[line - 1].strip() in entry
    assert "lambda_streaming/" not in runtime.log


def test_error_about_a_written_item_has_the_lines_of_the_user_only(run_runtime: RunRuntime) -> None:
    source = """
from lambda_streaming import streamify_response

@streamify_response
def handler(event, response_stream, context):
    send(response_stream, 5)

def send(stream, item):
    stream.write(item)
"""
    report = reported(run_runtime(source).invoke(FUNCTION_URL_EVENT).result())
    assert [entry.split(", in ")[1].split("\n")[0] for entry in report["stackTrace"]] == ["handler", "send"]


def test_error_about_a_result_names_the_handler(run_runtime: RunRuntime) -> None:
    source = "\ndef handler(event, context):\n    return {'statusCode': 200, 'headers': {'a b': 'c'}}\n"
    report = reported(run_runtime(source).invoke(FUNCTION_URL_EVENT).result())
    assert report["errorMessage"].endswith("(returned by the handler at index.py:2)")
    assert len(report["stackTrace"]) == 1


def test_error_of_the_user_keeps_the_frames_of_the_libraries_below(run_runtime: RunRuntime) -> None:
    source = """
import base64
import json
def handler(event, context):
    yield json.loads("{")
"""
    report = reported(run_runtime(source).invoke(FUNCTION_URL_EVENT).result())
    assert "in handler" in report["stackTrace"][0]
    assert "raw_decode" in report["stackTrace"][-1]


def reported(answer: Any) -> Any:
    """Return the document of an error, from `/error` or from the trailers."""
    body = answer.trailers.get("lambda-runtime-function-error-body")
    return json.loads(base64.b64decode(body) if body else answer.body)


AWAITABLES = {
    "fetch({'statusCode': 404})": (404, b"\n"),
    "fetch(HttpResponse(201, body=iter('ab')))": (201, b"ab"),
    "fetch(fetch({'statusCode': 404}))": (404, b"\n"),
}


@pytest.mark.parametrize("value", AWAITABLES)
def test_awaitable_that_a_generator_returns_is_awaited(value: str, run_runtime: RunRuntime) -> None:
    source = f"""
from lambda_streaming import HttpResponse

async def fetch(value):
    return value

def handler(event, context):
    return {value}
    yield
"""
    answer = run_runtime(source).invoke(FUNCTION_URL_EVENT).result()
    assert (answer.prelude["statusCode"], answer.payload) == AWAITABLES[value]


@pytest.mark.parametrize("response", ["{'statusCode': 200, 'body': items()}", "HttpResponse(200, body=items())"])
def test_body_that_returns_a_value_before_its_first_item_is_an_error_that_says_so(
    response: str, run_runtime: RunRuntime
) -> None:
    source = f"""
from lambda_streaming import HttpResponse

def items():
    return "lost"
    yield

def handler(event, context):
    return {response}
"""
    answer = run_runtime(source).invoke(FUNCTION_URL_EVENT).result()
    message = json.loads(answer.body)["errorMessage"]
    assert "the body of a response" in message
    assert "after its first item" not in message
    assert message.endswith("(returned at index.py:5)")


def test_error_about_a_streamified_generator_names_the_function_of_the_user(run_runtime: RunRuntime) -> None:
    source = """
from lambda_streaming import streamify_response

@streamify_response
def handler(event, response_stream, context):
    yield "lost"
"""
    report = reported(run_runtime(source).invoke(FUNCTION_URL_EVENT).result())
    assert report["errorMessage"].endswith("(returned by the handler at index.py:4)")
