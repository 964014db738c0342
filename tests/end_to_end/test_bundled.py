"""A function bundled for Lambda's processor and newest Python, served by this machine, which has neither.

It needs PyPI. Each test's bundles are kept in a folder of the module's own, never in the user's.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import textwrap
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import lambda_emulator.desk_bundle
import pytest
from lambda_emulator import EmulatorThread
from lambda_emulator.interpreter import find_interpreter

from .conftest import NODE, Gate, Log
from .test_streaming import get, read_until

APP = """
import sys
import aws_cdk as cdk
from cdk_lambda_streaming import StreamingFunction

app = cdk.App(outdir=sys.argv[1])
stack = cdk.Stack(app, "Shop")
StreamingFunction(stack, "Orders", entry="orders")
StreamingFunction(stack, "SameOrders", entry="orders")
app.synth()
"""

# It brings a compiled part, in one wheel for each Python and processor.
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
    """A CDK app in a folder of its own, synthesized with the default options."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.bundles = folder / "bundles"
        self.assembly = folder / "cdk.out"

    def synthesize(self) -> None:
        (self.folder / "orders").mkdir(parents=True)
        (self.folder / "orders" / "index.py").write_text(HANDLER)
        (self.folder / "orders" / "requirements.txt").write_text(REQUIREMENTS)
        variables = {"JSII_NODE": str(NODE), "CDK_VALIDATION": "false", "CDK_LAMBDA_STREAMING_CACHE": str(self.bundles)}
        command = [sys.executable, "-c", textwrap.dedent(APP), str(self.assembly)]
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
    """Serve an assembly; return the address of its function, and the log."""
    monkeypatch.setenv("CDK_LAMBDA_STREAMING_CACHE", str(project.bundles))
    with ExitStack() as stack:

        def start(assembly: Path) -> tuple[str, Log]:
            log = Log()
            emulator = stack.enter_context(EmulatorThread(assembly, print_line=log.print_line))
            return emulator.url("Orders"), log

        yield start


def stream_orders(address: str, gate: Gate) -> list[dict[str, object]]:
    """Read the second order only after the first has arrived."""
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
    assert "cpython-314-aarch64" in compiled
    address, log = serve(project.assembly)
    assert stream_orders(address, gate)[1] == {"number": 2, "item": CORE_VERSION}
    said = sorted(line for line in log.lines if "bundled again" in line)
    here = find_interpreter("python3.14").minor_version
    assert said == [
        f"Shop/{name} * is bundled again from requirements.txt for Python {here} on this machine: "
        "its asset is for Python 3.14 on aarch64"
        for name in ("Orders", "SameOrders")
    ]


def test_the_second_start_installs_nothing(
    project: Project, serve: Serve, gate: Gate, monkeypatch: pytest.MonkeyPatch
) -> None:
    serve(project.assembly)
    bundles = project.bundle_names
    monkeypatch.setenv("UV_OFFLINE", "1")
    monkeypatch.setenv("UV_NO_CACHE", "1")
    address, _ = serve(project.assembly)
    assert len(stream_orders(address, gate)) == 2
    assert project.bundle_names == bundles
    assert len(bundles) == 2, "for Lambda and for this machine, and the two functions share them"


def test_without_the_app_the_asset_is_served_and_the_reason_is_said(
    project: Project, serve: Serve, tmp_path: Path
) -> None:
    shutil.copytree(project.assembly, tmp_path / "cdk.out")
    address, log = serve(tmp_path / "cdk.out")
    assert [line for line in log.lines if "Shop/Orders * " in line] == [
        "Shop/Orders * is not bundled again, and what is compiled for Python 3.14 on aarch64 may not run here: "
        f"there is no requirements.txt in '{tmp_path}/orders' or '{Path.cwd()}/orders'; start the emulator where the "
        "CDK app runs"
    ]
    assert get(address).status == 502
    log.wait_for(lambda line: "pydantic_core" in line)


def test_without_the_construct_the_asset_is_served_and_the_reason_is_said(
    project: Project, serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lambda_emulator.desk_bundle.importlib.util, "find_spec", lambda name: None)
    _, log = serve(project.assembly)
    assert any("run " in line and "pip install 'cdk-lambda-streaming[bundling]'" in line for line in log.lines)


def test_what_stops_the_bundler_is_said(
    project: Project, serve: Serve, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Here PyPI cannot be reached, and nothing is there yet."""
    monkeypatch.setenv("CDK_LAMBDA_STREAMING_CACHE", str(tmp_path / "bundles"))
    monkeypatch.setenv("UV_OFFLINE", "1")
    monkeypatch.setenv("UV_NO_CACHE", "1")
    _, log = serve(project.assembly)
    said = "\n".join(log.lines)
    assert "is not bundled again, and what is compiled for Python 3.14 on aarch64 may not run here: " in said
    assert "pydantic" in said
    assert list((tmp_path / "bundles").iterdir()) == []
