"""Failures: each way in which a response can end, with sync and async handlers."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest

from ..gate import Gate
from .conftest import RunRuntime
from .fake_runtime_api import FUNCTION_URL_EVENT, TIMEOUT_S, reply
from .test_heads import REST_EVENT

HANDLERS = {
    "def": "def handler(event, context):\n{body}",
    "async def": "async def handler(event, context):\n{body}",
    "streamified": """
from lambda_streaming import streamify_response
@streamify_response
def handler(event, response_stream, context):
{body}""",
    "async streamified": """
from lambda_streaming import streamify_response
@streamify_response
async def handler(event, response_stream, context):
{body}""",
}


def source(kind: str, *lines: str) -> str:
    """Return the source of a handler of one kind; `yield x` becomes the statement of that kind."""
    changed = []
    for line in lines:
        if "streamified" in kind:
            line = line.replace(
                "yield ", "await response_stream.write(" if "async" in kind else "response_stream.write("
            )
            line += ")" if "response_stream.write(" in line else ""
        changed.append("    " + line)
    return HANDLERS[kind].format(body="\n".join(changed))


def trailer_document(trailers: dict[str, str]) -> dict[str, Any]:
    assert set(trailers) == {"lambda-runtime-function-error-type", "lambda-runtime-function-error-body"}
    document = json.loads(base64.b64decode(trailers["lambda-runtime-function-error-body"], validate=True))
    assert isinstance(document, dict)
    return document


@pytest.mark.parametrize("kind", HANDLERS)
def test_failure_before_first_byte_is_reported_as_error(kind: str, run_runtime: RunRuntime) -> None:
    runtime = run_runtime(source(kind, "if event['fail']: raise ValueError('no luck')", "yield 'fine'"))
    failed = runtime.invoke({"fail": True, **FUNCTION_URL_EVENT})
    answer = failed.result()
    assert answer.path == f"/2018-06-01/runtime/invocation/{failed.request_id}/error"
    assert answer.headers["lambda-runtime-function-error-type"] == "Function.ValueError"
    document = json.loads(answer.body)
    assert document["errorMessage"] == "no luck"
    assert document["errorType"] == "ValueError"
    assert document["requestId"] == failed.request_id
    # The trace begins in the user's code, not in the runtime's.
    assert "index.py" in document["stackTrace"][0]
    # The environment serves the next request, and its log has the whole traceback.
    assert runtime.invoke({"fail": False, **FUNCTION_URL_EVENT}).result().payload == b"fine"
    runtime.wait_for_log(
        "[ERROR] ValueError: no luck\nTraceback (most recent call last):\n\N{NO-BREAK SPACE}\N{NO-BREAK SPACE}File"
    )


@pytest.mark.parametrize("kind", HANDLERS)
def test_failure_after_first_byte_becomes_trailers(kind: str, run_runtime: RunRuntime) -> None:
    runtime = run_runtime(source(kind, "yield 'begun'", "if event['fail']: raise KeyError('gone')"))
    failed = runtime.invoke({"fail": True, **FUNCTION_URL_EVENT})
    answer = failed.result()
    assert answer.path.endswith("/response")
    assert answer.payload == b"begun"
    assert answer.trailers["lambda-runtime-function-error-type"] == "Function.KeyError"
    document = trailer_document(answer.trailers)
    assert document["errorType"] == "KeyError"
    assert document["requestId"] == failed.request_id
    assert "index.py" in "".join(document["stackTrace"])
    fine = runtime.invoke({"fail": False, **FUNCTION_URL_EVENT}).result()
    assert (fine.payload, fine.trailers) == (b"begun", {})
    runtime.wait_for_log("[ERROR] KeyError: 'gone'\nTraceback")
    assert runtime.api.connections == 1


def test_failure_after_end_is_only_logged(run_runtime: RunRuntime) -> None:
    runtime = run_runtime(source("streamified", "response_stream.end('all')", "raise ValueError('too late')"))
    answer = runtime.invoke({}).result()
    assert (answer.path.split("/")[-1], answer.body, answer.trailers) == ("response", b"all", {})
    runtime.invoke({}).result()
    runtime.wait_for_log("[ERROR] ValueError: too late")


@pytest.mark.parametrize("message", ["x" * 100_000, "é" * 100_000, "\ud800" * 50_000, "\n" * 9_000])
def test_trailers_stay_within_the_limit(message: str, run_runtime: RunRuntime) -> None:
    """A Go server drops a trailer section of more than 4,096 bytes, and the error with it."""
    runtime = run_runtime(f"""
    def deeper(depth):
        if depth:
            deeper(depth - 1)
        raise ValueError({message[0]!a} * {len(message)})

    def handler(event, context):
        yield "begun"
        deeper(event)
    """)
    for depth in (0, 200):
        answer = runtime.invoke(depth).result()
        assert sum(len(name) + len(value) + 4 for name, value in answer.trailers.items()) <= 4000
        assert trailer_document(answer.trailers)["errorType"] == "ValueError"


def test_long_stack_is_shortened_before_message(run_runtime: RunRuntime) -> None:
    runtime = run_runtime("""
    def one(depth):
        two(depth)
    def two(depth):
        if not depth:
            raise ValueError("the whole message")
        one(depth - 1)

    def handler(event, context):
        yield "begun"
        one(300)
    """)
    document = trailer_document(runtime.invoke({}).result().trailers)
    assert document["errorMessage"] == "the whole message"
    # The innermost call, which raised, is the last line: it is kept.
    assert "raise ValueError" in document["stackTrace"][-1]


# Code of the user that runs while the runtime describes an error.
HOSTILE_ERRORS = {
    "a __str__ that ends the process": """
