"""ministack, a local emulator of AWS's control plane. `cdk deploy` and boto3 connect to it on this machine only.

It stores resources and their references. It does not check that Lambda would accept a value, and it runs no functions
here. It is installed apart from the project's other tools, because it needs another botocore.
"""

from __future__ import annotations

import os
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.lambda_streaming.conftest import INTERPRETER
from tests.ports import free_ports
from tests.wrappers.tools import packages_of

PINS = ("ministack==1.5.33",)
ACCOUNT = "123456789012"
REGION = "us-east-1"
# The process ends when its standard input ends, even if the tests are killed.
PROGRAM = """
import os, runpy, sys, threading
threading.Thread(target=lambda: (sys.stdin.read(), os._exit(1)), daemon=True).start()
runpy.run_module("ministack", run_name="__main__")
"""
START_TIMEOUT_S = 30.0
STOP_TIMEOUT_S = 10.0


class Ministack:
    """Process of ministack. `log` is its output so far."""

    def __init__(self, process: subprocess.Popen[str], port: int) -> None:
        self.endpoint = f"http://localhost:{port}"
        self.log: list[str] = []
        self._process = process
        self._has_ended = False
        self._changed = threading.Condition()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def wait_until_it_listens(self) -> None:
        with self._changed:
            self._changed.wait_for(lambda: self._has_ended or self._listens, START_TIMEOUT_S)
        assert self._listens, "ministack does not start:\n" + "".join(self.log)

    @property
    def _listens(self) -> bool:
        return any("Running on http" in line for line in self.log)

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            with self._changed:
                self.log.append(line)
                self._changed.notify_all()
        with self._changed:
            self._has_ended = True
            self._changed.notify_all()


@contextmanager
def running(folder: Path) -> Iterator[Ministack]:
    """Run ministack with its state and home in `folder`."""
    packages = packages_of(PINS)
    port = free_ports()
    folder.mkdir()
    environment = {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": str(packages),
        "HOME": str(folder),
        "TMPDIR": str(folder),
        # The default is every interface.
        "BIND_HOST": "127.0.0.1",
        "GATEWAY_PORT": str(port),
        # These services listen on fixed ports.
        "IOT_MTLS_ENABLED": "0",
        "SFTP_ENABLED": "0",
        "AWS_DEFAULT_REGION": REGION,
    }
    # Without the interpreter's own packages. Some of them make ministack start more services.
    command = [INTERPRETER, "-S", "-u", "-c", PROGRAM]
    process = subprocess.Popen(
        command,
        env=environment,
        cwd=folder,
        text=True,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    try:
        ministack = Ministack(process, port)
        ministack.wait_until_it_listens()
        yield ministack
    finally:
        process.terminate()
        try:
            process.wait(STOP_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
