"""A Function URL streams what the function streams, as it streams it."""

from __future__ import annotations

import base64
import http.client
import json
import socket
import textwrap
import urllib.parse
from collections.abc import Callable
from typing import Any

import pytest

from .conftest import PATIENCE_SECONDS, CloudAssembly, Desk, Gate

ServeApp = Callable[..., Desk]
MakeGate = Callable[[str], Gate]

ECHO_EVENT = """
while True:
    request_id, event, _ = next_invocation()
    stream = Stream(request_id)
    stream.head(headers={"content-type": "application/json"})
    stream.write(json.dumps(event).encode())
    stream.end()
"""


def test_the_second_chunk_leaves_the_function_after_the_first_was_read(serve_app: ServeApp, gate: MakeGate) -> None:
    first_was_read = gate("first_was_read")
    desk = serve_app("""
        gate = Gate("first_was_read")
        request_id, event, _ = next_invocation()
        stream = Stream(request_id)
        stream.head(201, {"content-type": "text/plain"}, ["a=1", "b=2"])
        stream.write(b"one")
        gate.acquire()
        stream.write(b"two")
        stream.end()
        next_invocation()
        """)

    response = desk.request()

    assert response.status == 201
    assert response.headers["content-type"] == "text/plain"
    assert response.headers.get_all("set-cookie") == ["a=1", "b=2"]
    assert response.headers["transfer-encoding"] == "chunked"
    assert response.read1() == b"one"
    first_was_read.release()
    assert response.read() == b"two"


def test_the_head_arrives_before_there_is_a_body(serve_app: ServeApp, gate: MakeGate) -> None:
    head_was_read = gate("head_was_read")
    desk = serve_app("""
        gate = Gate("head_was_read")
        request_id, event, _ = next_invocation()
        stream = Stream(request_id)
        stream.head(202)
        gate.acquire()
        stream.write(b"late")
        stream.end()
        next_invocation()
        """)

    response = desk.request()

    assert response.status == 202
    head_was_read.release()
    assert response.read() == b"late"


def test_the_function_gets_payload_2_0_with_the_domain_name_of_aws(serve_app: ServeApp) -> None:
    desk = serve_app(ECHO_EVENT)

    response = desk.request(method="POST", path="/a?b=1", body=b'{"x":1}', content_type="application/json", X_Mine="1")
    event = json.loads(response.read())

    [(url, address)] = desk.emulator.function_urls
    assert event["version"] == "2.0"
    assert event["requestContext"]["domainName"] == url.domain_name
    assert event["requestContext"]["domainName"].endswith(".lambda-url.us-east-1.on.aws")
    assert event["headers"]["host"] == urllib.parse.urlsplit(address).netloc
    assert event["headers"]["x-mine"] == "1"
    assert (event["body"], event["isBase64Encoded"]) == ('{"x":1}', False)
    assert event["requestContext"]["requestId"] == response.headers["x-amzn-requestid"]


def test_a_host_header_arrives_as_sent(serve_app: ServeApp) -> None:
    desk = serve_app(ECHO_EVENT)

    event = json.loads(desk.request(Host="id.lambda-url.eu-west-1.on.aws").read())

    assert event["headers"]["host"] == "id.lambda-url.eu-west-1.on.aws"


def answer(statements: str) -> str:
    """Return a program that answers its first request with `statements` and then waits."""
    lines = "\n".join(f"    {line.strip()}" for line in statements.strip().splitlines())
    return f"while True:\n    request_id, event, _ = next_invocation()\n{lines}\n"


def test_without_the_content_type_of_a_prelude_bytes_go_out_as_they_are(serve_app: ServeApp) -> None:
    desk = serve_app(answer('respond(request_id, b\'{"statusCode":404}\', **{"Content-Type": "application/json"})'))

    response = desk.request()

    assert (response.status, response.read()) == (200, b'{"statusCode":404}')
    assert response.headers["content-type"] == "application/json"


def test_a_content_length_of_the_function_is_renamed(serve_app: ServeApp) -> None:
    desk = serve_app(
        answer("""
        stream = Stream(request_id)
        stream.head(200, {"Content-Length": "3", "Connection": "close", "x-mine": "1"})
        stream.write(b"abc")
        stream.end()
        """)
    )

    response = desk.request()

    assert response.read() == b"abc"
    assert response.headers["x-amzn-remapped-content-length"] == "3"
    assert response.headers["x-mine"] == "1"
    assert "connection" not in response.headers


