"""The response head: defaults, names, the form for each front door."""

from __future__ import annotations

import copy
import json
from typing import Any

import pytest

from .conftest import RunRuntime
from .fake_runtime_api import FUNCTION_URL_EVENT

REST_EVENT: dict[str, Any] = {
    "resource": "/{proxy+}",
    "path": "/a",
    "httpMethod": "GET",
    "multiValueHeaders": {},
    "requestContext": {"stage": "prod", "identity": {}},
}
HTTP_API_2_EVENT: dict[str, Any] = {
    "version": "2.0",
    "requestContext": {"domainName": "x.execute-api.us-east-1.amazonaws.com", "http": {"method": "GET"}},
}
HTTP_API_1_EVENT: dict[str, Any] = {**REST_EVENT, "version": "1.0"}
ALB_EVENT: dict[str, Any] = {"requestContext": {"elb": {"targetGroupArn": "arn"}}, "httpMethod": "GET", "headers": {}}
ALB_MULTI_EVENT: dict[str, Any] = {
    "requestContext": {"elb": {"targetGroupArn": "arn"}},
    "httpMethod": "GET",
    "multiValueHeaders": {},
}


def url_event(method: str) -> dict[str, Any]:
    event = copy.deepcopy(FUNCTION_URL_EVENT)
    event["requestContext"]["http"]["method"] = method
    return event


DEFAULTS = {
    "'text'": {"content-type": "text/plain; charset=utf-8", "x-content-type-options": "nosniff"},
    "b'bytes'": {"content-type": "application/octet-stream", "x-content-type-options": "nosniff"},
    "ServerSentEvent('x')": {
        "content-type": "text/event-stream",
        "cache-control": "no-cache",
        "x-content-type-options": "nosniff",
    },
    "next(json_lines([1]))": {"content-type": "application/x-ndjson", "x-content-type-options": "nosniff"},
}


@pytest.mark.parametrize("item", DEFAULTS)
def test_first_item_decides_the_default_head(item: str, run_runtime: RunRuntime) -> None:
    runtime = run_runtime(
        f"from lambda_streaming import ServerSentEvent, json_lines\ndef handler(event, context):\n    yield {item}"
    )
    assert runtime.invoke(FUNCTION_URL_EVENT).result().prelude == {"statusCode": 200, "headers": DEFAULTS[item]}
    raw = runtime.invoke({}).result()
    assert raw.headers["content-type"] == DEFAULTS[item]["content-type"]


NAMED = """
from lambda_streaming import HttpResponse

def handler(event, context):
    yield HttpResponse(
        203,
        {"X-One": 1, "X-Two": ["a", "b"], "Content-Type": "text/html", "Content-Length": "99", "Connection": "close"},
        ["a=1", "b=2; Path=/"],
    )
    yield "é"
"""


def test_named_head_for_a_function_url(run_runtime: RunRuntime) -> None:
    """Repeated headers are joined, cookies are separate, hop-by-hop headers are dropped."""
    answer = run_runtime(NAMED).invoke(FUNCTION_URL_EVENT).result()
    assert answer.prelude == {
        "statusCode": 203,
        "headers": {"x-one": "1", "x-two": "a, b", "content-type": "text/html"},
        "cookies": ["a=1", "b=2; Path=/"],
    }
    assert answer.payload == "é".encode()


def test_named_head_for_a_rest_api_that_streams(run_runtime: RunRuntime) -> None:
    runtime = run_runtime(NAMED, environment={"LAMBDA_STREAMING_FRONT_DOORS": "rest-api"})
    assert runtime.invoke(REST_EVENT).result().prelude == {
        "statusCode": 203,
        "headers": {"x-one": "1", "content-type": "text/html"},
        "multiValueHeaders": {"x-two": ["a", "b"], "set-cookie": ["a=1", "b=2; Path=/"]},
    }
    # The variable lists all front doors that stream, here without the Function URL.
    assert not runtime.invoke(FUNCTION_URL_EVENT).result().is_streamed


MULTI_VALUE = {
    "multiValueHeaders": {
        "x-one": ["1"],
        "x-two": ["a", "b"],
        "content-type": ["text/html"],
        "set-cookie": ["a=1", "b=2; Path=/"],
    }
}
SINGLE_VALUE = {"x-one": "1", "x-two": "a, b", "content-type": "text/html"}
BUFFERING: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "REST": (REST_EVENT, MULTI_VALUE),
    "HTTP API 1.0": (HTTP_API_1_EVENT, MULTI_VALUE),
    "HTTP API 2.0": (HTTP_API_2_EVENT, {"headers": SINGLE_VALUE, "cookies": ["a=1", "b=2; Path=/"]}),
    "ALB": (ALB_EVENT, {"headers": {**SINGLE_VALUE, "set-cookie": "a=1", "Set-cookie": "b=2; Path=/"}}),
    "ALB with multi-value headers": (ALB_MULTI_EVENT, MULTI_VALUE),
}


