"""Applications see the same request in Lambda as behind uvicorn and gunicorn, to the byte."""

from __future__ import annotations

import http.client
import json
import socket
from collections import defaultdict
from collections.abc import Iterator
from typing import Any

import pytest

from tests.lambda_streaming.fake_runtime_api import TIMEOUT_S

from .client import Site
from .conftest import served
from .frameworks import ASGI, WSGI
from .servers import Functions, web_server

REQUESTS = {
    "root": b"GET / HTTP/1.1\r\n\r\n",
    "encoded path": b"GET /caf%C3%A9%20x HTTP/1.1\r\n\r\n",
    "lower-case escapes": b"GET /caf%c3%a9 HTTP/1.1\r\n\r\n",
    "encoded slash": b"GET /a%2Fb HTTP/1.1\r\n\r\n",
    "percent encoded twice": b"GET /a%2520b HTTP/1.1\r\n\r\n",
    "lone percent sign": b"GET /100%/x%2 HTTP/1.1\r\n\r\n",
    "path of no UTF-8": b"GET /%ff%fe HTTP/1.1\r\n\r\n",
    "NUL in path": b"GET /a%00b HTTP/1.1\r\n\r\n",
    "two slashes": b"GET //a//b/ HTTP/1.1\r\n\r\n",
    "dots": b"GET /a/../b/./c HTTP/1.1\r\n\r\n",
    "plus and parameters": b"GET /a+b;c=1,d HTTP/1.1\r\n\r\n",
    "characters of a path": b"GET /-._~!$&'()*+,;=:@ HTTP/1.1\r\n\r\n",
    "trailing slash": b"GET /a/ HTTP/1.1\r\n\r\n",
    "empty query": b"GET /? HTTP/1.1\r\n\r\n",
    "query": b"GET /?a=1&b=2&a=3 HTTP/1.1\r\n\r\n",
    "odd query": b"GET /?&&a&=b&c=%20+%2B&d=%ff&e=?/&f[]=1 HTTP/1.1\r\n\r\n",
    "question mark in query": b"GET /a?b?c=d HTTP/1.1\r\n\r\n",
    "repeated headers": b"GET / HTTP/1.1\r\nX-A: 1\r\nX-B: x\r\nx-a: 2, 3\r\nAccept: a\r\nAccept: b\r\n\r\n",
    "empty header": b"GET / HTTP/1.1\r\nX-Empty:\r\nX-Space: a b \r\n\r\n",
    "header of latin-1": b"GET / HTTP/1.1\r\nX-Name: caf\xe9\r\n\r\n",
    "header of UTF-8": b"GET / HTTP/1.1\r\nX-Name: caf\xc3\xa9\r\n\r\n",
    "cookies": b'GET / HTTP/1.1\r\nCookie: a=1; b="x y"; c=; d\r\n\r\n',
    "cookies in two lines": b"GET / HTTP/1.1\r\nCookie: a=1\r\nCookie: b=2; c=3\r\n\r\n",
    "authorization": b"GET / HTTP/1.1\r\nAuthorization: Bearer a.b.c\r\n\r\n",
    "websocket upgrade": b"GET / HTTP/1.1\r\nSec-WebSocket-Key: x\r\nSec-WebSocket-Version: 13\r\n\r\n",
    "empty body": b"POST / HTTP/1.1\r\nContent-Length: 0\r\n\r\n",
    "text": b"POST / HTTP/1.1\r\nContent-Type: text/plain\r\nContent-Length: 5\r\n\r\ncaf\xc3\xa9",
    "text of no UTF-8": b"POST / HTTP/1.1\r\nContent-Type: text/plain\r\nContent-Length: 4\r\n\r\ncaf\xe9",
    "JSON": b'PUT / HTTP/1.1\r\nContent-Type: application/json\r\nContent-Length: 13\r\n\r\n{"a":"\xf0\x9f\x98\x80"} ',
    "bytes": b"PATCH / HTTP/1.1\r\nContent-Length: 256\r\n\r\n" + bytes(range(256)),
    "form": b"POST / HTTP/1.1\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: 7\r\n\r\na=1&b=+",
    "delete": b"DELETE /a HTTP/1.1\r\n\r\n",
    "options": b"OPTIONS /a HTTP/1.1\r\n\r\n",
}
CHUNKED = b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n"

# Fields that differ from gunicorn's, by request, with the reason.
OTHER_FIELDS = {
    "empty query": ("RAW_URI", "the event of a Function URL has no sign of an empty query"),
    "cookies in two lines": ("HTTP_COOKIE", "gunicorn joins the lines by commas, which no cookie parser splits"),
}

FUNCTIONS = {ASGI: "scope_asgi", WSGI: "environ_wsgi"}

