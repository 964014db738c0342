"""A Function URL passes on each piece of a response as the function sends it."""

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

from ..cloud_assembly import CloudAssembly
from ..gates import PATIENCE_SECONDS, Gate
from ..served import Served, host_and_port

pytestmark = pytest.mark.process

ServeApp = Callable[..., Served]
MakeGate = Callable[[str], Gate]

ECHO_EVENT = """
while True:
    request_id, event, _ = next_invocation()
    stream = Stream(request_id)
    stream.head(headers={"content-type": "application/json"})
    stream.write(json.dumps(event).encode())
    stream.end()
"""


def test_first_chunk_is_read_before_the_second_is_sent(serve_app: ServeApp, gate: MakeGate) -> None:
    first_was_read = gate("first_was_read")
    served = serve_app("""
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

    response = served.request()

    assert response.status == 201
    assert response.headers["content-type"] == "text/plain"
    assert response.headers.get_all("set-cookie") == ["a=1", "b=2"]
    assert response.headers["transfer-encoding"] == "chunked"
    assert response.read1() == b"one"
    first_was_read.release()
    assert response.read() == b"two"


def test_head_arrives_before_the_body(serve_app: ServeApp, gate: MakeGate) -> None:
    head_was_read = gate("head_was_read")
    served = serve_app("""
        gate = Gate("head_was_read")
        request_id, event, _ = next_invocation()
        stream = Stream(request_id)
        stream.head(202)
        gate.acquire()
        stream.write(b"late")
        stream.end()
        next_invocation()
        """)

    response = served.request()

    assert response.status == 202
    head_was_read.release()
    assert response.read() == b"late"


def test_function_receives_payload_2_0_with_the_domain_name_of_aws(serve_app: ServeApp) -> None:
    served = serve_app(ECHO_EVENT)

    response = served.request(
        method="POST", path="/a?b=1", body=b'{"x":1}', content_type="application/json", X_Mine="1"
    )
    event = json.loads(response.read())

    [(url, address)] = served.emulator.function_urls
    assert event["version"] == "2.0"
    assert event["requestContext"]["domainName"] == url.domain_name
    assert event["requestContext"]["domainName"].endswith(".lambda-url.us-east-1.on.aws")
    assert event["headers"]["host"] == urllib.parse.urlsplit(address).netloc
    assert event["headers"]["x-mine"] == "1"
    assert (event["body"], event["isBase64Encoded"]) == ('{"x":1}', False)
    assert event["requestContext"]["requestId"] == response.headers["x-amzn-requestid"]


def test_host_header_arrives_as_sent(serve_app: ServeApp) -> None:
    served = serve_app(ECHO_EVENT)

    event = json.loads(served.request(Host="Shop.localhost:80").read())

    assert event["headers"]["host"] == "Shop.localhost:80"


def answer(statements: str) -> str:
    """Return a program that answers its first request with `statements` and then waits."""
    lines = "\n".join(f"    {line.strip()}" for line in statements.strip().splitlines())
    return f"while True:\n    request_id, event, _ = next_invocation()\n{lines}\n"


def test_without_a_prelude_the_bytes_are_passed_on_as_they_are(serve_app: ServeApp) -> None:
    served = serve_app(answer('respond(request_id, b\'{"statusCode":404}\', **{"Content-Type": "application/json"})'))

    response = served.request()

    assert (response.status, response.read()) == (200, b'{"statusCode":404}')
    assert response.headers["content-type"] == "application/json"


def test_content_length_of_the_function_is_renamed(serve_app: ServeApp) -> None:
    served = serve_app(
        answer("""
        stream = Stream(request_id)
        stream.head(200, {"Content-Length": "3", "Connection": "close", "x-mine": "1"})
        stream.write(b"abc")
        stream.end()
        """)
    )

    response = served.request()

    assert response.read() == b"abc"
    assert response.headers["x-amzn-remapped-content-length"] == "3"
    assert response.headers["x-mine"] == "1"
    assert "connection" not in response.headers


@pytest.mark.parametrize("status", [204, 304])
def test_status_without_body_ends_after_its_head(serve_app: ServeApp, status: int) -> None:
    served = serve_app(
        answer(f"""
        stream = Stream(request_id)
        stream.head({status})
        stream.write(b"not for you")
        stream.end()
        """)
    )

    response = served.request()

    assert (response.status, response.read()) == (status, b"")


def test_answer_to_head_has_no_body_and_keeps_the_connection(serve_app: ServeApp) -> None:
    served = serve_app(ECHO_EVENT)
    connection = served.connect()

    connection.request("HEAD", "/")
    assert connection.getresponse().read() == b""
    connection.request("GET", "/")
    assert json.loads(connection.getresponse().read())["requestContext"]["http"]["method"] == "GET"


def test_empty_body_has_its_head(serve_app: ServeApp) -> None:
    served = serve_app(answer("stream = Stream(request_id)\nstream.head(404)\nstream.end()"))

    response = served.request()

    assert (response.status, response.read()) == (404, b"")


def test_error_before_the_first_byte_is_502(serve_app: ServeApp) -> None:
    served = serve_app(answer('fail(request_id, "Function.Boom", "no luck")'))

    response = served.request()

    assert (response.status, response.read()) == (502, b"Internal Server Error")
    served.log.wait_for("Function.Boom: no luck")


@pytest.mark.parametrize("invoke_mode", ["RESPONSE_STREAM", "BUFFERED"])
def test_body_of_a_502_says_why_the_function_cannot_run(serve_app: ServeApp, invoke_mode: str) -> None:
    served = serve_app("", url={"InvokeMode": invoke_mode}, Runtime="nodejs24.x")

    response = served.request()

    assert response.status == 502
    assert json.loads(response.read())["message"].startswith(
        "app does not run here: it needs AWS's own nodejs24.x runtime."
    )


def test_error_after_the_first_byte_ends_the_stream_and_is_logged(serve_app: ServeApp) -> None:
    document = base64.b64encode(b'{"errorType":"Function.Boom","errorMessage":"no luck"}').decode()
    served = serve_app(
        answer(f"""
        stream = Stream(request_id)
        stream.head()
        stream.write(b"half")
        stream.end({{"Lambda-Runtime-Function-Error-Type": "Function.Boom",
                     "Lambda-Runtime-Function-Error-Body": "{document}"}})
        """)
    )

    response = served.request()

    assert (response.status, response.read()) == (200, b"half")
    served.log.wait_for("Function.Boom: no luck")


def test_exit_during_a_response_breaks_the_connection(serve_app: ServeApp, gate: MakeGate) -> None:
    half_was_read = gate("half_was_read")
    served = serve_app("""
        gate = Gate("half_was_read")
        request_id, event, _ = next_invocation()
        stream = Stream(request_id)
        stream.head()
        stream.write(b"half")
        gate.acquire()
        os._exit(3)
        """)

    response = served.request()
    assert response.read1() == b"half"
    half_was_read.release()

    with pytest.raises((http.client.IncompleteRead, ConnectionResetError)):
        response.read()
    served.log.wait_for("Runtime exited with error: exit status 3")


@pytest.mark.parametrize(
    "prelude",
    [
        "b'no prelude at all'",
        "b'{}' + bytes(7)",
        "b'[]' + bytes(8)",
        "b'{\"statusCode\":9}' + bytes(8)",
        "b'[' * 200_000 + bytes(8)",
    ],
)
def test_broken_prelude_is_502_and_logged(serve_app: ServeApp, prelude: str) -> None:
    served = serve_app(answer(f"stream = Stream(request_id)\nstream.write({prelude})\nstream.end()"))

    assert served.request().status == 502
    served.log.wait_for("answered with 502")


@pytest.mark.parametrize("invoke_mode", ["RESPONSE_STREAM", "BUFFERED"])
@pytest.mark.parametrize("status", [100, 101])
def test_interim_status_is_502_and_logged(serve_app: ServeApp, status: int, invoke_mode: str) -> None:
    program = """
        if %r == "BUFFERED":
            respond(request_id, '{"statusCode": %d}')
        else:
            stream = Stream(request_id)
            stream.head(%d)
            stream.end()
        """
    body = textwrap.indent(textwrap.dedent(program % (invoke_mode, status, status)), "    ")
    served = serve_app(
        f"while True:\n    request_id, event, _ = next_invocation(){body}", url={"InvokeMode": invoke_mode}
    )

    assert served.request().status == 502
    served.log.wait_for(f"answered with 502: statusCode is {status}; it must be a number from 200 to 599")


def test_illegal_header_is_502_and_logged(serve_app: ServeApp) -> None:
    served = serve_app(answer('stream = Stream(request_id)\nstream.head(200, {"x": "a\\nb"})\nstream.end()'))

    assert served.request().status == 502
    served.log.wait_for("a header cannot be sent")


def test_function_goes_on_when_its_caller_has_left(serve_app: ServeApp, gate: MakeGate) -> None:
    caller_has_left, done = gate("caller_has_left"), gate("done")
    served = serve_app("""
        left, done = Gate("caller_has_left"), Gate("done")
        request_id, event, _ = next_invocation()
        stream = Stream(request_id)
        stream.head()
        stream.write(b"x")
        left.acquire()
        for _ in range(1000):
            stream.write(bytes(32 * 1024))
        status, body, _ = stream.end()
        done.release(str(status))
        next_invocation()
        """)

    response = served.request()
    assert response.read1() == b"x"
    response.close()
    caller_has_left.release()

    assert done.acquire() == "202"


def test_slow_reader_stops_the_function(serve_app: ServeApp, gate: MakeGate) -> None:
    """The emulator and the sockets buffer a bounded part for a caller that does not read, and lose nothing."""
    stopped, go_on = gate("stopped"), gate("go_on")
    served = serve_app("""
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
    response = served.request()

    sent_bytes = int(stopped.acquire())
    go_on.release()

    assert sent_bytes < 16 * 1024 * 1024
    assert len(response.read()) >= sent_bytes * 0.99


def test_two_requests_share_a_connection(serve_app: ServeApp) -> None:
    served = serve_app(ECHO_EVENT)
    connection = served.connect()

    paths = []
    for path in ("/one", "/two"):
        connection.request("POST", path, b"body")
        paths.append(json.loads(connection.getresponse().read())["rawPath"])

    assert paths == ["/one", "/two"]


def test_request_in_pieces_arrives_whole(serve_app: ServeApp) -> None:
    served = serve_app(ECHO_EVENT)
    with socket.create_connection(host_and_port(served.emulator.url("App")), PATIENCE_SECONDS) as connection:
        for piece in (
            b"POST / HT",
            b"TP/1.1\r\nHost: localhost\r\nContent-",
            b"Type: text/plain\r\nContent-Length: 4\r\n\r\nb",
            b"ody",
        ):
            connection.sendall(piece)
        response = http.client.HTTPResponse(connection)
        response.begin()
        assert json.loads(response.read())["body"] == "body"


def test_request_above_the_limit_is_413(serve_app: ServeApp) -> None:
    served = serve_app(ECHO_EVENT)

    assert served.request(method="POST", body=bytes(6 * 1024 * 1024)).status == 413


@pytest.mark.parametrize(
    ("returned", "status", "body", "content_type"),
    [
        ({"statusCode": 201, "body": "hi", "headers": {"Content-Type": "text/plain"}}, 201, b"hi", "text/plain"),
        ({"statusCode": 200, "body": "aGk=", "isBase64Encoded": True}, 200, b"hi", "application/json"),
        ({"hello": "world"}, 200, b'{"hello": "world"}', "application/json"),
        ("text", 200, b'"text"', "application/json"),
        ({"statusCode": "abc"}, 502, b"Internal Server Error", "application/json"),
        ({"statusCode": 200, "body": {"a": 1}}, 502, b"Internal Server Error", "application/json"),
        ({"statusCode": 200, "cookies": 7}, 502, b"Internal Server Error", "application/json"),
        ({"statusCode": 200, "cookies": [7]}, 502, b"Internal Server Error", "application/json"),
        ({"statusCode": 200, "body": "?", "isBase64Encoded": True}, 502, b"Internal Server Error", "application/json"),
    ],
)
def test_buffered_url_decodes_the_proxy_form(
    serve_app: ServeApp, returned: Any, status: int, body: bytes, content_type: str
) -> None:
    program = answer(f"respond(request_id, {json.dumps(returned)!r})")
    served = serve_app(program, url={"InvokeMode": "BUFFERED"})

    response = served.request()

    assert (response.status, response.read()) == (status, body)
    assert response.headers["content-type"] == content_type


def test_buffered_url_passes_on_values_too_deep_inside_each_other(serve_app: ServeApp) -> None:
    served = serve_app(answer("respond(request_id, '[' * 200_000)"), url={"InvokeMode": "BUFFERED"})

    response = served.request()

    assert (response.status, response.read()) == (200, b"[" * 200_000)


def test_buffered_url_passes_cookies_and_a_content_length(serve_app: ServeApp) -> None:
    returned = json.dumps({"statusCode": 200, "body": "hi", "cookies": ["a=1", "b=2"]})
    served = serve_app(answer(f"respond(request_id, {returned!r})"), url={"InvokeMode": "BUFFERED"})

    response = served.request()

    assert response.headers.get_all("set-cookie") == ["a=1", "b=2"]
    assert response.headers["content-length"] == "2"


CORS = {"AllowOrigins": ["https://example.com"], "AllowMethods": ["GET"], "AllowHeaders": ["x-mine"], "MaxAge": 60}


def test_preflight_request_is_answered_without_the_function(serve_app: ServeApp) -> None:
    served = serve_app("sys.exit('not to be run')", url={"Cors": CORS})

    response = served.request(method="OPTIONS", Origin="https://example.com", Access_Control_Request_Method="GET")

    assert response.status == 200
    assert response.headers["access-control-allow-origin"] == "https://example.com"
    assert response.headers["access-control-allow-methods"] == "GET"
    assert response.headers["access-control-max-age"] == "60"


@pytest.mark.parametrize(
    ("origin", "allowed"), [("https://example.com", "https://example.com"), ("https://else", None)]
)
def test_response_can_be_read_by_allowed_origins(serve_app: ServeApp, origin: str, allowed: str | None) -> None:
    served = serve_app(ECHO_EVENT, url={"Cors": CORS})

    assert served.request(Origin=origin).headers["access-control-allow-origin"] == allowed


@pytest.mark.parametrize("invoke_mode", ["RESPONSE_STREAM", "BUFFERED"])
@pytest.mark.parametrize(
    ("status", "statements", "properties", "length"),
    [
        (429, "", {"ReservedConcurrentExecutions": 0}, 0),
        (413, "", {}, 6 * 1024 * 1024),
        (502, 'fail(request_id, "ValueError", "no")', {}, 0),
        (502, "sys.exit(1)", {}, 0),
        (502, "stream = Stream(request_id)\nstream.write(b'{\"statusCode\":9}')\nstream.end()", {}, 0),
        (502, "", {"Runtime": "nodejs24.x"}, 0),
    ],
    ids=["throttled", "too long", "error", "exit", "broken response", "not supported"],
)
def test_answer_without_a_response_of_the_function_can_be_read_by_allowed_origins(
    serve_app: ServeApp, invoke_mode: str, status: int, statements: str, properties: dict[str, Any], length: int
) -> None:
    """Otherwise the browser reports a CORS error, and hides the status."""
    url = {"Cors": CORS, "InvokeMode": invoke_mode}
    served = serve_app(answer(statements), url=url, **properties)

    response = served.request(method="POST", body=bytes(length), Origin="https://example.com")

    assert response.status == status
    assert response.headers["content-type"] == "application/json"
    assert response.headers["access-control-allow-origin"] == "https://example.com"


CORS_WITH_REFERENCES = {
    "AllowCredentials": True,
    "AllowHeaders": ["x-mine"],
    "AllowMethods": ["GET", "POST"],
    "AllowOrigins": [{"Fn::Join": ["", ["https://", {"Ref": "AWS::Region"}, ".example"]]}, "https://a.example"],
    "ExposeHeaders": ["x-yours"],
    "MaxAge": 60,
}


@pytest.mark.parametrize("origin", ["https://a.example", "https://us-east-1.example"])
def test_references_in_cors_rules_are_resolved(serve_app: ServeApp, origin: str) -> None:
    served = serve_app(ECHO_EVENT, url={"Cors": CORS_WITH_REFERENCES})

    preflight = served.request(method="OPTIONS", Origin=origin, Access_Control_Request_Method="POST")
    response = served.request(Origin=origin)

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
    assert served.client.get_function_url_config(FunctionName="app")["Cors"]["MaxAge"] == 60


def cors_headers(response: http.client.HTTPResponse) -> dict[str, str]:
    return {name: value for name, value in response.getheaders() if name.startswith("access-control-")}


def test_options_request_without_cors_rules_reaches_the_function(serve_app: ServeApp) -> None:
    served = serve_app(ECHO_EVENT)

    response = served.request(method="OPTIONS", Origin="https://example.com", Access_Control_Request_Method="GET")

    assert json.loads(response.read())["requestContext"]["http"]["method"] == "OPTIONS"


def test_each_function_url_has_its_own_port(cloud_assembly: CloudAssembly, serve: Callable[[], Served]) -> None:
    for name in ("One", "Two"):
        cloud_assembly.add_function(name, ECHO_EVENT)
        cloud_assembly.add_url(name)
    served = serve()

    ids = {json.loads(served.request(name).read())["requestContext"]["apiId"] for name in ("One", "Two")}

    assert ids == {url.url_id for url, _ in served.emulator.function_urls}
    assert len({address for _, address in served.emulator.function_urls}) == 2
