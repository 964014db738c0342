"""`on_error`: a function of the user learns of each failed invocation."""

from __future__ import annotations

import pytest

from ..gate import Gate
from .conftest import RunRuntime
from .fake_runtime_api import FUNCTION_URL_EVENT, reply

LISTENER = """
from lambda_streaming import on_error

@on_error
def report(error, context):
    print("told", type(error).__name__, context and context.aws_request_id)
"""
FAILURES = {
    "before the first byte": "def handler(event, context):\n    raise ValueError\n",
    "after the first byte": "def handler(event, context):\n    yield 'first'\n    raise ValueError\n",
    "async": "async def handler(event, context):\n    yield 'first'\n    raise ValueError\n",
    "after the response": (
        "from lambda_streaming import streamify_response\n@streamify_response\n"
        "def handler(event, stream, context):\n    stream.end('all')\n    raise ValueError\n"
    ),
}


@pytest.mark.parametrize("name", FAILURES)
def test_every_failure_is_told_with_its_context(name: str, run_runtime: RunRuntime) -> None:
    runtime = run_runtime(LISTENER + FAILURES[name])
    for times in (1, 2):
        exchange = runtime.invoke(FUNCTION_URL_EVENT)
        exchange.result()
        runtime.wait_for_log("told ValueError", times)
        runtime.wait_for_log(f"told ValueError {exchange.request_id}")


def test_success_is_not_told(run_runtime: RunRuntime) -> None:
    runtime = run_runtime(LISTENER + "def handler(event, context):\n    yield 'all'\n")
    runtime.invoke().result()
    runtime.invoke().result()
    assert "told" not in runtime.log


def test_response_that_lambda_cut_off_is_told(run_runtime: RunRuntime, gate: Gate) -> None:
    source = "def handler(event, context):\n    while True:\n        yield 'x' * 1000\n"
    runtime = run_runtime(LISTENER + source)
    exchange = runtime.invoke(FUNCTION_URL_EVENT, reply=reply(413, b"{}", "Connection: close"))
    exchange.reply_early_after = 2000
    runtime.wait_for_log("told StreamClosedError")


def test_event_without_a_context_is_told(run_runtime: RunRuntime) -> None:
    runtime = run_runtime(LISTENER + "def handler(event, context): pass\n")
    runtime.invoke(headers={"Lambda-Runtime-Client-Context": "{"}).result()
    runtime.wait_for_log("told LambdaContextUnmarshalError None")


def test_exception_that_ends_the_process_is_told(run_runtime: RunRuntime) -> None:
    runtime = run_runtime(LISTENER + "import sys\ndef handler(event, context):\n    sys.exit(3)\n")
    runtime.invoke().result()
    assert runtime.wait_for_exit() == 3
    assert "told SystemExit" in runtime.log


def test_failing_listener_is_logged_and_the_others_are_called(run_runtime: RunRuntime) -> None:
    first = "from lambda_streaming import on_error\n@on_error\ndef bad(error, context):\n    raise KeyError('bad')\n"
    runtime = run_runtime(first + LISTENER + FAILURES["after the first byte"])
    for times in (1, 2):
        runtime.invoke().result()
        runtime.wait_for_log("told ValueError", times)
        runtime.wait_for_log("KeyError: 'bad'", times)


def test_caller_does_not_wait_for_a_listener(run_runtime: RunRuntime, gate: Gate) -> None:
    source = """
import socket
from lambda_streaming import on_error

@on_error
def report(error, context):
    with socket.create_connection(("127.0.0.1", PORT)) as connection:
        connection.recv(1)
    print("told")

def handler(event, context):
    yield "first"
    raise ValueError
"""
    runtime = run_runtime(source.replace("PORT", str(gate.port)))
    assert runtime.invoke().result().body == b"first"
    assert "told" not in runtime.log
    gate.open()
    runtime.wait_for_log("told")


@pytest.mark.parametrize("listener", ["5", "later"])
def test_listener_must_be_a_function_that_is_not_async(listener: str, run_runtime: RunRuntime) -> None:
    source = f"from lambda_streaming import on_error\nasync def later(error, context): pass\non_error({listener})\n"
    runtime = run_runtime(source)
    assert runtime.wait_for_exit() == 1
    assert "it takes a function, not async, of an error and a context" in runtime.log
