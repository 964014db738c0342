"""Byte code for the function's Python, with which a cold start reads and compiles no source.

It is `unchecked-hash`: zip files keep no times that could be compared, and nothing in a function changes a source. It
is made from the bundle's own sources, in the bundle, and never copied: so it cannot be older than they are.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from .errors import BundlingError
from .options import ByteCode
from .target import Target
from .tools import find_uv, run

TASK_ROOT = "/var/task"


def choose_interpreter(byte_code: ByteCode, target: Target) -> str | None:
    """Return an interpreter of the target's version, or None where there is to be no byte code."""
    if byte_code is ByteCode.OFF:
        return None
    interpreter = find_interpreter(target.python)
    if interpreter is None and byte_code is ByteCode.REQUIRED:
        raise BundlingError(
            f"bundling.byte_code is REQUIRED, and this machine has no Python {target.version}; {ways_to(target)}, or "
            "pass another byte_code"
        )
    return interpreter


def ways_to(target: Target) -> str:
    return f"install one, for example with uv python install {target.version}"


@cache
def find_interpreter(python: tuple[int, int]) -> str | None:
    """Return an interpreter of that version: this one, one on PATH, one of pyenv's, or one that uv knows of."""
    if sys.version_info[:2] == python:
        return sys.executable
    version = f"{python[0]}.{python[1]}"
    candidates = [*_on_path(f"python{version}"), *_of_pyenv(version), *_of_uv(version)]
    return next((path for path in candidates if version_and_magic(path)[0] == python), None)


def _on_path(name: str) -> Iterator[str]:
    for folder in os.get_exec_path():
        # A version manager's shims have every name, take long, and lead to one of what follows or to nothing.
        if not folder.endswith("shims") and os.access(os.path.join(folder, name), os.X_OK):
            yield os.path.join(folder, name)


def _of_pyenv(version: str) -> Iterator[str]:
    root = Path(os.environ.get("PYENV_ROOT") or os.path.expanduser("~/.pyenv"))
    yield from sorted(str(path) for path in root.glob(f"versions/{version}.*/bin/python{version}"))


def _of_uv(version: str) -> Iterator[str]:
    uv = find_uv()
    if uv is not None:
        command = [uv, "python", "find", "--no-python-downloads", "--managed-python", version]
        found = subprocess.run(command, capture_output=True, text=True, check=False)
        if found.returncode == 0:
            yield found.stdout.strip()


@cache
def version_and_magic(interpreter: str) -> tuple[tuple[int, int], str]:
    """Return an interpreter's version, and the magic number that its byte code has."""
    program = "import importlib.util, sys; print(*sys.version_info[:2], importlib.util.MAGIC_NUMBER.hex())"
    try:
        done = subprocess.run([interpreter, "-I", "-c", program], capture_output=True, text=True, check=False)
        major, minor, magic = done.stdout.split()
    except (OSError, ValueError):
        return (0, 0), ""
    return (int(major), int(minor)), magic


def compile_sources(folder: Path, interpreter: str) -> None:
    """Write byte code beside every source that compiles; templates and sources for other Pythons do not."""
    command = [interpreter, "-I", "-m", "compileall", "-qq", "-f", "--invalidation-mode", "unchecked-hash"]
    # Tracebacks have Lambda's paths, and the bytes do not depend on the folder.
    command += ["-d", TASK_ROOT, "."]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    # 1 says that some source did not compile, which is for whoever imports it.
    if done.returncode not in (0, 1):
        run(command, cwd=folder, what=f"compiling with {interpreter}")
