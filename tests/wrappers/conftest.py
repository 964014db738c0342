"""Fixtures: the runtime with the layer of a tool, and one handler in every form that a handler can have."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.gate import Gate
from tests.lambda_streaming.conftest import INTERPRETER, RunningRuntime, RunRuntime, gate, run_runtime
from tests.lambda_streaming.fake_runtime_api import FUNCTION_URL_EVENT, TIMEOUT_S, Exchange, Recorded

from . import tools

__all__ = ["gate", "run_runtime"]

# As in layers for one version of Python, the folder has the version in its name.
SITE_PACKAGES = f"python/lib/{Path(INTERPRETER).name}/site-packages"

WAIT = """
import socket

def wait(event):
    with socket.create_connection(("127.0.0.1", event["port"])) as gate:
        gate.recv(1)
"""

# Tools read more fields of an event than the runtime.
EVENT: dict[str, Any] = {
    **FUNCTION_URL_EVENT,
    "headers": {"host": FUNCTION_URL_EVENT["requestContext"]["domainName"]},
    "isBase64Encoded": False,
    "rawQueryString": "",
    "requestContext": {**FUNCTION_URL_EVENT["requestContext"], "stage": "$default", "timeEpoch": 1_750_000_000_000},
}

# Each form records "before", sends a piece, waits at the gate, records "between", sends a piece and records "after".
HANDLERS = {
    "generator": """
def handler(event, context):
    record("before")
    yield "first"
    wait(event)
    record("between")
    yield "second"
    record("after")
""",
    "async generator": """
async def handler(event, context):
    record("before")
    yield "first"
    await asyncio.to_thread(wait, event)
    record("between")
    yield "second"
    record("after")
""",
    "streamify_response": """
@streamify_response
def handler(event, response_stream, context):
    record("before")
    response_stream.write("first")
    wait(event)
    record("between")
    response_stream.write("second")
    record("after")
""",
    "async streamify_response": """
@streamify_response
async def handler(event, response_stream, context):
    record("before")
    await response_stream.write("first")
    await asyncio.to_thread(wait, event)
    record("between")
    await response_stream.write("second")
    record("after")
""",
    "buffered": """
def handler(event, context):
    record("before")
    wait(event)
    record("after")
    return {"statusCode": 200, "body": "firstsecond"}
""",
}
GENERATORS = ["generator", "async generator"]
# These run inside the call of the handler.
STREAMIFIED = ["streamify_response", "async streamify_response"]
STREAMING = [*GENERATORS, *STREAMIFIED]


def source_of(form: str, tool: str, decorators: str = "") -> str:
    """Return an `index.py`: the lines of the tool, which define `record(where)`, and a decorated handler."""
    head = "import asyncio\nfrom lambda_streaming import streamify_response\n"
    return f"{head}{WAIT}\n{tool}\n{decorators}\n{HANDLERS[form].strip()}\n"


class Answers:
    """Client that invokes a runtime and reads each response while it arrives."""

    def __init__(self, runtime: RunningRuntime, gate: Gate) -> None:
        self.runtime = runtime
        self._gate = gate

    def event(self, **more: Any) -> dict[str, Any]:
        return {**EVENT, "port": self._gate.port, **more}

    def open(self) -> None:
        """Let the handler pass its gate."""
        self._gate.open()

    def stream(self, event: dict[str, Any] | None = None, headers: dict[str, str] | None = None) -> Exchange:
        """Return a response of two pieces. The second is made after the first was received."""
        exchange = self.runtime.invoke(event or self.event(), headers=headers)
        exchange.wait_for(b"first")
        assert exchange.answer is not None
        assert b"second" not in exchange.answer.body
        self._gate.open()
        _check(exchange.result())
        return exchange

    def whole(self, event: dict[str, Any] | None = None, headers: dict[str, str] | None = None) -> Exchange:
        exchange = self.runtime.invoke(event or self.event(), headers=headers)
        self._gate.open()
        _check(exchange.result())
        return exchange

    def of(self, form: str, event: dict[str, Any] | None = None) -> Exchange:
        return self.whole(event) if form == "buffered" else self.stream(event)

    def log(self) -> str:
        """End the process once the invocation is over, and return its log.

        A decorator may still write after the caller has the response.
        """
        if self.runtime.process.poll() is None:
            assert self.runtime.api.idle.wait(TIMEOUT_S)
        self.runtime.process.terminate()
        self.runtime.wait_for_exit()
        return self.runtime.log

    def json_lines(self) -> list[Any]:
        """End the process and return the JSON documents in its log."""
        return [json.loads(line) for line in self.log().splitlines() if line[:1] in "{[" and line[-1:] in "}]"]


def _check(answer: Recorded) -> None:
    assert answer.prelude["statusCode"] == 200
    assert answer.payload == b"firstsecond"
    assert not answer.trailers


Start = Callable[..., Answers]


@dataclass(frozen=True, slots=True)
class Layer:
    """Layer of a tool: packages, their folder inside `/opt`, and additional files."""

    pins: tuple[str, ...]
    inside: str
    files: tuple[str, ...] = ()


@pytest.fixture
def start(run_runtime: RunRuntime, gate: Gate, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Start:
    """Start the runtime with a layer: `start(layer, source, variable="value")`."""
    # Wrappers expect `python3` to be the interpreter of the managed runtime.
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "python3").symlink_to(INTERPRETER)

    def start(layer: Layer, source: str, *, handler: str = "index.handler", **environment: str) -> Answers:
        opt = tmp_path / "opt"
        tools.mount(opt, tools.packages_of(layer.pins), layer.inside, *(tools.LAYERS / name for name in layer.files))
        monkeypatch.setattr("tests.lambda_streaming.conftest.RUNTIME_ASSET", opt)
        path = f"{tmp_path / 'bin'}:{os.environ['PATH']}"
        variables = {name: value.replace("/opt", str(opt)) for name, value in environment.items()}
        return Answers(run_runtime(source, handler=handler, environment={"PATH": path, **variables}), gate)

    return start
