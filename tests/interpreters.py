"""The supported Pythons that this machine has: on PATH, among pyenv's versions, or set up for tests in `.peers`."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

SUPPORTED = [(3, minor) for minor in (10, 11, 12, 13, 14)]


def installed_pythons() -> dict[tuple[int, int], str]:
    """Map versions to interpreters that really run (pyenv's shims may not), this test's own among them."""
    pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv"))
    peers = Path(__file__).parents[1] / ".peers"
    found = {}
    for version in SUPPORTED:
        name = f"python{version[0]}.{version[1]}"
        own = f"{sys.base_prefix}/bin/{name}" if version == sys.version_info[:2] else None
        pyenvs = pyenv.glob(f"versions/{version[0]}.{version[1]}.*/bin/{name}")
        candidates = [own, shutil.which(name), *pyenvs, peers / name / "bin" / name]
        for candidate in filter(None, candidates):
            if _runs(str(candidate), version):
                found[version] = str(candidate)
                break
    return found


def _runs(python: str, version: tuple[int, int]) -> bool:
    code = f"import sys; sys.exit(sys.version_info[:2] != {version})"
    try:
        return subprocess.run([python, "-c", code], capture_output=True, check=False).returncode == 0
    except OSError:
        return False