class Failed(Exception):
    def __str__(self):
        raise SystemExit(3)
""",
    "a cause without truth": """
class Cause(Exception):
    def __bool__(self):
        raise KeyError("truth")

class Failed(Exception):
    def __init__(self):
        self.__cause__ = Cause()
""",
    "members that cannot be had": """
class Failed(Exception):
    @property
    def exceptions(self):
        raise KeyError("members")
""",
    "a module without a name": "__name__ = None\nclass Failed(Exception): pass",
    "a loader that fails": """
class Loader:
    def get_source(self, name):
        raise KeyError("source")

__loader__ = Loader()
__spec__ = None
__file__ = "gone"
fail = compile("def fail(): raise Failed()", "gone", "exec")
class Failed(Exception): pass
exec(fail)
""",
    "a file that no path can name": """
class Failed(Exception): pass
exec(compile("def fail(): raise Failed()", chr(0xD800) + ".py", "exec"))
""",
    "a type that no header can hold": 'Failed = type("Runtime.Failed\\r\\nX: y", (Exception,), {})',
    "a type that fills the trailers": 'Failed = type("Failed" + chr(0x1F600) * 1000, (Exception,), {})',
}


@pytest.mark.parametrize("what", HOSTILE_ERRORS)
def test_error_with_failing_parts_is_reported(what: str, run_runtime: RunRuntime) -> None:
    runtime = run_runtime(f"""
def fail():
    raise Failed()
{HOSTILE_ERRORS[what]}
def handler(event, context):
    if event == "after":
        yield "begun"
    fail()
