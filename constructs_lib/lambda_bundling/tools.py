"""Programs that install dependencies: uv, pip, Docker. This module finds and runs them."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path

from lambda_bundling.advice import advice_on
from lambda_bundling.errors import BundlingError, without_secrets

_FOLDERS = ("UV_CACHE_DIR", "UV_CONFIG_FILE", "PIP_CACHE_DIR", "PIP_CONFIG_FILE")
# A synth never downloads an interpreter.
OFFLINE = {"UV_PYTHON_DOWNLOADS": "never"}
# uv wraps its messages at this width. A line break or a colour code in a message would hide its cause from `advice_on`.
_PLAIN_OUTPUT = {"COLUMNS": "4096", "NO_COLOR": "1"}
# Any value of these variables, even 0, makes uv write colour codes. The CDK's command line sets FORCE_COLOR.
_FORCED_COLOURS = ("FORCE_COLOR", "CLICOLOR_FORCE")


def find_uv() -> str | None:
    """Return uv from the extra `bundling`, else uv from PATH."""
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
    """Return the major and minor version of a program. The bundle's name includes them."""
    output = subprocess.run([program, "--version"], capture_output=True, text=True, check=True).stdout
    return ".".join(output.split()[1].split(".")[:2])


@cache
def pip_version() -> str | None:
    """Return the version of this interpreter's pip, or None if it has no pip."""
    command = [sys.executable, "-m", "pip", "--version"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return done.stdout.split()[1] if done.returncode == 0 else None


def run(command: Sequence[str], *, cwd: Path, action: str, environment: Mapping[str, str] | None = None) -> str:
    """Run a tool to its end. An error has the tool's own output and advice on the fix."""
    try:
        finished = subprocess.run(
            list(command),
            cwd=cwd,
            env={**_environment(), **(environment or {})},
            capture_output=True,
            text=True,
            check=False,
            stdin=subprocess.DEVNULL,
        )
    except OSError as error:
        raise BundlingError(f"{action} failed: {error}") from error
    if finished.returncode != 0:
        output = without_secrets((finished.stderr or finished.stdout).strip()) or _describe_status(finished.returncode)
        advice = advice_on(output, action)
        raise BundlingError("\n".join([f"{action} failed:", output, *([advice] if advice else [])]))
    return finished.stdout


def _environment() -> dict[str, str]:
    own = {name: value for name, value in os.environ.items() if name not in _FORCED_COLOURS}
    return {**own, **_PLAIN_OUTPUT, **_absolute_paths()}


def _absolute_paths() -> dict[str, str]:
    """Return absolute paths for variables that name folders, because tools run in other folders."""
    return {name: os.path.abspath(os.environ[name]) for name in _FOLDERS if os.environ.get(name)}


def _describe_status(status: int) -> str:
    if status < 0:
        return f"the signal {signal.Signals(-status).name} ended it"
    return f"it ended with status {status} and no output"
