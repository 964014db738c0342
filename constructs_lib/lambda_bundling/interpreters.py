"""Python interpreters on this machine, by their versions."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from lambda_bundling.tools import find_uv


@cache
def find_interpreter(python: tuple[int, int]) -> str | None:
    """Return an interpreter of that version: this one, one on PATH, one of pyenv, or one of uv."""
    if sys.version_info[:2] == python:
        return sys.executable
    version = f"{python[0]}.{python[1]}"
    candidates = (path for find in (_find_on_path, _find_in_pyenv, _find_in_uv) for path in find(version))
    return next((path for path in candidates if version_and_magic(path)[0] == python), None)


def _find_on_path(version: str) -> Iterator[str]:
    for folder in os.get_exec_path():
        program = os.path.join(folder, f"python{version}")
        # Skip a version manager's shims. They are slow, and exist for versions that are not installed.
        if not folder.endswith("shims") and os.access(program, os.X_OK):
            yield program


def _find_in_pyenv(version: str) -> Iterator[str]:
    root = Path(os.environ.get("PYENV_ROOT") or os.path.expanduser("~/.pyenv"))
    yield from sorted(str(path) for path in root.glob(f"versions/{version}.*/bin/python{version}"))


def _find_in_uv(version: str) -> Iterator[str]:
    uv = find_uv()
    if uv is not None:
        command = [uv, "python", "find", "--no-python-downloads", "--managed-python", version]
        found = subprocess.run(command, capture_output=True, text=True, check=False)
        if found.returncode == 0:
            yield found.stdout.strip()


@cache
def version_and_magic(interpreter: str) -> tuple[tuple[int, int], str]:
    """Return the version of an interpreter and the magic number of its byte code."""
    program = "import importlib.util, sys; print(*sys.version_info[:2], importlib.util.MAGIC_NUMBER.hex())"
    try:
        done = subprocess.run([interpreter, "-I", "-c", program], capture_output=True, text=True, check=False)
        major, minor, magic = done.stdout.split()
    except (OSError, ValueError):
        return (0, 0), ""
    return (int(major), int(minor)), magic
