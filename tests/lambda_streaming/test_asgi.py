"""ASGI applications: messages, the response head, disconnects, background tasks, lifespan."""

from __future__ import annotations

import json
import signal

import pytest

from ..gate import Gate
from .conftest import RunRuntime
from .fake_runtime_api import reply
from .test_applications import STEPS
from .test_heads import HTTP_API_2_EVENT
from .web_events import run_app, url_event

# `answer` is an application that a test writes; `/next` is always served.
START = '{"type": "http.response.start", "status": 200, "headers": []}'
BODY = '{"type": "http.response.body", "body": b"body"}'


def start(status: str = "200", headers: str = "[]") -> str:
    """Return the line that sends a response's start."""
    return f'await send({{"type": "http.response.start", "status": {status}, "headers": {headers}}})'


def body(expression: str = 'b"body"', *, more: bool = False) -> str:
    return f'await send({{"type": "http.response.body", "body": {expression}, "more_body": {more}}})'


def app_of(*lines: str, before: str = "") -> str:
    answer = "\n    ".join(lines)
    return f"""{STEPS}{before}
async def app(scope, receive, send):
    assert scope["type"] == "http", scope
    if scope["path"] == "/next":
        await send({START})
        await send({BODY})
        return
    {answer}
"""


INTERNAL_SERVER_ERROR = {"statusCode": 500, "headers": {"content-type": "text/plain; charset=utf-8"}}

# Lines of an application, and the error in the log.
WRONG = {
    "body before the start": ([body()], "sent 'http.response.body' when 'http.response.start' was due"),
    "start twice": ([start()] * 2, "sent 'http.response.start' when 'http.response.body' was due"),
    "no response": (["pass"], "the application returned without a response"),
    "no body": ([start()], "returned before the end of its response"),
    "text as body": ([start(), body("'text'")], "a body of type str; ASGI allows bytes only"),
    "list as streamed body": ([start(), body("[b'a']", more=True)], "a body of type list; ASGI allows bytes only"),
    "message is text": (["await send('x')"], "the application sent 'x'; a message is a dict with a 'type'"),
    "headers as text": ([start(headers="[('x-a', 'b')]"), body()], "the header 'x-a': 'b'; ASGI allows pairs of bytes"),
    "unknown message": (["await send({'type': 'websocket.accept'})"], "sent 'websocket.accept'"),
    "status 99": ([start("99"), body()], "status_code is 99"),
    "status 600": ([start("600"), body()], "status_code is 600"),
    "status as text": ([start('"200"'), body()], "status_code is '200'"),
    "head of more than 16 KB": (
        [start(headers='[(b"x-a", b"a" * 17_000)]'), body()],
        "the response head takes 17,",
    ),
    "line break in a header": (
        [start(headers='[(b"x-a", b"a" + bytes([10]) + b"b")]'), body()],
        "control characters are not allowed",
    ),
    "an exception of the application": (["raise ValueError('mine')"], "ValueError: mine"),
}


@pytest.mark.parametrize("case", WRONG)
def test_wrong_response_becomes_status_500(case: str, run_runtime: RunRuntime) -> None:
    lines, error = WRONG[case]
    runtime = run_app(run_runtime, "asgi", app_of(*lines))
    exchange = runtime.invoke(url_event())
    answer = exchange.result()
    assert (answer.prelude, answer.payload) == (INTERNAL_SERVER_ERROR, b"Internal Server Error")
    assert not answer.trailers
    runtime.wait_for_log(error)
    runtime.wait_for_log(f"(RequestId: {exchange.request_id})")
    assert runtime.log.count("[ERROR]") == 1
    assert runtime.invoke(url_event("/next")).result().payload == b"body"


def test_message_after_the_end_is_an_error_in_the_log_only(run_runtime: RunRuntime) -> None:
    runtime = run_app(run_runtime, "asgi", app_of(start(), body(), body()))
    answer = runtime.invoke(url_event()).result()
    assert answer.payload == b"body"
    assert not answer.trailers
    runtime.wait_for_log("sent 'http.response.body' after the end of its response")
    assert runtime.log.count("[ERROR]") == 1


def test_body_of_a_wrong_type_behind_a_front_door_that_buffers(run_runtime: RunRuntime) -> None:
    runtime = run_app(run_runtime, "asgi", app_of(start(), body("'text'")))
    answer = json.loads(runtime.invoke({**HTTP_API_2_EVENT, "rawPath": "/"}).result().body)
    assert (answer["statusCode"], answer["body"]) == (500, "Internal Server Error")
    runtime.wait_for_log("a body of type str; ASGI allows bytes only")


