"""The life of the process: entry points, chained wrappers, snapshots, shutdown, settings."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
from pathlib import Path

import pytest

from ..gate import Gate
from .conftest import INTERPRETER, RUNTIME_ASSET, RunningRuntime, RunRuntime
from .fake_runtime_api import FUNCTION_URL_EVENT, TIMEOUT_S, FakeRuntimeApi

YIELDS = "def handler(event, context):\n    yield 'served'"

SNAPSHOT = {"AWS_LAMBDA_INITIALIZATION_TYPE": "snap-start"}
HOOKS = {
    "index.py": """
import random
from snapshot_restore_py import register_after_restore, register_before_snapshot

random.seed(1)
print("init")
for number in (1, 2):
    register_before_snapshot(print, f"before {number}")
    register_after_restore(print, f"after {number}")

def handler(event, context):
    yield str(random.random())
""",
    # As in AWS's image: lists of hooks that the runtime may empty.
    "snapshot_restore_py.py": """
before, after = [], []

def register_before_snapshot(function, *arguments, **keywords):
    before.append((function, arguments, keywords))

def register_after_restore(function, *arguments, **keywords):
    after.append((function, arguments, keywords))

def get_before_snapshot():
    return before

def get_after_restore():
    return after
""",
}


def test_snapshot_hooks_run_around_restore_on_a_new_connection(run_runtime: RunRuntime) -> None:
    runtime = run_runtime(HOOKS, environment=SNAPSHOT)
    runtime.api.restore_asked.acquire(timeout=TIMEOUT_S)
    runtime.wait_for_log("before 1")
    assert "after" not in runtime.log
    runtime.api.restored.release()
    drawn = runtime.invoke({}).result().body
    runtime.wait_for_log("after 2")
    assert runtime.log.split("\n")[:5] == ["init", "before 2", "before 1", "after 1", "after 2"]
    assert runtime.api.connections == 2
    # Without a new seed every restored copy would draw the same number.
    assert drawn != b"0.13436424411240122"


@pytest.mark.parametrize("statement", ["raise ValueError('hook')", "raise SystemExit(3)"])
def test_failure_before_the_snapshot_ends_init(statement: str, run_runtime: RunRuntime) -> None:
    source = {**HOOKS, "index.py": HOOKS["index.py"].replace('print, f"before', 'fail, f"before')}
    source["index.py"] = f"def fail(text):\n    {statement}\n{source['index.py']}"
    runtime = run_runtime(source, environment=SNAPSHOT)
    assert runtime.wait_for_exit() == 64
    error = runtime.api.init_errors.get(timeout=TIMEOUT_S)
    assert error.headers["lambda-runtime-function-error-type"] == "Runtime.BeforeSnapshotError"


def test_failure_after_the_restore_is_a_restore_error(run_runtime: RunRuntime) -> None:
    source = {**HOOKS, "index.py": HOOKS["index.py"].replace('print, f"after', 'int, f"after')}
    runtime = run_runtime(source, environment=SNAPSHOT)
    runtime.api.restored.release()
    assert runtime.wait_for_exit() == 65
    error = runtime.api.restore_errors.get(timeout=TIMEOUT_S)
    assert error.headers["lambda-runtime-function-error-type"] == "Runtime.AfterRestoreError"
    assert json.loads(error.body)["errorType"] == "ValueError"


def test_snapshot_without_hooks_needs_no_package(run_runtime: RunRuntime) -> None:
    runtime = run_runtime(YIELDS, environment=SNAPSHOT)
    runtime.api.restored.release()
    assert runtime.invoke({}).result().body == b"served"


GRACEFUL = {"LAMBDA_STREAMING_GRACEFUL_SHUTDOWN": "on"}
AT_EXIT = """
import atexit
atexit.register(print, "said goodbye")

def handler(event, context):
    yield "begun"
    if event.get("port"):
        import socket
        with socket.create_connection(("127.0.0.1", event["port"])) as gate:
            gate.recv(1)
    yield "ended"
