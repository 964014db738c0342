"""The set-up of `logging`, and lines whose destination is gone. `tests/conformance` has the form of lines."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from .conftest import RunRuntime
from .fake_runtime_api import reply

FINDERS = "[type(finder).__name__ for finder in sys.meta_path]"
ROOT_HANDLERS = "[type(handler).__name__ for handler in logging.getLogger().handlers]"


def test_handler_without_logging_does_not_import_it(run_runtime: RunRuntime) -> None:
    runtime = run_runtime("""
    import sys
    def handler(event, context):
        yield str(sorted({"logging", "traceback", "datetime", "asyncio", "decimal"} & set(sys.modules)))
    """)
    assert runtime.invoke({}).result().body == b"[]"


def test_root_logger_is_set_up_at_first_import_of_logging(run_runtime: RunRuntime) -> None:
    """The import may come from the handler's module, a library, an invocation, or an earlier finder."""
    runtime = run_runtime(f"""
    import importlib.util, sys
    assert importlib.util.find_spec("logging") is not None

    class First:
        def find_spec(self, name, path=None, target=None):
            return None
    sys.meta_path.insert(0, First())

    def handler(event, context):
        assert "logging" not in sys.modules
        from concurrent.futures import thread
        import logging
        return {ROOT_HANDLERS}
    """)
    assert json.loads(runtime.invoke({}).result().body) == ["LambdaLoggerHandler"]


def test_import_hook_is_removed_after_use(run_runtime: RunRuntime) -> None:
    runtime = run_runtime(f"""
    import sys
    def handler(event, context):
        import logging
        loader = logging.__loader__
        return [{FINDERS}, type(loader).__name__, logging.__spec__.loader is loader]
    """)
    finders, loader, is_same = json.loads(runtime.invoke({}).result().body)
    assert "StandardModules" not in finders
    assert (loader, is_same) == ("SourceFileLoader", True)


def test_logging_imported_by_site_is_set_up(run_runtime: RunRuntime, tmp_path: Path) -> None:
    (tmp_path / "site").mkdir()
    (tmp_path / "site" / "sitecustomize.py").write_text("import json, logging")
    runtime = run_runtime(
        f"import logging, sys\ndef handler(event, context):\n    return [{FINDERS}, {ROOT_HANDLERS}]",
        environment={"PYTHONPATH": str(tmp_path / "site")},
    )
    finders, handlers = json.loads(runtime.invoke({}).result().body)
    assert "StandardModules" not in finders
    assert handlers == ["LambdaLoggerHandler"]


@pytest.mark.parametrize("descriptor", ["99", "nonsense"])
def test_record_goes_to_stdout_when_the_pipe_is_closed(descriptor: str, run_runtime: RunRuntime) -> None:
    runtime = run_runtime(
        "import logging\ndef handler(event, context):\n    logging.warning('found')\n    raise ValueError('reported')",
        environment={"_LAMBDA_TELEMETRY_LOG_FD": descriptor},
    )
    assert runtime.invoke({}).result().path.endswith("/error")
    runtime.stop()
    runtime.wait_for_log("\tfound")
    runtime.wait_for_log("[ERROR] ValueError: reported")


def test_replaced_stdout_is_flushed_when_the_invocation_ends(run_runtime: RunRuntime) -> None:
    """Lambda may freeze the process then, and would show the text with a later invocation, or never."""
    runtime = run_runtime("""
    import sys
    sys.stdout = open(1, "w", buffering=65_536, closefd=False)
    def handler(event, context):
        print("held back")
        return 1
    """)
    runtime.invoke({}).result()
    runtime.wait_for_log("held back")


def test_lines_of_the_runtime_are_log_records(run_runtime: RunRuntime) -> None:
    runtime = run_runtime("def handler(event, context):\n    return 1", environment={"AWS_LAMBDA_LOG_FORMAT": "JSON"})
    exchange = runtime.invoke({}, reply=reply(413, b"too large"))
    exchange.result()
    runtime.invoke({}).result()
    runtime.wait_for_log("\n")
    record = json.loads(runtime.log)
    assert (record["level"], record["requestId"]) == ("WARNING", exchange.request_id)
    assert "413 too large" in record["message"]


def test_lines_of_the_runtime_follow_the_log_level(run_runtime: RunRuntime) -> None:
    runtime = run_runtime("def handler(event, context):\n    return 1", environment={"AWS_LAMBDA_LOG_LEVEL": "ERROR"})
    runtime.invoke({}, reply=reply(413, b"too large")).result()
    runtime.invoke({}).result()
    runtime.stop()
    assert runtime.log == ""