@pytest.mark.parametrize("status", [204, 304])
def test_a_status_without_body_ends_after_its_head(serve_app: ServeApp, status: int) -> None:
    desk = serve_app(
        answer(f"""
        stream = Stream(request_id)
        stream.head({status})
        stream.write(b"not for you")
        stream.end()
        """)
    )

    response = desk.request()

    assert (response.status, response.read()) == (status, b"")


def test_an_answer_to_head_has_no_body_and_the_connection_goes_on(serve_app: ServeApp) -> None:
    desk = serve_app(ECHO_EVENT)
    address = urllib.parse.urlsplit(desk.emulator.url("App"))
    connection = http.client.HTTPConnection(str(address.hostname), address.port, timeout=PATIENCE_SECONDS)

    connection.request("HEAD", "/")
    assert connection.getresponse().read() == b""
    connection.request("GET", "/")
    assert json.loads(connection.getresponse().read())["requestContext"]["http"]["method"] == "GET"


def test_an_empty_body_still_has_its_head(serve_app: ServeApp) -> None:
    desk = serve_app(answer("stream = Stream(request_id)\nstream.head(404)\nstream.end()"))

    response = desk.request()

    assert (response.status, response.read()) == (404, b"")


def test_an_error_before_the_first_byte_is_a_502(serve_app: ServeApp) -> None:
    desk = serve_app(answer('fail(request_id, "Function.Boom", "no luck")'))

    response = desk.request()

    assert (response.status, response.read()) == (502, b"Internal Server Error")
    desk.log.wait_for("Function.Boom: no luck")


def test_an_error_in_the_middle_ends_the_stream_cleanly_and_is_logged(serve_app: ServeApp) -> None:
    document = base64.b64encode(b'{"errorType":"Function.Boom","errorMessage":"no luck"}').decode()
    desk = serve_app(
        answer(f"""
        stream = Stream(request_id)
        stream.head()
        stream.write(b"half")
        stream.end({{"Lambda-Runtime-Function-Error-Type": "Function.Boom",
                     "Lambda-Runtime-Function-Error-Body": "{document}"}})
        """)
    )

    response = desk.request()

    assert (response.status, response.read()) == (200, b"half")
    desk.log.wait_for("Function.Boom: no luck")


def test_a_process_that_dies_in_the_middle_breaks_the_stream(serve_app: ServeApp, gate: MakeGate) -> None:
    half_was_read = gate("half_was_read")
    desk = serve_app("""
        gate = Gate("half_was_read")
        request_id, event, _ = next_invocation()
        stream = Stream(request_id)
        stream.head()
        stream.write(b"half")
        gate.acquire()
        os._exit(3)
        """)

    response = desk.request()
    assert response.read1() == b"half"
    half_was_read.release()

    with pytest.raises((http.client.IncompleteRead, ConnectionResetError)):
        response.read()
    desk.log.wait_for("Runtime exited with error: exit status 3")


@pytest.mark.parametrize(
    "prelude",
    ["b'no prelude at all'", "b'{}' + bytes(7)", "b'[]' + bytes(8)", "b'{\"statusCode\":9}' + bytes(8)"],
)
def test_a_broken_prelude_is_a_502_and_said(serve_app: ServeApp, prelude: str) -> None:
    desk = serve_app(answer(f"stream = Stream(request_id)\nstream.write({prelude})\nstream.end()"))

    assert desk.request().status == 502
    desk.log.wait_for("answered with 502")


@pytest.mark.parametrize("invoke_mode", ["RESPONSE_STREAM", "BUFFERED"])
@pytest.mark.parametrize("status", [100, 101])
def test_an_interim_status_is_no_response_and_said(serve_app: ServeApp, status: int, invoke_mode: str) -> None:
    program = """
        if %r == "BUFFERED":
            respond(request_id, '{"statusCode": %d}')
        else:
            stream = Stream(request_id)
            stream.head(%d)
            stream.end()
        """
    body = textwrap.indent(textwrap.dedent(program % (invoke_mode, status, status)), "    ")
    desk = serve_app(
        f"while True:\n    request_id, event, _ = next_invocation(){body}", url={"InvokeMode": invoke_mode}
    )

    assert desk.request().status == 502
    desk.log.wait_for(f"answered with 502: statusCode is {status}; allowed is a number from 200 to 599")


