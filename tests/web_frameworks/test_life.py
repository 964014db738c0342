"""The life of applications: lifespan, background tasks, clients that leave, and many requests in one process."""

from __future__ import annotations

import json
import signal
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.gate import Gate
from tests.lambda_streaming.conftest import RunningRuntime, RunRuntime, run_runtime
from tests.lambda_streaming.fake_runtime_api import TIMEOUT_S, reply
from tests.lambda_streaming.web_events import run_app, url_event

from .cases import Case
from .conftest import Lambda, served
from .frameworks import ASGI, BACKGROUND_TASK, FRAMEWORKS, WSGI, Framework
from .servers import APPLICATIONS, Functions, packages

__all__ = ["run_runtime"]

SOURCES = {file.name: file.read_text(encoding="utf-8") for file in APPLICATIONS.glob("*.py")}
REQUESTS = 10_000
# The first requests fill caches.
WARM_UP = 1_000

Run = Callable[..., RunningRuntime]


@pytest.fixture
def run(run_runtime: RunRuntime, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Start the runtime with a module of `applications/`. Variables are those of the process."""

    def run(interface: str, module: str, **variables: str) -> RunningRuntime:
        return run_runtime(
            SOURCES,
            handler=f"lambda_streaming.{interface.lower()}.handler",
            environment={"LAMBDA_STREAMING_APP": f"{module}:app", "PYTHONPATH": str(packages()), **variables},
        )

    return run


def body_of(runtime: RunningRuntime, path: str, **options: Any) -> bytes:
    return runtime.invoke(url_event(path, **options)).result().payload


# Lifespan


def test_lifespan_runs_once_on_the_loop_of_the_requests(run: Run) -> None:
    runtime = run(ASGI, "life_asgi", TICKS="1")
    for _ in range(3):
        loops = json.loads(body_of(runtime, "/loops"))
        assert loops["lifespan"] == loops["request"]
        assert loops["ticks"]
    assert runtime.log.count("startup") == 1


def test_startup_runs_before_the_first_event_is_requested(run: Run) -> None:
    runtime = run(ASGI, "life_asgi")
    runtime.wait_until_it_waits()
    runtime.wait_for_log("startup")


def test_failed_startup_is_an_error_of_init(run: Run) -> None:
    runtime = run(ASGI, "life_asgi", FAILS_AT_STARTUP="1")
    error = json.loads(runtime.api.init_errors.get(timeout=TIMEOUT_S).body)
    assert "no database" in error["errorMessage"]
    assert runtime.wait_for_exit() == 1


def test_sigterm_shuts_down(run: Run) -> None:
    runtime = run(ASGI, "life_asgi", LAMBDA_STREAMING_GRACEFUL_SHUTDOWN="on")
    body_of(runtime, "/json")
    runtime.wait_until_it_waits()
    runtime.process.send_signal(signal.SIGTERM)
    assert runtime.wait_for_exit() == 0
    assert runtime.log.count("shutdown") == 1


def test_sigterm_in_a_request_shuts_down_after_it(run: Run, gate: Gate) -> None:
    runtime = run(ASGI, "life_asgi", LAMBDA_STREAMING_GRACEFUL_SHUTDOWN="on")
    exchange = runtime.invoke(url_event("/text", query=f"gate={gate.port}"))
    exchange.wait_for(b"first")
    runtime.process.send_signal(signal.SIGTERM)
    gate.open()
    assert b"third" in exchange.result().payload
    assert runtime.wait_for_exit() == 0
    assert runtime.log.count("shutdown") == 1


def test_failed_shutdown_is_logged(run: Run) -> None:
    runtime = run(ASGI, "life_asgi", LAMBDA_STREAMING_GRACEFUL_SHUTDOWN="on", FAILS_AT_SHUTDOWN="1")
    runtime.wait_until_it_waits()
    runtime.process.send_signal(signal.SIGTERM)
    assert runtime.wait_for_exit() == 0
    assert "no database" in runtime.log


def test_snapshot_is_taken_after_startup(run: Run) -> None:
    runtime = run(ASGI, "life_asgi", AWS_LAMBDA_INITIALIZATION_TYPE="snap-start")
    assert runtime.api.restore_asked.acquire(timeout=TIMEOUT_S)
    runtime.wait_for_log("startup")
    assert not runtime.api.idle.is_set()
    runtime.api.restored.release()
    loops = json.loads(body_of(runtime, "/loops"))
    assert loops["lifespan"] == loops["request"]


# Background tasks


@pytest.fixture(scope="module")
def fastapi(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lambda]:
    functions = Functions(tmp_path_factory.mktemp("life"))
    functions.add("App", ASGI, "with_fastapi:app")
    with served(functions) as lambda_:
        yield lambda_


def test_second_request_during_a_background_task_gets_another_environment(fastapi: Lambda, gate: Gate) -> None:
    site = fastapi.site("App")
    assert site.send(Case("background task", f"/task?gate={gate.port}")).body == b'"accepted"'
    # The task still waits at its gate.
    assert site.send(Case("JSON", "/json")).status == 200
    assert fastapi.emulator.environment_count("App") == 2
    gate.open()


@pytest.mark.parametrize(
    "framework",
    [framework for framework in FRAMEWORKS if framework.has(BACKGROUND_TASK)],
    ids=lambda framework: framework.module,
)
def test_invocation_ends_with_its_background_task(framework: Framework, run: Run, gate: Gate) -> None:
    runtime = run(ASGI, framework.module)
    runtime.wait_until_it_waits()
    assert b"accepted" in runtime.invoke(url_event("/task", query=f"gate={gate.port}")).result().payload
    if framework.detaches_tasks:
        # The task is part of no request, and its call has returned.
        assert runtime.api.idle.wait(TIMEOUT_S)
        gate.open()
    else:
        assert not runtime.api.idle.is_set()
        gate.open()
        assert runtime.api.idle.wait(TIMEOUT_S)


# Clients that leave


@pytest.mark.parametrize("framework", FRAMEWORKS, ids=lambda framework: framework.module)
def test_request_after_a_client_that_left_is_served(framework: Framework, run: Run) -> None:
    runtime = run(framework.interface, framework.module)
    exchange = runtime.invoke(url_event("/endless"), reply=reply(413))
    exchange.reply_early_after = 1_000_000
    exchange.wait_for_end()
    assert b"answer" in body_of(runtime, "/json") or b"caf" in body_of(runtime, "/json")
    assert "Traceback" not in runtime.log


def test_event_stream_ends_when_the_client_has_left(run: Run) -> None:
    runtime = run(ASGI, "with_sse_starlette")
    exchange = runtime.invoke(url_event("/endless"), reply=reply(413))
    exchange.reply_early_after = 100_000
    exchange.wait_for_end()
    runtime.wait_for_log("the generator has ended")
    assert runtime.api.idle.wait(TIMEOUT_S)


WRAPS_ERRORS = """
async def app(scope, receive, send):
    if scope["type"] != "http":
        raise NotImplementedError
    await send({"type": "http.response.start", "status": 200, "headers": []})
    try:
        while True:
            await send({"type": "http.response.body", "body": bytes(100_000), "more_body": True})
    except OSError as error:
        if scope["path"] == "/cause":
            raise RuntimeError("the framework's own error") from error
    raise RuntimeError("the framework's own error")
"""


@pytest.mark.parametrize(("path", "is_reported"), [("/cause", False), ("/other", True)])
def test_error_that_a_framework_makes_of_the_disconnect_is_not_reported(
    path: str, is_reported: bool, run_runtime: RunRuntime
) -> None:
    runtime = run_app(run_runtime, "asgi", WRAPS_ERRORS)
    exchange = runtime.invoke(url_event(path), reply=reply(413))
    exchange.reply_early_after = 1_000_000
    exchange.wait_for_end()
    runtime.wait_until_it_waits()
    assert ("the framework's own error" in runtime.log) == is_reported


# Many requests


@pytest.mark.parametrize(("interface", "module"), [(ASGI, "life_asgi"), (WSGI, "life_wsgi")])
def test_many_requests_leave_nothing_behind(interface: str, module: str, run: Run) -> None:
    runtime = run(interface, module)

    def send(count: int) -> dict[str, int]:
        for number in range(count):
            assert b"caf" in body_of(runtime, "/json") if number % 2 else b"third" in body_of(runtime, "/text")
        resources: dict[str, int] = json.loads(body_of(runtime, "/resources"))
        return resources

    before = send(WARM_UP)
    after = send(REQUESTS)
    growth = {name: after[name] - before[name] for name in before}
    assert growth.pop("memory_kb") < 2_000
    assert growth.pop("objects") < 100
    assert growth == dict.fromkeys(growth, 0)