@pytest.mark.parametrize("door", BUFFERING)
def test_front_door_that_buffers_gets_the_proxy_form(door: str, run_runtime: RunRuntime) -> None:
    event, head = BUFFERING[door]
    answer = run_runtime(NAMED).invoke(event).result()
    assert not answer.is_streamed
    assert json.loads(answer.body) == {"statusCode": 203, **head, "body": "é", "isBase64Encoded": False}


@pytest.mark.parametrize("event", [HTTP_API_2_EVENT, REST_EVENT, ALB_EVENT])
@pytest.mark.parametrize(("method", "status"), [("HEAD", 200), ("GET", 204), ("GET", 304)])
def test_proxy_form_without_a_body(method: str, status: int, event: dict[str, Any], run_runtime: RunRuntime) -> None:
    event = copy.deepcopy(event)
    (event["requestContext"].get("http", event)).update({"method": method, "httpMethod": method})
    runtime = run_runtime(f"""
from lambda_streaming import HttpResponse

def handler(event, context):
    yield HttpResponse({status}, {{"content-type": "text/plain"}})
    yield "body"
""")
    document = json.loads(runtime.invoke(event).result().body)
    assert (document["statusCode"], document["body"]) == (status, "")


def test_binary_body_in_the_proxy_form_is_base64(run_runtime: RunRuntime) -> None:
    answer = run_runtime("def handler(event, context):\n    yield b'\\xff\\x00'").invoke(REST_EVENT).result()
    document = json.loads(answer.body)
    assert (document["body"], document["isBase64Encoded"]) == ("/wA=", True)


def test_bytes_are_the_body_of_a_streamed_response(run_runtime: RunRuntime) -> None:
    answer = run_runtime("def handler(event, context):\n    return b'\\xff\\x00'").invoke(FUNCTION_URL_EVENT).result()
    assert (answer.prelude["headers"]["content-type"], answer.payload) == ("application/octet-stream", b"\xff\x00")


def test_text_that_utf_8_cannot_hold_is_replaced(run_runtime: RunRuntime) -> None:
    runtime = run_runtime("def handler(event, context):\n    yield 'a\\ud800é'")
    assert runtime.invoke(FUNCTION_URL_EVENT).result().payload == "a?é".encode()
    assert json.loads(runtime.invoke(HTTP_API_2_EVENT).result().body)["body"] == "a?é"


def test_no_front_door_streams_when_the_variable_is_none(run_runtime: RunRuntime) -> None:
    runtime = run_runtime(NAMED, environment={"LAMBDA_STREAMING_FRONT_DOORS": "none"})
    document = json.loads(runtime.invoke(FUNCTION_URL_EVENT).result().body)
    assert (document["statusCode"], document["body"]) == (203, "é")


def test_unknown_front_door_in_the_variable_is_an_error(run_runtime: RunRuntime) -> None:
    runtime = run_runtime(NAMED, environment={"LAMBDA_STREAMING_FRONT_DOORS": "function-url,alb"})
    assert runtime.wait_for_exit() == 1
    runtime.wait_for_log("LAMBDA_STREAMING_FRONT_DOORS is 'function-url,alb'; allowed are none, or one or more of")


EMPTY = {
    "sync": "def handler(event, context):\n    yield from ()",
    "async": "async def handler(event, context):\n    for item in ():\n        yield item",
    "empty items": "def handler(event, context):\n    yield ''\n    yield b''",
    "streamified": """
from lambda_streaming import streamify_response
@streamify_response
def handler(event, response_stream, context):
    return None
""",
    "a head alone": """
from lambda_streaming import HttpResponse
def handler(event, context):
    return HttpResponse()
""",
}


@pytest.mark.parametrize("kind", EMPTY)
def test_empty_body_still_has_its_prelude(kind: str, run_runtime: RunRuntime) -> None:
    """A Function URL gets one newline, which cures clients left waiting (protocol.md 1.4)."""
    answer = run_runtime(EMPTY[kind]).invoke(FUNCTION_URL_EVENT).result()
    assert answer.prelude["statusCode"] == 200
    assert answer.payload == b"\n"


@pytest.mark.parametrize("kind", EMPTY)
def test_empty_body_for_a_rest_api_is_its_prelude_alone(kind: str, run_runtime: RunRuntime) -> None:
    runtime = run_runtime(EMPTY[kind], environment={"LAMBDA_STREAMING_FRONT_DOORS": "rest-api"})
    answer = runtime.invoke(REST_EVENT).result()
    assert (answer.prelude["statusCode"], answer.payload) == (200, b"")