def test_a_header_that_http_cannot_carry_is_a_502_and_said(serve_app: ServeApp) -> None:
    desk = serve_app(answer('stream = Stream(request_id)\nstream.head(200, {"x": "a\\nb"})\nstream.end()'))

    assert desk.request().status == 502
    desk.log.wait_for("a header cannot be sent")


def test_the_function_goes_on_when_its_caller_is_gone(serve_app: ServeApp, gate: MakeGate) -> None:
    caller_is_gone, done = gate("caller_is_gone"), gate("done")
    desk = serve_app("""
        gone, done = Gate("caller_is_gone"), Gate("done")
        request_id, event, _ = next_invocation()
        stream = Stream(request_id)
        stream.head()
        stream.write(b"x")
        gone.acquire()
        for _ in range(1000):
            stream.write(bytes(32 * 1024))
        status, body, _ = stream.end()
        done.release(str(status))
        next_invocation()
        """)

    response = desk.request()
    assert response.read1() == b"x"
    response.close()
    caller_is_gone.release()

    assert done.acquire() == "202"


def test_a_slow_reader_stops_the_function(serve_app: ServeApp, gate: MakeGate) -> None:
    """What the emulator and the sockets hold for a caller that does not read is bounded, and nothing of it is lost."""
    stopped, go_on = gate("stopped"), gate("go_on")
    desk = serve_app("""
        import select
        stopped, go_on = Gate("stopped"), Gate("go_on")
        request_id, event, _ = next_invocation()
        stream = Stream(request_id)
        stream.head()
        api.sock.setblocking(False)
        chunk, sent = b"8000\\r\\n" + bytes(0x8000) + b"\\r\\n", 0
        rest = b""
        while select.select([], [api.sock], [], 0.5)[1]:
            rest = rest or chunk
            count = api.sock.send(rest)
            rest, sent = rest[count:], sent + count
            if sent > 100_000_000:
                break
        stopped.release(str(sent))
        go_on.acquire()
        api.sock.setblocking(True)
        api.sock.sendall(rest)
        stream.end()
        next_invocation()
        """)
    response = desk.request()

    sent_bytes = int(stopped.acquire())
    go_on.release()

    assert sent_bytes < 16 * 1024 * 1024
    assert len(response.read()) >= sent_bytes * 0.99


def test_two_requests_may_share_a_connection(serve_app: ServeApp) -> None:
    desk = serve_app(ECHO_EVENT)
    address = urllib.parse.urlsplit(desk.emulator.url("App"))
    connection = http.client.HTTPConnection(str(address.hostname), address.port, timeout=PATIENCE_SECONDS)

    paths = []
    for path in ("/one", "/two"):
        connection.request("POST", path, b"body")
        paths.append(json.loads(connection.getresponse().read())["rawPath"])

    assert paths == ["/one", "/two"]


def test_a_request_sent_slowly_arrives_whole(serve_app: ServeApp) -> None:
    desk = serve_app(ECHO_EVENT)
    address = urllib.parse.urlsplit(desk.emulator.url("App"))
    with socket.create_connection((str(address.hostname), address.port), PATIENCE_SECONDS) as connection:
        for piece in (
            b"POST / HT",
            b"TP/1.1\r\nHost: x\r\nContent-",
            b"Type: text/plain\r\nContent-Length: 4\r\n\r\nb",
            b"ody",
        ):
            connection.sendall(piece)
        response = http.client.HTTPResponse(connection)
        response.begin()
        assert json.loads(response.read())["body"] == "body"


def test_too_large_a_request_is_refused(serve_app: ServeApp) -> None:
    desk = serve_app(ECHO_EVENT)

    assert desk.request(method="POST", body=bytes(6 * 1024 * 1024)).status == 413


@pytest.mark.parametrize(
    ("returned", "status", "body", "content_type"),
    [
        ({"statusCode": 201, "body": "hi", "headers": {"Content-Type": "text/plain"}}, 201, b"hi", "text/plain"),
        ({"statusCode": 200, "body": "aGk=", "isBase64Encoded": True}, 200, b"hi", "application/json"),
        ({"hello": "world"}, 200, b'{"hello": "world"}', "application/json"),
        ("text", 200, b'"text"', "application/json"),
        ({"statusCode": "abc"}, 502, b"Internal Server Error", "application/json"),
        ({"statusCode": 200, "body": {"a": 1}}, 502, b"Internal Server Error", "application/json"),
        ({"statusCode": 200, "body": "?", "isBase64Encoded": True}, 502, b"Internal Server Error", "application/json"),
    ],
)
def test_a_buffered_url_reads_what_the_function_returned(
    serve_app: ServeApp, returned: Any, status: int, body: bytes, content_type: str
) -> None:
    program = answer(f"respond(request_id, {json.dumps(returned)!r})")
    desk = serve_app(program, url={"InvokeMode": "BUFFERED"})

    response = desk.request()

    assert (response.status, response.read()) == (status, body)
    assert response.headers["content-type"] == content_type


