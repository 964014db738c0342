"""One suite over handlers, ASGI and WSGI applications: the ways a response may go, and the time its bytes leave."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from ..gate import Gate
from .conftest import RunningRuntime, RunRuntime
from .fake_runtime_api import reply
from .test_heads import ALB_EVENT, ALB_MULTI_EVENT, HTTP_API_1_EVENT, HTTP_API_2_EVENT, REST_EVENT
from .web_events import run_app, url_event

# The path names what the application does. Each kind does the same.
STEPS = '''
import asyncio, json, socket

def wait(port):
    with socket.create_connection(("127.0.0.1", int(port))) as gate:
        gate.recv(1)

async def wait_async(port):
    reader, writer = await asyncio.open_connection("127.0.0.1", int(port))
    await reader.read(1)
    writer.close()

def steps(path):
    """The items of a response; ints are ports of gates, exceptions are raised, None stands before the head."""
    name, _, port = path.strip("/").partition("/")
    return {
        "stream": [None, b"one", int(port or 0), b"two"],
        "burst": [None, *[b"x"] * 50, int(port or 0), b"end"],
        "fail-first": [ValueError("first"), None],
        "fail-after-head": [None, ValueError("after the head")],
        "fail-later": [None, b"one", ValueError("later")],
        "empty": [None],
        "large": [None, b"x" * 3_000_000, b"y" * 3_000_000],
        "endless": [None, b"one", int(port or 0), *[b"x" * 100_000] * 1000],
    }[name]
'''

KINDS = {
    "handler": """
from lambda_streaming import HttpResponse

def app(event, context):
    for step in steps(event["rawPath"] if "rawPath" in event else event["path"]):
        if step is None:
            yield HttpResponse(203, {"x-app": "yes", "content-type": "text/plain"})
        elif isinstance(step, int):
            wait(step)
        elif isinstance(step, Exception):
            raise step
        else:
            yield step
""",
    "asgi": """
async def app(scope, receive, send):
    assert scope["type"] == "http"
    for step in steps(scope["path"]):
        if step is None:
            headers = [(b"x-app", b"yes"), (b"content-type", b"text/plain")]
            await send({"type": "http.response.start", "status": 203, "headers": headers})
        elif isinstance(step, int):
            await wait_async(step)
        elif isinstance(step, Exception):
            raise step
        else:
            await send({"type": "http.response.body", "body": step, "more_body": True})
    await send({"type": "http.response.body"})
""",
    "wsgi": """
from wsgiref.validate import validator

@validator
def app(environ, start_response):
    def items():
        for step in steps(environ["PATH_INFO"]):
            if step is None:
                start_response("203 Fine", [("x-app", "yes"), ("content-type", "text/plain")])
                yield b""
            elif isinstance(step, int):
                wait(step)
            elif isinstance(step, Exception):
                raise step
            else:
                yield step
    return items()
""",
}

HEAD = {"statusCode": 203, "headers": {"x-app": "yes", "content-type": "text/plain"}}
Run = Callable[[], RunningRuntime]


@pytest.fixture(params=KINDS)
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def run(kind: str, run_runtime: RunRuntime) -> Run:
    source = STEPS + KINDS[kind]
    if kind == "handler":
        return lambda: run_runtime(source, handler="index.app")
    return lambda: run_app(run_runtime, kind, source)


@pytest.mark.parametrize(("path", "first"), [("stream", b"one"), ("burst", b"x" * 50)])
def test_item_arrives_while_the_application_waits(path: str, first: bytes, run: Run, gate: Gate) -> None:
    """The next item is withheld until the one before was seen."""
    runtime = run()
    for _ in range(2):
        exchange = runtime.invoke(url_event(f"/{path}/{gate.port}"))
        exchange.wait_for(first)
        gate.open()
        answer = exchange.result()
        assert answer.prelude == HEAD
        assert answer.payload in (b"onetwo", b"x" * 50 + b"end")


def test_large_items(run: Run) -> None:
    answer = run().invoke(url_event("/large")).result()
    assert answer.payload == b"x" * 3_000_000 + b"y" * 3_000_000


def test_empty_response_is_a_newline_on_a_function_url(run: Run) -> None:
    answer = run().invoke(url_event("/empty")).result()
    assert (answer.prelude, answer.payload) == (HEAD, b"\n")


def test_response_to_head_has_no_body(run: Run) -> None:
    runtime = run()
    answer = runtime.invoke(url_event("/large", "HEAD")).result()
    assert (answer.prelude, answer.payload) == (HEAD, b"")
    assert runtime.invoke(url_event("/large")).result().payload.endswith(b"y")


@pytest.mark.parametrize("path", ["/fail-first", "/fail-after-head"])
def test_failure_before_the_first_byte(path: str, kind: str, run: Run) -> None:
    """A handler's failure is an error of the invocation. An application's is a response with status 500."""
    runtime = run()
    answer = runtime.invoke(url_event(path)).result()
    if kind == "handler":
        assert answer.path.endswith("/error")
    else:
        assert answer.prelude["statusCode"] == 500
        assert answer.payload == b"Internal Server Error"
    runtime.wait_for_log("[ERROR] ValueError: ")
    assert runtime.log.count("ValueError: ") == 1
    assert runtime.log.count("Traceback") == 1
    assert runtime.invoke(url_event("/empty")).result().prelude == HEAD


def test_failure_after_the_first_byte_becomes_trailers(run: Run) -> None:
    runtime = run()
    answer = runtime.invoke(url_event("/fail-later")).result()
    assert answer.payload == b"one"
    assert answer.trailers["lambda-runtime-function-error-type"] == "Function.ValueError"
    runtime.wait_for_log("[ERROR] ValueError: later")
    assert runtime.log.count("[ERROR]") == 1
    assert runtime.invoke(url_event("/empty")).result().prelude == HEAD


def test_caller_that_leaves_stops_the_application(run: Run, gate: Gate) -> None:
    runtime = run()
    exchange = runtime.invoke(url_event(f"/endless/{gate.port}"), reply=reply(413))
    exchange.reply_early_after = 1_000_000
    exchange.wait_for(b"one")
    gate.open()
    runtime.wait_for_log("Lambda ended the response before it was complete")
    assert runtime.invoke(url_event("/empty")).result().prelude == HEAD


FRONT_DOORS: dict[str, dict[str, Any]] = {
    "REST": {**REST_EVENT, "path": "/stream"},
    "HTTP API 1.0": {**HTTP_API_1_EVENT, "path": "/stream"},
    "HTTP API 2.0": {**HTTP_API_2_EVENT, "rawPath": "/stream"},
    "ALB": {**ALB_EVENT, "path": "/stream"},
    "ALB, multi-value": {**ALB_MULTI_EVENT, "path": "/stream"},
}


@pytest.mark.parametrize("door", FRONT_DOORS)
def test_front_door_that_buffers(door: str, run: Run, gate: Gate) -> None:
    runtime = run()
    event = FRONT_DOORS[door]
    event = {name: f"{value}/{gate.port}" if name in ("path", "rawPath") else value for name, value in event.items()}
    exchange = runtime.invoke(event)
    gate.open()
    document = json.loads(exchange.result().body)
    assert (document["statusCode"], document["body"], document["isBase64Encoded"]) == (203, "onetwo", False)
    headers = document.get("multiValueHeaders") or document["headers"]
    assert headers["x-app"] in ("yes", ["yes"])
