"""The handler finds modules as under AWS's own runtime; its own modules never break the runtime."""

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
        "destination.py",
        "json.py",
        "selectors.py",
    )
}


@pytest.mark.parametrize("kind", ["def", "async def"])
def test_modules_of_the_user_may_have_any_name(kind: str, run_runtime: RunRuntime) -> None:
    """Names of the runtime and of the standard library, at the first byte, in an error and on the event loop."""
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


def test_path_order_is_task_root_layers_runtime_folder(run_runtime: RunRuntime, tmp_path: Path) -> None:
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


def test_users_pythonpath_replaces_layers(run_runtime: RunRuntime, tmp_path: Path) -> None:
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
    """A layer is mounted at /opt on AWS, and lies elsewhere on a developer machine."""
    moved = tmp_path / "with a space" / "opt"
    shutil.copytree(RUNTIME_ASSET, moved)
    monkeypatch.setattr("tests.lambda_streaming.conftest.RUNTIME_ASSET", moved)
    runtime = run_runtime("import lambda_streaming\ndef handler(event, context):\n    yield lambda_streaming.__file__")
    assert runtime.invoke({}).result().body.decode() == str(moved / "python/lambda_streaming/__init__.py")


def test_thread_of_the_handler_imports_while_the_runtime_imports(run_runtime: RunRuntime) -> None:
    """The runtime imports asyncio for an async handler; it is held up in the middle until the thread is done."""
    source = """
import sys, threading

is_importing, is_done = threading.Event(), threading.Event()
seen = []

def pause(event, arguments):
    # An audit hook: a finder would hold the import lock of the process.
    if event == "import" and arguments[0] == "asyncio.base_events":
        is_importing.set()
        is_done.wait(20)

def work():
    is_importing.wait(20)
    try:
        sys.path.append("/added")
        import mine
        seen.append(mine.__file__.rpartition("/")[2])
    except ImportError as error:
        seen.append(str(error))
    finally:
        is_done.set()

sys.addaudithook(pause)
threading.Thread(target=work).start()

async def handler(event, context):
    yield f"{seen} {'/added' in sys.path}"
"""
    runtime = run_runtime({"index.py": source, "mine.py": "", "heapq.py": "raise ImportError('of the user')\n"})
    assert runtime.invoke().result().body == b"['mine.py'] True"


def test_import_hooks_of_tools_see_what_the_runtime_imports(run_runtime: RunRuntime) -> None:
    """A tracer patches asyncio when it is imported."""
    runtime = run_runtime("""
import sys

seen = []

class Hook:
    def find_spec(self, name, path=None, target=None):
        seen.append(name)

sys.meta_path.insert(0, Hook())

async def handler(event, context):
    yield f"{'asyncio' in seen}"
""")
    assert runtime.invoke().result().body == b"True"
