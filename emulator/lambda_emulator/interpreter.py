"""Find the Python on this desk that is nearest to a function's runtime.

It is looked for on PATH, among pyenv's and among uv's. A program named `python3.13` on PATH may be a shim that fails
when it is run, or need the desk's environment to start; so each candidate is run, in an environment as bare as the
function's, before it is believed.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

_QUESTION = (
    "import sys; print(*sys.version_info[:3], sep='.'); "
    "print(getattr(sys, '_base_executable', None) or sys.executable); print(sys.base_prefix)"
)

_ANSWER_SECONDS = 20


@dataclass(frozen=True, slots=True)
class Interpreter:
    """A Python that has been seen to run."""

    path: Path
    version: str
    library_path: str = ""
    """What `LD_LIBRARY_PATH` must hold for it to start, if anything."""

    @property
    def minor_version(self) -> str:
        return ".".join(self.version.split(".")[:2])

    def difference(self, runtime: str) -> str:
        """Say that this is not the Python of `runtime`; an empty text if it is."""
        if not runtime.startswith("python") or runtime == f"python{self.minor_version}":
            return ""
        return f"{runtime} is not on this machine: runs on Python {self.version} ({self.path})"


@cache
def find_interpreter(runtime: str) -> Interpreter:
    """Find the interpreter of a runtime such as `python3.13`; else the one this emulator runs on."""
    wanted = re.fullmatch(r"python(3\.\d+)", runtime)
    if wanted:
        for candidate in (*_on_path(runtime), *_of_pyenv(wanted[1]), *_of_uv(wanted[1])):
            interpreter = _verify(candidate)
            if interpreter is not None and interpreter.minor_version == wanted[1]:
                return interpreter
    return _own_interpreter()


def _own_interpreter() -> Interpreter:
    version = "{}.{}.{}".format(*sys.version_info[:3])
    return _verify(Path(sys.executable)) or Interpreter(Path(sys.executable), version)


def _on_path(name: str) -> Iterator[Path]:
    for folder in os.environ.get("PATH", "").split(os.pathsep):
        candidate = Path(folder, name)
        if candidate.is_file() and os.access(candidate, os.X_OK):
            yield candidate


def _of_pyenv(version: str) -> Iterator[Path]:
    root = Path(os.environ.get("PYENV_ROOT") or os.path.expanduser("~/.pyenv"))
    yield from sorted(root.glob(f"versions/{version}.*/bin/python{version}"))


def _of_uv(version: str) -> Iterator[Path]:
    """Yield those that `uv python install` has brought: https://docs.astral.sh/uv/reference/storage/."""
    data = os.environ.get("XDG_DATA_HOME") or os.path.expanduser("~/.local/share")
    root = Path(os.environ.get("UV_PYTHON_INSTALL_DIR") or Path(data, "uv", "python"))
    yield from sorted(root.glob(f"cpython-{version}.*/bin/python{version}"))


def _verify(candidate: Path) -> Interpreter | None:
    """Ask a program for the interpreter behind it (not a virtual environment's), and see that one run by itself."""
    answer = _ask(candidate, dict(os.environ))
    if answer is None:
        return None
    version, executable, prefix = answer
    for library_path in ("", os.path.join(prefix, "lib")):
        environment = {"LD_LIBRARY_PATH": library_path} if library_path else {}
        if _ask(Path(executable), environment) is not None:
            return Interpreter(Path(executable), version, library_path)
    return None


def _ask(program: Path, environment: dict[str, str]) -> tuple[str, str, str] | None:
    try:
        process = subprocess.run(
            [program, "-I", "-S", "-c", _QUESTION],
            env=environment,
            capture_output=True,
            text=True,
            timeout=_ANSWER_SECONDS,
            check=True,
        )
        version, executable, prefix = process.stdout.splitlines()
    except (OSError, ValueError, subprocess.SubprocessError):
        return None
    return version, executable, prefix