"""


def test_sigterm_while_idle_runs_atexit_functions(run_runtime: RunRuntime) -> None:
    runtime = run_runtime(AT_EXIT, environment=GRACEFUL)
    registration = runtime.api.extensions.get(timeout=TIMEOUT_S)
    assert json.loads(registration.body) == {"events": []}
    assert "lambda-extension-name" in registration.headers
    runtime.invoke({}).result()
    runtime.wait_until_it_waits()
    runtime.process.send_signal(signal.SIGTERM)
    assert runtime.wait_for_exit() == 0
    runtime.wait_for_log("said goodbye")


def test_sigterm_during_an_invocation_waits_for_its_answer(run_runtime: RunRuntime, gate: Gate) -> None:
    runtime = run_runtime(AT_EXIT, environment=GRACEFUL)
    exchange = runtime.invoke({"port": gate.port})
    exchange.wait_for(b"begun")
    runtime.process.send_signal(signal.SIGTERM)
    gate.open()
    assert exchange.result().body == b"begunended"
    assert runtime.wait_for_exit() == 0
    runtime.wait_for_log("said goodbye")


def test_no_extension_is_registered_by_default(run_runtime: RunRuntime) -> None:
    runtime = run_runtime(YIELDS)
    runtime.invoke({}).result()
    assert runtime.api.extensions.empty()
    assert runtime.api.connections == 1


@pytest.mark.parametrize(
    ("variable", "value", "sentence"),
    [
        ("LAMBDA_STREAMING_EMPTY_BODY", "no", "LAMBDA_STREAMING_EMPTY_BODY is 'no'; allowed are newline, empty"),
        ("LAMBDA_STREAMING_GRACEFUL_SHUTDOWN", "yes", "is 'yes'; allowed are on, off"),
        ("AWS_LAMBDA_MAX_CONCURRENCY", "8", "is '8': this runtime serves one invocation at a time"),
    ],
)
def test_unusable_setting_ends_init_with_one_sentence(
    variable: str, value: str, sentence: str, run_runtime: RunRuntime
) -> None:
    runtime = run_runtime(YIELDS, environment={variable: value})
    assert runtime.wait_for_exit() == 1
    error = json.loads(runtime.api.init_errors.get(timeout=TIMEOUT_S).body)
    assert sentence in error["errorMessage"]
    runtime.wait_for_log(sentence)


def start(command: list[str | Path], api: FakeRuntimeApi, task_root: Path, **environment: str) -> RunningRuntime:
    process = subprocess.Popen(
        command,
        cwd=task_root,
        env={
            "PATH": os.environ["PATH"],
            "AWS_LAMBDA_RUNTIME_API": api.address,
            "LAMBDA_TASK_ROOT": str(task_root),
            "PYTHONDONTWRITEBYTECODE": "1",
            **environment,
        },
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    return RunningRuntime(process, api)


@pytest.fixture
def task_root(tmp_path: Path) -> Path:
    folder = tmp_path / "task"
    folder.mkdir()
    (folder / "index.py").write_text(YIELDS)
    return folder


@pytest.mark.parametrize("caller", ["OS-only runtime", "image with an entry point", "interpreter on PATH"])
def test_bootstrap_is_an_entry_point(caller: str, task_root: Path, tmp_path: Path) -> None:
    """As `/var/task/bootstrap` of an OS-only runtime, and as an image's ENTRYPOINT with the handler as its CMD."""
    api = FakeRuntimeApi()
    if caller == "OS-only runtime":
        shutil.copy(RUNTIME_ASSET / "bootstrap", task_root)
        shutil.copytree(RUNTIME_ASSET / "python", task_root / "python")
        named = {"_HANDLER": "index.handler", "LAMBDA_STREAMING_PYTHON": INTERPRETER}
        runtime = start([task_root / "bootstrap"], api, task_root, **named)
    elif caller == "image with an entry point":
        # As an installed wheel: the script is inside the package.
        shutil.copytree(RUNTIME_ASSET / "python", tmp_path / "site-packages")
        shutil.copy(RUNTIME_ASSET / "bootstrap", tmp_path / "site-packages" / "lambda_streaming")
        command: list[str | Path] = [tmp_path / "site-packages" / "lambda_streaming" / "bootstrap", "index.handler"]
        runtime = start(command, api, task_root, LAMBDA_STREAMING_PYTHON=INTERPRETER)
    else:
        (tmp_path / "bin").mkdir()
        (tmp_path / "bin" / "python3").symlink_to(INTERPRETER)
        path = f"{tmp_path / 'bin'}:/usr/bin:/bin"
        runtime = start([RUNTIME_ASSET / "bootstrap"], api, task_root, _HANDLER="index.handler", PATH=path)
    try:
        assert runtime.invoke(FUNCTION_URL_EVENT).result().payload == b"served"
    finally:
        runtime.stop()


