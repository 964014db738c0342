"""Servers answer only requests that no web page of another name can send."""

from __future__ import annotations

import http.client
import json
import socket
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from lambda_emulator.access import Access, RequestSource, host_name
from selenium import webdriver

from ..chromium import open_chromium
from .cloud_assembly import CloudAssembly
from .gates import PATIENCE_SECONDS
from .served import Served, host_and_port

ServeApp = Callable[..., Served]

PAGE_NAME = "rebound.example"

NOT_TO_BE_RUN = "sys.exit('not to be run')"

LIST_FUNCTIONS = "/2015-03-31/functions"
INVOKE = "/2015-03-31/functions/app/invocations"


def refusal(
    host: str, *, local_address: str = "127.0.0.1", names: frozenset[str] = frozenset(), has_origin: bool = False
) -> str:
    source = RequestSource((host,) if host else (), local_address, has_origin)
    return Access(names).refusal(source)


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1",
        "127.0.0.1:9000",
        "localhost",
        "localhost:9000",
        "LOCALHOST",
        "localhost.",
        "Chat.Localhost:9001",
        "a.b.localhost",
    ],
)
def test_address_and_local_names_are_allowed(host: str) -> None:
    assert refusal(host) == ""


@pytest.mark.parametrize("host", ["[::1]", "[::1]:9000", "[0:0:0:0:0:0:0:1]:9000", "[0::1]"])
def test_each_form_of_an_ipv6_address_is_allowed(host: str) -> None:
    assert refusal(host, local_address="::1") == ""


def test_link_local_address_is_allowed_without_its_zone() -> None:
    assert refusal("[fe80::1]:9000", local_address="fe80::1%eth0") == ""


@pytest.mark.parametrize(
    "host",
    [
        "rebound.example",
        "rebound.example:9000",
        "localhost.rebound.example",
        "rebound-localhost",
        "localhost@rebound.example",
        "127.0.0.1.rebound.example",
        "192.0.2.1",
        "[2001:db8::1]:9000",
        "::1",
        "localhost:9000:x",
        "localhost/",
        "local host",
        "",
    ],
)
def test_other_hosts_are_refused(host: str) -> None:
    assert refusal(host) != ""


def test_allowed_name_is_allowed_in_each_case_and_with_each_port() -> None:
    names = frozenset({"my.example"})

    assert refusal("My.Example:8443", names=names) == ""
    assert refusal("other.my.example", names=names) != ""


def test_refusal_names_the_host_the_allowed_names_and_the_fix() -> None:
    assert refusal("My.Example:80") == (
        "The host 'My.Example:80' is refused. The emulator answers to: *.localhost, 127.0.0.1, localhost. "
        "To allow it, start the emulator with --allowed-host my.example."
    )


def test_request_with_an_origin_is_refused_unless_pages_are_allowed() -> None:
    source = RequestSource(("localhost",), "127.0.0.1", has_origin=True)

    assert "Origin" in Access().refusal(source)
    assert Access(allows_pages=True).refusal(source) == ""


def test_every_named_host_must_be_allowed() -> None:
    source = RequestSource(("rebound.example", "localhost"), "127.0.0.1", has_origin=False)

    assert "rebound.example" in Access().refusal(source)


@pytest.mark.parametrize(("authority", "name"), [("a.example:1", "a.example"), ("[::1]", "::1"), ("a:b", ""), ("", "")])
def test_name_in_an_authority(authority: str, name: str) -> None:
    assert host_name(authority) == name


def head(request_line: str, *headers: str) -> bytes:
    return "\r\n".join([request_line, *headers, "", ""]).encode()


REFUSED = {
    "a name of a page": head("GET / HTTP/1.1", f"Host: {PAGE_NAME}"),
    "a name of a page and the port": head("GET / HTTP/1.1", f"Host: {PAGE_NAME}:9001"),
    "no host": head("GET / HTTP/1.0"),
    "an empty host": head("GET / HTTP/1.1", "Host:"),
    "a target with another name": head(f"GET http://{PAGE_NAME}/ HTTP/1.1", "Host: localhost"),
    "a target with a local name": head("GET http://localhost/ HTTP/1.1", f"Host: {PAGE_NAME}"),
    "a target with a user": head(f"GET http://localhost@{PAGE_NAME}/ HTTP/1.1", "Host: localhost"),
    "HEAD": head("HEAD / HTTP/1.1", f"Host: {PAGE_NAME}"),
}


