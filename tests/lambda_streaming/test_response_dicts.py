"""Response dicts of handlers: front doors that stream get the response that API Gateway makes of the same JSON.

The rules are on AWS's page "Output format of a Lambda function for proxy integration": a value of `headers` is text, a
number or a boolean; `headers` and `multiValueHeaders` are merged, and a pair in both counts once.
"""

from __future__ import annotations

import enum
import http
import json
from decimal import Decimal
from typing import Any

import pytest
from lambda_streaming import HttpResponse, HttpResponseStream
from lambda_streaming.applications.returned import http_response_of
from lambda_streaming.process.aws_json import MarshalError
from lambda_streaming.response.front_door import FUNCTION_URL, REST_API
from lambda_streaming.response.prelude import encode_prelude

from .conftest import RunRuntime
from .fake_runtime_api import FUNCTION_URL_EVENT


class Kind(str, enum.Enum):
    TOKEN = "token"


def prelude_of(value: dict[str, Any], door: str = FUNCTION_URL) -> dict[str, Any]:
    document = json.loads(encode_prelude(http_response_of(value), door).partition(b"\0")[0])
    assert isinstance(document, dict)
    return document


def headers_of(**members: Any) -> dict[str, str]:
    headers = prelude_of({"statusCode": 200, **members})["headers"]
    assert headers.pop("content-type") == "application/json"
    return headers  # type: ignore[no-any-return]


TEXTS: dict[str, tuple[Any, str]] = {
    "true": (True, "true"),
    "false": (False, "false"),
    "integer": (7, "7"),
    "enum of integers": (http.HTTPStatus.ACCEPTED, "202"),
    "enum of texts": (Kind.TOKEN, "token"),
    "float": (1.5, "1.5"),
    "whole float": (2.0, "2.0"),
    "Decimal": (Decimal("1.10"), "1.10"),
    "negative": (-0.5, "-0.5"),
    "empty text": ("", ""),
    "bytes": (b"text", "text"),
}


@pytest.mark.parametrize("kind", TEXTS)
def test_header_value_becomes_its_json_text(kind: str) -> None:
    value, text = TEXTS[kind]
    assert headers_of(headers={"X-A": value}) == {"x-a": text}
    assert headers_of(multiValueHeaders={"X-A": [value, "b"]}) == {"x-a": f"{text}, b"}
    assert HttpResponse(headers={"x-a": value}).headers == [("x-a", text)]


def test_none_leaves_the_header_out() -> None:
    assert headers_of(headers={"x-a": None, "x-b": "b", "Content-Type": None}) == {"x-b": "b"}
    assert headers_of(multiValueHeaders={"x-a": None, "x-b": [None, "b"], "x-c": [], "x-d": [None]}) == {"x-b": "b"}
    assert headers_of(headers=None, multiValueHeaders=None) == {}
    assert HttpResponse(headers={"x-a": None}).headers == []


@pytest.mark.parametrize("names", [("X-Same", "x-same"), ("x-same", "X-Same"), ("x-same", "x-same")])
def test_pair_in_both_forms_counts_once(names: tuple[str, str]) -> None:
    single, multi = names
    assert headers_of(headers={single: "1"}, multiValueHeaders={multi: ["1"]}) == {"x-same": "1"}
    assert headers_of(headers={single: 1}, multiValueHeaders={multi: ["0", "1", "1"]}) == {"x-same": "0, 1, 1"}
    assert headers_of(headers={single: "2"}, multiValueHeaders={multi: ["1"]}) == {"x-same": "1, 2"}


def test_pair_in_two_cases_counts_once() -> None:
    head = prelude_of({"statusCode": 200, "headers": {"Content-Type": "text/css", "content-type": "text/css"}})
    assert head["headers"] == {"content-type": "text/css"}
    assert headers_of(headers={"X-A": ["1", "1"]}) == {"x-a": "1, 1"}


def test_cookie_in_both_forms_is_set_once() -> None:
    value = {
        "statusCode": 200,
        "headers": {"Set-Cookie": "a=1"},
        "multiValueHeaders": {"set-cookie": ["a=1", "b=2"]},
        "cookies": ["c=3"],
    }
    assert prelude_of(value)["cookies"] == ["c=3", "a=1", "b=2"]
    assert prelude_of(value, REST_API)["multiValueHeaders"]["set-cookie"] == ["c=3", "a=1", "b=2"]


