"""The supported Pythons of this machine: on PATH, among pyenv's versions, or unpacked for tests in `.peers`."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest

from .requirements import miss

SUPPORTED = [(3, minor) for minor in (10, 11, 12, 13, 14)]
# `scripts/set_up_debian_python` can unpack these on any Debian, and `.ci/run` does. It has no others.
OBTAINABLE = ((3, 13), (3, 14))


@cache
def installed_pythons() -> dict[tuple[int, int], str]:
    """Map versions to interpreters that run with an empty environment, this test's own among them.

    A pyenv shim is a script: it looks for an interpreter in the folders of PATH. The file it finds is listed.
    """
    pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv"))
    peers = Path(__file__).parents[1] / ".peers"
    found = {}
    for version in SUPPORTED:
        name = f"python{version[0]}.{version[1]}"
        own = f"{sys.base_prefix}/bin/{name}" if version == sys.version_info[:2] else None
        pyenvs = pyenv.glob(f"versions/{version[0]}.{version[1]}.*/bin/{name}")
        candidates = [own, shutil.which(name), *pyenvs, peers / name / "bin" / name]
        for candidate in filter(None, candidates):
            interpreter = _interpreter(str(candidate), version)
            if interpreter is not None:
                found[version] = interpreter
                break
    return found


def require_python(version: tuple[int, int]) -> str:
    """Return the interpreter of a version; without one skip the test, or fail it if `.ci/run` could unpack one."""
    path = installed_pythons().get(version)
    if path is not None:
        return path
    reason = f"this machine has no Python {version[0]}.{version[1]}"
    if version in OBTAINABLE:
        return miss(f"{reason} (scripts/set_up_debian_python)")
    pytest.skip(f"{reason}, and Debian has none")


def require_other_python(oldest: tuple[int, int] = SUPPORTED[0]) -> str:
    """Return an interpreter of another version than this one's, `oldest` or newer; without one skip or fail."""
    for version, path in sorted(installed_pythons().items()):
        if version >= oldest and version != sys.version_info[:2]:
            return path
    return miss(f"this machine has no second Python of {oldest[0]}.{oldest[1]} or newer")


def _interpreter(python: str, version: tuple[int, int]) -> str | None:
    """Return the executable file behind a name, or None if it does not run or is of another version."""
    code = f"import sys; assert sys.version_info[:2] == {version}; print(sys.executable)"
    try:
        done = subprocess.run([python, "-c", code], capture_output=True, text=True, check=False)
    except OSError:
        return None
    return done.stdout.strip() if done.returncode == 0 else None