@pytest.mark.parametrize("kind", ["bytearray", "memoryview"])
def test_body_may_be_a_buffer_that_is_used_again(kind: str, run_runtime: RunRuntime) -> None:
    source = app_of(start(), "data = bytearray(b'first')", body(f"{kind}(data)"), "data[:] = b'later'")
    assert run_app(run_runtime, "asgi", source).invoke(url_event()).result().payload == b"first"


@pytest.mark.parametrize("lines", [[start(), body(more=True), "1 / 0"], [start(), body(), "1 / 0"]])
def test_later_error_in_the_log_has_the_request_id(lines: list[str], run_runtime: RunRuntime) -> None:
    runtime = run_app(run_runtime, "asgi", app_of(*lines))
    exchange = runtime.invoke(url_event())
    exchange.result()
    runtime.wait_for_log(f"[ERROR] ZeroDivisionError: division by zero (RequestId: {exchange.request_id})")


def test_missing_end_after_the_first_byte_becomes_trailers(run_runtime: RunRuntime) -> None:
    answer = run_app(run_runtime, "asgi", app_of(start(), body(more=True))).invoke(url_event())
    assert answer.result().trailers["lambda-runtime-function-error-type"] == "Function.RuntimeError"


def test_error_of_the_invocation_on_request(run_runtime: RunRuntime) -> None:
    runtime = run_app(run_runtime, "asgi", app_of("raise ValueError('mine')"), APP_ERRORS="error")
    answer = runtime.invoke(url_event()).result()
    assert answer.path.endswith("/error")
    assert json.loads(answer.body)["errorType"] == "ValueError"
    runtime.wait_for_log("[ERROR]")
    assert runtime.log.count("[ERROR]") == 1


def test_head_is_final(run_runtime: RunRuntime) -> None:
    """No content type is added, cookies are separate, repeated headers joined, hop-by-hop headers dropped."""
    headers = (
        "[(b'X-A', b'1'), (b'x-a', b'2'), (b'set-cookie', b'a=1'), (b'Set-Cookie', b'b=2'), (b'connection', b'x')]"
    )
    source = app_of(start(headers=headers), body())
    answer = run_app(run_runtime, "asgi", source).invoke(url_event()).result()
    assert answer.prelude == {"statusCode": 200, "headers": {"x-a": "1, 2"}, "cookies": ["a=1", "b=2"]}


def test_header_that_is_not_ascii_never_fails(run_runtime: RunRuntime) -> None:
    headers = "[(b'location', '/caf\\u00e9?a=%20b'.encode()), (b'x-a', '\\u00e9\\u20ac'.encode())]"
    runtime = run_app(run_runtime, "asgi", app_of(start(headers=headers), body()))
    for _ in range(2):
        answer = runtime.invoke(url_event()).result()
        assert answer.prelude["headers"] == {"location": "/caf%C3%A9?a=%20b", "x-a": "?????"}
    runtime.wait_for_log("The response header 'x-a' has the value")
    assert runtime.log.count("[WARNING]") == 1


@pytest.mark.parametrize("status", [204, 304])
def test_status_without_a_body(status: int, run_runtime: RunRuntime) -> None:
    source = app_of(start(str(status)), body())
    answer = run_app(run_runtime, "asgi", source).invoke(url_event()).result()
    assert (answer.prelude["statusCode"], answer.payload) == (status, b"")


@pytest.mark.parametrize("headers", ["[]", "[(b'content-type', b'text/event-stream')]"])
def test_head_leaves_alone_while_the_application_waits(headers: str, run_runtime: RunRuntime, gate: Gate) -> None:
    """The first item is withheld until the client has seen the head, with a content type or without."""
    source = app_of(start(headers=headers), "await wait_async(scope['path'][1:])", body())
    exchange = run_app(run_runtime, "asgi", source).invoke(url_event(f"/{gate.port}"))
    exchange.wait_for(b"\0" * 8)
    gate.open()
    assert exchange.result().payload == b"body"


def test_head_leaves_alone_while_the_application_blocks_its_loop(run_runtime: RunRuntime, gate: Gate) -> None:
    source = app_of(start(), "wait(scope['path'][1:])", body())
    exchange = run_app(run_runtime, "asgi", source).invoke(url_event(f"/{gate.port}"))
    exchange.wait_for(b"\0" * 8)
    gate.open()
    assert exchange.result().payload == b"body"