""")
    before = runtime.invoke("before").result()
    assert before.path.endswith("/error")
    assert "Failed" in before.headers["lambda-runtime-function-error-type"]
    assert "Failed" in json.loads(before.body)["errorType"]
    after = runtime.invoke("after").result()
    assert after.body == b"begun"
    assert "Failed" in trailer_document(after.trailers)["errorType"]
    assert runtime.process.poll() is None


def test_item_of_wrong_type_names_the_helpers(run_runtime: RunRuntime) -> None:
    answer = run_runtime("def handler(event, context):\n    yield {'a': 1}").invoke({}).result()
    message = json.loads(answer.body)["errorMessage"]
    assert "of type dict" in message
    assert "json_lines" in message


def test_second_head_is_an_error(run_runtime: RunRuntime) -> None:
    runtime = run_runtime("""
    from lambda_streaming import HttpResponse
    def handler(event, context):
        yield "begun"
        yield HttpResponse(404)
    """)
    document = trailer_document(runtime.invoke(FUNCTION_URL_EVENT).result().trailers)
    assert document["errorMessage"].startswith("the response head has left already")


EXITS = {
    "SystemExit": "raise SystemExit(3)",
    "KeyboardInterrupt": "raise KeyboardInterrupt",
    "Ended": "raise type('Ended', (BaseException,), {})",
}


@pytest.mark.parametrize("name", EXITS)
@pytest.mark.parametrize("kind", ["def", "async def"])
def test_exit_before_the_first_byte_is_reported_and_ends_the_process(
    kind: str, name: str, run_runtime: RunRuntime
) -> None:
    runtime = run_runtime(source(kind, EXITS[name], "yield 'never'"))
    answer = runtime.invoke({}).result()
    assert answer.path.endswith("/error")
    assert answer.headers["lambda-runtime-function-error-type"] == f"Function.{name}"
    assert runtime.wait_for_exit() == (3 if name == "SystemExit" else 1 if name == "Ended" else -2)


@pytest.mark.parametrize("name", EXITS)
@pytest.mark.parametrize("kind", ["def", "async def"])
def test_exit_after_the_first_byte_is_reported_and_ends_the_process(
    kind: str, name: str, run_runtime: RunRuntime
) -> None:
    runtime = run_runtime(source(kind, "yield 'begun'", EXITS[name]))
    answer = runtime.invoke({}).result()
    assert answer.trailers["lambda-runtime-function-error-type"] == f"Function.{name}"
    assert runtime.wait_for_exit() == (3 if name == "SystemExit" else 1 if name == "Ended" else -2)


def test_value_that_json_cannot_hold_is_an_error(run_runtime: RunRuntime) -> None:
    answer = run_runtime("def handler(event, context):\n    return object()").invoke({}).result()
    assert json.loads(answer.body)["errorType"] == "Runtime.MarshalError"


def test_event_that_is_not_json_is_an_error(run_runtime: RunRuntime) -> None:
    runtime = run_runtime("def handler(event, context):\n    return 1")
    assert json.loads(runtime.invoke(b"{").result().body)["errorType"] == "Runtime.UnmarshalError"
    assert runtime.invoke(b"\xff", headers={"Content-Type": "application/octet-stream"}).result().body == b"1"


INIT_ERRORS = {
    "Runtime.ImportModuleError": ({"index.py": "import does_not_exist"}, "index.handler", "does_not_exist"),
    "Runtime.HandlerNotFound": ({"index.py": "x = 1"}, "index.handler", "Handler 'handler' missing on module 'index'"),
    "Runtime.UserCodeSyntaxError": ({"index.py": "def handler(:\n"}, "index.handler", "Syntax error in module 'index'"),
    "Runtime.MalformedHandlerName": ({"index.py": ""}, "handler", "Bad handler 'handler'"),
    "Runtime.BuiltInModuleConflict": ({"index.py": ""}, "sys.handler", "built-in module sys"),
    "ZeroDivisionError": ({"index.py": "1 / 0"}, "index.handler", "division by zero"),
    "Runtime.ExitError": ({"index.py": "import sys; sys.exit(4)"}, "index.handler", "exited with 4"),
}


@pytest.mark.parametrize("error_type", INIT_ERRORS)
def test_failure_during_init_is_reported_and_ends_the_process(error_type: str, run_runtime: RunRuntime) -> None:
    files, handler, message = INIT_ERRORS[error_type]
    runtime = run_runtime(files, handler=handler)
    assert runtime.wait_for_exit() == (4 if error_type == "Runtime.ExitError" else 1)
    document = json.loads(runtime.api.init_errors.get(timeout=TIMEOUT_S).body)
    assert document["errorType"] == error_type
    assert message in document["errorMessage"]
    runtime.wait_for_log(f"[ERROR] {error_type}: ")
    if error_type == "Runtime.UserCodeSyntaxError":
        runtime.wait_for_log("def handler(:")


@pytest.mark.parametrize("status", [400, 410, 413])
@pytest.mark.parametrize("streams", [True, False])
def test_rejected_response_is_logged_and_next_is_served(status: int, streams: bool, run_runtime: RunRuntime) -> None:
    runtime = run_runtime("def handler(event, context):\n    return iter('ab') if event else 'ab'")
    runtime.invoke(streams, reply=reply(status, b'{"errorType":"Refused"}', "Connection: close")).result()
    assert runtime.invoke(True).result().body == b"ab"
    runtime.wait_for_log(f'{status} {{"errorType":"Refused"}}')


@pytest.mark.parametrize("kind", HANDLERS)
def test_early_reply_stops_the_producer(kind: str, run_runtime: RunRuntime) -> None:
    """Lambda answers while the response is written: the handler's `finally` runs, the next invocation is served."""
    lines = [
        "try:",
        "    for number in range(1_000_000_000):",
        "        yield 'x' * 1000",
        "finally:",
        "    print('producer stopped')",
    ]
    runtime = run_runtime(source(kind, "if event == 'next':", "    yield 'served'", "    return", *lines))
    exchange = runtime.invoke("first", reply=reply(413, b'{"errorType":"RequestEntityTooLarge"}'))
    exchange.reply_early_after = 100_000
    exchange.result()
    assert runtime.invoke("next").result().body == b"served"
    runtime.wait_for_log("producer stopped")
    runtime.wait_for_log("413")


