"""Run one handler and its events under AWS's runtime and under ours, and record all that Lambda can see."""

from __future__ import annotations

import json
import os
import re
import subprocess
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib import metadata
from pathlib import Path
from typing import IO, Any

from tests.lambda_streaming.conftest import INTERPRETER, RUNTIME_ASSET
from tests.lambda_streaming.fake_runtime_api import ACCEPTED, TIMEOUT_S, Exchange, FakeRuntimeApi, Recorded

AWS_START = Path(__file__).parent / "aws_start.py"
# awslambdaric and its dependencies: no other package of the virtual environment is visible.
CLIENT_DISTRIBUTIONS = ("awslambdaric", "simplejson", "snapshot-restore-py")

# In the far future, and the same for both runtimes.
DEADLINE_MS = 4_102_444_800_000

TIMESTAMP = re.compile(rb"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{3})?Z")
ADDRESS = re.compile(rb"0x[0-9a-f]{6,}")


@dataclass(frozen=True, slots=True)
class Event:
    """An event for `/next`: JSON of `value`, or `body` as it is, with additional headers.

    `reply` is the reply to its response.
    """

    value: Any = None
    body: bytes | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    reply: bytes = ACCEPTED

    def encoded(self) -> bytes:
        return json.dumps(self.value).encode() if self.body is None else self.body


@dataclass(frozen=True, slots=True)
class Case:
    """Files of a handler, and its events, each with a label."""

    files: Mapping[str, str]
    events: Mapping[str, Event] = field(default_factory=lambda: {"event": Event({})})
    handler: str = "index.handler"
    environment: Mapping[str, str] = field(default_factory=dict)
    has_telemetry: bool = False


Observation = dict[str, Any]
"""Recorded values by the name of a part: `body of LABEL`, `stdout`, `exit code`. Times and addresses are masked."""


def observe_aws(case: Case, folder: Path) -> Observation:
    command = [INTERPRETER, str(AWS_START), str(_client_folder(folder))]
    return _observe(command, case, folder)


def observe_ours(case: Case, folder: Path) -> Observation:
    return _observe([str(RUNTIME_ASSET / "bootstrap"), INTERPRETER, "/var/runtime/bootstrap.py"], case, folder)


def _observe(command: list[str], case: Case, folder: Path) -> Observation:
    task_root = folder / "task"
    for name, text in case.files.items():
        file = task_root / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
    api = FakeRuntimeApi()
    telemetry, telemetry_end = os.pipe()
    process = subprocess.Popen(
        command,
        cwd=task_root,
        env={
            "PATH": os.environ["PATH"],
            "LANG": "C.UTF-8",
            "TZ": ":UTC",
            "AWS_LAMBDA_RUNTIME_API": api.address,
            "_HANDLER": case.handler,
            "LAMBDA_TASK_ROOT": str(task_root),
            "AWS_LAMBDA_FUNCTION_NAME": "test",
            "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
            "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "1024",
            "AWS_LAMBDA_LOG_GROUP_NAME": "/aws/lambda/test",
            "AWS_LAMBDA_LOG_STREAM_NAME": "2026/01/01/[$LATEST]0",
            "PYTHONDONTWRITEBYTECODE": "1",
            "PYTHONHASHSEED": "0",
            **({"_LAMBDA_TELEMETRY_LOG_FD": str(telemetry_end)} if case.has_telemetry else {}),
            **case.environment,
        },
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        pass_fds=(telemetry_end,),
    )
    os.close(telemetry_end)
    assert process.stdout is not None
    assert process.stderr is not None
    outputs = {"stdout": _Collected(process.stdout), "stderr": _Collected(process.stderr)}
    frames = _Collected(os.fdopen(telemetry, "rb"))
    seen: Observation = {}
    try:
        for label, event in case.events.items():
            exchange = api.invoke(event.encoded(), headers={**_ALWAYS, **event.headers}, reply=event.reply)
            if not _answered(exchange, process):
                break
            seen |= _answer(label, exchange)
        seen["exit code"] = _exit_code(process, api)
    finally:
        process.kill()
        process.wait()
        api.close()
    seen |= {name: _masked(collected.all()) for name, collected in outputs.items()}
    seen["frames"] = list(_frames(frames.all()))
    if not api.init_errors.empty():
        seen |= _init_error(api.init_errors.get())
    return seen


