"""An exception at every bytecode boundary of the send path: never wrong bytes that count as success, and no hang.

A signal handler, another thread (`PyThreadState_SetAsyncExc`) and a failed allocation can raise at any of these points.
A trace function raises here, at one boundary after the other, so the test depends on no timing.
"""

from __future__ import annotations

import socket
import sys
import threading
from collections.abc import Callable, Iterator
from types import FrameType
from typing import Any

import pytest
from lambda_streaming import StreamClosedError, invocation_loop, streamify_response
from lambda_streaming.__main__ import NoMetrics, NoShutdown
from lambda_streaming.applications.handler import HandlerApplication
from lambda_streaming.invocation_loop import InvocationLoop
from lambda_streaming.process.logs import Log
from lambda_streaming.process.settings import LogSettings, Settings
from lambda_streaming.response import asyncio_driver, body_writer
from lambda_streaming.response.flusher import Flusher
from lambda_streaming.wire.connection import Connection
from lambda_streaming.wire.runtime_api import RuntimeApi

from .fake_runtime_api import FUNCTION_URL_EVENT, TIMEOUT_S, Exchange, FakeRuntimeApi

# The first leaves with the prelude, two are joined, and a large one follows.
ITEMS = [b"first|", b"joined|", b"joined too|", b"L" * body_writer.LARGE_BYTES, b"last"]
SENT_ALONE = 1
FIRST_BOUNDARY_TOO_MANY = 1_000_000


class Interrupter:
    """Raises `error` at one bytecode boundary of the runtime's own code, counted from `start`."""

    def __init__(self, boundary: int, error: type[BaseException]) -> None:
        self.passed = 0
        self.has_raised = False
        self._boundary = boundary
        self._error = error

    def start(self) -> None:
        sys.settrace(self._trace)
        frame: FrameType | None = sys._getframe()
        while frame is not None:
            frame.f_trace = self._trace(frame, "call", None)
            frame = frame.f_back

    def stop(self) -> None:
        sys.settrace(None)

    def _trace(self, frame: FrameType, event: str, argument: object) -> Any:
        if str(frame.f_globals.get("__name__")).partition(".")[0] != "lambda_streaming":
            return None
        frame.f_trace_opcodes = True
        frame.f_trace_lines = False
        if event == "opcode":
            self.passed += 1
            if self.passed == self._boundary:
                self.has_raised = True
                sys.settrace(None)
                raise self._error
        return self._trace


class Scene:
    """Two invocations of one handler: the first is interrupted, the second shows that the loop goes on."""

    def __init__(self, boundary: int, error: type[BaseException]) -> None:
        self.interrupter = Interrupter(boundary, error)
        self.missing: list[bytes] = []
        self.invocations = 0

    def write_all(self, stream: Any) -> None:
        """Write every item, and go on after an exception, as code with a timer of its own does."""
        for item in ITEMS:
            try:
                stream.write(item)
            except StreamClosedError:
                return
            except TimeoutError:
                self.missing.append(item)

    def sync_handler(self) -> Any:
        @streamify_response
        def handler(event: Any, response_stream: Any, context: Any) -> None:
            self.begin_invocation()
            self.write_all(response_stream)

        return handler

    def handler_that_lets_it_through(self) -> Any:
        @streamify_response
        def handler(event: Any, response_stream: Any, context: Any) -> None:
            self.begin_invocation()
            for item in ITEMS:
                self.missing = [item]
                response_stream.write(item)
            self.missing = []

        return handler

    def generator_handler(self) -> Any:
        def handler(event: Any, context: Any) -> Any:
            self.begin_invocation()
            yield from ITEMS

        return handler

    def async_handler(self) -> Any:
        @streamify_response
        async def handler(event: Any, response_stream: Any, context: Any) -> None:
            self.begin_invocation()
            self.write_all(response_stream)

        return handler

    def begin_invocation(self) -> None:
        self.invocations += 1
        if self.invocations == 1:
            self.interrupter.start()


class EndAfterTwo(NoShutdown):
    """Ends the loop after two invocations; nothing is interrupted while the loop waits for an event."""

    def __init__(self, scene: Scene) -> None:
        self._scene = scene
        self._times = 0

    def idle(self) -> None:
        self._scene.interrupter.stop()
        self._times += 1
        if self._times == 3:
            raise SystemExit


def run(boundary: int, make: Callable[[Scene], Any], error: type[BaseException]) -> tuple[Scene, list[Exchange]]:
    scene = Scene(boundary, error)
    api = FakeRuntimeApi()
    exchanges = [api.invoke(FUNCTION_URL_EVENT), api.invoke(FUNCTION_URL_EVENT)]
    log = Log(LogSettings.from_environment())
    application = HandlerApplication(make(scene), log)
    asyncio_driver._process_driver = None  # A process of its own, so to speak: with an event loop of its own.
    # Ends a loop that hangs: the connection breaks, and the assertions fail.
    watchdog = threading.Timer(TIMEOUT_S, api.close)
    watchdog.start()
    try:
        InvocationLoop(
            api=RuntimeApi(api.address),
            application=application,
            settings=Settings.from_environment(),
            log=log,
            shutdown=EndAfterTwo(scene),
            metrics=NoMetrics(),
        ).run()
    except SystemExit:
        pass
    finally:
        sys.settrace(None)
        watchdog.cancel()
        api.close()
    return scene, exchanges


