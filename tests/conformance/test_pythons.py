"""The runtime's tests pass under every supported Python of the machine, not only under the one that runs the tests."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from ..interpreters import SUPPORTED, require_python

pytestmark = pytest.mark.process

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("version", [version for version in SUPPORTED if version != sys.version_info[:2]])
def test_runtime_passes_its_tests_under(version: tuple[int, int]) -> None:
    interpreter = require_python(version)
    # These run in the Python of the tests, not in the runtime's.
    ignored = ["--ignore", "tests/lambda_streaming/test_interruptions.py"]
    options = ["-q", "-p", "no:cacheprovider", "-m", "not pure", *ignored]
    command = [sys.executable, "-m", "pytest", *options, "tests/lambda_streaming"]
    environment = {**os.environ, "RUNTIME_PYTHON": interpreter}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stdout[-5000:]