@pytest.mark.parametrize("front_door", ["Demo/App/FunctionUrl", "Lambda API"])
@pytest.mark.parametrize("request_bytes", REFUSED.values(), ids=REFUSED)
def test_request_for_another_host_is_answered_with_403(
    serve_app: ServeApp, front_door: str, request_bytes: bytes
) -> None:
    served = serve_app(NOT_TO_BE_RUN)
    address = served.emulator.lambda_api_url if front_door == "Lambda API" else served.emulator.url("App")

    response = send(address, request_bytes)

    assert response.status == 403
    if not request_bytes.startswith(b"HEAD"):
        assert "host" in json.loads(response.read())["message"].lower()
    served.log.wait_for(f"{front_door} * a request was answered with 403")


@pytest.mark.parametrize("target", ["http://localhost:1/path?a=1", "HTTP://localhost/path?a=1"])
def test_target_in_absolute_form_reaches_its_path(serve_app: ServeApp, target: str) -> None:
    served = serve_app("""
        while True:
            request_id, event, _ = next_invocation()
            stream = Stream(request_id)
            stream.head()
            stream.write(event["rawPath"].encode() + b"?" + event["rawQueryString"].encode())
            stream.end()
        """)

    response = send(served.emulator.url("App"), head(f"GET {target} HTTP/1.1", "Host: localhost"))

    assert (response.status, response.read()) == (200, b"/path?a=1")


@pytest.mark.parametrize("origin", ["https://example.com", "http://localhost:9000", "null"])
@pytest.mark.parametrize("method", ["POST", "OPTIONS"])
def test_lambda_api_refuses_every_origin(serve_app: ServeApp, origin: str, method: str) -> None:
    served = serve_app(NOT_TO_BE_RUN)
    request = head(f"{method} {INVOKE} HTTP/1.1", "Host: localhost", f"Origin: {origin}", "Content-Length: 0")

    response = send(served.emulator.lambda_api_url, request)

    assert response.status == 403
    assert "Origin" in json.loads(response.read())["message"]


def test_boto3_shows_the_reason_of_a_refusal(serve_app: ServeApp) -> None:
    import boto3

    served = serve_app(NOT_TO_BE_RUN)
    client = boto3.client(
        "lambda",
        endpoint_url=served.emulator.lambda_api_url,
        region_name="us-east-1",
        aws_access_key_id="test",
        aws_secret_access_key="test",
    )
    client.meta.events.register("before-sign", lambda request, **_: request.headers.add_header("Host", PAGE_NAME))

    with pytest.raises(client.exceptions.ClientError, match=f"--allowed-host {PAGE_NAME}"):
        client.list_functions()


@pytest.mark.process
def test_runtime_api_refuses_another_host_and_every_origin(serve_app: ServeApp) -> None:
    served = serve_app("""
        import http.client
        request_id, event, _ = next_invocation()
        statuses = []
        for headers in ({"Host": "rebound.example"}, {"Origin": "https://example.com"}):
            page = http.client.HTTPConnection(os.environ["AWS_LAMBDA_RUNTIME_API"])
            page.request("GET", f"{BASE}/invocation/next", headers=headers)
            statuses.append(page.getresponse().status)
        respond(request_id, json.dumps(statuses))
        next_invocation()
        """)

    assert served.invoke() == ([403, 403], "")


@pytest.fixture
def browser() -> Iterator[webdriver.Chrome]:
    """Chromium for which the page's name has the address of this machine, as after the rebinding of its name."""
    with open_chromium(f"--host-resolver-rules=MAP {PAGE_NAME} 127.0.0.1, MAP allowed.localhost 127.0.0.1") as browser:
        yield browser


FETCH = """
const [path, method, done] = arguments;
fetch(path, { method, body: method === "POST" ? "{}" : undefined })
    .then(async response => done([response.status, await response.text()]), error => done([0, String(error)]));
"""


