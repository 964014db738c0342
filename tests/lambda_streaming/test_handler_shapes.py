"""The value that the call returns decides the answer."""

from __future__ import annotations

import json

import pytest

from ..gate import Gate
from .conftest import RunRuntime
from .fake_runtime_api import FUNCTION_URL_EVENT

PLAIN_EVENT = {"n": 1}

STREAMING = {
    "generator": """
def handler(event, context):
    yield from ("a", b"b", bytearray(b"c"), memoryview(b"d"))
""",
    "async generator": """
async def handler(event, context):
    for item in ("a", b"b", bytearray(b"c"), memoryview(b"d")):
        yield item
""",
    "returned iterator": "def handler(event, context):\n    return iter(['a', b'b', '', b'', 'cd'])",
    "returned async iterator": """
class Items:
    def __init__(self):
        self.items = iter("abcd")
    def __aiter__(self):
        return self
    async def __anext__(self):
        for item in self.items:
            return item
        raise StopAsyncIteration

def handler(event, context):
    return Items()
""",
    "async function that returns an iterator": "async def handler(event, context):\n    return iter('abcd')",
    "file": """
import io
def handler(event, context):
    return io.BytesIO(b"abcd")
""",
    "text file": """
import io
def handler(event, context):
    return io.StringIO("abcd")
""",
    "HttpResponse of a file": """
import io
from lambda_streaming import HttpResponse
def handler(event, context):
    return HttpResponse(body=io.BytesIO(b"abcd"))
""",
    "HttpResponse of an iterator": """
from lambda_streaming import HttpResponse
async def handler(event, context):
    return HttpResponse(body=iter("abcd"))
""",
    "HttpResponse of text": """
from lambda_streaming import HttpResponse
def handler(event, context):
    return HttpResponse(body="abcd")
""",
    "streamified": """
from lambda_streaming import streamify_response
@streamify_response
def handler(event, response_stream, context):
    response_stream.write("ab")
    response_stream.end("cd")
""",
    "streamified and async": """
from lambda_streaming import streamify_response
@streamify_response
async def handler(event, response_stream, context):
    await response_stream.write("ab")
    await response_stream.end("cd")
""",
    "streamified behind a wrapper": """
import functools
from lambda_streaming import streamify_response

def wrapped(function):
    @functools.wraps(function)
    def wrapper(event, context):
        return function(event, context)
    return wrapper

@wrapped
@streamify_response
def handler(event, response_stream, context):
    response_stream.write("abcd")
""",
    "generator behind an async wrapper": """
def items(event, context):
    yield "abcd"

async def handler(event, context):
    return items(event, context)
""",
    "callable object": """
class Handler:
    def __call__(self, event, context):
        yield "abcd"

handler = Handler()
""",
}


@pytest.mark.parametrize("shape", STREAMING)
def test_shape_streams(shape: str, run_runtime: RunRuntime) -> None:
    runtime = run_runtime(STREAMING[shape])
    to_url = runtime.invoke(FUNCTION_URL_EVENT).result()
    assert to_url.is_streamed
    assert to_url.headers["content-type"] == "application/vnd.awslambda.http-integration-response"
    assert to_url.payload == b"abcd"
    assert to_url.prelude["statusCode"] == 200
    raw = runtime.invoke(PLAIN_EVENT).result()
    assert raw.is_streamed
    assert raw.body == b"abcd"
    assert raw.headers["trailer"].replace(" ", "").lower().split(",") == [
        "lambda-runtime-function-error-type",
        "lambda-runtime-function-error-body",
    ]


BUFFERED = {
    "{'a': 1}": b'{"a": 1}',
    "[1, 'x']": b'[1, "x"]',
    "(1, 2)": b"[1, 2]",
    "'text'": b'"text"',
    "None": b"null",
    "True": b"true",
    "7": b"7",
    "1.5": b"1.5",
}


@pytest.mark.parametrize("value", BUFFERED)
def test_value_is_sent_whole(value: str, run_runtime: RunRuntime) -> None:
    runtime = run_runtime(f"def handler(event, context):\n    return {value}")
    plain = runtime.invoke(PLAIN_EVENT).result()
    assert not plain.is_streamed
    assert plain.headers["content-type"] == "application/json"
    assert plain.body == BUFFERED[value]
    # A Function URL that streams gets the response that a buffered one would make.
    to_url = runtime.invoke(FUNCTION_URL_EVENT).result()
    assert to_url.payload == BUFFERED[value]
    assert to_url.prelude["headers"]["content-type"] == "application/json"


def test_bytes_are_sent_unchanged(run_runtime: RunRuntime) -> None:
    answer = run_runtime("def handler(event, context):\n    return b'\\x00\\xff'").invoke(PLAIN_EVENT).result()
    assert (answer.body, answer.headers["content-type"]) == (b"\x00\xff", "application/unknown")


