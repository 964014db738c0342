"""A function whose dependencies are for another Python or machine runs with a bundle for this one, if there is one.

The bundlers here are stand-ins for `lambda_bundling`, which tests/end_to_end/test_bundled.py runs.
"""

from __future__ import annotations

import dataclasses
import json
import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from lambda_emulator import EmulatorThread
from lambda_emulator.assembly.assembly import read_assembly
from lambda_emulator.assembly.template import DeployTarget
from lambda_emulator.environments.interpreters import Interpreter
from lambda_emulator.environments.local_bundle import (
    NotBundled,
    bundling_request,
    find_bundler,
    read_answer,
    runs_here,
    this_machine,
)
from lambda_emulator.functions import Bundling, InlineCode

from ..assembly.test_assembly import add_function
from ..cloud_assembly import BUNDLING_METADATA, CloudAssembly
from ..served import without_time

BUNDLING = Bundling(**BUNDLING_METADATA)
INTERPRETER = Interpreter(Path("/usr/bin/python3.11"), "3.11.7")


def add_bundled_function(assembly: CloudAssembly, metadata: Any = BUNDLING_METADATA, logical_id: str = "App") -> None:
    add_function(assembly, logical_id, Environment={"Variables": {"AWS_LAMBDA_EXEC_WRAPPER": "/opt/bootstrap"}})
    assembly.add_bundling(logical_id, metadata)


# The metadata in the template


def test_metadata_of_a_function_is_read(cloud_assembly: CloudAssembly) -> None:
    add_bundled_function(cloud_assembly)
    add_function(cloud_assembly, "Plain")

    bundled, plain = read_assembly(cloud_assembly.write(), DeployTarget()).functions

    assert bundled.bundling == BUNDLING
    assert plain.bundling is None


@pytest.mark.parametrize("metadata", [{**BUNDLING_METADATA, "more": 1}, {"entry": "src"}, "text"])
def test_metadata_of_another_version_becomes_a_warning(cloud_assembly: CloudAssembly, metadata: Any) -> None:
    add_bundled_function(cloud_assembly, metadata)

    assembly = read_assembly(cloud_assembly.write(), DeployTarget())

    assert assembly.functions[0].bundling is None
    assert ["The asset of Demo/App is served as it is" in warning for warning in assembly.warnings] == [True]


# Assets that run here


@pytest.mark.parametrize(
    ("python", "machine", "file", "expected"),
    [
        ("3.99", "aarch64", "core.so", True),
        ("3.99", "x86_64", "core.so", False),
        ("3.99", "x86_64", "core.py", True),
        ("3.99", "darwin arm64", "core.abi3.so", False),
        ("3.11", "aarch64", "core.py", False),
        ("3.11", "x86_64", "core.so", False),
    ],
)
def test_asset_runs_on_its_python_and_if_compiled_on_its_machine(
    tmp_path: Path, python: str, machine: str, file: str, expected: bool
) -> None:
    (tmp_path / "package").mkdir()
    (tmp_path / "package" / file).touch()
    assert runs_here(tmp_path, BUNDLING, python=python, machine=machine) is expected


def test_code_that_is_not_a_folder_counts_as_compiled(tmp_path: Path) -> None:
    assert not runs_here(tmp_path / "code.zip", BUNDLING, python="3.99", machine="x86_64")
    assert not runs_here(InlineCode("index.py", ""), BUNDLING, python="3.99", machine="x86_64")


def test_other_systems_are_named_with_the_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "darwin")
    assert this_machine().startswith("darwin ")


# Request and answer


def test_request_has_version_folder_lock_and_interpreter(tmp_path: Path) -> None:
    (tmp_path / "src" / "chat").mkdir(parents=True)
    (tmp_path / "src" / "uv.lock").touch()

    request = json.loads(bundling_request(BUNDLING, INTERPRETER, [tmp_path / "elsewhere", tmp_path]))

    assert request == {
        "version": 1,
        "entry": f"{tmp_path}/src/chat",
        "requirements": "../uv.lock",
        "options": {"extras": ["fast"]},
        "excluded": ["*.pyc"],
        "python": [3, 11],
        "interpreter": "/usr/bin/python3.11",
    }


def test_requirements_that_a_hook_writes_need_not_exist(tmp_path: Path) -> None:
    bundling = dataclasses.replace(BUNDLING, requirements=None)
    (tmp_path / "src" / "chat").mkdir(parents=True)
    request = json.loads(bundling_request(bundling, INTERPRETER, [tmp_path / "elsewhere", tmp_path]))
    assert (request["entry"], request["requirements"]) == (f"{tmp_path}/src/chat", None)
    with pytest.raises(NotBundled, match=rf"there is no folder '{tmp_path}/a/src/chat'; start the emulator where"):
        bundling_request(bundling, INTERPRETER, [tmp_path / "a"])


