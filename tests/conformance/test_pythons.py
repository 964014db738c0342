"""The runtime's own tests pass under every supported Python of the machine, not only the one that runs the tests."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from ..interpreters import SUPPORTED, installed_pythons
from ..requirements import miss

ROOT = Path(__file__).parents[2]
PYTHONS = installed_pythons()


@pytest.mark.parametrize("version", [version for version in SUPPORTED if version != sys.version_info[:2]])
def test_runtime_passes_its_tests_under(version: tuple[int, int]) -> None:
    if version not in PYTHONS:
        if len(PYTHONS) >= 3:
            pytest.skip(f"there is no Python {version[0]}.{version[1]} on this machine, but {len(PYTHONS)} others")
        miss(f"there is no Python {version[0]}.{version[1]} on this machine")
    # The properties are of functions called in this process, under its own Python.
    options = ["-q", "-p", "no:cacheprovider", "--ignore", "tests/lambda_streaming/test_properties.py"]
    command = [sys.executable, "-m", "pytest", *options, "tests/lambda_streaming"]
    environment = {**os.environ, "RUNTIME_PYTHON": PYTHONS[version]}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stdout[-5000:]
