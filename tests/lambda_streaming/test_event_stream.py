"""The event stream of botocore as a response, with the real class and messages in AWS's encoding."""

from __future__ import annotations

from pathlib import Path

import botocore
import pytest

from .conftest import RunRuntime
from .fake_runtime_api import FUNCTION_URL_EVENT

BOTOCORE = str(Path(botocore.__file__).parents[1])
EVENT_STREAM = """
import struct, zlib
from botocore.eventstream import EventStream

def message(text):
    payload = text.encode()
    prelude = struct.pack(">II", len(payload) + 16, 0)
    framed = prelude + struct.pack(">I", zlib.crc32(prelude)) + payload
    return framed + struct.pack(">I", zlib.crc32(framed))

class RawStream:
    status = 200
    def __init__(self, *messages):
        self.messages = messages
    def stream(self):
        yield from self.messages
    def close(self):
        print("closed", flush=True)

class Parser:
    def parse(self, response, shape):
        return {"chunk": {"bytes": response["body"]}}

def event_stream(*texts):
    return EventStream(RawStream(*map(message, texts)), None, Parser(), "InvokeModelWithResponseStream")
"""
LINES = b'{"chunk": {"bytes": "a"}}\n{"chunk": {"bytes": "b"}}\n'
EVENT_STREAM_RETURNS = {
    "returned": "event_stream('a', 'b')",
    "the body of an HttpResponse": "HttpResponse(body=event_stream('a', 'b'))",
    "the body of a dict": "{'statusCode': 200, 'body': event_stream('a', 'b')}",
}


@pytest.mark.parametrize("kind", EVENT_STREAM_RETURNS)
def test_event_stream_of_botocore_is_sent_event_by_event(kind: str, run_runtime: RunRuntime) -> None:
    runtime = run_runtime(
        f"""{EVENT_STREAM}
from lambda_streaming import HttpResponse
def handler(event, context):
    return {EVENT_STREAM_RETURNS[kind]}
""",
        environment={"PYTHONPATH": BOTOCORE},
    )
    answer = runtime.invoke(FUNCTION_URL_EVENT).result()
    assert answer.payload == LINES
    assert answer.prelude["headers"]["content-type"] == "application/x-ndjson"
    runtime.wait_for_log("closed")
    assert runtime.invoke({}).result().body == LINES


def test_async_event_stream_is_sent_event_by_event(run_runtime: RunRuntime) -> None:
    """That of aiobotocore is a subclass with an async iterator, whose sync one fails."""
    runtime = run_runtime(
        f"""{EVENT_STREAM}
class AioEventStream(EventStream):
    def __iter__(self):
        raise NotImplementedError
    async def __aiter__(self):
        for event in super().__iter__():
            yield event

def handler(event, context):
    stream = event_stream('a', 'b')
    stream.__class__ = AioEventStream
    return stream
""",
        environment={"PYTHONPATH": BOTOCORE},
    )
    answer = runtime.invoke(FUNCTION_URL_EVENT).result()
    assert answer.payload == LINES
    runtime.wait_for_log("closed")


DATA = {
    "class Model:\n    def __iter__(self): yield 1\n    def __eq__(self, other): return True": "Model()",
    "class Table:\n    def __iter__(self): yield 1\n    def __len__(self): return 1": "Table()",
    "": "{1, 2}",
    "import collections": "collections.deque([1])",
    "import array": "array.array('i', [1])",
}


@pytest.mark.parametrize("setup", DATA)
def test_iterable_data_does_not_stream(setup: str, run_runtime: RunRuntime) -> None:
    """As under AWS's runtime: JSON has no form for it."""
    answer = run_runtime(f"{setup}\ndef handler(event, context):\n    return {DATA[setup]}").invoke({}).result()
    assert answer.path.endswith("/error")
    assert b"is not JSON serializable" in answer.body


@pytest.mark.parametrize("value", ["[]", "{}", "''", "()"])
def test_empty_data_does_not_stream(value: str, run_runtime: RunRuntime) -> None:
    runtime = run_runtime(f"def handler(event, context):\n    return {value}")
    assert not runtime.invoke({}).result().is_streamed


def test_iterable_without_length_is_iterated_and_closed(run_runtime: RunRuntime) -> None:
    """A response of `requests` is one."""
    runtime = run_runtime("""
    class Response:
        def __iter__(self):
            yield "a"
            yield "b"
        def close(self):
            print("closed", flush=True)

    def handler(event, context):
        return Response()
    """)
    assert runtime.invoke(FUNCTION_URL_EVENT).result().payload == b"ab"
    runtime.wait_for_log("closed")
