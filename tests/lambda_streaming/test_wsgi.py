"""WSGI applications: `start_response`, `write`, `close`, input, errors (PEP 3333)."""

from __future__ import annotations

import json

import pytest

from ..gate import Gate
from .conftest import RunRuntime
from .fake_runtime_api import reply
from .test_applications import STEPS
from .web_events import run_app, url_event

VALIDATED = """
from wsgiref.validate import validator
app = validator(application)
"""


def app_of(*lines: str, before: str = "", validated: bool = True) -> str:
    """Return an application whose lines answer; `/next` is always served."""
    answer = "\n    ".join(lines)
    return f"""{STEPS}
import sys
{before}
def application(environ, start_response):
    if environ["PATH_INFO"] == "/next":
        start_response("200 OK", [("content-type", "text/plain")])
        return [b"next"]
    {answer}
{VALIDATED if validated else "app = application"}
"""


START = 'write = start_response("200 OK", [("content-type", "text/plain")])'
CLOSING = """
class Items:
    def __init__(self, items):
        self.items = iter(items)
    def __iter__(self):
        return self
    def __next__(self):
        return next(self.items)
    def close(self):
        import threading
        assert threading.current_thread() is threading.main_thread()
        print("closed")
"""


def test_head_waits_for_the_first_item_that_is_not_empty(run_runtime: RunRuntime) -> None:
    """Until then `start_response` with `exc_info` replaces it."""
    source = app_of(
        "def items():",
        "    start_response('200 OK', [('content-type', 'text/plain'), ('x-first', '1')])",
        "    yield b''",
        "    try:",
        "        raise ValueError",
        "    except ValueError:",
        "        start_response('409 Conflict', [('content-type', 'text/html')], sys.exc_info())",
        "    yield b'page'",
        "return items()",
    )
    answer = run_app(run_runtime, "wsgi", source).invoke(url_event()).result()
    assert answer.prelude == {"statusCode": 409, "headers": {"content-type": "text/html"}}
    assert answer.payload == b"page"


def test_exc_info_after_the_first_byte_raises_the_error(run_runtime: RunRuntime) -> None:
    source = app_of(
        "def items():",
        f"    {START}",
        "    yield b'one'",
        "    try:",
        "        raise ValueError('too late')",
        "    except ValueError:",
        "        start_response('500 Error', [('content-type', 'text/plain')], sys.exc_info())",
        "return items()",
    )
    answer = run_app(run_runtime, "wsgi", source).invoke(url_event()).result()
    assert answer.payload == b"one"
    assert answer.trailers["lambda-runtime-function-error-type"] == "Function.ValueError"


def test_write_sends_at_once(run_runtime: RunRuntime, gate: Gate) -> None:
    source = app_of(START, "write(b'one')", "wait(environ['PATH_INFO'][1:])", "return [b'two']")
    exchange = run_app(run_runtime, "wsgi", source).invoke(url_event(f"/{gate.port}"))
    exchange.wait_for(b"one")
    gate.open()
    assert exchange.result().payload == b"onetwo"


# Lines of an application, and the error in the log.
WRONG = {
    "no start_response": (["return [b'x']"], "yielded an item before it called start_response"),
    "no start_response and no items": (["return []"], "has not called start_response"),
    "start_response twice": ([START, START, "return [b'x']"], "called start_response twice"),
    "status is a number": (["start_response(200, [])", "return [b'x']"], "start_response with the status 200"),
    "status without a number": (["start_response('OK', [])", "return [b'x']"], "start_response with the status 'OK'"),
    "status 600": (["start_response('600 X', [])", "return [b'x']"], "status_code is 600"),
    "text": ([START, "return ['text']"], "item of type str; WSGI allows bytes only"),
    "text to write": ([START, "write('text')", "return []"], "item of type str; WSGI allows bytes only"),
    "nothing returned": ([START], "returned None; WSGI allows an iterable of bytes"),
    "number in a header": (["start_response('200 OK', [('a', 1)])", "return []"], "the header 'a': 1; name and value"),
    "line break in a header": (
        ["start_response('200 OK', [('x-a', 'a\\nb')])", "return [b'x']"],
        "control characters are not allowed",
    ),
    "an exception": (["raise ValueError('mine')"], "ValueError: mine"),
}


@pytest.mark.parametrize("case", WRONG)
def test_wrong_response_becomes_status_500(case: str, run_runtime: RunRuntime) -> None:
    lines, error = WRONG[case]
    runtime = run_app(run_runtime, "wsgi", app_of(*lines, validated=False))
    exchange = runtime.invoke(url_event())
    answer = exchange.result()
    assert answer.prelude == {"statusCode": 500, "headers": {"content-type": "text/plain; charset=utf-8"}}
    assert answer.payload == b"Internal Server Error"
    runtime.wait_for_log(error)
    runtime.wait_for_log(f"(RequestId: {exchange.request_id})")
    assert runtime.log.count("[ERROR]") == 1
    assert runtime.invoke(url_event("/next")).result().payload == b"next"


def test_error_of_the_invocation_on_request(run_runtime: RunRuntime) -> None:
    runtime = run_app(run_runtime, "wsgi", app_of("raise ValueError('mine')"), APP_ERRORS="error")
    answer = runtime.invoke(url_event()).result()
    assert answer.path.endswith("/error")
    assert json.loads(answer.body)["errorType"] == "ValueError"


