"""The handler finds modules as under AWS's own runtime, and its own ones never break ours."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from .conftest import RUNTIME_ASSET, RunRuntime
from .fake_runtime_api import FUNCTION_URL_EVENT

OWN_MODULES = {
    name: f"whose = {name!r}\n"
    for name in (
        "settings.py",
        "prelude.py",
        "queue.py",
        "types.py",
        "context.py",
        "outlet.py",
        "json.py",
        "selectors.py",
    )
}


@pytest.mark.parametrize("kind", ["def", "async def"])
def test_modules_of_the_user_may_have_any_name(kind: str, run_runtime: RunRuntime) -> None:
    """Names of ours and names of the standard library, at the first byte, in an error and on the event loop."""
    runtime = run_runtime(
        {
            "index.py": f"""
import settings, prelude, queue

{kind} handler(event, context):
    yield ",".join((settings.whose, prelude.whose, queue.whose))
    if event.get("fail"):
        raise ValueError("fails")
""",
            **OWN_MODULES,
        }
    )
    for _ in range(2):
        assert runtime.invoke(FUNCTION_URL_EVENT).result().payload == b"settings.py,prelude.py,queue.py"
        assert runtime.invoke({"fail": True, **FUNCTION_URL_EVENT}).result().trailers


def test_order_is_task_root_then_layers_then_runtime_folder(run_runtime: RunRuntime, tmp_path: Path) -> None:
    runtime = run_runtime(
        "import os, sys\ndef handler(event, context):\n    return [sys.path, os.environ['PYTHONPATH']]",
        environment={"LAMBDA_RUNTIME_DIR": "/var/runtime"},
    )
    path, python_path = json.loads(runtime.invoke({}).result().body)
    layers = RUNTIME_ASSET / "python"
    assert path[0] == str(tmp_path / "task0")
    assert path[1].startswith(str(layers / "lib" / "python3."))
    assert path[1].endswith("/site-packages")
    assert path[2:4] == [str(layers), "/var/runtime"]
    assert python_path == "/var/runtime"


def test_a_python_path_of_the_user_s_keeps_layers_out(run_runtime: RunRuntime, tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    runtime = run_runtime(
        "import sys\ndef handler(event, context):\n    return sys.path",
        environment={"PYTHONPATH": str(tmp_path / "mine")},
    )
    path = json.loads(runtime.invoke({}).result().body)
    assert path[:2] == [str(tmp_path / "task0"), str(tmp_path / "mine")]
    assert str(RUNTIME_ASSET / "python") not in path


def test_pth_files_of_the_task_root_are_read(run_runtime: RunRuntime, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "found.py").write_text("value = 'found'")
    runtime = run_runtime(
        {
            "index.py": "import found\ndef handler(event, context):\n    return found.value",
            "more.pth": str(tmp_path / "elsewhere"),
        }
    )
    assert runtime.invoke({}).result().body == b'"found"'


def test_handler_in_a_folder(run_runtime: RunRuntime) -> None:
    runtime = run_runtime(
        {"app/chat/main.py": "def handler(event, context):\n    yield 'x'"}, handler="app/chat/main.handler"
    )
    assert runtime.invoke({}).result().body == b"x"


def test_bootstrap_works_from_any_folder(
    tmp_path: Path, run_runtime: RunRuntime, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A layer is mounted at /opt on AWS and lies somewhere else at a desk."""
    moved = tmp_path / "with a space" / "opt"
    shutil.copytree(RUNTIME_ASSET, moved)
    monkeypatch.setattr("tests.lambda_streaming.conftest.RUNTIME_ASSET", moved)
    runtime = run_runtime("import lambda_streaming\ndef handler(event, context):\n    yield lambda_streaming.__file__")
    assert runtime.invoke({}).result().body.decode() == str(moved / "python/lambda_streaming/__init__.py")