def test_whole_body_that_cannot_be_encoded_is_an_error(run_runtime: RunRuntime) -> None:
    """Lambda gets one answer, and the next event is served."""
    runtime = run_runtime("""
import lambda_streaming.response.proxy_form as proxy_form

encode = proxy_form.proxy_json

def fail(*arguments):
    raise MemoryError

def handler(event, context):
    proxy_form.proxy_json = fail if event["path"] == "/fails" else encode
    yield "item"
""")
    answer = runtime.invoke({**REST_EVENT, "path": "/fails"}).result()
    assert answer.path.endswith("/error")
    assert json.loads(answer.body)["errorType"] == "MemoryError"
    assert json.loads(runtime.invoke(REST_EVENT).result().body)["body"] == "item"


@pytest.mark.parametrize("kind", ["streamified", "async streamified"])
def test_write_after_the_end_raises_and_sends_nothing(kind: str, run_runtime: RunRuntime) -> None:
    lines = ["yield 'all'", "response_stream.end()", "try:", "    yield 'more'", "except RuntimeError as error:"]
    runtime = run_runtime(source(kind, *lines, "    print(type(error).__name__, error)"))
    assert runtime.invoke({}).result().body == b"all"
    runtime.wait_for_log("StreamClosedError the response has ended: nothing can be written to it any more")
    assert runtime.invoke({}).result().body == b"all"


def test_thread_left_behind_cannot_write_into_next_invocation(run_runtime: RunRuntime) -> None:
    runtime = run_runtime("""
    import threading
    from lambda_streaming import StreamClosedError, streamify_response
    may_write = threading.Event()
    outcome = []

    def left_behind(response_stream):
        may_write.wait()
        try:
            response_stream.write("stray")
        except StreamClosedError as error:
            outcome.append(str(error))

    @streamify_response
    def handler(event, response_stream, context):
        if event == "first":
            handler.thread = threading.Thread(target=left_behind, args=(response_stream,))
            handler.thread.start()
            response_stream.write("first")
        else:
            response_stream.write("second ")
            may_write.set()
            handler.thread.join()
            response_stream.write(outcome[0])
    """)
    assert runtime.invoke("first").result().body == b"first"
    assert runtime.invoke("second").result().body.startswith(b"second the response has ended")


def test_rejected_next_ends_the_process_with_one_sentence(run_runtime: RunRuntime) -> None:
    runtime = run_runtime("def handler(event, context):\n    return 1")
    runtime.invoke({}, reply=reply(500, b'{"errorType":"Container"}')).result()
    assert runtime.wait_for_exit() == 1
    runtime.wait_for_log("the Runtime API answered 500 to the response")
    assert "Traceback" not in runtime.log


WAITING = {
    "async generator": """
async def handler(event, context):
    if event == "next":
        yield "served"
        return
    try:
        yield "begun"
        await asyncio.Event().wait()
    finally:
        print("producer stopped")
""",
    "await response_stream.write": """
@streamify_response
async def handler(event, response_stream, context):
    if event == "next":
        await response_stream.write("served")
        return
    try:
        await response_stream.write("begun")
        await asyncio.Event().wait()
    finally:
        print("producer stopped")
""",
}


