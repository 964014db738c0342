"""Fixtures for all tests: this environment's tools on PATH, and wheels that are built once."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
TOOLS = Path(sys.executable).parent
DISTRIBUTIONS = (ROOT, ROOT / "runtime_asset", ROOT / "emulator")

# Child processes find the uv of this environment, on machines without uv too, and the Pythons unpacked for tests.
UNPACKED = sorted(str(folder) for folder in ROOT.glob(".peers/python3.*/bin"))
os.environ["PATH"] = os.pathsep.join((str(TOOLS), os.environ.get("PATH", os.defpath), *UNPACKED))


@pytest.fixture(scope="session")
def built_wheels(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build the wheels of the three distributions once, and return their folder."""
    folder = tmp_path_factory.mktemp("wheels")
    for distribution in DISTRIBUTIONS:
        command: list[str | Path] = [TOOLS / "uv", "build", "--quiet", "--wheel", "--no-build-isolation", "--offline"]
        subprocess.run([*command, "--out-dir", folder, distribution], check=True)
    assert len(list(folder.glob("*.whl"))) == len(DISTRIBUTIONS)
    return folder
