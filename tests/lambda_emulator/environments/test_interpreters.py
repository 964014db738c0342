"""An interpreter is used only after it has run.

Every test has its own PATH and home directory, so the Pythons of the machine play no part.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from lambda_emulator.environments.interpreters import find_interpreter

pytestmark = pytest.mark.process

OWN = "{}.{}".format(*sys.version_info[:2])

VARIABLES = ("PYENV_ROOT", "UV_PYTHON_INSTALL_DIR", "ASDF_DATA_DIR", "RYE_PY_ROOT", "XDG_DATA_HOME")


@pytest.fixture(autouse=True)
def _bare_machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("PATH", "")
    monkeypatch.setenv("HOME", str(tmp_path))
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)
    find_interpreter.cache_clear()
    yield
    find_interpreter.cache_clear()


def add_python(folder: Path, name: str = f"python{OWN}") -> Path:
    """Add a program that runs this Python; return the file that exists once the program was run."""
    log = folder / "runs"
    add_program(folder, name, f'#!/bin/sh\necho >> "{log}"\nexec "{sys.executable}" "$@"\n')
    return log


def add_program(folder: Path, name: str, script: str) -> None:
    folder.mkdir(exist_ok=True, parents=True)
    (folder / name).write_text(script)
    (folder / name).chmod(0o755)


def test_a_program_that_fails_is_skipped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    add_program(tmp_path / "broken", f"python{OWN}", "#!/bin/sh\nexit 127\n")
    log = add_python(tmp_path / "real")
    monkeypatch.setenv("PATH", f"{tmp_path}/broken{os.pathsep}{tmp_path}/real")

    interpreter = find_interpreter(f"python{OWN}")

    assert interpreter.minor_version == OWN
    assert log.exists()


def test_the_path_is_the_program_behind_the_script(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    add_python(tmp_path / "bin")
    monkeypatch.setenv("PATH", f"{tmp_path}/bin")

    assert find_interpreter(f"python{OWN}").path.parent != tmp_path / "bin"


def test_shims_are_not_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    log = add_python(tmp_path / "shims")
    monkeypatch.setenv("PATH", f"{tmp_path}/shims")

    assert find_interpreter(f"python{OWN}").minor_version == OWN
    assert not log.exists()


def test_a_program_of_another_version_is_rejected(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    log = add_python(tmp_path / "bin", "python3.99")
    monkeypatch.setenv("PATH", f"{tmp_path}/bin")

    assert find_interpreter("python3.99").minor_version == OWN
    assert log.exists()


def test_programs_named_for_another_version_are_not_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A start of `serve` does not wait for every Python of the machine."""
    logs = [add_python(tmp_path / "bin", name) for name in ("python", "python3", "python3.9")]
    monkeypatch.setenv("PATH", f"{tmp_path}/bin")

    find_interpreter(f"python{OWN}")

    assert not any(log.exists() for log in logs)


def test_without_the_wanted_version_the_emulators_own_is_used() -> None:
    interpreter = find_interpreter("python3.99")

    assert interpreter.minor_version == OWN
    assert interpreter.path.is_file()


@pytest.mark.parametrize(
    ("variable", "program"),
    [
        ("PYENV_ROOT", "versions/{0}.7/bin/python{0}"),
        ("UV_PYTHON_INSTALL_DIR", "cpython-{0}.7-linux/bin/python3"),
        ("ASDF_DATA_DIR", "installs/python/{0}.7/bin/python{0}"),
    ],
)
def test_pythons_of_version_managers_are_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, variable: str, program: str
) -> None:
    """The construct compiles byte code with them, so the function runs on them too."""
    place = tmp_path / "tool" / program.format(OWN)
    log = add_python(place.parent, place.name)
    monkeypatch.setenv(variable, str(tmp_path / "tool"))

    assert find_interpreter(f"python{OWN}").minor_version == OWN
    assert log.exists()
