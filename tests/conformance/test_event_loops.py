"""Async handlers work on uvloop, which makes the descriptors that it watches non-blocking."""

from __future__ import annotations

import textwrap
from pathlib import Path

import pytest
import uvloop

from ..gate import Gate
from ..lambda_streaming.conftest import RunRuntime, gate, run_runtime

pytestmark = pytest.mark.process
__all__ = ["gate", "run_runtime"]

EVENTS = 6
LARGE = 3_000_000
# At the end of the path: the other packages of the tests must not replace anything of the runtime.
SET_UVLOOP = f"""
import asyncio, sys
sys.path.append({str(Path(uvloop.__file__).parents[1])!r})
import uvloop
asyncio.set_event_loop_policy(uvloop.EventLoopPolicy())
LARGE = {LARGE}
"""


def on_uvloop(source: str) -> str:
    return SET_UVLOOP + textwrap.dedent(source)


def test_every_event_is_served_on_uvloop(run_runtime: RunRuntime) -> None:
    """Each invocation is streamed, then the next event is received on the same connection."""
    runtime = run_runtime(
        on_uvloop("""
    async def handler(event, context):
        assert type(asyncio.get_running_loop()).__module__ == "uvloop"
        await asyncio.sleep(0)
        yield str(event)
        yield "x" * LARGE
    """)
    )
    for number in range(EVENTS):
        assert runtime.invoke(number).result().body == str(number).encode() + b"x" * LARGE
    assert runtime.api.connections == 1


def test_errors_and_buffered_answers_are_sent_on_uvloop(run_runtime: RunRuntime) -> None:
    runtime = run_runtime(
        on_uvloop("""
    async def handler(event, context):
        if event == "fail":
            raise ValueError("before the first byte")
        return {"large": "x" * LARGE} if event == "whole" else stream(event)

    async def stream(event):
        yield "first"
        raise ValueError("after the first byte")
    """)
    )
    for _ in range(2):
        assert b"before the first byte" in runtime.invoke("fail").result().body
        assert len(runtime.invoke("whole").result().body) > LARGE
        stopped = runtime.invoke("stream").result()
        assert stopped.body == b"first"
        assert stopped.trailers["lambda-runtime-function-error-type"] == "Function.ValueError"
    assert runtime.api.connections == 1


def test_other_tasks_run_on_uvloop_while_the_reader_is_slow(run_runtime: RunRuntime, gate: Gate) -> None:
    """The socket is full, and another task of the handler still reaches the test."""
    runtime = run_runtime(
        on_uvloop("""
    from lambda_streaming import streamify_response

    async def elsewhere(port):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        await reader.read(1)
        writer.close()

    @streamify_response
    async def handler(event, response_stream, context):
        task = asyncio.create_task(elsewhere(event["port"]))
        for _ in range(4):
            await response_stream.write("x" * LARGE)
        await task
    """)
    )
    exchange = runtime.invoke({"port": gate.port})
    exchange.reads_after = gate.open
    assert len(exchange.result().body) == 4 * LARGE
