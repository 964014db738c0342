"""ministack, which stands where AWS's control plane is: `cdk deploy` and boto3 talk to it, on this machine only.

It keeps resources and what refers to what; it does not check whether Lambda would accept a value, and it runs nothing
here. It is installed beside the project's other tools, for it asks for another botocore than they do.
"""

from __future__ import annotations

import os
import socket
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.lambda_streaming.conftest import INTERPRETER
from tests.wrappers.tools import packages_of

PINS = ("ministack==1.5.33",)
ACCOUNT = "123456789012"
REGION = "us-east-1"
# It ends with the tests, even if these are killed: then its input ends.
PROGRAM = """
import os, runpy, sys, threading
threading.Thread(target=lambda: (sys.stdin.read(), os._exit(1)), daemon=True).start()
runpy.run_module("ministack", run_name="__main__")
"""
START_TIMEOUT_S = 30.0
STOP_TIMEOUT_S = 10.0


class Ministack:
    """The process; `log` is what it has written so far."""

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
    """Run ministack with its state and its home in `folder`; the state ends with it."""
    packages = packages_of(PINS)
    port = _free_port()
    folder.mkdir()
    environment = {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": str(packages),
        "HOME": str(folder),
        "TMPDIR": str(folder),
        # By default it listens on every interface.
        "BIND_HOST": "127.0.0.1",
        "GATEWAY_PORT": str(port),
        # These listen at ports that are fixed.
        "IOT_MTLS_ENABLED": "0",
        "SFTP_ENABLED": "0",
        "AWS_DEFAULT_REGION": REGION,
    }
    # Without the interpreter's own packages: some make it start more services.
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


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
    return port
