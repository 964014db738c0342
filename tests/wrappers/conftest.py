"""The runtime with a tool's layer beside ours, and one handler in all the forms that a handler may have."""

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
from tests.lambda_streaming.fake_runtime_api import FUNCTION_URL_EVENT, Exchange, Recorded

from . import tools

__all__ = ["gate", "run_runtime"]

# The version of Python is in the folder's name, as in layers that are made for one version.
SITE_PACKAGES = f"python/lib/{Path(INTERPRETER).name}/site-packages"

WAIT = """
import socket

def wait(event):
    with socket.create_connection(("127.0.0.1", event["port"])) as gate:
        gate.recv(1)
"""

# Tools look at more of an event than the runtime.
EVENT: dict[str, Any] = {
    **FUNCTION_URL_EVENT,
    "headers": {"host": FUNCTION_URL_EVENT["requestContext"]["domainName"]},
    "isBase64Encoded": False,
    "rawQueryString": "",
    "requestContext": {**FUNCTION_URL_EVENT["requestContext"], "stage": "$default", "timeEpoch": 1_750_000_000_000},
}

# Every form does the same: `note("before")`, the first piece, the gate, `note("between")`, the second, `note("after")`.
HANDLERS = {
    "generator": """
def handler(event, context):
    note("before")
    yield "first"
    wait(event)
    note("between")
    yield "second"
    note("after")
""",
    "async generator": """
async def handler(event, context):
    note("before")
    yield "first"
    await asyncio.to_thread(wait, event)
    note("between")
    yield "second"
    note("after")
""",
    "streamify_response": """
@streamify_response
def handler(event, response_stream, context):
    note("before")
    response_stream.write("first")
    wait(event)
    note("between")
    response_stream.write("second")
    note("after")
""",
    "async streamify_response": """
@streamify_response
async def handler(event, response_stream, context):
    note("before")
    await response_stream.write("first")
    await asyncio.to_thread(wait, event)
    note("between")
    await response_stream.write("second")
    note("after")
""",
    "buffered": """
def handler(event, context):
    note("before")
    wait(event)
    note("after")
    return {"statusCode": 200, "body": "firstsecond"}
""",
}
STREAMING = [name for name in HANDLERS if name != "buffered"]


def source_of(form: str, tool: str, decorators: str = "") -> str:
    """An `index.py`: the tool's own lines, which define `note(where)`, and a handler of `form` under `decorators`."""
    head = "import asyncio\nfrom lambda_streaming import streamify_response\n"
    return f"{head}{WAIT}\n{tool}\n{decorators}\n{HANDLERS[form].strip()}\n"


class Answers:
    """Invokes a runtime, and looks at each answer while it comes."""

    def __init__(self, runtime: RunningRuntime, gate: Gate) -> None:
        self.runtime = runtime
        self._gate = gate

    def event(self, **more: Any) -> dict[str, Any]:
        return {**EVENT, "port": self._gate.port, **more}

    def stream(self, event: dict[str, Any] | None = None, headers: dict[str, str] | None = None) -> Exchange:
        """One answer of two pieces, the second made after the first was seen."""
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
        """The whole log; ends the process."""
        self.runtime.process.terminate()
        self.runtime.wait_for_exit()
        return self.runtime.log

    def json_lines(self) -> list[Any]:
        """What the log has in JSON; ends the process."""
        return [json.loads(line) for line in self.log().splitlines() if line[:1] in "{[" and line[-1:] in "}]"]


def _check(answer: Recorded) -> None:
    assert answer.prelude["statusCode"] == 200
    assert answer.payload == b"firstsecond"
    assert not answer.trailers


Start = Callable[..., Answers]


@dataclass(frozen=True)
class Layer:
    """What a tool's layer adds: packages, in which folder of `/opt`, and files beside them."""

    pins: tuple[str, ...]
    inside: str
    files: tuple[str, ...] = ()


@pytest.fixture
def start(run_runtime: RunRuntime, gate: Gate, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Start:
    """Start the runtime with a layer: `start(layer, source, variable="value")`."""
    # `python3` is the managed runtime's, as wrappers expect it to be.
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