def test_a_missing_folder_is_reported_with_every_place_searched(tmp_path: Path) -> None:
    with pytest.raises(NotBundled, match=re.escape(f"'{tmp_path}/a/src/chat' or '{tmp_path}/b/src/chat'")):
        bundling_request(BUNDLING, INTERPRETER, [tmp_path / "a", tmp_path / "b"])


def test_answer_is_the_last_line(tmp_path: Path) -> None:
    assert read_answer(b'progress\n{"version": 1, "folder": "/bundle"}\n') == Path("/bundle")


@pytest.mark.parametrize(
    "output", [b"", b"/bundle\n", b'{"version": 2, "folder": "/bundle"}', b'{"version": 1}', b"[]"]
)
def test_answer_of_another_version_is_an_error_with_the_fix(output: bytes) -> None:
    with pytest.raises(NotBundled, match="install the same version of cdk-lambda-streaming and lambda-streaming-emu"):
        read_answer(output)


def test_the_bundler_is_found_without_importing_it(install_bundler: Callable[[str], Path]) -> None:
    site = install_bundler("")

    assert find_bundler() == site
    assert "lambda_bundling" not in sys.modules


# The bundler as a process

ANSWER = """print(json.dumps({"version": 1, "folder": "/"}))"""


def log_of_a_start(assembly: CloudAssembly) -> list[str]:
    log: list[str] = []
    with EmulatorThread(assembly.write(), print_line=lambda line: log.append(without_time(line))):
        return log


@pytest.mark.process
def test_equal_functions_share_one_run_of_the_bundler(
    cloud_assembly: CloudAssembly, app_folder: Path, install_bundler: Callable[[str], Path]
) -> None:
    install_bundler(f"open({str(app_folder / 'runs')!r}, 'a').write('x')\nprint('progress')\n{ANSWER}")
    add_bundled_function(cloud_assembly)
    add_bundled_function(cloud_assembly, logical_id="Same")
    without = {key: value for key, value in BUNDLING_METADATA.items() if key != "requirements"}
    add_bundled_function(cloud_assembly, without, "Hooked")

    log = log_of_a_start(cloud_assembly)

    assert (app_folder / "runs").read_text() == "xx"
    assert sorted(line.partition(" for Python")[0] for line in log) == [
        "Demo/App * is bundled again from uv.lock",
        "Demo/Hooked * is bundled again from the requirements that before_bundling writes",
        "Demo/Same * is bundled again from uv.lock",
    ]


@pytest.mark.process
def test_modules_of_the_current_folder_do_not_replace_the_bundlers(
    cloud_assembly: CloudAssembly,
    app_folder: Path,
    install_bundler: Callable[[str], Path],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    install_bundler(f"import argparse\n{ANSWER}")
    add_bundled_function(cloud_assembly)
    for name in ("argparse", "json", "runpy", "lambda_bundling"):
        (app_folder / f"{name}.py").write_text("raise AssertionError('the module of the user')")
    monkeypatch.chdir(app_folder)

    assert "not bundled" not in "".join(log_of_a_start(cloud_assembly))


@pytest.mark.process
def test_the_bundler_runs_in_the_current_folder(
    cloud_assembly: CloudAssembly,
    app_folder: Path,
    install_bundler: Callable[[str], Path],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Relative paths in variables such as UV_CACHE_DIR mean the same to it and to the emulator."""
    install_bundler(f"open('was_here', 'w').close()\n{ANSWER}")
    add_bundled_function(cloud_assembly)
    monkeypatch.chdir(app_folder)

    log_of_a_start(cloud_assembly)

    assert (app_folder / "was_here").exists()


@pytest.mark.process
@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ("sys.exit('no network:\\ntry again')", ["no network:", "Demo/App *   try again"]),
        ("raise ValueError('odd')", ["ValueError: odd"]),
        ("os.kill(os.getpid(), 9)", ["the bundler ended with status -9"]),
    ],
)
def test_failure_of_the_bundler_is_logged_and_the_asset_served(
    cloud_assembly: CloudAssembly,
    app_folder: Path,
    install_bundler: Callable[[str], Path],
    body: str,
    reason: list[str],
) -> None:
    install_bundler(body)
    add_bundled_function(cloud_assembly)

    log = log_of_a_start(cloud_assembly)

    start = "Demo/App * is not bundled again, and packages compiled for Python 3.99 on aarch64 may not run here: "
    assert log[1:] == [f"{start}{reason[0]}", *reason[1:]]


def test_a_function_that_does_not_run_here_is_not_bundled(
    cloud_assembly: CloudAssembly, app_folder: Path, install_bundler: Callable[[str], Path]
) -> None:
    install_bundler("sys.exit('was run')")
    add_function(cloud_assembly)
    cloud_assembly.add_bundling("App")

    assert log_of_a_start(cloud_assembly) == []
