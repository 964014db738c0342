"""An interpreter is believed only after it has run."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from lambda_emulator.interpreter import find_interpreter

OWN = "{}.{}".format(*sys.version_info[:2])


@pytest.fixture(autouse=True)
def _no_cache() -> Iterator[None]:
    find_interpreter.cache_clear()
    yield
    find_interpreter.cache_clear()


def add_program(folder: Path, name: str, script: str) -> None:
    folder.mkdir(exist_ok=True)
    (folder / name).write_text(script)
    (folder / name).chmod(0o755)


def test_a_shim_that_fails_is_passed_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    add_program(tmp_path / "shims", f"python{OWN}", "#!/bin/sh\nexit 127\n")
    add_program(tmp_path / "real", f"python{OWN}", f'#!/bin/sh\nexec "{sys.executable}" "$@"\n')
    monkeypatch.setenv("PATH", f"{tmp_path}/shims{os.pathsep}{tmp_path}/real{os.pathsep}/usr/bin{os.pathsep}/bin")

    interpreter = find_interpreter(f"python{OWN}")

    assert interpreter.minor_version == OWN
    assert interpreter.path.parent not in {tmp_path / "shims", tmp_path / "real"}, "the program behind the script"


def test_a_program_of_another_version_is_not_believed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    add_program(tmp_path / "bin", "python3.99", f'#!/bin/sh\nexec "{sys.executable}" "$@"\n')
    monkeypatch.setenv("PATH", f"{tmp_path}/bin{os.pathsep}/usr/bin{os.pathsep}/bin")

    assert find_interpreter("python3.99").minor_version == OWN


def test_without_the_wanted_version_the_emulators_own_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")

    interpreter = find_interpreter("python3.99")

    assert interpreter.minor_version == OWN
    assert interpreter.path.is_file()


@pytest.mark.parametrize(
    ("variable", "folder"), [("PYENV_ROOT", "versions/{}.7/bin"), ("UV_PYTHON_INSTALL_DIR", "cpython-{}.7-linux/bin")]
)
def test_those_of_version_managers_are_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, variable: str, folder: str
) -> None:
    """Byte code is made with them, so a function has to run with them too."""
    place = tmp_path / "tool" / folder.format(OWN)
    place.mkdir(parents=True)
    log = tmp_path / "asked"
    add_program(place, f"python{OWN}", f'#!/bin/sh\necho >> {log}\nexec "{sys.executable}" "$@"\n')
    monkeypatch.setenv("PATH", "/usr/bin" if not Path(f"/usr/bin/python{OWN}").exists() else "/bin/none")
    for name in ("PYENV_ROOT", "UV_PYTHON_INSTALL_DIR"):
        monkeypatch.setenv(name, str(tmp_path / "nothing"))
    monkeypatch.setenv(variable, str(tmp_path / "tool"))
    assert find_interpreter(f"python{OWN}").minor_version == OWN
    assert log.exists()
