"""The code on the README's first screen works."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from lambda_emulator.emulator import EmulatorThread

from ..requirements import require_program
from .conftest import NODE

pytestmark = pytest.mark.cdk

README = (Path(__file__).parents[2] / "README.md").read_text(encoding="utf-8")
PYTHON_BLOCKS = re.findall(r"^```python\n(.*?)^```", README, re.DOTALL | re.MULTILINE)


def named_block(file: str) -> str:
    [block] = [str(block) for block in PYTHON_BLOCKS if block.startswith(f"# {file}\n")]
    return block


@pytest.fixture(scope="module")
def assembly(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Assembly of the README's first stack and handler."""
    folder = tmp_path_factory.mktemp("readme")
    (folder / "app.py").write_text(named_block("app.py"), encoding="utf-8")
    (folder / "chat").mkdir()
    (folder / "chat" / "index.py").write_text(named_block("chat/index.py"), encoding="utf-8")
    environment = {**os.environ, "JSII_NODE": str(NODE), "CDK_VALIDATION": "false", "CDK_OUTDIR": "cdk.out"}
    subprocess.run([sys.executable, "app.py"], cwd=folder, env=environment, check=True)
    return folder / "cdk.out"


def test_stack_has_at_most_a_dozen_lines() -> None:
    lines = [line for line in named_block("app.py").splitlines()[1:] if line]
    assert len(lines) <= 12


def test_first_screen_streams_to_curl(assembly: Path) -> None:
    curl = require_program("curl", because="Debian: curl")
    with EmulatorThread(assembly) as emulator:
        command = [curl, "--no-buffer", "--silent", "--show-error", "--fail", emulator.url("Chat")]
        done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
    printed = re.search(r"^\$ curl -N .*?\n(.*?)^```", README, re.DOTALL | re.MULTILINE)
    assert printed is not None
    assert done.stdout.split() == [line.split("←")[0].strip() for line in printed[1].splitlines()]


def test_handlers_of_the_readme_can_be_called(assembly: Path) -> None:
    """The handlers of the section run without Lambda."""
    (block,) = (block for block in PYTHON_BLOCKS if "def events(" in block)
    names: dict[str, object] = {}
    exec(compile(block, "README.md", "exec"), names)
    for name in ("events", "page", "rows"):
        handler = names[name]
        assert callable(handler)
        assert list(handler({}, None))
    assert callable(names["stream"])