@pytest.mark.parametrize("kind", WAITING)
def test_early_reply_cancels_an_async_handler(kind: str, run_runtime: RunRuntime) -> None:
    runtime = run_runtime("import asyncio\nfrom lambda_streaming import streamify_response\n" + WAITING[kind])
    for _ in range(2):
        exchange = runtime.invoke("first", reply=reply(413, b'{"errorType":"RequestEntityTooLarge"}'))
        exchange.reply_early_after = 1
        assert runtime.invoke("next").result().body == b"served"
    runtime.wait_for_log("producer stopped", times=2)


def test_http_response_can_be_reused(run_runtime: RunRuntime) -> None:
    """Default headers are not added to the head that the handler keeps."""
    runtime = run_runtime("""
    from lambda_streaming import HttpResponse
    HEAD = HttpResponse(201)

    def handler(event, context):
        yield HEAD
        yield b"bytes" if event.get("bytes") else "text"
    """)
    types = [
        runtime.invoke({**FUNCTION_URL_EVENT, **more}).result().prelude["headers"]["content-type"]
        for more in ({}, {"bytes": True})
    ]
    assert types == ["text/plain; charset=utf-8", "application/octet-stream"]


def test_handler_that_closes_stdout_is_served(run_runtime: RunRuntime) -> None:
    runtime = run_runtime("import sys\ndef handler(event, context):\n    sys.stdout.close()\n    yield 'x'")
    assert runtime.invoke({}).result().body == b"x"
    runtime.invoke({}).result()


LEFT_BEHIND = {
    "a task of a failed invocation": """
async def first(event, response_stream, context):
    async def write_late():
        await released.wait()
        await write(response_stream)
    global task
    task = asyncio.ensure_future(write_late())
    raise ValueError("failed")

async def second(event, response_stream, context):
    await response_stream.write("second ")
    released.set()
    await asyncio.wait([task])
    await response_stream.write(outcome[0])
""",
    "a thread of a failed invocation": """
def first(event, response_stream, context):
    def write_late():
        may_write.wait()
        asyncio.run(write(response_stream))
    global thread
    thread = threading.Thread(target=write_late)
    thread.start()
    raise ValueError("failed")

def second(event, response_stream, context):
    response_stream.write("second ")
    may_write.set()
    thread.join()
    response_stream.write(outcome[0])
""",
}


@pytest.mark.parametrize("who", LEFT_BEHIND)
def test_task_of_failed_invocation_cannot_write_into_next(who: str, run_runtime: RunRuntime) -> None:
    runtime = run_runtime(f"""
import asyncio, threading
from lambda_streaming import StreamClosedError, streamify_response
outcome = []
may_write = threading.Event()
released = asyncio.Event()

async def write(response_stream):
    try:
        await response_stream.write("stray")
    except StreamClosedError as error:
        outcome.append(str(error))

{LEFT_BEHIND[who]}

def handler(event, context):
    return streamify_response(first if event == "first" else second)(event, context)
""")
    assert runtime.invoke("first").result().path.endswith("/error")
    assert runtime.invoke("second").result().body.startswith(b"second the response has ended")
    assert runtime.api.connections == 1


@pytest.mark.parametrize("body", ["yield 'a'", "return iter('a')"])
@pytest.mark.parametrize("kind", ["def", "async def"])
def test_items_of_a_streamified_function_are_an_error(kind: str, body: str, run_runtime: RunRuntime) -> None:
    runtime = run_runtime(f"""
from lambda_streaming import streamify_response
@streamify_response
{kind} handler(event, response_stream, context):
    {body}
""")
    message = json.loads(runtime.invoke({}).result().body)["errorMessage"]
    assert "take @streamify_response away and yield from handler(event, context)" in message


def test_one_large_item_of_an_async_handler_is_sent(run_runtime: RunRuntime) -> None:
    runtime = run_runtime("""
    from lambda_streaming import streamify_response

    async def items():
        yield b"x" * 40_000_000

    @streamify_response
    async def stream(event, response_stream, context):
        await response_stream.write(b"x" * 40_000_000)

    def handler(event, context):
        return items() if event == "items" else stream(event, context)
    """)
    for event in ("items", "stream"):
        answer = runtime.invoke(event).result()
        assert len(answer.body) == 40_000_000
        assert not answer.trailers