def test_content_type_of_multi_value_headers_is_kept() -> None:
    head = prelude_of({"statusCode": 200, "multiValueHeaders": {"Content-Type": ["text/css"]}})
    assert head["headers"] == {"content-type": "text/css"}


@pytest.mark.parametrize("status", [201, "201", Decimal(201), 201.0, http.HTTPStatus.CREATED])
def test_status_may_be_any_whole_number(status: Any) -> None:
    assert prelude_of({"statusCode": status})["statusCode"] == 201


@pytest.mark.parametrize("status", [None, "", "OK", 200.5, Decimal("200.5"), True, 99, 600, [200], float("nan")])
def test_other_status_is_an_error_that_names_it(status: Any) -> None:
    with pytest.raises(MarshalError, match=r"statusCode is .*; it must be an integer from 200 to 599"):
        http_response_of({"statusCode": status})


INVALID: dict[str, tuple[dict[str, Any], str]] = {
    "header with an object": ({"headers": {"a": {}}}, "the header 'a' has the value {}; it must be text, a number"),
    "header that is NaN": ({"headers": {"a": float("nan")}}, "the header 'a' has the value nan"),
    "header with an infinite Decimal": ({"headers": {"a": Decimal("Infinity")}}, "the header 'a' has the value"),
    "list in a list": ({"multiValueHeaders": {"a": [["b"]]}}, r"the header 'a' has the value \['b'\]"),
    "name that is a number": ({"headers": {1: "b"}}, "1 is not the name of a header; it must be text"),
    "headers that are text": ({"headers": "a: b"}, "headers is 'a: b'; it must be a mapping of names to values"),
    "headers that are a number": ({"headers": 5}, "headers is 5; it must be a mapping of names to values"),
    "pairs that are none": ({"headers": ["a"]}, r"headers is \['a'\]; it must be a mapping of names to values"),
    "cookies that are text": ({"cookies": "a=b"}, "cookies is 'a=b'; it must be a list of Set-Cookie values"),
    "cookies that are bytes": ({"cookies": b"a=b"}, "cookies is b'a=b'; it must be a list"),
    "cookies that are an object": ({"cookies": {"a": "b"}}, "cookies is {'a': 'b'}; it must be a list"),
    "cookies that are a number": ({"cookies": 5}, "cookies is 5; it must be a list"),
    "cookie that is an object": ({"cookies": [{}]}, "a cookie is {}; it must be text"),
}


@pytest.mark.parametrize("kind", INVALID)
def test_invalid_head_of_a_dict_is_an_error_that_names_the_value(kind: str) -> None:
    members, message = INVALID[kind]
    with pytest.raises(MarshalError, match=message):
        http_response_of({"statusCode": 200, **members})


def test_cookie_becomes_text_like_a_header() -> None:
    assert prelude_of({"statusCode": 200, "cookies": ["a=b", None, 5]})["cookies"] == ["a=b", "5"]
    assert "cookies" not in prelude_of({"statusCode": 200, "cookies": None})


def test_body_that_is_no_base64_is_an_error() -> None:
    with pytest.raises(MarshalError, match="isBase64Encoded is True, and the body is no base64"):
        http_response_of({"statusCode": 200, "body": "a", "isBase64Encoded": True})


def test_boolean_header_reaches_a_function_url(run_runtime: RunRuntime) -> None:
    runtime = run_runtime("""
    def handler(event, context):
        return {"statusCode": 200, "headers": {"Access-Control-Allow-Credentials": True, "Age": 1.5, "X": None}}
    """)
    assert runtime.invoke(FUNCTION_URL_EVENT).result().prelude["headers"] == {
        "access-control-allow-credentials": "true",
        "age": "1.5",
        "content-type": "application/json",
    }


def test_metadata_of_a_stream_is_read_like_a_dict() -> None:
    """Node.js's `HttpResponseStream.from` passes any JSON on."""

    class Stream:
        def name_head(self, head: HttpResponse) -> None:
            self.head = head

    stream: Any = Stream()
    HttpResponseStream.from_(stream, {"statusCode": Decimal(201), "headers": {"a": True, "b": None}, "cookies": None})
    assert (stream.head.status_code, stream.head.headers, stream.head.cookies) == (201, [("a", "true")], [])