def test_request_body_is_one_message_then_receive_waits_for_the_end(run_runtime: RunRuntime) -> None:
    """An early `http.disconnect` would end Starlette's streams (a2wsgi#58)."""
    source = app_of(
        "first = await receive()",
        "later = asyncio.ensure_future(receive())",
        start(),
        body("repr(first).encode()", more=True),
        "await asyncio.sleep(0)",
        body("repr(later.done()).encode()"),
        "print(await later, await receive())",
    )
    runtime = run_app(run_runtime, "asgi", source)
    answer = runtime.invoke(url_event(method="POST", body=b"\xff" * 3)).result()
    expected = repr({"type": "http.request", "body": b"\xff" * 3, "more_body": False})
    assert answer.payload == expected.encode() + b"False"
    runtime.wait_for_log("{'type': 'http.disconnect'} {'type': 'http.disconnect'}")


def test_application_learns_that_the_client_has_left(run_runtime: RunRuntime) -> None:
    """`receive` gives `http.disconnect`, `send` raises an OSError; the log has one line, and no error."""
    source = app_of(
        "await receive()",
        start(),
        body(more=True),
        "print(await receive())",
        "try:",
        "    " + body(more=True),
        "except OSError as error:",
        "    print('send:', type(error).__mro__[1].__name__)",
        "    raise",
    )
    runtime = run_app(run_runtime, "asgi", source)
    exchange = runtime.invoke(url_event(), reply=reply(413))
    exchange.reply_early_after = 1
    runtime.wait_for_log("{'type': 'http.disconnect'}\nsend: OSError\n")
    runtime.wait_for_log("Lambda ended the response before it was complete")
    assert "[ERROR]" not in runtime.log
    assert runtime.invoke(url_event("/next")).result().payload == b"body"


@pytest.mark.parametrize(
    "wrapped", ["raise ValueError from error", "raise ValueError", "raise Group('tasks', [ValueError(), error])"]
)
def test_error_that_wraps_the_disconnect_is_no_error(wrapped: str, run_runtime: RunRuntime) -> None:
    """Frameworks raise exceptions of their own because of it; a group has it among others."""
    source = app_of(
        "await receive()",
        start(),
        body(more=True),
        "await receive()",
        "try:",
        "    " + body(more=True),
        "except OSError as error:",
        f"    {wrapped}",
        before="""
class Group(Exception):
    def __init__(self, message, exceptions):
        self.exceptions = exceptions
""",
    )
    runtime = run_app(run_runtime, "asgi", source)
    exchange = runtime.invoke(url_event(), reply=reply(413))
    exchange.reply_early_after = 1
    assert runtime.invoke(url_event("/next")).result().payload == b"body"
    runtime.wait_for_log("Lambda ended the response before it was complete")
    assert "[ERROR]" not in runtime.log


def test_error_of_the_application_after_the_client_has_left_is_logged(run_runtime: RunRuntime) -> None:
    source = app_of(
        "await receive()", start(), body(more=True), "await receive()", "raise ValueError('in its finally')"
    )
    runtime = run_app(run_runtime, "asgi", source)
    exchange = runtime.invoke(url_event(), reply=reply(413))
    exchange.reply_early_after = 1
    runtime.wait_for_log("[ERROR] ValueError: in its finally")


def test_background_task_delays_neither_the_client_nor_is_it_lost(run_runtime: RunRuntime, gate: Gate) -> None:
    """The response has ended while the task waits; the next event is taken after the task."""
    source = app_of(start(), body(), "await wait_async(scope['path'][1:])", "print('task done')")
    runtime = run_app(run_runtime, "asgi", source)
    exchange = runtime.invoke(url_event(f"/{gate.port}"))
    following = runtime.invoke(url_event("/next"))
    assert exchange.result().payload == b"body"
    assert following.answer is None
    gate.open()
    assert following.result().payload == b"body"
    runtime.wait_for_log("task done")


def test_background_task_delays_no_client_of_a_front_door_that_buffers(run_runtime: RunRuntime, gate: Gate) -> None:
    source = app_of(start(), body(), "await wait_async(scope['path'][1:])")
    runtime = run_app(run_runtime, "asgi", source)
    exchange = runtime.invoke({**HTTP_API_2_EVENT, "rawPath": f"/{gate.port}"})
    assert json.loads(exchange.result().body)["body"] == "body"
    gate.open()
    assert runtime.invoke(url_event("/next")).result().payload == b"body"