_ALWAYS = {"Lambda-Runtime-Deadline-Ms": str(DEADLINE_MS)}


def _answered(exchange: Exchange, process: subprocess.Popen[bytes]) -> bool:
    """Wait for the response. Return False if the process ends without one."""
    ended = threading.Event()

    def watch() -> None:
        process.wait()
        ended.set()
        exchange.note()

    threading.Thread(target=watch, daemon=True).start()
    with exchange._changed:
        exchange._changed.wait_for(lambda: exchange.is_complete or exchange.is_broken or ended.is_set(), TIMEOUT_S)
    return exchange.is_complete


def _exit_code(process: subprocess.Popen[bytes], api: FakeRuntimeApi) -> int | None:
    """Return the exit code, or None if the process waits for the next event."""
    for _ in range(int(TIMEOUT_S / 0.01)):
        try:
            return process.wait(0.01)
        except subprocess.TimeoutExpired:
            if api.idle.is_set():
                return None
    raise AssertionError("the process neither ended nor asked for the next event")


def _answer(label: str, exchange: Exchange) -> Observation:
    recorded = exchange.result()
    cause = recorded.headers.get("lambda-runtime-function-xray-error-cause")
    return {
        f"path of {label}": recorded.path,
        f"body of {label}": _masked(recorded.body),
        f"content type of {label}": recorded.headers.get("content-type"),
        f"error type of {label}": recorded.headers.get("lambda-runtime-function-error-type"),
        f"X-Ray cause of {label}": None if cause is None else _with_sorted_paths(cause),
        f"invocation id of {label}": recorded.headers.get("lambda-runtime-invocation-id"),
    }


def _init_error(recorded: Recorded) -> Observation:
    return {
        "init error": _masked(recorded.body),
        "init error type": recorded.headers.get("lambda-runtime-function-error-type"),
    }


def _with_sorted_paths(cause: str) -> str:
    """Sort the paths of a cause. awslambdaric collects them in a set, which has no order."""
    document = json.loads(cause)
    document["paths"].sort()
    return json.dumps(document, ensure_ascii=cause.isascii())


def _masked(data: bytes) -> bytes:
    return ADDRESS.sub(b"ADDRESS", TIMESTAMP.sub(b"TIME", data))


def _frames(data: bytes) -> list[tuple[str, bytes]]:
    """Return type and message of each frame. A frame is type, length, time, message (protocol.md 1.8)."""
    frames = []
    while data:
        length = int.from_bytes(data[4:8], "big")
        assert int.from_bytes(data[8:16], "big") > 1_700_000_000_000_000
        frames.append((data[:4].hex(), _masked(data[16 : 16 + length])))
        data = data[16 + length :]
    return frames


class _Collected:
    """Collector that reads a pipe to its end while the process runs."""

    def __init__(self, pipe: IO[bytes]) -> None:
        self._pipe = pipe
        self._data = b""
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    def _read(self) -> None:
        self._data = self._pipe.read()
        self._pipe.close()

    def all(self) -> bytes:
        self._thread.join(TIMEOUT_S)
        return self._data


def _client_folder(folder: Path) -> Path:
    client = folder / "client"
    if not client.exists():
        client.mkdir()
        for name in CLIENT_DISTRIBUTIONS:
            distribution = metadata.distribution(name)
            for top in {file.parts[0] for file in distribution.files or () if not file.parts[0].startswith("..")}:
                (client / top).symlink_to(str(distribution.locate_file(top)))
    return client
