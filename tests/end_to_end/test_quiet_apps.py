"""`cdk synth --strict` of a first app: the README's and each example's."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from ..cdk_lambda_streaming.test_examples import NOT_IN_A_CLONE, STACKS, build
from ..requirements import miss
from .conftest import NODE
from .test_readme import named_block

pytestmark = [pytest.mark.cdk, pytest.mark.network]

ROOT = Path(__file__).parents[2]
APPS = ["README", "examples", *STACKS]


@dataclass(frozen=True, slots=True)
class Synthesis:
    """Result of the CDK's command line."""

    status: int
    output: str

    @property
    def warnings(self) -> set[str]:
        """Ids of the warnings. A warning is a line with its text, one with the construct and one with the id."""
        found = re.findall(r"^WARNING .*\n.*\n +Acknowledge with '([\w:-]+)'$", self.output, re.MULTILINE)
        assert len(found) == self.output.count("\nWARNING "), self.output
        return set(found)


def write_app(name: str, folder: Path) -> None:
    if name == "README":
        (folder / "app.py").write_text(named_block("app.py"), encoding="utf-8")
        (folder / "chat").mkdir()
        (folder / "chat" / "index.py").write_text(named_block("chat/index.py"), encoding="utf-8")
        return
    source = ROOT / "examples" / ("" if name == "examples" else name)
    shutil.copytree(source, folder, ignore=shutil.ignore_patterns(*NOT_IN_A_CLONE), dirs_exist_ok=True)
    if name == "rust_native":
        build(folder)


def cdk(folder: Path, *arguments: str, app: str = "app.py") -> Synthesis:
    """Run the CDK's command line in the folder of an app."""
    program = ROOT / "node_modules" / "aws-cdk" / "bin" / "cdk"
    if not program.is_file():
        miss(f"{program.relative_to(ROOT)} is missing (`make test` installs it)")
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "CDK_"))},
        "JSII_NODE": str(NODE),
        "PATH": os.pathsep.join((str(NODE.parent), os.environ["PATH"])),
        "CDK_VALIDATION": "false",
        "CDK_DISABLE_CLI_TELEMETRY": "1",
    }
    command = [str(NODE), str(program), *arguments, "--no-notices", "--quiet", "--app", f"{sys.executable} {app}"]
    done = subprocess.run(
        command, cwd=folder, env=environment, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=120
    )
    return Synthesis(done.returncode, done.stdout)


@pytest.mark.parametrize("app", APPS)
def test_app_passes_a_strict_synth(app: str, tmp_path: Path) -> None:
    write_app(app, tmp_path)
    synthesis = cdk(tmp_path, "synth", "--strict")
    assert synthesis.warnings == set()
    assert synthesis.status == 0, synthesis.output


ACKNOWLEDGED = """
import aws_cdk as cdk
from aws_cdk import Acknowledgment, Validations
from cdk_lambda_streaming import StreamingFunction

app = cdk.App()
function = StreamingFunction(cdk.Stack(app, "Chat"), "Chat", entry="chat", timeout=cdk.Duration.minutes(10))
Validations.of(function).acknowledge(Acknowledgment(id={id!r}, reason="Reports take that long."))
app.synth()
"""


@pytest.mark.parametrize("prefix", ["Annotation::", "", "Other::"])
def test_printed_id_and_documented_id_acknowledge_a_warning(prefix: str, tmp_path: Path) -> None:
    write_app("README", tmp_path)
    (tmp_path / "app.py").write_text(ACKNOWLEDGED.format(id=f"{prefix}cdk-lambda-streaming:longTimeout"))
    synthesis = cdk(tmp_path, "synth", "--strict")
    is_known = prefix != "Other::"
    assert synthesis.warnings == (set() if is_known else {"Annotation::cdk-lambda-streaming:longTimeout"})
    assert synthesis.status == (0 if is_known else 1), synthesis.output


WRONG = """
import aws_cdk as cdk
from cdk_lambda_streaming import StreamingFunction

app = cdk.App()
StreamingFunction(cdk.Stack(app, "Chat"), "Chat", entry="chat", {options})
{synth}
"""


@pytest.mark.parametrize(
    ("options", "message", "most_lines"),
    [
        (
            "environment={'LAMBDA_STREAMING_EMPTY_BODY': 'no'}",
            "[Chat/Chat] environment variable LAMBDA_STREAMING_EMPTY_BODY must be one of newline, empty, got 'no'",
            8,
        ),
        ("function_name='a b'", "Function name a b can contain only letters, numbers, hyphens", 16),
        ("memory_size=1", "ValueError: memory_size must be between", 16),
    ],
)
def test_error_has_its_message_at_the_end_and_nothing_of_jsii(
    options: str, message: str, most_lines: int, tmp_path: Path
) -> None:
    write_app("README", tmp_path)
    (tmp_path / "app.py").write_text(WRONG.format(options=options, synth="app.synth()"))
    synthesis = cdk(tmp_path, "synth")
    # The command line's own line is the last one.
    *lines, _ = synthesis.output.strip().splitlines()
    assert message in lines[-1]
    assert 'app.py", line ' in synthesis.output
    assert "program.js" not in synthesis.output
    assert "JavaScriptError" not in synthesis.output
    assert len(lines) <= most_lines, synthesis.output


def test_error_of_the_app_after_a_failed_validation_keeps_its_traceback(tmp_path: Path) -> None:
    write_app("README", tmp_path)
    synth = "try:\n    app.synth()\nexcept RuntimeError as error:\n    raise KeyError('mine') from error"
    options = "environment={'LAMBDA_STREAMING_EMPTY_BODY': 'no'}"
    (tmp_path / "app.py").write_text(WRONG.format(options=options, synth=synth))
    output = cdk(tmp_path, "synth").output
    assert "The above exception was the direct cause of the following exception" in output
    assert "KeyError: 'mine'" in output
    assert "JavaScriptError" in output
