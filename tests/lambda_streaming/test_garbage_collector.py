"""The garbage collector pauses during the import of the handler; the user's settings of it stay."""

from __future__ import annotations

import pytest

from .conftest import RunRuntime
from .fake_runtime_api import FUNCTION_URL_EVENT

COLLECTOR = """
import gc, sitecustomize
{statement}
def handler(event, context):
    yield f"{{gc.isenabled()}} {{gc.get_threshold()}} {{gc.get_freeze_count() > sitecustomize.frozen}}"
"""
# Python 3.12 starts with frozen objects of its own.
SITE = "import gc\ngc.set_threshold(900, 9, 10)\nfrozen = gc.get_freeze_count()"
COLLECTOR_OF_USER = {
    "": "True {thresholds} False",
    "gc.disable()": "False {thresholds} False",
    "gc.set_threshold(5000, 7, 8)": "True (5000, 7, 8) False",
    "gc.freeze()": "True {thresholds} True",
    "gc.disable(); gc.enable()": "True {thresholds} False",
    # As libraries do around work that makes no garbage.
    "was_enabled = gc.isenabled(); gc.disable(); was_enabled and gc.enable()": "True {thresholds} False",
}


@pytest.mark.parametrize("statement", COLLECTOR_OF_USER)
def test_settings_of_the_garbage_collector_stay(statement: str, run_runtime: RunRuntime) -> None:
    # `sitecustomize` runs at the start of Python, before the runtime.
    runtime = run_runtime(
        {"index.py": COLLECTOR.format(statement=statement), "sitecustomize.py": SITE},
        environment={"PYTHONPATH": "."},
    )
    expected = COLLECTOR_OF_USER[statement].format(thresholds="(900, 9, 10)")
    assert runtime.invoke(FUNCTION_URL_EVENT).result().payload.decode() == expected


def test_nothing_is_collected_during_the_import(run_runtime: RunRuntime) -> None:
    runtime = run_runtime("""
    import gc
    before = gc.get_stats()
    objects = [[] for _ in range(100_000)]
    collections = [after["collections"] - old["collections"] for after, old in zip(gc.get_stats(), before)]
    def handler(event, context):
        yield repr(collections)
    """)
    assert runtime.invoke(FUNCTION_URL_EVENT).result().payload == b"[0, 0, 0]"
