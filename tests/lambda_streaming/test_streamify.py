"""A function under `@streamify_response` runs inside the call of the handler, below its decorators."""

from __future__ import annotations

import json
from typing import Any

import pytest

from ..gate import Gate
from .conftest import RunRuntime
from .fake_runtime_api import FUNCTION_URL_EVENT

FORMS = {
    "sync": """
@streamify_response
def stream(event, response_stream, context):
    response_stream.write("first")
    {rest}
""",
    "async": """
@streamify_response
async def stream(event, response_stream, context):
    await response_stream.write("first")
    {rest}
""",
}
IMPORTS = """
import asyncio, functools, socket, threading
from lambda_streaming import HttpResponseStream, StreamClosedError, streamify_response

def wait(event):
    with socket.create_connection(("127.0.0.1", event["port"])) as gate:
        gate.recv(1)
"""


def decorated(form: str, decorator: str, rest: str = "pass") -> str:
    return IMPORTS + FORMS[form].replace("{rest}", rest) + decorator


@pytest.mark.parametrize("form", FORMS)
def test_decorator_ends_after_the_stream(form: str, run_runtime: RunRuntime) -> None:
    decorator = """
def handler(event, context):
    print("begin")
    result = stream(event, context)
    print("end", result)
"""
    runtime = run_runtime(decorated(form, decorator, "print('inside')"))
    for _ in range(2):
        assert runtime.invoke(FUNCTION_URL_EVENT).result().payload == b"first"
    runtime.wait_for_log("begin\ninside\nend None\n", times=2)


@pytest.mark.parametrize("form", FORMS)
def test_caller_has_the_whole_response_before_the_decorator_ends(
    form: str, run_runtime: RunRuntime, gate: Gate
) -> None:
    """A decorator that sends telemetry delays no caller: the response is complete while it still waits."""
    decorator = """
def handler(event, context):
    try:
        return stream(event, context)
    finally:
        wait(event)
        print("sent")
"""
    runtime = run_runtime(decorated(form, decorator))
    exchange = runtime.invoke({**FUNCTION_URL_EVENT, "port": gate.port})
    assert exchange.result().payload == b"first"
    assert "sent" not in runtime.log
    gate.open()
    runtime.wait_for_log("sent")


@pytest.mark.parametrize("form", FORMS)
def test_decorator_that_swallows_the_exception_leaves_an_error(form: str, run_runtime: RunRuntime) -> None:
    decorator = """
def handler(event, context):
    try:
        stream(event, context)
    except ValueError:
        print("swallowed")
    return {"statusCode": 200, "body": "all is well"}
"""
    runtime = run_runtime(decorated(form, decorator, "raise ValueError('in the stream')"))
    for _ in range(2):
        answer = runtime.invoke(FUNCTION_URL_EVENT).result()
        assert answer.payload == b"first"
        assert answer.trailers["lambda-runtime-function-error-type"] == "Function.ValueError"
    runtime.wait_for_log("swallowed", times=2)


BEFORE_THE_FIRST_BYTE = """
@streamify_response
{keyword} stream(event, response_stream, context):
    HttpResponseStream.from_(response_stream, {{"statusCode": 418}})
    raise ValueError("before the first byte")

def handler(event, context):
    try:
        stream(event, context)
    except ValueError:
        return event["instead"]
"""


@pytest.mark.parametrize("keyword", ["def", "async def"])
def test_value_of_a_decorator_counts_if_nothing_has_left(keyword: str, run_runtime: RunRuntime) -> None:
    runtime = run_runtime(IMPORTS + BEFORE_THE_FIRST_BYTE.format(keyword=keyword))
    answer = runtime.invoke({**FUNCTION_URL_EVENT, "instead": {"statusCode": 503, "body": "later"}}).result()
    assert answer.prelude["statusCode"] == 503
    assert answer.payload == b"later"
    error = runtime.invoke({**FUNCTION_URL_EVENT, "instead": None}).result()
    assert json.loads(error.body)["errorMessage"] == "before the first byte"


def test_second_call_for_an_event_is_an_error(run_runtime: RunRuntime) -> None:
    """A decorator that repeats the call would send the response twice."""
    decorator = """
def handler(event, context):
    for _ in range(2):
        stream(event, context)
"""
    runtime = run_runtime(decorated("sync", decorator))
    # The first call was complete, so its response stays. The error is in the log.
    assert runtime.invoke(FUNCTION_URL_EVENT).result().payload == b"first"
    runtime.wait_for_log("a second time for the same event")


@pytest.mark.parametrize("form", FORMS)
def test_second_call_after_a_failure_does_not_repeat_the_stream(form: str, run_runtime: RunRuntime) -> None:
    decorator = """
def handler(event, context):
    try:
        return stream(event, context)
    except ValueError:
        return stream(event, context)
"""
    runtime = run_runtime(decorated(form, decorator, "raise ValueError('once')"))
    answer = runtime.invoke(FUNCTION_URL_EVENT).result()
    assert answer.payload == b"first"
    assert answer.trailers["lambda-runtime-function-error-type"] == "Function.RuntimeError"
    runtime.wait_for_log("a second time for the same event")


