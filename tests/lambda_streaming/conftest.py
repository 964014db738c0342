"""A handler's source in a folder, run by the real `bootstrap` against a fake Runtime API."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from ..gate import Gate
from .fake_runtime_api import TIMEOUT_S, FakeRuntimeApi

# Not the virtual environment's interpreter: AWS does not have the packages installed there.
# RUNTIME_PYTHON names another: tests/conformance runs this folder under each Python of the machine.
INTERPRETER = os.environ.get(
    "RUNTIME_PYTHON", f"{sys.base_prefix}/bin/python{sys.version_info[0]}.{sys.version_info[1]}"
)
RUNTIME_ASSET = Path(__file__).parents[2] / "runtime_asset"

# Tests of one module's functions; all others start the runtime as a process.
PURE = (
    "test_flusher.py",
    "test_http1.py",
    "test_http_request.py",
    "test_items.py",
    "test_properties.py",
    "test_response_stream.py",
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    here = Path(__file__).parent
    for item in items:
        if item.path.parent == here:
            item.add_marker(pytest.mark.pure if item.path.name in PURE else pytest.mark.process)


class RunningRuntime:
    """The runtime as a process; `log` has its stdout and stderr so far."""

    def __init__(self, process: subprocess.Popen[str], api: FakeRuntimeApi) -> None:
        self.process = process
        self.api = api
        self.invoke = api.invoke
        self._lines: list[str] = []
        self._changed = threading.Condition()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    @property
    def log(self) -> str:
        return "".join(self._lines)

    def wait_for_log(self, text: str, times: int = 1) -> None:
        """Return once `text` is in the log: a line written before a response may be read after it."""
        with self._changed:
            seen = self._changed.wait_for(lambda: self.log.count(text) >= times, TIMEOUT_S)
        assert seen, f"no {text!r} in {self.log!r}"

    def wait_until_it_waits(self) -> None:
        """Return when the runtime waits for an event, so that a signal interrupts it.

        The request has arrived then, and the process sleeps. Python handles a signal that comes between both only after
        the reply, because it cannot interrupt a system call that has not begun.
        """
        assert self.api.idle.wait(TIMEOUT_S)
        status = Path(f"/proc/{self.process.pid}/stat")
        while status.exists() and status.read_text().rpartition(")")[2].split()[0] == "R":
            with suppress(subprocess.TimeoutExpired):
                self.process.wait(0.001)

    def wait_for_exit(self) -> int:
        code = self.process.wait(TIMEOUT_S)
        self._reader.join(TIMEOUT_S)
        return code

    def stop(self) -> None:
        self.process.kill()
        self.process.wait(TIMEOUT_S)
        self._reader.join(TIMEOUT_S)
        self.api.close()

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            with self._changed:
                self._lines.append(line)
                self._changed.notify_all()
        # Tests that wait for an answer fail at once instead of at their timeout.
        self.api.note_runtime_ended()


RunRuntime = Callable[..., RunningRuntime]


@pytest.fixture
def run_runtime(tmp_path: Path) -> Iterator[RunRuntime]:
    """Start the runtime on a handler's source: `run_runtime('''def handler(event, context): ...''')`."""
    running: list[RunningRuntime] = []

    def run(
        source: str | dict[str, str],
        *,
        handler: str = "index.handler",
        environment: dict[str, str] | None = None,
        interpreter: str = INTERPRETER,
        stdin: int = subprocess.DEVNULL,
        pass_fds: tuple[int, ...] = (),
    ) -> RunningRuntime:
        task_root = tmp_path / f"task{len(running)}"
        for name, text in ({"index.py": source} if isinstance(source, str) else source).items():
            file = task_root / name
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(textwrap.dedent(text), encoding="utf-8")
        task_root.mkdir(exist_ok=True)
        api = FakeRuntimeApi()
        process = subprocess.Popen(
            [RUNTIME_ASSET / "bootstrap", interpreter, "/var/runtime/bootstrap.py"],
            cwd=task_root,
            env={
                "PATH": os.environ["PATH"],
                "AWS_LAMBDA_RUNTIME_API": api.address,
                "_HANDLER": handler,
                "LAMBDA_TASK_ROOT": str(task_root),
                "AWS_LAMBDA_FUNCTION_NAME": "test",
                "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "1024",
                "PYTHONDONTWRITEBYTECODE": "1",
                **(environment or {}),
            },
            stdin=stdin,
            pass_fds=pass_fds,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            encoding="utf-8",
        )
        running.append(RunningRuntime(process, api))
        return running[-1]

    yield run
    for runtime in running:
        runtime.stop()


@pytest.fixture
def gate() -> Iterator[Gate]:
    gate = Gate()
    yield gate
    gate.close()