# Lines of an application, and the method of the request.
CLOSED = {
    "complete": ([START, "return Items([b'a', b'b'])"], "GET"),
    "HEAD": ([START, "return Items([b'a', b'b'])"], "HEAD"),
    "error before the head": (["return Items([b'a'])"], "GET"),
    "error in an item": ([START, "return Items([b'a', 1])"], "GET"),
}


@pytest.mark.parametrize("case", CLOSED)
def test_items_are_closed_once(case: str, run_runtime: RunRuntime) -> None:
    lines, method = CLOSED[case]
    runtime = run_app(run_runtime, "wsgi", app_of(*lines, before=CLOSING, validated=False))
    runtime.invoke(url_event(method=method)).result()
    runtime.invoke(url_event("/next")).result()
    runtime.wait_for_log("closed\n")
    assert runtime.log.count("closed\n") == 1


def test_items_are_closed_once_if_the_client_leaves(run_runtime: RunRuntime) -> None:
    source = app_of(START, "return Items(b'x' * 100_000 for _ in range(1_000_000))", before=CLOSING)
    runtime = run_app(run_runtime, "wsgi", source)
    exchange = runtime.invoke(url_event(), reply=reply(413))
    exchange.reply_early_after = 1_000_000
    assert runtime.invoke(url_event("/next")).result().payload == b"next"
    runtime.wait_for_log("Lambda ended the response before it was complete")
    assert runtime.log.count("closed\n") == 1
    assert "[ERROR]" not in runtime.log


def test_client_has_the_response_before_the_items_are_closed(run_runtime: RunRuntime, gate: Gate) -> None:
    """Frameworks run work after the response in `close`."""
    before = CLOSING.replace('print("closed")', "wait(self.port)")
    source = app_of(
        START, "items = Items([b'a'])", "items.port = environ['PATH_INFO'][1:]", "return items", before=before
    )
    runtime = run_app(run_runtime, "wsgi", source)
    exchange = runtime.invoke(url_event(f"/{gate.port}"))
    exchange.wait_for(b"a")
    # The last chunk has come while `close` waits: the response is complete.
    assert exchange.result().payload == b"a"
    gate.open()
    assert runtime.invoke(url_event("/next")).result().payload == b"next"


def test_error_in_close_is_logged(run_runtime: RunRuntime) -> None:
    before = CLOSING.replace('print("closed")', "1 / 0")
    runtime = run_app(run_runtime, "wsgi", app_of(START, "return Items([b'a'])", before=before, validated=False))
    answer = runtime.invoke(url_event()).result()
    assert (answer.payload, answer.trailers) == (b"a", {})
    runtime.wait_for_log("[ERROR] ZeroDivisionError")


def test_file_wrapper_sends_and_closes_its_file(run_runtime: RunRuntime) -> None:
    source = app_of(
        START,
        "file = io.BytesIO(b'x' * 200_000)",
        "file.close = lambda: print('closed')",
        "return environ['wsgi.file_wrapper'](file)",
        before="import io",
    )
    runtime = run_app(run_runtime, "wsgi", source)
    assert runtime.invoke(url_event()).result().payload == b"x" * 200_000
    runtime.wait_for_log("closed\n")
    assert runtime.log.count("closed\n") == 1


READS = {
    "read()": "environ['wsgi.input'].read()",
    "read(n)": "environ['wsgi.input'].read(3) + environ['wsgi.input'].read(100)",
    "readline": "environ['wsgi.input'].readline() + environ['wsgi.input'].readline()",
    "readlines": "b''.join(environ['wsgi.input'].readlines())",
    "iteration": "b''.join(environ['wsgi.input'])",
}


@pytest.mark.parametrize("way", READS)
def test_input(way: str, run_runtime: RunRuntime) -> None:
    # The validator refuses read() without a size, which frameworks use.
    source = app_of(f"data = {READS[way]}", START, "return [data]", validated=way != "read()")
    event = url_event(method="POST", body=b"one\ntwo")
    assert run_app(run_runtime, "wsgi", source).invoke(event).result().payload == b"one\ntwo"


def test_environ_has_event_and_context(run_runtime: RunRuntime) -> None:
    source = app_of(
        START,
        "return [(environ['aws.event']['rawPath'] + environ['aws.context'].aws_request_id).encode()]",
    )
    exchange = run_app(run_runtime, "wsgi", source).invoke(url_event("/path"))
    assert exchange.result().payload == f"/path{exchange.request_id}".encode()


def test_handler_of_a_module_in_an_async_decorator(run_runtime: RunRuntime, gate: Gate) -> None:
    source = app_of(START, "write(b'one')", "wait(environ['PATH_INFO'][1:])", "return [b'two']")
    source += """
from lambda_streaming import WsgiHandler
wsgi = WsgiHandler(app)

async def handler(event, context):
    wsgi(event, context)
    print("after the stream")
"""
    runtime = run_runtime(source)
    exchange = runtime.invoke(url_event(f"/{gate.port}"))
    exchange.wait_for(b"one")
    gate.open()
    assert exchange.result().payload == b"onetwo"
    runtime.wait_for_log("after the stream\n")