def test_failure_of_a_background_task_is_logged(run_runtime: RunRuntime) -> None:
    runtime = run_app(run_runtime, "asgi", app_of(start(), body(), "1 / 0"))
    answer = runtime.invoke(url_event()).result()
    assert (answer.payload, answer.trailers) == (b"body", {})
    runtime.wait_for_log("[ERROR] ZeroDivisionError")
    assert runtime.invoke(url_event("/next")).result().payload == b"body"


def test_tasks_left_behind_are_not_awaited(run_runtime: RunRuntime) -> None:
    """A periodic task would keep the invocation for ever. It goes on in the next one."""
    source = app_of(
        start(),
        body(),
        "asyncio.get_running_loop().create_task(tick())",
        before="""
async def tick():
    while True:
        print("tick")
        await asyncio.sleep(0)
""",
    )
    runtime = run_app(run_runtime, "asgi", source)
    assert runtime.invoke(url_event()).result().payload == b"body"
    assert runtime.invoke(url_event("/next")).result().payload == b"body"
    runtime.wait_for_log("tick\ntick")


def test_module_is_imported_on_the_running_loop_of_its_requests(run_runtime: RunRuntime) -> None:
    source = app_of(
        start(),
        "same = loop is asyncio.get_running_loop() and task.done()",
        body("repr(same).encode()"),
        before="""
async def work(): pass
loop = asyncio.get_running_loop()
task = asyncio.create_task(work())
""",
    )
    assert run_app(run_runtime, "asgi", source).invoke(url_event()).result().payload == b"True"


def test_scope_has_event_and_context(run_runtime: RunRuntime) -> None:
    source = app_of(
        start(),
        "text = scope['aws.event']['rawPath'] + scope['aws.context'].aws_request_id",
        body("text.encode()"),
    )
    exchange = run_app(run_runtime, "asgi", source).invoke(url_event("/path"))
    assert exchange.result().payload == f"/path{exchange.request_id}".encode()


# Lifespan.

LIFESPAN = f"""
import sys

async def app(scope, receive, send):
    if scope["type"] == "lifespan":
        message = await receive()
        print(message["type"])
        startup(scope["state"])
        await send({{"type": "lifespan.startup.complete"}})
        message = await receive()
        print(message["type"])
        await send({{"type": "lifespan.shutdown.complete"}})
        print("lifespan over")
        return
    await send({START})
    await send({{"type": "http.response.body", "body": repr(scope["state"]).encode()}})
    scope["state"]["kept"] = False

def startup(state):
    state["number"] = 1
"""


def test_startup_runs_once_before_the_first_event(run_runtime: RunRuntime) -> None:
    """Each request has a copy of the state."""
    runtime = run_app(run_runtime, "asgi", LIFESPAN)
    assert runtime.api.idle.wait(20)
    runtime.wait_for_log("lifespan.startup\n")
    for _ in range(2):
        assert runtime.invoke(url_event()).result().payload == b"{'number': 1}"
    assert runtime.log.count("lifespan.startup\n") == 1


def test_shutdown_runs_on_sigterm(run_runtime: RunRuntime) -> None:
    runtime = run_app(run_runtime, "asgi", LIFESPAN, GRACEFUL_SHUTDOWN="on")
    runtime.invoke(url_event()).result()
    runtime.wait_until_it_waits()
    runtime.process.send_signal(signal.SIGTERM)
    assert runtime.wait_for_exit() == 0
    assert runtime.log.endswith("lifespan.shutdown\nlifespan over\n")


def test_shutdown_waits_for_the_running_request(run_runtime: RunRuntime, gate: Gate) -> None:
    source = f"{STEPS}\n{LIFESPAN}".replace(
        f"    await send({START})", f"    await wait_async(scope['path'][1:])\n    await send({START})"
    )
    runtime = run_app(run_runtime, "asgi", source, GRACEFUL_SHUTDOWN="on")
    exchange = runtime.invoke(url_event(f"/{gate.port}"))
    connection = gate.accept()
    runtime.process.send_signal(signal.SIGTERM)
    with connection:
        connection.sendall(b"x")
    assert exchange.result().payload == b"{'number': 1}"
    assert runtime.wait_for_exit() == 0
    assert runtime.log.endswith("lifespan.shutdown\nlifespan over\n")