# Front doors add these, each its own.
ADDED_HEADERS = {"x-amzn-trace-id", "x-forwarded-for", "x-forwarded-port", "x-forwarded-proto", "x-application"}
SCOPE_FIELDS = ("type", "http_version", "method", "scheme", "path", "raw_path", "query_string", "root_path", "state")
ENVIRON_FIELDS = (
    *("REQUEST_METHOD", "SCRIPT_NAME", "PATH_INFO", "QUERY_STRING", "SERVER_PROTOCOL", "RAW_URI"),
    *("CONTENT_TYPE", "CONTENT_LENGTH", "wsgi.url_scheme", "wsgi.version", "wsgi.input_terminated", "wsgi.run_once"),
)


@pytest.fixture(scope="module")
def sites(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, tuple[Site, Site]]]:
    """Pairs of the application in Lambda and on its server, by interface."""
    functions = Functions(tmp_path_factory.mktemp("requests"))
    for interface, module in FUNCTIONS.items():
        functions.add(module, interface, f"{module}:app")
    with (
        served(functions) as lambda_,
        web_server(ASGI, [FUNCTIONS[ASGI]]) as uvicorn,
        web_server(WSGI, [FUNCTIONS[WSGI]]) as gunicorn,
    ):
        ports = uvicorn | gunicorn
        yield {interface: lambda_.beside(module, ports[module]) for interface, module in FUNCTIONS.items()}


def seen(site: Site, request: bytes) -> dict[str, Any]:
    """Send the bytes of a request, and the headers of the site. Return what the application has seen."""
    head, _, rest = request.partition(b"\r\n")
    lines = b"".join(f"{name}: {value}\r\n".encode() for name, value in site.headers.items())
    with socket.create_connection(site.address, timeout=TIMEOUT_S) as connection:
        connection.sendall(head + b"\r\n" + lines + rest)
        response = http.client.HTTPResponse(connection)
        response.begin()
        body = response.read()
    assert response.status == 200, body
    answer: dict[str, Any] = json.loads(body)
    return answer


def headers_of(scope: dict[str, Any]) -> dict[str, str]:
    """Return the headers. Lines of a repeated header are joined, as a Function URL joins them."""
    lines = defaultdict(list)
    for name, value in scope["headers"]:
        if name not in ADDED_HEADERS:
            lines[name].append(value)
    return {name: ("; " if name == "cookie" else ",").join(values) for name, values in lines.items()}


def of_scope(scope: dict[str, Any]) -> dict[str, Any]:
    fields = {name: scope[name] for name in SCOPE_FIELDS}
    return {**fields, "asgi": scope["asgi"], "headers": headers_of(scope), "body": scope["body"]}


def of_environ(environ: dict[str, Any]) -> dict[str, Any]:
    added = {f"HTTP_{name.upper().replace('-', '_')}" for name in ADDED_HEADERS}
    names = {name for name in environ if name.startswith("HTTP_")} - added
    return {name: environ.get(name) for name in (*ENVIRON_FIELDS, *sorted(names), "body")}


@pytest.mark.parametrize("name", REQUESTS)
def test_scope_is_that_of_uvicorn(name: str, sites: dict[str, tuple[Site, Site]]) -> None:
    in_lambda, on_server = (of_scope(seen(site, REQUESTS[name])) for site in sites[ASGI])
    assert in_lambda == on_server


@pytest.mark.parametrize("name", REQUESTS)
def test_environ_is_that_of_gunicorn(name: str, sites: dict[str, tuple[Site, Site]]) -> None:
    in_lambda, on_server = (of_environ(seen(site, REQUESTS[name])) for site in sites[WSGI])
    field, _ = OTHER_FIELDS.get(name, ("", ""))
    if field:
        assert in_lambda.pop(field) != on_server.pop(field)
    assert in_lambda == on_server


def test_chunked_body_has_a_length(sites: dict[str, tuple[Site, Site]]) -> None:
    """Lambda gets bodies whole."""
    scope, environ = (seen(sites[interface][0], CHUNKED) for interface in (ASGI, WSGI))
    assert (scope["body"], environ["body"]) == ("abcde", "abcde")
    assert headers_of(scope)["content-length"] == environ["CONTENT_LENGTH"] == "5"
    assert "transfer-encoding" not in headers_of(scope)


def test_addresses_are_those_of_the_client_and_of_the_function_url(sites: dict[str, tuple[Site, Site]]) -> None:
    site, _ = sites[ASGI]
    scope = seen(site, REQUESTS["root"])
    assert scope["client"] == ["127.0.0.1", 0]
    assert scope["server"] == [site.headers["host"], 443]
    environ = seen(sites[WSGI][0], REQUESTS["root"])
    assert (environ["REMOTE_ADDR"], environ["SERVER_PORT"]) == ("127.0.0.1", "443")
    assert environ["SERVER_NAME"] == sites[WSGI][0].headers["host"]