AWAITED = """
def handler(event, context):
    return waiting(event, context)

async def waiting(event, context):
    result = stream(event, context)
    if result is not None:
        await result
    print("end")
"""


@pytest.mark.parametrize("form", FORMS)
def test_async_decorator_awaits_the_stream(form: str, run_runtime: RunRuntime) -> None:
    runtime = run_runtime(decorated(form, AWAITED, "print('inside')"))
    for _ in range(2):
        assert runtime.invoke(FUNCTION_URL_EVENT).result().payload == b"first"
    runtime.wait_for_log("inside\nend\n", times=2)


def test_loop_of_a_decorator_runs_an_async_function(run_runtime: RunRuntime) -> None:
    decorator = """
def handler(event, context):
    async def run():
        await stream(event, context)
    asyncio.run(run())
"""
    runtime = run_runtime(decorated("async", decorator, "await response_stream.write('x' * 3_000_000)"))
    for _ in range(2):
        assert runtime.invoke(FUNCTION_URL_EVENT).result().payload == b"first" + b"x" * 3_000_000


def test_async_function_that_is_not_awaited_is_an_error(run_runtime: RunRuntime) -> None:
    decorator = """
async def handler(event, context):
    stream(event, context)
"""
    answer = run_runtime(decorated("async", decorator)).invoke(FUNCTION_URL_EVENT).result()
    assert "await it" in json.loads(answer.body)["errorMessage"]


def test_decorator_that_does_not_wait_for_its_thread_leaves_an_error(run_runtime: RunRuntime, gate: Gate) -> None:
    """The thread would write beside the answer of the decorator."""
    source = """
@streamify_response
def stream(event, response_stream, context):
    wait(event)
    try:
        response_stream.write("too late")
    except StreamClosedError as error:
        print("stopped:", error)

def handler(event, context):
    threading.Thread(target=stream, args=(event, context)).start()
    while not event_is_taken():
        pass
    return {"statusCode": 504, "body": "too slow"}

def event_is_taken():
    from lambda_streaming.applications.returned import Turn
    return Turn.current.is_taken
"""
    runtime = run_runtime(IMPORTS + source)
    answer = runtime.invoke({**FUNCTION_URL_EVENT, "port": gate.port}).result()
    assert "still running" in json.loads(answer.body)["errorMessage"]
    gate.open()
    runtime.wait_for_log("stopped:")


IN_A_THREAD = """
@functools.wraps(stream)
def handler(event, context):
    thread = threading.Thread(target=stream, args=(event, context))
    thread.start()
    thread.join()
"""


def test_thread_of_a_decorator_may_run_the_function(run_runtime: RunRuntime) -> None:
    for form in FORMS:
        runtime = run_runtime(decorated(form, IN_A_THREAD))
        for _ in range(2):
            assert runtime.invoke(FUNCTION_URL_EVENT).result().payload == b"first"


def test_call_outside_of_an_event_says_how_to_test(run_runtime: RunRuntime) -> None:
    source = decorated("sync", "try:\n    stream({}, None)\nexcept RuntimeError as error:\n    print(error)\n")
    runtime = run_runtime(source + "def handler(event, context): pass\n")
    runtime.wait_for_log("handler.__wrapped__(event, response_stream, context)")


def test_wrapped_function_is_tested_with_any_stream() -> None:
    from lambda_streaming import streamify_response

    written: list[Any] = []

    class Stream:
        def write(self, data: Any) -> None:
            written.append(data)

    @streamify_response
    def handler(event: Any, response_stream: Any, context: Any) -> None:
        response_stream.write(event)

    handler.__wrapped__("hello", Stream(), None)  # type: ignore[attr-defined]
    assert written == ["hello"]


def test_error_of_a_second_call_shows_the_failure_of_the_first(run_runtime: RunRuntime) -> None:
    decorator = """
def handler(event, context):
    try:
        stream(event, context)
    except ValueError:
        pass
    stream(event, context)
"""
    runtime = run_runtime(decorated("sync", decorator, "raise ValueError('the reason')"))
    runtime.invoke(FUNCTION_URL_EVENT).result()
    runtime.wait_for_log("was called a second time")
    runtime.wait_for_log("ValueError: the reason")


def test_early_reply_stops_an_async_function_in_a_thread_of_a_decorator(run_runtime: RunRuntime) -> None:
    runtime = run_runtime(decorated("async", IN_A_THREAD, "await asyncio.Event().wait()"))
    exchange = runtime.invoke(FUNCTION_URL_EVENT)
    exchange.reply_early_after = 1
    runtime.wait_for_log("Lambda ended the response before it was complete")
