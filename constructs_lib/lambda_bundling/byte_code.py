"""Byte code for the function's Python version. With it a cold start compiles nothing.

The byte code is `unchecked-hash`: zip files keep no modification times to compare, and nothing changes the files of a
deployed function. It is compiled in the bundle from the bundle's own files, so it is never older than they are.
"""

from __future__ import annotations

import subprocess
from pathlib import Path

from lambda_bundling.errors import BundlingError
from lambda_bundling.interpreters import find_interpreter
from lambda_bundling.options import ByteCode
from lambda_bundling.target import Target
from lambda_bundling.tools import run

TASK_ROOT = "/var/task"


def choose_interpreter(byte_code: ByteCode, target: Target) -> str | None:
    """Return an interpreter of the target's version, or None for a bundle without byte code."""
    if byte_code is ByteCode.OFF:
        return None
    interpreter = find_interpreter(target.python)
    if interpreter is None and byte_code is ByteCode.REQUIRED:
        raise BundlingError(
            f"bundling.byte_code is REQUIRED, and this machine has no Python {target.version}. "
            f"Install it, for example with `{install_command(target)}`, or pass another byte_code."
        )
    return interpreter


def install_command(target: Target) -> str:
    """Return a command that installs an interpreter of the target's version."""
    return f"uv python install {target.version}"


def compile_folder(folder: Path, interpreter: str, *, deployed_at: str = TASK_ROOT) -> None:
    """Write byte code beside every module that compiles. Templates and modules for other Pythons do not compile."""
    command = [interpreter, "-I", "-m", "compileall", "-qq", "-f", "--invalidation-mode", "unchecked-hash"]
    # Tracebacks show Lambda's paths, and the bytes do not depend on the folder.
    command += ["-d", deployed_at, "."]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    # Status 1: some module did not compile. Python reports that to the code that imports it.
    if done.returncode not in (0, 1):
        run(command, cwd=folder, action=f"compiling with {interpreter}")
