"""A function whose dependencies are for another Python or machine runs with a bundle for this desk, if there is one.

The bundlers here stand in the place of the construct's, which tests/end_to_end/test_bundled.py runs.
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
from lambda_emulator.assembly import read_assembly
from lambda_emulator.desk_bundle import (
    NotBundled,
    bundling_request,
    desk_machine,
    find_bundler,
    fits_desk,
)
from lambda_emulator.functions import Bundling, InlineCode
from lambda_emulator.interpreter import Interpreter
from lambda_emulator.template import Desk

from .conftest import BUNDLING_METADATA, CloudAssembly
from .test_assembly import add_function

BUNDLING = Bundling(**BUNDLING_METADATA)
INTERPRETER = Interpreter(Path("/usr/bin/python3.11"), "3.11.7")


def add_bundled_function(assembly: CloudAssembly, metadata: Any = BUNDLING_METADATA, logical_id: str = "App") -> None:
    add_function(assembly, logical_id, Environment={"Variables": {"AWS_LAMBDA_EXEC_WRAPPER": "/opt/bootstrap"}})
    assembly.add_bundling(logical_id, metadata)


# What the template says


def test_metadata_of_a_function_is_read(cloud_assembly: CloudAssembly) -> None:
    add_bundled_function(cloud_assembly)
    add_function(cloud_assembly, "Plain")

    bundled, plain = read_assembly(cloud_assembly.write(), Desk()).functions

    assert bundled.bundling == BUNDLING
    assert plain.bundling is None


@pytest.mark.parametrize("metadata", [{**BUNDLING_METADATA, "more": 1}, {"entry": "src"}, "text"])
def test_metadata_of_another_version_is_left_alone_and_said(cloud_assembly: CloudAssembly, metadata: Any) -> None:
    add_bundled_function(cloud_assembly, metadata)

    assembly = read_assembly(cloud_assembly.write(), Desk())

    assert assembly.functions[0].bundling is None
    assert ["Demo/App runs with its asset as it is" in note for note in assembly.notes] == [True]


# Whether the asset fits


@pytest.mark.parametrize(
    ("python", "machine", "file", "fits"),
    [
        ("3.14", "aarch64", "core.so", True),
        ("3.14", "x86_64", "core.so", False),
        ("3.14", "x86_64", "core.py", True),
        ("3.14", "darwin arm64", "core.abi3.so", False),
        ("3.11", "aarch64", "core.py", False),
        ("3.11", "x86_64", "core.so", False),
    ],
)
def test_another_python_or_what_is_compiled_for_another_machine_does_not_fit(
    tmp_path: Path, python: str, machine: str, file: str, fits: bool
) -> None:
    (tmp_path / "package").mkdir()
    (tmp_path / "package" / file).touch()
    assert fits_desk(tmp_path, BUNDLING, python, machine) is fits


def test_what_cannot_be_looked_into_is_taken_for_compiled(tmp_path: Path) -> None:
    assert not fits_desk(tmp_path / "code.zip", BUNDLING, "3.14", "x86_64")
    assert not fits_desk(InlineCode("index.py", ""), BUNDLING, "3.14", "x86_64")


def test_other_systems_are_no_machine_of_lambdas(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "darwin")
    assert desk_machine().startswith("darwin ")


# What the bundler is asked for


def test_request_names_folder_lock_and_interpreter(tmp_path: Path) -> None:
    (tmp_path / "src" / "chat").mkdir(parents=True)
    (tmp_path / "src" / "uv.lock").touch()

    request = json.loads(bundling_request(BUNDLING, INTERPRETER, [tmp_path / "elsewhere", tmp_path]))

    assert request == {
        "entry": f"{tmp_path}/src/chat",
        "requirements": "../uv.lock",
        "options": {"extras": ["fast"]},
        "excluded": ["*.pyc"],
        "python": [3, 11],
        "interpreter": "/usr/bin/python3.11",
    }


def test_requirements_that_a_hook_writes_are_not_looked_for(tmp_path: Path) -> None:
    bundling = dataclasses.replace(BUNDLING, requirements=None)
    (tmp_path / "src" / "chat").mkdir(parents=True)
    request = json.loads(bundling_request(bundling, INTERPRETER, [tmp_path / "elsewhere", tmp_path]))
    assert (request["entry"], request["requirements"]) == (f"{tmp_path}/src/chat", None)
    with pytest.raises(NotBundled, match=rf"there is no folder '{tmp_path}/a/src/chat'; start the emulator where"):
        bundling_request(bundling, INTERPRETER, [tmp_path / "a"])


def test_a_folder_that_is_gone_is_said_with_where_it_was_looked_for(tmp_path: Path) -> None:
    with pytest.raises(NotBundled, match=re.escape(f"'{tmp_path}/a/src/chat' or '{tmp_path}/b/src/chat'")):
        bundling_request(BUNDLING, INTERPRETER, [tmp_path / "a", tmp_path / "b"])


def test_the_bundler_is_found_and_its_package_not_imported() -> None:
    """Importing it would import the AWS CDK, which takes seconds."""
    assert (find_bundler() / "bundling" / "__main__.py").is_file()
    assert "cdk_lambda_streaming" not in sys.modules or "aws_cdk" in sys.modules


# The bundler as a process


def log_of_a_start(assembly: CloudAssembly) -> list[str]:
    log: list[str] = []
    with EmulatorThread(assembly.write(), print_line=log.append):
        return log


def test_equal_functions_share_one_run_of_the_bundler(
    cloud_assembly: CloudAssembly, app_folder: Path, install_bundler: Callable[[str], None]
) -> None:
    install_bundler(
        f"open({str(app_folder / 'runs')!r}, 'a').write('x')\nprint('progress')\nprint({str(app_folder)!r})"
    )
    add_bundled_function(cloud_assembly)
    add_bundled_function(cloud_assembly, logical_id="Same")
    without = {key: value for key, value in BUNDLING_METADATA.items() if key != "requirements"}
    add_bundled_function(cloud_assembly, without, "Hooked")

    log = log_of_a_start(cloud_assembly)

    assert (app_folder / "runs").read_text() == "xx"
    assert sorted(line.partition(" for Python")[0] for line in log) == [
        "Demo/App * is bundled again from uv.lock",
        "Demo/Hooked * is bundled again from what its before_bundling writes",
        "Demo/Same * is bundled again from uv.lock",
    ]


def test_modules_of_the_current_folder_do_not_disturb_the_bundler(
    cloud_assembly: CloudAssembly,
    app_folder: Path,
    install_bundler: Callable[[str], None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    install_bundler("import argparse\nprint('/')")
    add_bundled_function(cloud_assembly)
    (app_folder / "argparse.py").write_text("raise AssertionError('the module of the user')")
    monkeypatch.chdir(app_folder)

    assert "not bundled" not in "".join(log_of_a_start(cloud_assembly))


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ("sys.exit('no network:\\ntry again')", ["no network:", "Demo/App *   try again"]),
        ("raise ValueError('odd')", ["ValueError: odd"]),
        ("os.kill(os.getpid(), 9)", ["the bundler ended with status -9"]),
    ],
)
def test_what_stops_the_bundler_is_said_and_the_asset_served(
    cloud_assembly: CloudAssembly,
    app_folder: Path,
    install_bundler: Callable[[str], None],
    body: str,
    said: list[str],
) -> None:
    install_bundler(body)
    add_bundled_function(cloud_assembly)

    log = log_of_a_start(cloud_assembly)

    why = "Demo/App * is not bundled again, and what is compiled for Python 3.14 on aarch64 may not run here: "
    assert log[1:] == [f"{why}{said[0]}", *said[1:]]


def test_a_function_that_is_not_run_here_is_not_bundled(
    cloud_assembly: CloudAssembly, app_folder: Path, install_bundler: Callable[[str], None]
) -> None:
    install_bundler("sys.exit('was run')")
    add_function(cloud_assembly)
    cloud_assembly.add_bundling("App")

    assert log_of_a_start(cloud_assembly) == []
