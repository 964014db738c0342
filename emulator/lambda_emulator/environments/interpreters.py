"""Search for the Python of this machine that is nearest to a function's runtime.

`findpython` knows where Pythons are: on PATH and among those of pyenv, uv, asdf and rye. It only lists them here. A
program named `python3.13` may be a shim that fails, or may need the developer's environment to start. So each candidate
is run, in an environment as bare as the function's, before it is used.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from findpython.providers.base import BaseProvider

_QUESTION = (
    "import sys; print(*sys.version_info[:3], sep='.'); "
    "print(getattr(sys, '_base_executable', None) or sys.executable); print(sys.base_prefix)"
)

_ANSWER_SECONDS = 20


@dataclass(frozen=True, slots=True)
class Interpreter:
    """A Python that has been run."""

    path: Path
    version: str
    library_path: str = ""
    """The value of `LD_LIBRARY_PATH` without which it does not start, or an empty text."""

    @property
    def minor_version(self) -> str:
        return ".".join(self.version.split(".")[:2])

    def difference(self, runtime: str) -> str:
        """Return a sentence if this is not the Python of `runtime`, else an empty text."""
        if not runtime.startswith("python") or runtime == f"python{self.minor_version}":
            return ""
        return f"{runtime} is not on this machine: runs on Python {self.version} ({self.path})"


@cache
def find_interpreter(runtime: str) -> Interpreter:
    """Return the interpreter of a runtime such as `python3.13`, or else the one that runs this emulator."""
    wanted = re.fullmatch(r"python(3\.\d+)", runtime)
    for candidate in _candidates(wanted[1]) if wanted else ():
        interpreter = _verify(candidate)
        if interpreter is not None and f"python{interpreter.minor_version}" == runtime:
            return interpreter
    return _own_interpreter()


def _own_interpreter() -> Interpreter:
    version = "{}.{}.{}".format(*sys.version_info[:3])
    return _verify(Path(sys.executable)) or Interpreter(Path(sys.executable), version)


def _candidates(version: str) -> Iterator[Path]:
    """Yield the programs that may be Python `version`, those on PATH first. None has been run."""
    for provider in _providers():
        for program in _listed(provider):
            if _is_named_for(program, version):
                yield program


def _providers() -> Iterator[BaseProvider]:
    # Imported when a Python is searched: it takes 0.1 s, which OS-only functions do not need.
    from findpython.providers import ALL_PROVIDERS
    from findpython.providers.uv import UvProvider

    for provider_class in ALL_PROVIDERS.values():
        provider = None
        with suppress(RuntimeError):  # without a home directory, some do not know where to look
            provider = provider_class.create()
        if provider is not None:
            yield provider
    if sys.platform == "darwin":  # findpython looks in ~/Library, and uv installs here on every Unix
        yield UvProvider(Path(os.path.expanduser("~/.local/share/uv/python")))


def _listed(provider: BaseProvider) -> Iterable[Path]:
    """Return programs in the order of PATH, or else sorted, `python3.13` before `python3`."""
    found = [python.executable for python in provider.find_pythons()]
    return found if provider.name() == "path" else sorted(found, key=lambda each: (each.parent, -len(each.name)))


def _is_named_for(program: Path, version: str) -> bool:
    """Return True for `python3.13`, and for `python3` in a folder such as `cpython-3.13.1-linux/bin`.

    Shims of version managers have every name and are slow. They lead to a program that is listed too, or to none.
    """
    if program.name == f"python{version}":
        return program.parent.name != "shims"
    folder = program.parent.parent.name
    return program.name == "python3" and re.search(rf"(^|-){re.escape(version)}\.", folder) is not None


def _verify(candidate: Path) -> Interpreter | None:
    """Return the interpreter behind a program or a virtual environment, or None if it does not run by itself."""
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