def test_dict_with_status_code_is_a_response_for_a_function_url(run_runtime: RunRuntime) -> None:
    runtime = run_runtime("""
    def handler(event, context):
        head = {"statusCode": "404", "headers": {"X-A": "b"}, "cookies": ["c=d"]}
        return {**head, "body": "aGk=", "isBase64Encoded": True}
    """)
    answer = runtime.invoke(FUNCTION_URL_EVENT).result()
    assert answer.payload == b"hi"
    assert answer.prelude == {
        "statusCode": 404,
        "headers": {"x-a": "b", "content-type": "application/json"},
        "cookies": ["c=d"],
    }
    assert json.loads(runtime.invoke(PLAIN_EVENT).result().body)["body"] == "aGk="


@pytest.mark.parametrize("kind", ["def", "async def"])
def test_body_of_response_dict_may_stream(kind: str, run_runtime: RunRuntime, gate: Gate) -> None:
    """Routers return such a dict for a route that is a generator. AWS's runtime rejects it."""
    runtime = run_runtime(f"""
    import socket
    def handler(event, context):
        return {{"statusCode": 201, "headers": event.get("named", {{}}), "body": items(event.get("port"))}}

    {kind} items(port):
        yield b"first"
        if port:
            with socket.create_connection(("127.0.0.1", port)) as gate:
                gate.recv(1)
        yield b"second"
    """)
    exchange = runtime.invoke({**FUNCTION_URL_EVENT, "port": gate.port})
    exchange.wait_for(b"first")
    assert exchange.answer is not None
    assert b"second" not in exchange.answer.body
    gate.open()
    answer = exchange.result()
    assert answer.payload == b"firstsecond"
    assert answer.prelude["statusCode"] == 201
    assert answer.prelude["headers"]["content-type"] == "application/octet-stream"
    named = runtime.invoke({**FUNCTION_URL_EVENT, "named": {"Content-Type": "text/css"}}).result()
    assert named.prelude["headers"]["content-type"] == "text/css"
    # A front door that buffers gets its own form, and a plain invoke the items.
    whole = json.loads(runtime.invoke({"version": "2.0", "requestContext": {"http": {"method": "GET"}}}).result().body)
    assert (whole["statusCode"], whole["body"]) == (201, "firstsecond")
    assert runtime.invoke(PLAIN_EVENT).result().body == b"firstsecond"


def test_generator_already_read_by_a_wrapper_is_an_error(run_runtime: RunRuntime) -> None:
    """An empty response would hide the mistake."""
    runtime = run_runtime("""
    def handler(event, context):
        items = iterate()
        event.setdefault("seen", list(items))
        return items

    def iterate():
        yield "a"
    """)
    for _ in range(2):
        answer = runtime.invoke(FUNCTION_URL_EVENT).result()
        assert answer.path.endswith("/error")
        assert "has read it" in json.loads(answer.body)["errorMessage"]


def test_event_and_context_are_as_on_aws(run_runtime: RunRuntime) -> None:
    runtime = run_runtime("""
    import os
    def handler(event, context):
        assert 0 < context.get_remaining_time_in_millis() <= 60_000
        return {
            "event": event,
            "request": context.aws_request_id,
            "arn": context.invoked_function_arn,
            "memory": context.memory_limit_in_mb,
            "pool": context.identity.cognito_identity_pool_id,
            "title": context.client_context.client.app_title,
            "custom": context.client_context.custom,
            "tenant": context.tenant_id,
            "trace": os.environ.get("_X_AMZN_TRACE_ID"),
        }
    """)
    exchange = runtime.invoke(
        {"é": "\U0001f600"},
        headers={
            "Lambda-Runtime-Cognito-Identity": '{"cognitoIdentityId":"i","cognitoIdentityPoolId":"p"}',
            "Lambda-Runtime-Client-Context": '{"client":{"app_title":"t"},"custom":{"k":"v"}}',
            "Lambda-Runtime-Aws-Tenant-Id": "tenant-1",
            "Lambda-Runtime-Trace-Id": "Root=1-2-3",
        },
    )
    assert json.loads(exchange.result().body) == {
        "event": {"é": "\U0001f600"},
        "request": exchange.request_id,
        "arn": "arn:aws:lambda:us-east-1:123456789012:function:test",
        "memory": "1024",
        "pool": "p",
        "title": "t",
        "custom": {"k": "v"},
        "tenant": "tenant-1",
        "trace": "Root=1-2-3",
    }


def test_invocation_id_is_echoed_when_received(run_runtime: RunRuntime) -> None:
    runtime = run_runtime("def handler(event, context):\n    return iter('ab') if event else 1")
    for event in (0, 1):
        with_id = runtime.invoke(event, headers={"Lambda-Runtime-Invocation-Id": "abc"}).result()
        assert with_id.headers["lambda-runtime-invocation-id"] == "abc"
        assert "lambda-runtime-invocation-id" not in runtime.invoke(event).result().headers