def test_missing_interpreter_ends_with_one_sentence(task_root: Path, tmp_path: Path) -> None:
    (tmp_path / "bin").mkdir()
    runtime = start([RUNTIME_ASSET / "bootstrap"], FakeRuntimeApi(), task_root, PATH=str(tmp_path / "bin"))
    try:
        assert runtime.wait_for_exit() == 127
        runtime.wait_for_log("there is no python3 on PATH")
        runtime.wait_for_log("LAMBDA_STREAMING_PYTHON")
    finally:
        runtime.stop()


def test_other_wrappers_are_chained_in_order(run_runtime: RunRuntime, tmp_path: Path) -> None:
    wrappers = []
    for name in ("first", "second"):
        wrapper = tmp_path / name
        wrapper.write_text(f'#!/bin/sh\nexport SEEN="$SEEN {name}"\nexec "$@"\n')
        wrapper.chmod(0o755)
        wrappers.append(str(wrapper))
    runtime = run_runtime(
        "import os\ndef handler(event, context):\n    yield os.environ['SEEN']",
        environment={"LAMBDA_STREAMING_EXEC_WRAPPERS": ":".join(wrappers)},
    )
    assert runtime.invoke({}).result().body == b" first second"


@pytest.mark.parametrize(("mode", "code", "sentence"), [(None, 127, "does not exist"), (0o644, 126, "chmod +x")])
def test_broken_chained_wrapper_ends_with_one_sentence(
    mode: int | None, code: int, sentence: str, run_runtime: RunRuntime, tmp_path: Path
) -> None:
    wrapper = tmp_path / "wrapper"
    if mode is not None:
        wrapper.write_text("#!/bin/sh\n")
        wrapper.chmod(mode)
    runtime = run_runtime(YIELDS, environment={"LAMBDA_STREAMING_EXEC_WRAPPERS": str(wrapper)})
    assert runtime.wait_for_exit() == code
    runtime.wait_for_log(sentence)
    runtime.wait_for_log(str(wrapper))


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("def handler(event, context):\n    yield", False),
        ("async def handler(event, context):\n    yield", True),
        ("async def handler(event, context):\n    return 1", True),
        ("@streamify_response\nasync def handler(event, stream, context):\n    pass", True),
        ("@streamify_response\ndef handler(event, stream, context):\n    pass", False),
    ],
)
def test_event_loop_is_ready_before_the_first_invocation_of_an_async_handler(
    source: str, expected: bool, run_runtime: RunRuntime
) -> None:
    """A sync handler does not import asyncio."""
    runtime = run_runtime(
        f"""
import sys, threading
from lambda_streaming import streamify_response

{source}

# A thread looks while the process waits for its first event.
threading.Thread(target=lambda: (sys.stdin.read(), print("asyncio" in sys.modules, flush=True)), daemon=True).start()
""",
        stdin=subprocess.PIPE,
    )
    assert runtime.api.idle.wait(TIMEOUT_S)
    assert runtime.process.stdin is not None
    runtime.process.stdin.close()
    runtime.wait_for_log(str(expected))


def test_generator_handler_loads_at_most_26_modules(run_runtime: RunRuntime) -> None:
    """Each module and each package costs a cold start 0.1 to 0.3 ms. Counted in `sys.modules` at the first call."""
    runtime = run_runtime("""
    import sys

    def handler(event, context):
        yield "\\n".join(name for name in sys.modules if name.partition(".")[0] == "lambda_streaming")
    """)
    modules = runtime.invoke(FUNCTION_URL_EVENT).result().payload.decode().splitlines()
    assert "lambda_streaming.__main__" in modules
    assert len(modules) <= 26, modules
    parts_of_web_applications = ("asgi", "wsgi", "http_request", "web_application", "named_application", "lifespan")
    assert not [name for name in modules if name.rpartition(".")[2] in parts_of_web_applications]
