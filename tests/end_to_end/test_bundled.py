"""A function is bundled for another processor than this machine's, and served by this machine.

The tests need PyPI. Bundles are kept in a folder of this module, never in the user's.
"""

from __future__ import annotations

import importlib.util
import json
import os
import platform
import shutil
import subprocess
import sys
import textwrap
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from lambda_emulator import EmulatorThread
from lambda_emulator.environments.interpreters import find_interpreter

from ..gate import Gate
from .conftest import NODE, Log
from .test_streaming import get, read_until

pytestmark = pytest.mark.network

OTHER_MACHINE = "x86_64" if platform.machine() in ("aarch64", "arm64") else "aarch64"
ARCHITECTURE = "X86_64" if OTHER_MACHINE == "x86_64" else "ARM_64"
MADE_FOR = f"Python 3.14 on {OTHER_MACHINE}"

APP = """
import sys
import aws_cdk as cdk
from aws_cdk.aws_lambda import Architecture, Runtime
from cdk_lambda_streaming import StreamingFunction

app = cdk.App(outdir=sys.argv[1])
stack = cdk.Stack(app, "Shop")
options = {"entry": "orders", "architecture": getattr(Architecture, sys.argv[2]), "runtime": Runtime.PYTHON_3_14}
StreamingFunction(stack, "Orders", **options)
StreamingFunction(stack, "SameOrders", **options)
app.synth()
"""

# A package with a compiled part: one wheel for each Python and processor.
REQUIREMENTS = "pydantic==2.12.5\n"
CORE_VERSION = "2.41.5"

HANDLER = r"""
import socket

import pydantic
import pydantic_core


class Order(pydantic.BaseModel):
    number: int
    item: str


def handler(event, context):
    yield Order(number="1", item="apples").model_dump_json() + "\n"
    with socket.create_connection(("127.0.0.1", int(event["queryStringParameters"]["port"])), timeout=30) as gate:
        gate.recv(1)
    yield Order(number="2", item=pydantic_core.__version__).model_dump_json() + "\n"
"""


class Project:
    """A CDK app in its own folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.bundles = folder / "bundles"
        self.assembly = folder / "cdk.out"

    def synthesize(self) -> None:
        (self.folder / "orders").mkdir(parents=True)
        (self.folder / "orders" / "index.py").write_text(HANDLER)
        (self.folder / "orders" / "requirements.txt").write_text(REQUIREMENTS)
        variables = {"JSII_NODE": str(NODE), "CDK_VALIDATION": "false", "CDK_LAMBDA_STREAMING_CACHE": str(self.bundles)}
        command = [sys.executable, "-c", textwrap.dedent(APP), str(self.assembly), ARCHITECTURE]
        subprocess.run(command, env={**os.environ, **variables}, check=True, cwd=self.folder)

    @property
    def bundle_names(self) -> set[str]:
        return {path.name for path in self.bundles.iterdir()}


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Project:
    project = Project(tmp_path_factory.mktemp("shop"))
    project.synthesize()
    return project


Serve = Callable[[Path], "tuple[str, Log]"]


@pytest.fixture
def serve(project: Project, monkeypatch: pytest.MonkeyPatch) -> Iterator[Serve]:
    """Serve an assembly. Return the address of its function, and the log."""
    monkeypatch.setenv("CDK_LAMBDA_STREAMING_CACHE", str(project.bundles))
    with ExitStack() as stack:

        def start(assembly: Path) -> tuple[str, Log]:
            log = Log()
            emulator = stack.enter_context(EmulatorThread(assembly, print_line=log.print_line))
            return emulator.url("Orders"), log

        yield start


def stream_orders(address: str, gate: Gate) -> list[dict[str, object]]:
    """Read both orders. The second is sent when the first has arrived."""
    response = get(address, f"/?port={gate.port}")
    pieces = iter(lambda: response.read1(), b"")
    received = read_until(pieces, b"\n")
    assert json.loads(received) == {"number": 1, "item": "apples"}
    gate.open()
    received += b"".join(pieces)
    return [json.loads(line) for line in received.splitlines()]


def test_models_stream_from_a_bundle_for_another_python_and_processor(
    project: Project, serve: Serve, gate: Gate
) -> None:
    [compiled] = {path.name for path in project.assembly.glob("asset.*/pydantic_core/*.so")}
    assert f"cpython-314-{OTHER_MACHINE}" in compiled
    address, log = serve(project.assembly)
    assert stream_orders(address, gate)[1] == {"number": 2, "item": CORE_VERSION}
    lines = sorted(line for line in log.lines if "bundled again" in line)
    here = find_interpreter("python3.14").minor_version
    assert lines == [
        f"Shop/{name} * is bundled again from requirements.txt for Python {here} on this machine: "
        f"its asset is for {MADE_FOR}"
        for name in ("Orders", "SameOrders")
    ]


def test_second_start_installs_nothing(
    project: Project, serve: Serve, gate: Gate, monkeypatch: pytest.MonkeyPatch
) -> None:
    serve(project.assembly)
    bundles = project.bundle_names
    monkeypatch.setenv("UV_OFFLINE", "1")
    monkeypatch.setenv("UV_NO_CACHE", "1")
    address, _ = serve(project.assembly)
    assert len(stream_orders(address, gate)) == 2
    assert project.bundle_names == bundles
    assert len(bundles) == 2, "one for Lambda and one for this machine, which both functions share"


def test_without_the_app_the_asset_is_served_and_the_reason_logged(
    project: Project, serve: Serve, tmp_path: Path
) -> None:
    shutil.copytree(project.assembly, tmp_path / "cdk.out")
    address, log = serve(tmp_path / "cdk.out")
    assert [line for line in log.lines if "Shop/Orders * " in line] == [
        f"Shop/Orders * is not bundled again, and packages compiled for {MADE_FOR} may not run here: "
        f"there is no requirements.txt in '{tmp_path}/orders' or '{Path.cwd()}/orders'; start the emulator where the "
        "CDK app runs"
    ]
    assert get(address).status == 502
    log.wait_for(lambda line: "pydantic_core" in line)


def test_without_the_construct_the_asset_is_served_and_the_reason_logged(
    project: Project, serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    _, log = serve(project.assembly)
    assert any("run " in line and "pip install './cdk-lambda-streaming[bundling]'" in line for line in log.lines)


def test_failure_of_the_bundler_is_logged(
    project: Project, serve: Serve, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """PyPI cannot be reached, and the cache is empty."""
    monkeypatch.setenv("CDK_LAMBDA_STREAMING_CACHE", str(tmp_path / "bundles"))
    monkeypatch.setenv("UV_OFFLINE", "1")
    monkeypatch.setenv("UV_NO_CACHE", "1")
    _, log = serve(project.assembly)
    printed = "\n".join(log.lines)
    assert f"is not bundled again, and packages compiled for {MADE_FOR} may not run here: " in printed
    assert "pydantic" in printed
    assert list((tmp_path / "bundles").iterdir()) == []
