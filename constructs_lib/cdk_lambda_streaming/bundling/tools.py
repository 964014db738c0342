"""The programs that install: uv, pip, Docker. Each is found here, and asked for its version."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path

from .advice import advice_on
from .errors import BundlingError, without_secrets

_FOLDERS = ("UV_CACHE_DIR", "UV_CONFIG_FILE", "PIP_CACHE_DIR", "PIP_CONFIG_FILE")
# No interpreter is worth a download at synth.
OFFLINE = {"UV_PYTHON_DOWNLOADS": "never"}


def find_uv() -> str | None:
    """Return uv: that of the extra `bundling`, else one on PATH."""
    try:
        from uv import find_uv_bin
    except ImportError:
        return shutil.which("uv")
    try:
        return str(find_uv_bin())
    except FileNotFoundError:
        return shutil.which("uv")


@cache
def version_of(program: str) -> str:
    """Return major and minor version: what a bundle's name holds of it."""
    output = subprocess.run([program, "--version"], capture_output=True, text=True, check=True).stdout
    return ".".join(output.split()[1].split(".")[:2])


@cache
def pip_version() -> str | None:
    """Return the version of this interpreter's pip, or None where there is none."""
    command = [sys.executable, "-m", "pip", "--version"]
    run = subprocess.run(command, capture_output=True, text=True, check=False)
    return run.stdout.split()[1] if run.returncode == 0 else None


def run(command: Sequence[str], *, cwd: Path, what: str, environment: Mapping[str, str] | None = None) -> str:
    """Run a tool to its end; an error carries what it said, and what would help."""
    try:
        finished = subprocess.run(
            list(command),
            cwd=cwd,
            env={**os.environ, **_absolute_paths(), **(environment or {})},
            capture_output=True,
            text=True,
            check=False,
            stdin=subprocess.DEVNULL,
        )
    except OSError as error:
        raise BundlingError(f"{what} failed: {error}") from error
    if finished.returncode != 0:
        said = without_secrets((finished.stderr or finished.stdout).strip()) or _how_it_ended(finished.returncode)
        advice = advice_on(said)
        raise BundlingError("\n".join([f"{what} failed:", said, *([advice] if advice else [])]))
    return finished.stdout


def _absolute_paths() -> dict[str, str]:
    """Return the folders that variables name as seen from here, since tools run elsewhere."""
    return {name: os.path.abspath(os.environ[name]) for name in _FOLDERS if os.environ.get(name)}


def _how_it_ended(status: int) -> str:
    if status < 0:
        return f"it was ended by the signal {signal.Signals(-status).name}"
    return f"it ended with the status {status}, and said nothing"