def test_newline_for_an_empty_body_can_be_switched_off(run_runtime: RunRuntime) -> None:
    runtime = run_runtime(EMPTY["sync"], environment={"LAMBDA_STREAMING_EMPTY_BODY": "empty"})
    assert runtime.invoke(FUNCTION_URL_EVENT).result().payload == b""


def test_empty_raw_body_is_empty(run_runtime: RunRuntime) -> None:
    assert run_runtime(EMPTY["sync"]).invoke({}).result().body == b""


@pytest.mark.parametrize(("method", "status"), [("HEAD", 200), ("GET", 204), ("GET", 304)])
def test_body_is_dropped_where_http_allows_none(method: str, status: int, run_runtime: RunRuntime) -> None:
    runtime = run_runtime(f"""
    from lambda_streaming import HttpResponse
    def handler(event, context):
        yield HttpResponse({status})
        yield "dropped"
        print("ran to its end")
    """)
    answer = runtime.invoke(url_event(method)).result()
    assert (answer.prelude["statusCode"], answer.payload) == (status, b"")
    runtime.invoke(url_event(method)).result()
    runtime.wait_for_log("ran to its end")


UNSENDABLE = {
    "HttpResponse(headers={'a': 'b\\r\\nc: d'})": "control characters are not allowed",
    "HttpResponse(headers={'a\\nb': 'c'})": "is not a header name",
    "HttpResponse(headers={'a b': 'c'})": "is not a header name",
    "HttpResponse(headers={'a': 'b\\x00'})": "control characters are not allowed",
    "HttpResponse(headers={'a': 'é'})": "is not ASCII: percent-encode it",
    "HttpResponse(cookies=['a=b\\nc'])": "control characters are not allowed",
    "HttpResponse(headers={'a': 'x' * 20_000})": "send fewer or shorter headers",
    "HttpResponse(headers={'a': {}})": "it must be text, a number",
    "HttpResponse(cookies='a=b')": "it must be a list",
    "HttpResponse(101)": "it must be an integer from 200 to 599",
    "HttpResponse('200')": "it must be an integer from 200 to 599",
}


@pytest.mark.parametrize("head", UNSENDABLE)
def test_invalid_head_is_an_error_before_first_byte(head: str, run_runtime: RunRuntime) -> None:
    runtime = run_runtime(
        f"from lambda_streaming import HttpResponse\ndef handler(event, context):\n    yield {head}\n    yield 'x'"
    )
    answer = runtime.invoke(FUNCTION_URL_EVENT).result()
    assert answer.path.endswith("/error")
    assert UNSENDABLE[head] in json.loads(answer.body)["errorMessage"]


def test_from_names_the_head_of_a_stream(run_runtime: RunRuntime) -> None:
    runtime = run_runtime("""
    from lambda_streaming import HttpResponseStream, streamify_response

    @streamify_response
    async def handler(event, response_stream, context):
        response_stream = HttpResponseStream.from_(
            response_stream, {"statusCode": 418, "headers": {"x-a": "b"}, "cookies": ["c=d"]}
        )
        response_stream.set_content_type("text/html")
        await response_stream.write("<p>")
        try:
            response_stream.set_content_type("text/plain")
        except RuntimeError as error:
            await response_stream.write(str(error))
    """)
    answer = runtime.invoke(FUNCTION_URL_EVENT).result()
    assert answer.prelude == {
        "statusCode": 418,
        "headers": {"x-a": "b", "content-type": "text/html"},
        "cookies": ["c=d"],
    }
    assert answer.payload.startswith(b"<p>the response head has left already")


ENCODED = """
from lambda_streaming import HttpResponse

def handler(event, context):
    yield HttpResponse(200, {"Content-Encoding": event["encoding"], "x-note": '"content-encoding":'})
    yield "x"
"""
DECODES = "a Function URL decodes compressed responses"


def test_content_encoding_causes_one_warning_on_a_function_url(run_runtime: RunRuntime) -> None:
    runtime = run_runtime(ENCODED, environment={"LAMBDA_STREAMING_FRONT_DOORS": "function-url,rest-api"})
    for event in ({**REST_EVENT, "encoding": "br"}, {**FUNCTION_URL_EVENT, "encoding": None}):
        assert runtime.invoke(event).result().payload == b"x"
    assert DECODES not in runtime.log
    for encoding in ("gzip", "gzip", "br"):
        answer = runtime.invoke({**FUNCTION_URL_EVENT, "encoding": encoding}).result()
        assert answer.prelude["headers"]["content-encoding"] == encoding
    runtime.stop()
    assert runtime.log.count(DECODES) == 1
