"""The request of an event, for each front door, and its scope (ASGI) and environ (WSGI)."""

from __future__ import annotations

from typing import Any

import pytest
from lambda_streaming.applications.asgi import scope_of
from lambda_streaming.applications.http_request import HttpRequest, RequestOptions
from lambda_streaming.applications.wsgi import environ_of
from lambda_streaming.response import front_door

from .web_events import HOST, url_event


def request_of(event: dict[str, Any], **options: Any) -> HttpRequest:
    door = front_door.of_event(event)
    assert door is not None
    return HttpRequest(event, door, RequestOptions(**options))


def api_2_event(path: str, stage: str = "$default", **more: Any) -> dict[str, Any]:
    domain_name = "abcdef1234.execute-api.us-east-1.amazonaws.com"
    http = {"method": "GET", "path": path, "protocol": "HTTP/1.1", "sourceIp": "192.0.2.1"}
    context = {"domainName": domain_name, "http": http, "stage": stage}
    return {"version": "2.0", "rawPath": path, "rawQueryString": "", "requestContext": context, **more}


def rest_event(path: str, client_path: str, stage: str = "prod", **more: Any) -> dict[str, Any]:
    context = {"stage": stage, "path": client_path, "protocol": "HTTP/1.1", "identity": {"sourceIp": "192.0.2.1"}}
    return {"resource": "/{proxy+}", "path": path, "httpMethod": "GET", "requestContext": context, **more}


def alb_event(path: str = "/", **more: Any) -> dict[str, Any]:
    return {"requestContext": {"elb": {"targetGroupArn": "arn"}}, "httpMethod": "GET", "path": path, **more}


# Encoded path of the client, decoded path, and the encoded path that the application sees.
URL_PATHS = {
    "/": ("/", b"/"),
    "/a%20b": ("/a b", b"/a%20b"),
    "/a%2Fb": ("/a/b", b"/a%2Fb"),
    "/%E2%82%AC": ("/€", b"/%E2%82%AC"),
    "/%FF": ("/\ufffd", b"/%FF"),
    "/50%": ("/50%", b"/50%"),
    "/%2525": ("/%25", b"/%2525"),
    "/a//b/": ("/a//b/", b"/a//b/"),
    "/a;b=c,d@e": ("/a;b=c,d@e", b"/a;b=c,d@e"),
    "/é": ("/é", b"/%C3%A9"),
    "": ("/", b"/"),
}


@pytest.mark.parametrize("path", URL_PATHS)
def test_path_of_a_function_url_is_decoded_once(path: str) -> None:
    scope = scope_of(request_of(url_event(path)), {})
    assert (scope["path"], scope["raw_path"], scope["root_path"]) == (*URL_PATHS[path], "")


def test_path_of_an_http_api_is_decoded_already() -> None:
    scope = scope_of(request_of(api_2_event("/50% of é")), {})
    assert (scope["path"], scope["raw_path"]) == ("/50% of é", b"/50%25%20of%20%C3%A9")


# Event, root path and whole path.
MOUNTED: dict[str, tuple[dict[str, Any], str, str]] = {
    "HTTP API, default stage": (api_2_event("/items"), "", "/items"),
    "HTTP API, named stage": (api_2_event("/dev/items", "dev"), "/dev", "/dev/items"),
    "HTTP API, stage alone": (api_2_event("/dev", "dev"), "/dev", "/dev"),
    "HTTP API, stage is the start of a word": (api_2_event("/developers", "dev"), "", "/developers"),
    "HTTP API, custom domain name": (api_2_event("/items", "dev"), "", "/items"),
    "REST": (rest_event("/items", "/prod/items"), "/prod", "/prod/items"),
    "REST, the root": (rest_event("/", "/prod"), "/prod", "/prod/"),
    "REST, custom domain name": (rest_event("/items", "/items"), "", "/items"),
    "REST, custom domain name and a path like the stage": (rest_event("/prod/items", "/prod/items"), "", "/prod/items"),
    "Function URL": (url_event("/$default/items"), "", "/$default/items"),
}


@pytest.mark.parametrize("case", MOUNTED)
def test_stage_is_the_root_path_where_the_path_of_the_client_has_it(case: str) -> None:
    event, root_path, path = MOUNTED[case]
    request = request_of(event)
    scope, environ = scope_of(request, {}), environ_of(request)
    assert (scope["root_path"], scope["path"]) == (root_path, path)
    assert (environ["SCRIPT_NAME"], environ["PATH_INFO"]) == (root_path, path[len(root_path) :])


@pytest.mark.parametrize(
    ("path", "expected"),
    [("/api/items", "/api/items"), ("/api", "/api"), ("/items", "/api/items"), ("/apis", "/api/apis"), ("/", "/api/")],
)
def test_given_root_path(path: str, expected: str) -> None:
    scope = scope_of(request_of(url_event(path), root_path="/api/"), {})
    assert (scope["root_path"], scope["path"]) == ("/api", expected)