def test_unawaited_writes_are_bounded(run_runtime: RunRuntime) -> None:
    runtime = run_runtime("""
    from lambda_streaming import streamify_response

    @streamify_response
    async def handler(event, response_stream, context):
        while True:
            response_stream.write(b"x" * 1_000_000)
    """)
    answer = runtime.invoke({}).result()
    assert trailer_document(answer.trailers)["errorType"] == "BufferError"
    assert "await response_stream.write(data)" in trailer_document(answer.trailers)["errorMessage"]


def test_cancelling_one_writing_task_leaves_the_others(run_runtime: RunRuntime, gate: Gate) -> None:
    """Nothing is read before the cancellation: a fast reader would take everything at once."""
    runtime = run_runtime("""
    import asyncio, socket
    from lambda_streaming import streamify_response

    @streamify_response
    async def handler(event, response_stream, context):
        async def write(letter):
            await response_stream.write(letter * 20_000_000)
        tasks = [asyncio.ensure_future(write(letter)) for letter in (b"a", b"b")]
        await asyncio.sleep(0)
        tasks[0].cancel()
        socket.create_connection(("127.0.0.1", event)).close()
        outcomes = await asyncio.gather(*tasks, return_exceptions=True)
        await response_stream.write(repr([type(outcome).__name__ for outcome in outcomes]))
    """)
    exchange = runtime.invoke(gate.port)
    exchange.reads_after = gate.open
    assert exchange.result().body[40_000_000:] == b"['CancelledError', 'NoneType']"


@pytest.mark.parametrize("switch", ["on", "off"])
@pytest.mark.parametrize("item", ["ServerSentEvent('x')", "'text'"])
def test_error_event_reaches_client_when_switched_on(switch: str, item: str, run_runtime: RunRuntime) -> None:
    runtime = run_runtime(
        f"""
    from lambda_streaming import ServerSentEvent
    def handler(event, context):
        yield {item}
        raise ValueError("secret")
    """,
        environment={"LAMBDA_STREAMING_ERROR_EVENT": switch},
    )
    exchange = runtime.invoke(FUNCTION_URL_EVENT)
    answer = exchange.result()
    told = f'event: error\ndata: {{"requestId": "{exchange.request_id}"}}\n\n'.encode()
    assert answer.payload.endswith(told) is (switch == "on" and "Sent" in item)
    assert b"secret" not in answer.payload
    assert answer.trailers


def test_log_has_the_cause_of_an_error(run_runtime: RunRuntime) -> None:
    runtime = run_runtime("""
    def handler(event, context):
        try:
            {}["missing"]
        except KeyError as error:
            raise ValueError("outer") from error
        yield
    """)
    document = json.loads(runtime.invoke({}).result().body)
    runtime.invoke({})
    assert document["errorMessage"] == "outer"
    runtime.wait_for_log("Caused by:")
    runtime.wait_for_log("KeyError: 'missing'")


def test_log_has_the_members_of_an_exception_group(run_runtime: RunRuntime) -> None:
    runtime = run_runtime("""
    import builtins
    Group = getattr(builtins, "ExceptionGroup", lambda message, members: members[0])  # 3.10 has none.

    def handler(event, context):
        raise Group("many", [ValueError("the member")])
    """)
    runtime.invoke({}).result()
    runtime.wait_for_log("ValueError: the member")


def test_task_left_behind_in_a_write_ends(run_runtime: RunRuntime, gate: Gate) -> None:
    """It waits for a full socket when its invocation fails. Without an end, code that awaits it later would hang."""
    runtime = run_runtime("""
    import asyncio, socket
    from lambda_streaming import streamify_response
    seen = []

    async def write_much(response_stream, began):
        try:
            began.set()
            await response_stream.write(b"A" * 30_000_000)
        except BaseException as error:
            seen.append(type(error).__name__)

    @streamify_response
    async def handler(event, response_stream, context):
        global task
        if event == "second":
            await asyncio.wait([task])
            await response_stream.write(seen[0])
            return
        began = asyncio.Event()
        task = asyncio.ensure_future(write_much(response_stream, began))
        await began.wait()
        await asyncio.sleep(0)
        socket.create_connection(("127.0.0.1", event)).close()
        raise ValueError("failed")
    """)
    exchange = runtime.invoke(gate.port)
    exchange.reads_after = gate.open
    assert exchange.result().trailers
    assert runtime.invoke("second").result().body == b"StreamClosedError"
