"""`make demo`, the first command of the README, works."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from .conftest import TIMEOUT_S

ROOT = Path(__file__).parents[2]
DEMO = (sys.executable, str(ROOT / "scripts" / "demo.py"))


# Packages of the examples are downloaded the first time.
SYNTHESIS_TIMEOUT_S = 240


@pytest.mark.network
def test_demo_prints_pieces_one_by_one_and_ends() -> None:
    """The CDK command line synthesizes the app in `cdk.json`."""
    command = [*DEMO, "--once", "--port", "0"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=SYNTHESIS_TIMEOUT_S)
    assert done.returncode == 0, done.stdout + done.stderr
    # The handler, FastAPI, Django, Flask and the MCP server.
    for piece in ("'Hello'", """'data: {"token": "asked: "}'""", "<th>January<td>", "'arrives'", "Light is written"):
        assert piece in done.stdout
    assert "The pieces arrived one by one." in done.stdout


@pytest.mark.network
def test_taken_port_is_one_line() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        command = [*DEMO, "--once", "--port", str(port)]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=SYNTHESIS_TIMEOUT_S)
    assert done.returncode == 1
    assert done.stderr.count("\n") == 1
    assert f"Port {port} on 127.0.0.1 is taken" in done.stderr
    assert "make demo PORT=" in done.stderr


@pytest.mark.process
@pytest.mark.parametrize(
    ("interpreter", "message"),
    [
        (
            "#!/bin/sh\ncase $2 in *version_info*sys.exit*|*sys.exit*version_info*) exit 1;; esac\necho 3.9\n",
            "is Python 3.9",
        ),
        (
            "#!/bin/sh\necho 'pyenv: python-for-this-test: command not found' >&2\nexit 127\n",
            "'python-for-this-test' is on PATH but does not run",
        ),
        (None, "'python-for-this-test' is not on PATH"),
    ],
)
def test_old_missing_or_broken_python_is_one_line(interpreter: str | None, message: str, tmp_path: Path) -> None:
    if interpreter is not None:
        program = tmp_path / "python-for-this-test"
        program.write_text(interpreter)
        program.chmod(0o755)
    environment = {**os.environ, "PATH": f"{tmp_path}:{os.environ['PATH']}"}
    done = subprocess.run(
        [ROOT / "scripts" / "set_up_python", "python-for-this-test", tmp_path / "venv"],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        timeout=TIMEOUT_S,
    )
    assert done.returncode == 1
    assert message in done.stderr
    assert done.stderr.count("\n") == 1
    assert not (tmp_path / "venv").exists()
