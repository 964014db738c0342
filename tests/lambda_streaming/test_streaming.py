"""Items leave when they are produced: the next item is withheld until the one before was seen."""

from __future__ import annotations

import pytest

from ..gate import Gate
from .conftest import RunRuntime
from .fake_runtime_api import FUNCTION_URL_EVENT

WAIT = """
import asyncio, socket
from lambda_streaming import streamify_response

def wait(port):
    with socket.create_connection(("127.0.0.1", port)) as gate:
        gate.recv(1)

async def wait_async(port):
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    await reader.read(1)
    writer.close()
"""

SHAPES = {
    "generator": """
def handler(event, context):
    yield from ("one,", "two,", "three,")
    wait(event["port"])
    yield "four"
""",
    "async generator": """
async def handler(event, context):
    for item in ("one,", "two,", "three,"):
        yield item
    await wait_async(event["port"])
    yield "four"
""",
    "async generator that blocks its loop": """
async def handler(event, context):
    for item in ("one,", "two,", "three,"):
        yield item
    wait(event["port"])
    yield "four"
""",
    "returned iterator": """
class Items:
    def __init__(self, port):
        self.items = iter(("one,", "two,", "three,"))
        self.port = port
    def __iter__(self):
        return self
    def __next__(self):
        if self.port is None:
            raise StopIteration
        for item in self.items:
            return item
        wait(self.port)
        self.port = None
        return "four"

def handler(event, context):
    return Items(event["port"])
""",
    "iterator returned by an async function": """
def items(port):
    yield from ("one,", "two,", "three,")
    wait(port)
    yield "four"

async def handler(event, context):
    return items(event["port"])
""",
    "response_stream.write": """
@streamify_response
def handler(event, response_stream, context):
    for item in ("one,", "two,", "three,"):
        response_stream.write(item)
    wait(event["port"])
    response_stream.write("four")
""",
    "await response_stream.write": """
@streamify_response
async def handler(event, response_stream, context):
    for item in ("one,", "two,", "three,"):
        await response_stream.write(item)
    await wait_async(event["port"])
    await response_stream.write("four")
""",
    "response_stream.write that is not awaited": """
@streamify_response
async def handler(event, response_stream, context):
    for item in ("one,", "two,", "three,"):
        response_stream.write(item)
    wait(event["port"])
    response_stream.write("four")
""",
}


@pytest.mark.parametrize("shape", SHAPES)
def test_three_items_leave_before_handler_continues(shape: str, run_runtime: RunRuntime, gate: Gate) -> None:
    runtime = run_runtime(WAIT + SHAPES[shape])
    # Twice: the second invocation runs in the process and on the event loop that the first has used.
    for _ in range(2):
        exchange = runtime.invoke({"port": gate.port, **FUNCTION_URL_EVENT})
        exchange.wait_for(b"one,two,three,")
        gate.open()
        assert exchange.result().payload == b"one,two,three,four"


@pytest.mark.parametrize("kind", ["def", "async def"])
@pytest.mark.parametrize("rest", ["wait(event['port'])", "compute_until(event['port'])"])
def test_last_item_of_a_burst_leaves_when_handler_is_quiet(
    kind: str, rest: str, run_runtime: RunRuntime, gate: Gate
) -> None:
    """Joined items do not wait for the next one, whether the handler blocks or computes."""
    runtime = run_runtime(f"""{WAIT}
import threading

def compute_until(port):
    opened = []
    threading.Thread(target=lambda: opened.append(wait(port))).start()
    while not opened:
        sum(range(100))

{kind} handler(event, context):
    for number in range(1000):
        yield f"{{number}},"
    yield "last"
    {rest}
    yield "end"
""")
    exchange = runtime.invoke({"port": gate.port, **FUNCTION_URL_EVENT})
    exchange.wait_for(b"999,last")
    gate.open()
    answer = exchange.result()
    assert answer.payload == b"".join(b"%d," % n for n in range(1000)) + b"lastend"
    assert len(answer.chunks) < 500


def test_head_waits_for_first_item(run_runtime: RunRuntime, gate: Gate) -> None:
    runtime = run_runtime(f"""{WAIT}
from lambda_streaming import HttpResponse

def handler(event, context):
    yield HttpResponse(201, {{"x-a": "b"}}, ["c=d"])
    yield "first"
    wait(event["port"])
    yield "second"
""")
    exchange = runtime.invoke({"port": gate.port, **FUNCTION_URL_EVENT})
    exchange.wait_for(b"first")
    assert exchange.answer is not None
    (prelude_and_first,) = exchange.answer.chunks
    assert prelude_and_first.endswith(b"\0" * 8 + b"first")
    gate.open()
    answer = exchange.result()
    assert answer.payload == b"firstsecond"
    assert answer.prelude["statusCode"] == 201
    assert answer.prelude["cookies"] == ["c=d"]
    assert answer.prelude["headers"]["x-a"] == "b"


@pytest.mark.parametrize("kind", ["def", "async def", "async def that holds its loop"])
def test_named_head_leaves_alone_when_first_item_is_late(kind: str, run_runtime: RunRuntime, gate: Gate) -> None:
    """An EventSource opens with the head, though the first event may take long."""
    pause = "await wait_async" if kind == "async def" else "wait"
    runtime = run_runtime(f"""{WAIT}
from lambda_streaming import HttpResponse

{kind.partition(" that")[0]} handler(event, context):
    yield HttpResponse(200, {{"content-type": "text/event-stream"}})
    {pause}(event["port"])
    if event.get("fail"):
        raise ValueError("late")
    if not event.get("empty"):
        yield "data: x\\n\\n"
""")
    for more, payload in (({}, b"data: x\n\n"), ({"empty": True}, b"\n"), ({"fail": True}, b"")):
        exchange = runtime.invoke({"port": gate.port, **more, **FUNCTION_URL_EVENT})
        exchange.wait_for(b"\0" * 8)
        gate.open()
        answer = exchange.result()
        assert answer.payload == payload
        assert answer.prelude["headers"] == {"content-type": "text/event-stream"}
        assert bool(answer.trailers) is bool(more.get("fail"))


def test_head_without_content_type_waits_for_first_item(run_runtime: RunRuntime, gate: Gate) -> None:
    runtime = run_runtime(f"""{WAIT}
import time
from lambda_streaming import HttpResponse, ServerSentEvent

def handler(event, context):
    yield HttpResponse(201)
    time.sleep(0.3)
    yield ServerSentEvent("x")
""")
    answer = runtime.invoke(FUNCTION_URL_EVENT).result()
    assert answer.prelude["headers"]["content-type"] == "text/event-stream"
    assert len(answer.chunks) == 1
