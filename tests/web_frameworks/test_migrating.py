"""`docs/migrating.md`: the handlers on the page serve requests, and are short."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.lambda_streaming.conftest import RunRuntime, run_runtime
from tests.lambda_streaming.web_events import url_event

from .servers import packages

__all__ = ["run_runtime"]

PAGE = (Path(__file__).parents[2] / "docs" / "migrating.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```python\n(# (?:before|after): .*?)^```", PAGE, re.MULTILINE | re.DOTALL)
# File and source of each handler that takes the place of another one.
AFTER = re.findall(r"^```python\n# after: (\w+\.py)\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)

WSGI = """
def application(environ, start_response):
    start_response("200 OK", [("content-type", "text/plain")])
    return [environ["aws.event"]["rawPath"].encode(), environ["aws.context"].function_name.encode()]

app = application
"""
APPLICATIONS = {"shop/wsgi.py": WSGI, "app.py": WSGI}
ROUTE = """
from fastapi import Request
from fastapi.responses import PlainTextResponse

@app.get("/{path:path}")
def route(path: str, request: Request):
    scope = request.scope
    return PlainTextResponse(scope["aws.event"]["rawPath"] + scope["aws.context"].function_name)
"""


@pytest.mark.parametrize(("file", "source"), AFTER, ids=[source.split()[1] for _, source in AFTER])
def test_handler_after_the_move_serves(file: str, source: str, run_runtime: RunRuntime) -> None:
    route = ROUTE if "FastAPI" in source else ""
    runtime = run_runtime(
        {**APPLICATIONS, file: source + route},
        handler=f"{file.removesuffix('.py')}.handler",
        environment={"PYTHONPATH": str(packages())},
    )
    assert runtime.invoke(url_event("/api/items")).result().payload == b"/api/itemstest"


def test_there_are_pairs() -> None:
    assert [block.split(":")[0] for block in BLOCKS] == ["# before", "# after"] * 4
    assert len(AFTER) == 3  # The last pair is the constructs of a stack.


@pytest.mark.parametrize("block", BLOCKS, ids=range(len(BLOCKS)))
def test_block_has_at_most_ten_lines(block: str) -> None:
    assert len(block.splitlines()) <= 10