def test_a_buffered_url_passes_cookies_and_no_chunks(serve_app: ServeApp) -> None:
    returned = json.dumps({"statusCode": 200, "body": "hi", "cookies": ["a=1", "b=2"]})
    desk = serve_app(answer(f"respond(request_id, {returned!r})"), url={"InvokeMode": "BUFFERED"})

    response = desk.request()

    assert response.headers.get_all("set-cookie") == ["a=1", "b=2"]
    assert response.headers["content-length"] == "2"


CORS = {"AllowOrigins": ["https://example.com"], "AllowMethods": ["GET"], "AllowHeaders": ["x-mine"], "MaxAge": 60}


def test_a_preflight_request_is_answered_without_the_function(serve_app: ServeApp) -> None:
    desk = serve_app("sys.exit('not to be run')", url={"Cors": CORS})

    response = desk.request(method="OPTIONS", Origin="https://example.com", Access_Control_Request_Method="GET")

    assert response.status == 200
    assert response.headers["access-control-allow-origin"] == "https://example.com"
    assert response.headers["access-control-allow-methods"] == "GET"
    assert response.headers["access-control-max-age"] == "60"


@pytest.mark.parametrize(
    ("origin", "allowed"), [("https://example.com", "https://example.com"), ("https://else", None)]
)
def test_a_response_may_be_read_by_allowed_origins(serve_app: ServeApp, origin: str, allowed: str | None) -> None:
    desk = serve_app(ECHO_EVENT, url={"Cors": CORS})

    assert desk.request(Origin=origin).headers["access-control-allow-origin"] == allowed


CORS_AS_THE_CDK_WRITES_IT = {
    "AllowCredentials": True,
    "AllowHeaders": ["x-mine"],
    "AllowMethods": ["GET", "POST"],
    "AllowOrigins": [{"Fn::Join": ["", ["https://", {"Ref": "AWS::Region"}, ".example"]]}, "https://a.example"],
    "ExposeHeaders": ["x-yours"],
    "MaxAge": 60,
}


@pytest.mark.parametrize("origin", ["https://a.example", "https://us-east-1.example"])
def test_cors_rules_hold_references_as_everything_in_a_template(serve_app: ServeApp, origin: str) -> None:
    desk = serve_app(ECHO_EVENT, url={"Cors": CORS_AS_THE_CDK_WRITES_IT})

    preflight = desk.request(method="OPTIONS", Origin=origin, Access_Control_Request_Method="POST")
    response = desk.request(Origin=origin)

    of_responses = {
        "access-control-allow-origin": origin,
        "access-control-allow-credentials": "true",
        "access-control-expose-headers": "x-yours",
    }
    of_preflight = {
        "access-control-allow-methods": "GET,POST",
        "access-control-allow-headers": "x-mine",
        "access-control-max-age": "60",
    }
    assert cors_headers(preflight) == {**of_responses, **of_preflight}
    assert cors_headers(response) == of_responses
    assert desk.client.get_function_url_config(FunctionName="app")["Cors"]["MaxAge"] == 60


def cors_headers(response: http.client.HTTPResponse) -> dict[str, str]:
    return {name: value for name, value in response.getheaders() if name.startswith("access-control-")}


def test_options_without_cors_rules_reach_the_function(serve_app: ServeApp) -> None:
    desk = serve_app(ECHO_EVENT)

    response = desk.request(method="OPTIONS", Origin="https://example.com", Access_Control_Request_Method="GET")

    assert json.loads(response.read())["requestContext"]["http"]["method"] == "OPTIONS"


def test_each_function_url_has_a_port_of_its_own(cloud_assembly: CloudAssembly, serve: Callable[[], Desk]) -> None:
    for name in ("One", "Two"):
        cloud_assembly.add_function(name, ECHO_EVENT)
        cloud_assembly.add_url(name)
    desk = serve()

    ids = {json.loads(desk.request(name).read())["requestContext"]["apiId"] for name in ("One", "Two")}

    assert ids == {url.url_id for url, _ in desk.emulator.function_urls}
    assert len({address for _, address in desk.emulator.function_urls}) == 2
