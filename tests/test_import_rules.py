"""The rules about imports hold; and the tools that check them notice when one is broken."""

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
PACKAGES = (ROOT / "constructs_lib" / "cdk_lambda_streaming", ROOT / "emulator" / "lambda_emulator", RUNTIME)


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """A copy of the three packages and of the rules, to be broken."""
    for package in PACKAGES:
        shutil.copytree(package, tmp_path / package.name, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / ".importlinter", tmp_path)
    (tmp_path / "scripts").mkdir()
    shutil.copy(ROOT / "scripts" / "import_contracts.py", tmp_path / "scripts")
    return tmp_path


def lint_imports(folder: Path) -> subprocess.CompletedProcess[str]:
    command = [TOOLS / "lint-imports", "--no-logo", "--no-cache"]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)


def add(folder: Path, file: str, line: str) -> None:
    with (folder / file).open("a") as source:
        source.write(f"\n\ndef _late():\n    {line}\n")


def test_the_packages_keep_every_rule(copy: Path) -> None:
    linted = lint_imports(copy)
    assert linted.returncode == 0, linted.stdout
    assert "0 broken" in linted.stdout


@pytest.mark.parametrize(
    ("file", "line", "rule"),
    [
        ("lambda_streaming/settings.py", "import boto3", "The runtime imports only the standard library"),
        ("lambda_streaming/__main__.py", "from h11 import Data", "The runtime imports only the standard library"),
        ("lambda_streaming/__main__.py", "import lambda_emulator", "The three packages do not import each other"),
        ("lambda_emulator/__init__.py", "import aws_cdk", "The emulator never imports the AWS CDK"),
        ("lambda_emulator/__init__.py", "from aws_cdk import App", "The emulator never imports the AWS CDK"),
        ("lambda_emulator/__init__.py", "import lambda_streaming", "The three packages do not import each other"),
        (
            "cdk_lambda_streaming/entry.py",
            "from lambda_streaming import settings",
            "The three packages do not import each other",
        ),
        (
            "cdk_lambda_streaming/entry.py",
            "from cdk_lambda_streaming.streaming_layer import StreamingLayer",
            "The construct's imports point one way",
        ),
        (
            "cdk_lambda_streaming/layer_content.py",
            "import aws_cdk",
            "What needs no AWS CDK does not import it",
        ),
    ],
)
def test_a_broken_rule_is_noticed_even_inside_a_function(copy: Path, file: str, line: str, rule: str) -> None:
    add(copy, file, line)
    linted = lint_imports(copy)
    assert linted.returncode == 1
    assert f"{rule} BROKEN" in linted.stdout


def test_the_import_at_fault_is_named(copy: Path) -> None:
    add(copy, "lambda_streaming/settings.py", "import boto3")
    assert "lambda_streaming.settings imports boto3" in lint_imports(copy).stdout


def test_the_one_exception_is_allowed(copy: Path) -> None:
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
        ("runtime_asset/python/lambda_streaming/adapters/settings.py", False),
        ("runtime_asset/python/lambda_streaming/settings.py", True),
        ("emulator/lambda_emulator/launch.py", True),
    ],
)
def test_reading_the_environment_is_noticed_outside_settings(file: str, allowed: bool, source: str) -> None:
    command = [TOOLS / "ruff", "check", "--output-format", "concise", "--stdin-filename", file, "-"]
    linted = subprocess.run(command, cwd=ROOT, input=source, capture_output=True, text=True, check=False)
    assert ("TID251" in linted.stdout) is not allowed


def test_only_settings_reads_the_environment_and_no_comment_excuses_it() -> None:
    command = [TOOLS / "ruff", "check", "--select", "TID251", "--ignore-noqa", RUNTIME]
    linted = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert linted.returncode == 0, linted.stdout


def test_what_the_runtime_imports_by_name_is_standard_library_too() -> None:
    """`import_standard("json")` is an import that no linter sees."""
    names = {
        name
        for source in RUNTIME.rglob("*.py")
        for name in re.findall(r"import_standard\(\"([^\"]+)\"\)", source.read_text())
    }
    assert {name.partition(".")[0] for name in names} <= sys.stdlib_module_names


def test_tests_of_the_runtime_do_not_import_the_cdk() -> None:
    """They run in seconds, and on a machine that has no aws_cdk."""
    for file in (ROOT / "tests" / "lambda_streaming").rglob("*.py"):
        imported = re.findall(r"^\s*(?:import|from) (\w+)", file.read_text(encoding="utf-8"), re.MULTILINE)
        assert not {"aws_cdk", "cdk_lambda_streaming", "constructs", "jsii"} & set(imported), file