def test_request_to_upgrade_is_a_plain_get(run_runtime: RunRuntime) -> None:
    """WebSockets are never offered, and the request does not hang."""
    source = app_of(start(), body("scope['type'].encode() + scope['method'].encode()"))
    headers = {"connection": "Upgrade", "upgrade": "websocket", "sec-websocket-key": "dGhlIHNhbXBsZSBub25jZQ=="}
    answer = run_app(run_runtime, "asgi", source).invoke(url_event(headers=headers)).result()
    assert (answer.prelude["statusCode"], answer.payload) == (200, b"httpGET")


@pytest.mark.parametrize("ends", ["", "while True: await asyncio.sleep(0)"])
def test_tasks_left_behind_are_cancelled_at_the_end(ends: str, run_runtime: RunRuntime) -> None:
    """Their `finally` runs, and asyncio does not report pending tasks. One that goes on is given up."""
    source = app_of(
        start(),
        body(),
        "asyncio.get_running_loop().create_task(tick())",
        before=f"""
async def tick():
    try:
        await asyncio.sleep(3600)
    finally:
        print("tick ends")
        {ends}
""",
    )
    runtime = run_app(run_runtime, "asgi", source, GRACEFUL_SHUTDOWN="on")
    runtime.invoke(url_event()).result()
    assert runtime.invoke(url_event("/next")).result().payload == b"body"
    runtime.wait_until_it_waits()
    runtime.process.send_signal(signal.SIGTERM)
    assert runtime.wait_for_exit() == 0
    assert "tick ends\n" in runtime.log
    assert ("pending" in runtime.log) == bool(ends)


def test_failed_startup_is_an_error_of_init(run_runtime: RunRuntime) -> None:
    failed = '{"type": "lifespan.startup.failed", "message": "Traceback\\n  line\\nno database"}'
    source = LIFESPAN.replace("startup(scope", f"await send({failed}); raise ValueError('again'); (scope")
    runtime = run_app(run_runtime, "asgi", source)
    error = json.loads(runtime.api.init_errors.get(timeout=20).body)
    assert error["errorType"] == "Runtime.ApplicationStartupFailed"
    assert error["errorMessage"] == "The startup of the application failed: no database"
    assert error["stackTrace"] == ["Traceback\n", "  line\n", "no database\n"]
    assert runtime.wait_for_exit() == 1
    assert "again" not in runtime.log


def failing_startup(error: str) -> str:
    return LIFESPAN.replace('    state["number"] = 1', f"    raise {error}")


def test_application_that_raises_at_the_lifespan_is_served(run_runtime: RunRuntime) -> None:
    runtime = run_app(run_runtime, "asgi", failing_startup("TypeError('no lifespan')"))
    assert runtime.invoke(url_event()).result().payload == b"{}"
    assert "[ERROR]" not in runtime.log


@pytest.mark.parametrize("error", ["TypeError('no database')", "SystemExit('no database')"])
def test_required_lifespan_that_raises_is_an_error_of_init(error: str, run_runtime: RunRuntime) -> None:
    runtime = run_app(run_runtime, "asgi", failing_startup(error), LIFESPAN="on")
    document = json.loads(runtime.api.init_errors.get(timeout=20).body)
    assert (document["errorType"], document["errorMessage"]) == (error.partition("(")[0], "no database")
    assert runtime.wait_for_exit() == 1


def test_required_lifespan_that_is_missing_is_an_error_of_init(run_runtime: RunRuntime) -> None:
    runtime = run_app(run_runtime, "asgi", "async def app(scope, receive, send):\n    return\n", LIFESPAN="on")
    document = json.loads(runtime.api.init_errors.get(timeout=20).body)
    assert "the application has no lifespan, and lifespan is 'on'" in document["errorMessage"]


def test_lifespan_that_is_off_does_not_run(run_runtime: RunRuntime) -> None:
    runtime = run_app(run_runtime, "asgi", LIFESPAN, LIFESPAN="off")
    assert runtime.invoke(url_event()).result().payload == b"{}"
    assert "lifespan" not in runtime.log


def test_startup_comes_before_the_snapshot(run_runtime: RunRuntime) -> None:
    runtime = run_runtime(
        LIFESPAN,
        handler="lambda_streaming.asgi.handler",
        environment={"LAMBDA_STREAMING_APP": "index:app", "AWS_LAMBDA_INITIALIZATION_TYPE": "snap-start"},
    )
    assert runtime.api.restore_asked.acquire(timeout=20)
    runtime.wait_for_log("lifespan.startup\n")
    runtime.api.restored.release()
    assert runtime.invoke(url_event()).result().payload == b"{'number': 1}"


# `AsgiHandler` as the handler of a module, as Mangum is used.


