"""The import contracts hold, and each is seen to fail when it is broken."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
TOOLS = Path(sys.executable).parent
RUNTIME = ROOT / "runtime_asset" / "python" / "lambda_streaming"
CONSTRUCTS = ROOT / "constructs_lib"
PACKAGES = (
    CONSTRUCTS / "cdk_lambda_streaming",
    CONSTRUCTS / "lambda_bundling",
    ROOT / "emulator" / "lambda_emulator",
    RUNTIME,
)


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """Copy the packages and the contracts, to break them."""
    for package in PACKAGES:
        shutil.copytree(package, tmp_path / package.name, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / ".importlinter", tmp_path)
    (tmp_path / "scripts").mkdir()
    shutil.copy(ROOT / "scripts" / "import_contracts.py", tmp_path / "scripts")
    return tmp_path


def lint_imports(folder: Path) -> subprocess.CompletedProcess[str]:
    command: list[str | Path] = [TOOLS / "lint-imports", "--no-logo", "--no-cache"]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)


def add(folder: Path, file: str, line: str) -> None:
    with (folder / file).open("a") as source:
        source.write(f"\n\ndef _late():\n    {line}\n")


def test_packages_keep_every_contract(copy: Path) -> None:
    linted = lint_imports(copy)
    assert linted.returncode == 0, linted.stdout
    assert "0 broken" in linted.stdout


@pytest.mark.parametrize(
    ("file", "line", "rule"),
    [
        ("lambda_streaming/process/settings.py", "import boto3", "The runtime imports only the standard library"),
        ("lambda_streaming/__main__.py", "from h11 import Data", "The runtime imports only the standard library"),
        ("lambda_streaming/__main__.py", "import lambda_emulator", "The three packages do not import each other"),
        (
            "lambda_streaming/process/logs.py",
            "from lambda_streaming.wire.http1 import Reply",
            "The runtime's imports point one way",
        ),
        (
            "lambda_streaming/wire/runtime_api.py",
            "from lambda_streaming.response.prelude import encode_prelude",
            "The Runtime API client knows neither responses nor applications",
        ),
        (
            "lambda_streaming/applications/handler.py",
            "from lambda_streaming.wire.runtime_api import RuntimeApi",
            "Applications never import the Runtime API client",
        ),
        (
            "lambda_streaming/process/settings.py",
            "from lambda_streaming.process.logs import Log",
            "There are no import cycles",
        ),
        ("lambda_emulator/__init__.py", "import aws_cdk", "The emulator never imports the AWS CDK"),
        ("lambda_emulator/__init__.py", "from aws_cdk import App", "The emulator never imports the AWS CDK"),
        ("lambda_emulator/__init__.py", "import lambda_streaming", "The three packages do not import each other"),
        (
            "cdk_lambda_streaming/code/entry.py",
            "from lambda_streaming.process import settings",
            "The three packages do not import each other",
        ),
        (
            "cdk_lambda_streaming/code/entry.py",
            "from cdk_lambda_streaming.streaming_layer import StreamingLayer",
            "The construct's imports point one way",
        ),
        (
            "cdk_lambda_streaming/code/layer_content.py",
            "import aws_cdk",
            "Modules that need no AWS CDK do not import it",
        ),
        (
            "lambda_emulator/http_server.py",
            "from lambda_emulator import emulator",
            "The emulator's imports point one way",
        ),
        (
            "lambda_emulator/front_doors/function_url.py",
            "from ..environments import concurrency",
            "The emulator's imports point one way",
        ),
        (
            "lambda_emulator/environments/launch.py",
            "from ..front_doors import prelude",
            "The emulator's imports point one way",
        ),
        (
            "lambda_emulator/assembly/template.py",
            "from ..environments import layout",
            "The emulator's imports point one way",
        ),
        ("lambda_emulator/environments/layout.py", "from . import launch", "The imports of environments point one way"),
        (
            "lambda_emulator/front_doors/lambda_api.py",
            "from . import function_url",
            "Front doors never import each other",
        ),
        ("lambda_emulator/front_doors/cors.py", "from . import proxy_response", "Front doors never import each other"),
        ("lambda_emulator/environments/runtime_api.py", "import h11", "Only http_server imports h11"),
        ("lambda_emulator/emulator.py", "from h11 import Data", "Only http_server imports h11"),
        ("lambda_bundling/plan.py", "import aws_cdk", "The bundler imports neither the construct nor the AWS CDK"),
        (
            "lambda_bundling/plan.py",
            "from cdk_lambda_streaming.checks import environment",
            "The bundler imports neither the construct nor the AWS CDK",
        ),
        ("lambda_emulator/__init__.py", "import lambda_bundling", "Only the construct imports the bundler"),
        (
            "lambda_streaming/__init__.py",
            "from lambda_bundling import target",
            "Only the construct imports the bundler",
        ),
        (
            "cdk_lambda_streaming/adapters/native.py",
            "from cdk_lambda_streaming.adapters import handler",
            "The adapters of the construct do not import each other",
        ),
        (
            "cdk_lambda_streaming/front_doors/records.py",
            "from cdk_lambda_streaming.front_doors import search",
            "The front doors of the construct import one way",
        ),
        ("cdk_lambda_streaming/front_doors/search.py", "import jsii", "Only the folder cdk imports jsii"),
        (
            "cdk_lambda_streaming/code/handler_source.py",
            "from cdk_lambda_streaming.code import bundled_code",
            "Modules that need no AWS CDK do not import it",
        ),
        ("lambda_bundling/target.py", "from lambda_bundling import plan", "The bundler's imports point one way"),
        (
            "lambda_bundling/install/installation.py",
            "from lambda_bundling.install import installers",
            "The installers import one way",
        ),
        (
            "lambda_bundling/sources/project.py",
            "from lambda_bundling.sources import pylock",
            "The sources of requirements import one way",
        ),
    ],
)
def test_broken_contract_is_detected_inside_a_function(copy: Path, file: str, line: str, rule: str) -> None:
    add(copy, file, line)
    linted = lint_imports(copy)
    assert linted.returncode == 1
    assert f"{rule} BROKEN" in linted.stdout


def test_type_checking_import_breaks_a_rule_too(copy: Path) -> None:
    with (copy / "lambda_emulator" / "logs.py").open("a") as source:
        source.write(
            "\n\nfrom typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from .invocation import Invocation\n"
        )
    assert "The emulator's imports point one way BROKEN" in lint_imports(copy).stdout


def test_new_module_of_the_emulator_needs_a_layer(copy: Path) -> None:
    (copy / "lambda_emulator" / "front_doors" / "websocket.py").touch()
    assert "Front doors never import each other BROKEN" in lint_imports(copy).stdout


@pytest.mark.parametrize(
    ("file", "allowed"),
    [
        ("constructs_lib/cdk_lambda_streaming/front_doors/rest_api.py", False),
        ("constructs_lib/cdk_lambda_streaming/streaming_function.py", False),
        ("constructs_lib/cdk_lambda_streaming/cdk/structs.py", True),
        ("constructs_lib/lambda_bundling/plan.py", True),
    ],
)
def test_private_attributes_are_reported_outside_folder_cdk(file: str, allowed: bool) -> None:
    command: list[str | Path] = [TOOLS / "ruff", "check", "--output-format", "concise", "--stdin-filename", file, "-"]
    source = "def read(options: object) -> object:\n    return options._values\n"
    linted = subprocess.run(command, cwd=ROOT, input=source, capture_output=True, text=True, check=False)
    assert ("SLF001" in linted.stdout) is not allowed


def test_offending_import_is_named(copy: Path) -> None:
    add(copy, "lambda_streaming/process/settings.py", "import boto3")
    assert "lambda_streaming.process.settings imports boto3" in lint_imports(copy).stdout


def test_allowed_exception_passes(copy: Path) -> None:
    add(copy, "lambda_streaming/__main__.py", "import snapshot_restore_py")
    assert lint_imports(copy).returncode == 0


@pytest.mark.parametrize(
    "source",
    [
        "import os\nvalue = os.environ['A']\n",
        "from os import environ\n",
        "import os as system\nvalue = system.environ.get('A')\n",
        "import os\nvalue = os.getenv('A')\n",
        "import os\nvalue = os.environb[b'A']\n",
    ],
)
@pytest.mark.parametrize(
    ("file", "allowed"),
    [
        ("runtime_asset/python/lambda_streaming/context.py", False),
        ("runtime_asset/python/lambda_streaming/applications/settings.py", False),
        ("runtime_asset/python/lambda_streaming/process/settings.py", True),
        ("emulator/lambda_emulator/environments/launch.py", True),
    ],
)
def test_reading_the_environment_outside_settings_is_detected(file: str, allowed: bool, source: str) -> None:
    command: list[str | Path] = [TOOLS / "ruff", "check", "--output-format", "concise", "--stdin-filename", file, "-"]
    linted = subprocess.run(command, cwd=ROOT, input=source, capture_output=True, text=True, check=False)
    assert ("TID251" in linted.stdout) is not allowed


def test_noqa_does_not_excuse_reading_the_environment() -> None:
    command: list[str | Path] = [TOOLS / "ruff", "check", "--select", "TID251", "--ignore-noqa", RUNTIME]
    linted = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert linted.returncode == 0, linted.stdout


def test_modules_imported_by_name_are_standard_library() -> None:
    """`import_standard("json")` is an import that no linter sees."""
    names = {
        name
        for source in RUNTIME.rglob("*.py")
        for name in re.findall(r"import_standard\(\"([^\"]+)\"\)", source.read_text())
    }
    assert {name.partition(".")[0] for name in names} <= sys.stdlib_module_names


def test_runtime_tests_do_not_import_the_cdk() -> None:
    """They run in seconds, and on a machine that has no aws_cdk."""
    for file in (ROOT / "tests" / "lambda_streaming").rglob("*.py"):
        imported = re.findall(r"^\s*(?:import|from) (\w+)", file.read_text(encoding="utf-8"), re.MULTILINE)
        assert not {"aws_cdk", "cdk_lambda_streaming", "constructs", "jsii"} & set(imported), file