@pytest.mark.process
def test_page_with_a_rebound_name_reaches_nothing_in_chromium(serve_app: ServeApp, browser: webdriver.Chrome) -> None:
    """To the browser, page and server have one origin. So the page could read every response."""
    served = serve_app(NOT_TO_BE_RUN)
    _, api_port = host_and_port(served.emulator.lambda_api_url)
    _, url_port = host_and_port(served.emulator.url("App"))

    for port, path, method in (
        (api_port, LIST_FUNCTIONS, "GET"),
        (api_port, INVOKE, "POST"),
        (url_port, "/", "GET"),
        (url_port, "/", "POST"),
    ):
        browser.get(f"http://{PAGE_NAME}:{port}/")
        status, body = browser.execute_async_script(FETCH, path, method)
        assert status == 403
        assert PAGE_NAME in body or "Origin" in body


@pytest.mark.process
def test_page_at_a_local_name_reaches_its_function_in_chromium(serve_app: ServeApp, browser: webdriver.Chrome) -> None:
    served = serve_app("""
        while True:
            request_id, event, _ = next_invocation()
            stream = Stream(request_id)
            stream.head(headers={"content-type": "text/plain"})
            stream.write(event["requestContext"]["http"]["method"].encode())
            stream.end()
        """)
    _, port = host_and_port(served.emulator.url("App"))

    browser.get(f"http://allowed.localhost:{port}/")

    assert browser.execute_async_script(FETCH, "/", "POST") == [200, "POST"]


@pytest.mark.process
def test_page_of_another_origin_reaches_what_cors_allows_in_chromium(
    cloud_assembly: CloudAssembly, serve: Callable[[], Served], browser: webdriver.Chrome
) -> None:
    program = """
        while True:
            request_id, event, _ = next_invocation()
            stream = Stream(request_id)
            stream.head(headers={"content-type": "text/plain"})
            stream.write(b"answer")
            stream.end()
        """
    cors: dict[str, Any] = {"Open": {"Cors": {"AllowOrigins": ["*"]}}, "Closed": {}, "Page": {}}
    for name, url in cors.items():
        cloud_assembly.add_function(name, program)
        cloud_assembly.add_url(name, **url)
    served = serve()
    browser.get(served.emulator.url("Page"))

    def fetch(address: str) -> tuple[int, str]:
        status, text = browser.execute_async_script(FETCH, address, "POST")
        return status, text

    assert fetch(served.emulator.url("Open")) == (200, "answer")
    assert fetch(served.emulator.url("Closed"))[0] == 0
    assert fetch(f"{served.emulator.lambda_api_url}/2015-03-31/functions/open/invocations")[0] == 0
    served.log.wait_for("Lambda API * a request was answered with 403: A request with the header Origin")


@pytest.mark.process
def test_page_of_an_allowed_origin_reads_why_a_request_was_rejected_in_chromium(
    cloud_assembly: CloudAssembly, serve: Callable[[], Served], browser: webdriver.Chrome
) -> None:
    cloud_assembly.add_function("Busy", NOT_TO_BE_RUN, ReservedConcurrentExecutions=0)
    cloud_assembly.add_function("Node", NOT_TO_BE_RUN, Runtime="nodejs24.x")
    for name in ("Busy", "Node"):
        cloud_assembly.add_url(name, Cors={"AllowOrigins": ["*"]})
    served = serve()
    browser.get(f"{served.emulator.lambda_api_url}{LIST_FUNCTIONS}")

    answers = [browser.execute_async_script(FETCH, served.emulator.url(name), "POST") for name in ("Busy", "Node")]

    assert [status for status, _ in answers] == [429, 502]
    assert "ReservedConcurrentExecutions is 0" in answers[0][1]
    assert "nodejs24.x" in answers[1][1]


def send(address: str, request: bytes) -> http.client.HTTPResponse:
    with socket.create_connection(host_and_port(address), PATIENCE_SECONDS) as connection:
        connection.sendall(request)
        response = http.client.HTTPResponse(connection, method=request.split()[0].decode())
        response.begin()
        return response