def test_handler_of_a_module(run_runtime: RunRuntime) -> None:
    runtime = run_runtime(LIFESPAN + "from lambda_streaming import AsgiHandler\nhandler = AsgiHandler(app)\n")
    assert runtime.invoke(url_event()).result().payload == b"{'number': 1}"


def test_handler_under_decorators(run_runtime: RunRuntime) -> None:
    """A decorator covers the whole stream; an async one awaits it."""
    runtime = run_runtime(
        LIFESPAN
        + """
from lambda_streaming import AsgiHandler
asgi = AsgiHandler(app)

def handler(event, context):
    result = asgi(event, context)
    print("after the stream")
    return result

async def async_handler(event, context):
    await asgi(event, context)
    print("after the stream")
"""
    )
    assert runtime.invoke(url_event()).result().payload == b"{'number': 1}"
    runtime.wait_for_log("after the stream\n")


def test_async_decorator(run_runtime: RunRuntime) -> None:
    runtime = run_runtime(
        LIFESPAN
        + """
from lambda_streaming import AsgiHandler
asgi = AsgiHandler(app)

async def handler(event, context):
    await asgi(event, context)
    print("after the stream")
"""
    )
    for _ in range(2):
        assert runtime.invoke(url_event()).result().payload == b"{'number': 1}"
    runtime.wait_for_log("after the stream\n", times=2)


@pytest.mark.parametrize("kind", ["Asgi", "Wsgi"])
def test_second_call_for_an_event_is_an_error(kind: str, run_runtime: RunRuntime) -> None:
    runtime = run_runtime(f"""
from lambda_streaming import {kind}Handler

async def asgi(scope, receive, send):
    await send({START})
    await send({BODY})

def wsgi(environ, start_response):
    start_response("200 OK", [])
    return [b"body"]

application = {kind}Handler({kind.lower()})

def handler(event, context):
    application(event, context)
    application(event, context)
""")
    assert runtime.invoke(url_event()).result().payload == b"body"
    runtime.wait_for_log(f"RuntimeError: {kind}Handler was called a second time for the same event")


OTHER_EVENTS = {
    "index.py": "async def app(scope, receive, send): ...\ndef wsgi(environ, start_response): ...\n",
    "jobs/queue.py": "def handle(event, context):\n    return {'messages': len(event['Records'])}\n",
}


@pytest.mark.parametrize("kind", ["asgi", "wsgi"])
def test_other_events_go_to_their_handler(kind: str, run_runtime: RunRuntime) -> None:
    app = "index:app" if kind == "asgi" else "index:wsgi"
    runtime = run_app(run_runtime, kind, OTHER_EVENTS, app, OTHER_EVENTS="jobs.queue:handle")
    assert json.loads(runtime.invoke({"Records": [1, 2]}).result().body) == {"messages": 2}


def test_other_events_may_stream(run_runtime: RunRuntime) -> None:
    source = {**OTHER_EVENTS, "jobs/queue.py": "def handle(event, context):\n    yield 'a'\n    yield 'b'\n"}
    runtime = run_app(run_runtime, "asgi", source, OTHER_EVENTS="jobs.queue:handle")
    answer = runtime.invoke({}).result()
    assert (answer.body, answer.is_streamed) == (b"ab", True)


def test_other_event_without_a_handler_is_an_error(run_runtime: RunRuntime) -> None:
    runtime = run_app(run_runtime, "asgi", OTHER_EVENTS)
    error = json.loads(runtime.invoke({"Records": []}).result().body)
    assert error["errorType"] == "Runtime.NotHttpRequest"
    assert "its keys are Records" in error["errorMessage"]
    assert "other_events" in error["errorMessage"]
    assert error["stackTrace"] == []


@pytest.mark.parametrize(
    ("argument", "error"),
    [
        ("lifespan='never'", "lifespan is 'never'; allowed are 'auto', 'on' and 'off'"),
        ("root_path='api'", "root_path is 'api'; it must be ASCII and begin"),
        ("authorization_header='Authorization'", "authorization_header is 'Authorization'; it must be another one"),
        ("other_events='app.jobs:handle'", "other_events is 'app.jobs:handle'; it must be a handler"),
    ],
)
def test_wrong_argument(argument: str, error: str, run_runtime: RunRuntime) -> None:
    runtime = run_runtime(f"from lambda_streaming import AsgiHandler\nhandler = AsgiHandler(print, {argument})")
    assert error in json.loads(runtime.api.init_errors.get(timeout=20).body)["errorMessage"]
