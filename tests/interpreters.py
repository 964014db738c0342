"""The supported Pythons that this machine has: on PATH, or among pyenv's versions."""

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
    found = {}
    for version in SUPPORTED:
        name = f"python{version[0]}.{version[1]}"
        own = f"{sys.base_prefix}/bin/{name}" if version == sys.version_info[:2] else None
        candidates = [own, shutil.which(name), *pyenv.glob(f"versions/{version[0]}.{version[1]}.*/bin/{name}")]
        for candidate in filter(None, candidates):
            if _runs(str(candidate), version):
                found[version] = str(candidate)
                break
    return found


def _runs(python: str, version: tuple[int, int]) -> bool:
    code = f"import sys; sys.exit(sys.version_info[:2] != {version})"
    return subprocess.run([python, "-c", code], capture_output=True, check=False).returncode == 0