# Events for the client's path /prod/api/items, where `prod` is the stage.
BELOW_THE_STAGE: dict[str, dict[str, Any]] = {
    "REST": rest_event("/api/items", "/prod/api/items"),
    "HTTP API": api_2_event("/prod/api/items", "prod"),
}


@pytest.mark.parametrize("door", BELOW_THE_STAGE)
@pytest.mark.parametrize(
    ("root_path", "root", "path"),
    [
        ("", "", "/api/items"),
        ("/api", "/prod/api", "/prod/api/items"),
        ("/prod/api", "/prod/api", "/prod/api/items"),
        ("/other", "/prod/other", "/prod/other/api/items"),
    ],
)
def test_root_path_below_a_stage_is_the_same_for_every_api(door: str, root_path: str, root: str, path: str) -> None:
    request = request_of(BELOW_THE_STAGE[door], root_path=root_path)
    scope, environ = scope_of(request, {}), environ_of(request)
    assert (scope["root_path"], scope["path"]) == (root, path)
    assert (environ["SCRIPT_NAME"], environ["PATH_INFO"]) == (root, path[len(root) :])


@pytest.mark.parametrize("root_path", ["api", "/café"])
def test_wrong_root_path_is_rejected(root_path: str) -> None:
    with pytest.raises(ValueError, match=f"root_path is '{root_path}'; it must be ASCII and begin with a slash"):
        RequestOptions(root_path)


MULTI = {"q": ["a b", "c&d"], "empty": [""], "é": ["ü"]}
QUERIES: dict[str, tuple[dict[str, Any], bytes]] = {
    "Function URL, to the byte": (url_event(query="a=1&a=2&b=%20x+y&=&c"), b"a=1&a=2&b=%20x+y&=&c"),
    "REST": (
        rest_event("/", "/prod", multiValueQueryStringParameters=MULTI, queryStringParameters={"q": "c&d"}),
        b"q=a+b&q=c%26d&empty=&%C3%A9=%C3%BC",
    ),
    "REST, none": (rest_event("/", "/prod", multiValueQueryStringParameters=None, queryStringParameters=None), b""),
    "HTTP API 1.0": (
        rest_event("/", "/", version="1.0", multiValueQueryStringParameters={"a": ["1", "2"]}),
        b"a=1&a=2",
    ),
    "HTTP API 2.0": (api_2_event("/", rawQueryString="a=1&a=2"), b"a=1&a=2"),
    "ALB, not decoded by it": (alb_event(queryStringParameters={"a": "b%20c", "d": ""}), b"a=b%20c&d="),
    "ALB, multi-value": (
        alb_event(multiValueHeaders={}, multiValueQueryStringParameters={"a": ["1%26", "2"]}),
        b"a=1%26&a=2",
    ),
}


@pytest.mark.parametrize("case", QUERIES)
def test_query_string(case: str) -> None:
    event, expected = QUERIES[case]
    request = request_of(event)
    assert request.query_string == expected
    assert environ_of(request)["QUERY_STRING"] == expected.decode("ascii")


def test_headers_are_lower_case_and_stay_joined() -> None:
    request = request_of(url_event(headers={"Accept": "a,b", "X-Text": "é", "x-number": "€"}))
    headers = dict(request.headers)
    assert headers[b"accept"] == b"a,b"
    assert headers[b"x-text"] == "é".encode("latin-1")
    assert headers[b"x-number"] == "€".encode()


def test_repeated_headers_of_a_rest_api_are_lines() -> None:
    multi = {"X-A": ["1", "2"], "Cookie": ["a=1", "b=2"]}
    request = request_of(rest_event("/", "/prod", multiValueHeaders=multi, headers={"X-A": "2", "Cookie": "b=2"}))
    assert request.headers == [(b"x-a", b"1"), (b"x-a", b"2"), (b"cookie", b"a=1; b=2")]
    assert environ_of(request)["HTTP_X_A"] == "1,2"


def test_cookies_of_a_function_url_come_once() -> None:
    request = request_of(url_event(cookies=["a=1", "b=2"], headers={"cookie": "a=1; b=2"}))
    assert [value for name, value in request.headers if name == b"cookie"] == [b"a=1; b=2"]


@pytest.mark.parametrize("name", ["X-Amzn-Request-Context", "x-amzn-lambda-context", "X-AMZ-Tenant-Id"])
def test_context_headers_of_a_client_are_dropped(name: str) -> None:
    for event in (url_event(headers={name: "{}"}), rest_event("/", "/prod", multiValueHeaders={name: ["{}"]})):
        assert name.lower().encode() not in dict(request_of(event).headers)


