"""A request becomes the event that AWS documents for Function URLs."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from lambda_emulator.front_doors.function_url_event import HttpRequest, encode_event
from lambda_emulator.functions import Function, FunctionUrl, InvokeMode

FUNCTION = Function(
    name="chat",
    logical_id="Chat",
    construct_path="Demo/Chat",
    arn="arn:aws:lambda:eu-west-1:123456789012:function:chat",
    runtime="python3.13",
    handler="app.handler",
    code=Path("code"),
)
URL = FunctionUrl(FUNCTION, "", "Demo/Chat/FunctionUrl", "urlid", "eu-west-1", "NONE", InvokeMode.RESPONSE_STREAM)


def event_of(
    method: str = "GET", target: str = "/", headers: Sequence[tuple[str, str]] = (), body: bytes = b""
) -> dict[str, Any]:
    request = HttpRequest(method, target, "1.1", [("host", "localhost:9001"), *headers], body, "127.0.0.1")
    encoded = encode_event(URL, request, request_id="request", trace_id="Root=1", epoch_ms=1_583_348_638_390)
    event: dict[str, Any] = json.loads(encoded)
    return event


def test_event_has_every_field_of_payload_format_2_0() -> None:
    headers = [
        ("user-agent", "curl"),
        ("x-two", "a"),
        ("x-two", "b"),
        ("cookie", "a=1; b=2"),
        ("content-type", "text/plain"),
    ]

    event = event_of("POST", "/my/pa%20th?a=1&a=2&b=%C3%A9&c", headers, "hé".encode())

    assert event == {
        "version": "2.0",
        "routeKey": "$default",
        "rawPath": "/my/pa%20th",
        "rawQueryString": "a=1&a=2&b=%C3%A9&c",
        "cookies": ["a=1", "b=2"],
        "headers": {
            "host": "localhost:9001",
            "user-agent": "curl",
            "x-two": "a,b",
            "cookie": "a=1; b=2",
            "content-type": "text/plain",
            "x-amzn-trace-id": "Root=1",
            "x-forwarded-for": "127.0.0.1",
            "x-forwarded-proto": "https",
            "x-forwarded-port": "443",
        },
        "queryStringParameters": {"a": "1,2", "b": "é", "c": ""},
        "requestContext": {
            "accountId": "anonymous",
            "apiId": "urlid",
            "domainName": "urlid.lambda-url.eu-west-1.on.aws",
            "domainPrefix": "urlid",
            "http": {
                "method": "POST",
                "path": "/my/pa%20th",
                "protocol": "HTTP/1.1",
                "sourceIp": "127.0.0.1",
                "userAgent": "curl",
            },
            "requestId": "request",
            "routeKey": "$default",
            "stage": "$default",
            "time": "04/Mar/2020:19:03:58 +0000",
            "timeEpoch": 1583348638390,
        },
        "body": "hé",
        "isBase64Encoded": False,
    }


def test_get_without_body_cookies_and_query_has_no_such_fields() -> None:
    event = event_of()

    assert not {"body", "cookies", "queryStringParameters"} & set(event)
    assert event["rawQueryString"] == ""
    assert event["isBase64Encoded"] is False


@pytest.mark.parametrize(
    ("content_type", "is_text"),
    [
        ("text/html; charset=utf-8", True),
        ("application/json", True),
        ("application/problem+json", True),
        ("application/xml", True),
        ("application/javascript", True),
        ("application/x-www-form-urlencoded", False),
        ("application/octet-stream", False),
        ("", False),
    ],
)
def test_body_is_text_for_text_types_and_base64_for_others(content_type: str, is_text: bool) -> None:
    event = event_of("POST", headers=[("content-type", content_type)], body=b"hi")

    assert (event["body"], event["isBase64Encoded"]) == (("hi", False) if is_text else ("aGk=", True))


def test_body_that_is_not_utf_8_is_base64() -> None:
    event = event_of("POST", headers=[("content-type", "text/plain")], body=b"\xff")

    assert (event["body"], event["isBase64Encoded"]) == ("/w==", True)


def test_connection_headers_are_left_out() -> None:
    event = event_of(headers=[("connection", "keep-alive"), ("transfer-encoding", "chunked"), ("x-mine", "1")])

    assert "x-mine" in event["headers"]
    assert not {"connection", "transfer-encoding"} & set(event["headers"])