def test_one_connection_serves_all_invocations(run_runtime: RunRuntime) -> None:
    runtime = run_runtime("def handler(event, context):\n    return iter('ab') if event else 1")
    for event in (0, 1, 0, 1, 1):
        runtime.invoke(event).result()
    assert runtime.api.connections == 1


def test_async_handlers_share_one_loop_and_sync_handlers_have_none(run_runtime: RunRuntime) -> None:
    """A client bound to the loop works in the next invocation; a sync handler may call `asyncio.run`."""
    runtime = run_runtime("""
    import asyncio, threading
    loops = set()

    async def asynchronous():
        loops.add(id(asyncio.get_running_loop()))
        yield str(len(loops))

    async def one():
        return "one"

    def synchronous():
        assert threading.current_thread() is threading.main_thread()
        yield asyncio.run(one())

    def handler(event, context):
        return asynchronous() if event["async"] else synchronous()
    """)
    for _ in range(2):
        assert runtime.invoke({"async": True}).result().body == b"1"
        assert runtime.invoke({"async": False}).result().body == b"one"


def test_context_variables_end_with_the_invocation(run_runtime: RunRuntime) -> None:
    runtime = run_runtime("""
    from contextvars import ContextVar
    seen = ContextVar("seen", default="nothing")

    def handler(event, context):
        yield seen.get()
        seen.set("something")
        yield seen.get()
    """)
    for _ in range(2):
        assert runtime.invoke({}).result().body == b"nothingsomething"


def test_large_and_small_items_arrive_whole_and_in_order(run_runtime: RunRuntime) -> None:
    sizes = [1, 50_000, 3, 16_384, 16_383, 16_385, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 3_000_000, 1]
    runtime = run_runtime(f"""
    def handler(event, context):
        for number, size in enumerate({sizes}):
            item = bytes([number]) * size
            yield item if number % 2 else bytearray(item)
    """)
    expected = b"".join(bytes([number]) * size for number, size in enumerate(sizes))
    assert runtime.invoke({}).result().body == expected
    assert runtime.invoke(FUNCTION_URL_EVENT).result().payload == expected


def test_buffer_can_be_reused_after_yield(run_runtime: RunRuntime) -> None:
    runtime = run_runtime("""
    def handler(event, context):
        buffer = bytearray(1)
        for number in range(200):
            buffer[0] = number
            yield buffer
    """)
    assert runtime.invoke({}).result().body == bytes(range(200))


def test_async_iterator_with_read_method_is_iterated(run_runtime: RunRuntime) -> None:
    runtime = run_runtime("""
    import asyncio
    async def handler(event, context):
        reader = asyncio.StreamReader()
        reader.feed_data(b"one\\ntwo")
        reader.feed_eof()
        return reader
    """)
    assert runtime.invoke({}).result().body == b"one\ntwo"


@pytest.mark.parametrize("values", ["[]", "nothing()"])
def test_json_lines_without_values_keep_their_content_type(values: str, run_runtime: RunRuntime) -> None:
    runtime = run_runtime(f"""
    from lambda_streaming import json_lines

    async def nothing():
        for value in ():
            yield value

    def handler(event, context):
        return json_lines({values})
    """)
    answer = runtime.invoke(FUNCTION_URL_EVENT).result()
    assert answer.prelude["headers"]["content-type"] == "application/x-ndjson"


@pytest.mark.parametrize("door", ["raw", "proxy"])
def test_large_buffer_can_be_reused_after_yield(door: str, run_runtime: RunRuntime) -> None:
    """This holds for a front door that buffers, too."""
    event = {"httpMethod": "GET", "requestContext": {}} if door == "proxy" else {}
    runtime = run_runtime("""
    def handler(event, context):
        buffer = bytearray(20_000)
        for letter in b"ABC":
            buffer[:] = bytes([letter]) * 20_000
            yield buffer
    """)
    answer = runtime.invoke(event).result()
    body = json.loads(answer.body)["body"].encode() if door == "proxy" else answer.body
    assert body == b"A" * 20_000 + b"B" * 20_000 + b"C" * 20_000


def test_large_buffer_can_be_reused_after_unawaited_write(run_runtime: RunRuntime) -> None:
    runtime = run_runtime("""
    from lambda_streaming import streamify_response

    @streamify_response
    async def handler(event, response_stream, context):
        buffer = bytearray(1_000_000)
        for letter in b"ABC":
            for _ in range(4):
                buffer[:] = bytes([letter]) * 1_000_000
                response_stream.write(buffer)
    """)
    body = runtime.invoke({}).result().body
    assert body == b"A" * 4_000_000 + b"B" * 4_000_000 + b"C" * 4_000_000