def test_authorization_comes_from_another_header() -> None:
    headers = {"authorization": "AWS4-HMAC-SHA256 ...", "x-authorization": "Bearer token"}
    request = request_of(url_event(headers=headers), authorization_header="X-Authorization")
    assert dict(request.headers)[b"authorization"] == b"Bearer token"
    assert b"x-authorization" not in dict(request.headers)
    without = request_of(url_event(headers={"authorization": "Basic x"}), authorization_header="x-authorization")
    assert dict(without.headers)[b"authorization"] == b"Basic x"


def test_forwarded_host_is_used_on_request_only() -> None:
    event = url_event(headers={"x-forwarded-host": "example.com, proxy"})
    assert scope_of(request_of(event), {})["server"] == (HOST, 443)
    request = request_of(event, trusts_forwarded_host=True)
    assert dict(request.headers)[b"host"] == b"example.com"
    assert scope_of(request, {})["server"] == ("example.com", 443)


SERVERS = {
    "example.com": ("example.com", 443),
    "localhost:9000": ("localhost", 9000),
    "[::1]:8000": ("[::1]", 8000),
    "[::1]": ("[::1]", 443),
}


@pytest.mark.parametrize("host", SERVERS)
def test_server_is_that_of_host(host: str) -> None:
    assert scope_of(request_of(url_event(headers={"host": host})), {})["server"] == SERVERS[host]


def test_scheme_is_that_of_the_client() -> None:
    assert request_of(url_event(headers={"x-forwarded-proto": "http"})).scheme == "http"
    assert request_of(url_event(headers={"x-forwarded-proto": "gopher"})).scheme == "https"
    assert request_of(api_2_event("/")).scheme == "https"


CLIENTS: dict[str, tuple[dict[str, Any], str | None]] = {
    "Function URL": (url_event(), "192.0.2.1"),
    "REST": (rest_event("/", "/prod"), "192.0.2.1"),
    "ALB appends it": (alb_event(headers={"x-forwarded-for": "203.0.113.9, 192.0.2.1"}), "192.0.2.1"),
    "unknown": (alb_event(headers={}), None),
}


@pytest.mark.parametrize("case", CLIENTS)
def test_client(case: str) -> None:
    event, expected = CLIENTS[case]
    request = request_of(event)
    assert scope_of(request, {})["client"] == ((expected, 0) if expected else None)
    assert environ_of(request).get("REMOTE_ADDR") == expected


def test_body_is_text_or_base64() -> None:
    assert request_of(url_event(method="POST", body=b"\x00\xff")).body == b"\x00\xff"
    assert request_of(rest_event("/", "/prod", body="é")).body == "é".encode()
    assert request_of(rest_event("/", "/prod", body=None)).body == b""


def test_content_length_is_that_of_the_body() -> None:
    """A client that sends chunks names no length; a WSGI application reads nothing without one."""
    request = request_of(rest_event("/", "/prod", body="é", headers={"transfer-encoding": "chunked"}))
    assert request.headers == [(b"content-length", b"2")]
    environ = environ_of(request)
    assert environ["CONTENT_LENGTH"] == "2"
    assert environ["wsgi.input"].read() == "é".encode()


def test_whole_scope() -> None:
    state = {"pool": object()}
    event = url_event("/a%20b", "post", query="x=1", headers={"content-type": "text/plain"}, body=b"hi")
    scope = scope_of(request_of(event), state)
    assert scope == {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.3"},
        "http_version": "1.1",
        "server": (HOST, 443),
        "client": ("192.0.2.1", 0),
        "scheme": "https",
        "method": "POST",
        "root_path": "",
        "path": "/a b",
        "raw_path": b"/a%20b",
        "query_string": b"x=1",
        "headers": [
            (b"host", HOST.encode()),
            (b"x-forwarded-proto", b"https"),
            (b"x-forwarded-port", b"443"),
            (b"content-type", b"text/plain"),
            (b"content-length", b"2"),
        ],
        "state": state,
    }
    assert scope["state"] is not state


def test_environ() -> None:
    event = url_event("/caf%C3%A9", query="x=1", headers={"x-a-b": "1", "x_a_b": "forged", "content-type": "a/b"})
    environ = environ_of(request_of(event))
    assert environ["PATH_INFO"] == "/cafÃ©"
    assert environ["REQUEST_URI"] == environ["RAW_URI"] == "/caf%C3%A9?x=1"
    assert (environ["CONTENT_TYPE"], environ["HTTP_X_A_B"], environ["HTTP_HOST"]) == ("a/b", "1", HOST)
    assert (environ["SERVER_NAME"], environ["SERVER_PORT"], environ["wsgi.url_scheme"]) == (HOST, "443", "https")
    assert "CONTENT_LENGTH" not in environ
    assert environ["wsgi.multithread"] is False