def assert_right_or_not_successful(scene: Scene, exchange: Exchange) -> None:
    """A response that ended without an error has every item once and in order; the interrupted one may be missing."""
    answer = exchange.answer
    if answer is not None:
        exchange.wait_for_end()
    if answer is None or exchange.is_broken or not answer.is_streamed or answer.trailers:
        return
    complete = b"".join(ITEMS)
    without = b"".join(item for item in ITEMS if item not in scene.missing)
    assert answer.payload in (complete, without)


@pytest.fixture(autouse=True)
def trace_function() -> Iterator[None]:
    """Put the trace function back: a measurement of coverage has one."""
    before = sys.gettrace()
    yield
    sys.settrace(before)


@pytest.fixture(autouse=True)
def settings(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(body_writer, "SENT_ALONE", SENT_ALONE)
    # As in a process: one thread serves all responses. Each of its own would stay behind.
    flusher = Flusher()
    monkeypatch.setattr(invocation_loop, "Flusher", lambda: flusher)
    for name, value in {"_HANDLER": "index.handler", "LAMBDA_TASK_ROOT": "/var/task"}.items():
        monkeypatch.setenv(name, value)


# A coroutine of the runtime that an exception keeps from being awaited.
@pytest.mark.filterwarnings("ignore:coroutine .* was never awaited:RuntimeWarning")
@pytest.mark.parametrize(
    ("make", "error"),
    [
        pytest.param(Scene.sync_handler, TimeoutError, id="caught by a sync handler"),
        pytest.param(Scene.handler_that_lets_it_through, BrokenPipeError, id="not caught"),
        pytest.param(Scene.generator_handler, MemoryError, id="generator"),
        pytest.param(Scene.async_handler, TimeoutError, id="caught by an async handler"),
    ],
)
def test_exception_at_any_boundary_never_gives_wrong_bytes(
    make: Callable[[Scene], Any], error: type[BaseException], capfd: pytest.CaptureFixture[str]
) -> None:
    scene, exchanges = run(FIRST_BOUNDARY_TOO_MANY, make, error)
    assert exchanges[0].result().payload == b"".join(ITEMS)
    boundaries = scene.interrupter.passed
    assert boundaries > 1_000
    outcomes = set()
    for boundary in range(1, boundaries + 1):
        scene, (first, second) = run(boundary, make, error)
        capfd.readouterr()
        assert_right_or_not_successful(scene, first)
        assert second.result().payload == b"".join(ITEMS), f"the loop did not go on after boundary {boundary}"
        outcomes.add(first.is_broken)
    assert outcomes == {True, False}, "the test has seen no truncated response, or no complete one"


class WaitsForEventError(Exception):
    """Raised in place of the wait for the next event."""


def test_exception_at_any_boundary_never_requests_the_next_event_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    """Lambda refuses a second request while the first one waits, and the environment would end."""

    def wait(connection: Connection) -> None:
        raise WaitsForEventError

    monkeypatch.setattr(Connection, "read_reply", wait)
    boundary, was_interrupted = 0, True
    while was_interrupted:
        boundary += 1
        was_interrupted, requests = requests_for_the_next_event(boundary)
        assert requests == 1, f"{requests} requests after an exception at boundary {boundary}"
    assert boundary > 20


def requests_for_the_next_event(boundary: int) -> tuple[bool, int]:
    """Ask for an event, once more after an exception at `boundary`; count the requests that arrive."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        api = RuntimeApi(f"127.0.0.1:{listener.getsockname()[1]}")
        interrupter = Interrupter(boundary, TimeoutError)
        interrupter.start()
        try:
            with pytest.raises((TimeoutError, WaitsForEventError)):
                api.next_invocation()
        finally:
            interrupter.stop()
        if interrupter.has_raised:
            with pytest.raises(WaitsForEventError):
                api.next_invocation()
        api._disconnect()
        return interrupter.has_raised, received_by(listener).count(b"GET ")


def received_by(listener: socket.socket) -> bytes:
    """Return the bytes of all connections that wait; their clients have closed them."""
    listener.setblocking(False)
    received = b""
    while True:
        try:
            connection, _ = listener.accept()
        except BlockingIOError:
            return received
        with connection, connection.makefile("rb") as stream:
            connection.setblocking(True)
            received += stream.read()


class InterruptedLog(Log):
    """A log whose first line is interrupted, as by a timer that repeats."""

    def __init__(self) -> None:
        self.reported: list[str] = []
        self._interruptions: list[Exception] = [MemoryError()]

    def error(self, report: Any, remark: str = "") -> None:
        if self._interruptions:
            raise self._interruptions.pop()
        self.reported.append(report.error_type)


def test_exception_while_another_one_is_logged_does_not_end_the_loop(monkeypatch: pytest.MonkeyPatch) -> None:
    outcomes: list[BaseException] = [SystemExit(), TimeoutError()]

    def serve_next(loop: InvocationLoop) -> None:
        raise outcomes.pop()

    monkeypatch.setattr(InvocationLoop, "_serve_next", serve_next)
    log = InterruptedLog()
    loop = InvocationLoop(
        api=RuntimeApi("127.0.0.1:1"),
        application=HandlerApplication(lambda event, context: None, log),
        settings=Settings.from_environment(),
        log=log,
        shutdown=NoShutdown(),
        metrics=NoMetrics(),
    )
    with pytest.raises(SystemExit):
        loop.run()
    assert log.reported == ["MemoryError"]
