"""Emulator that serves an assembly, with clients for tests."""

from __future__ import annotations

import http.client
import json
import os
import re
import threading
import urllib.parse
from collections.abc import Callable, Iterator
from functools import cached_property
from pathlib import Path
from typing import Any

from lambda_emulator import Emulator

from .gates import PATIENCE_SECONDS

TIME = re.compile(r"\d\d:\d\d:\d\d\.\d{3} ")


def without_time(line: str) -> str:
    """Return a line of the emulator's log without its time, which every line has."""
    assert TIME.match(line), line
    return TIME.sub("", line, count=1)


class Log:
    """Lines that the emulator has printed, without their times."""

    def __init__(self) -> None:
        self._lines: list[str] = []
        self._changed = threading.Condition()

    def print_line(self, line: str) -> None:
        with self._changed:
            self._lines.append(without_time(line))
            self._changed.notify_all()

    def wait_for(self, text: str, *, count: int = 1) -> list[str]:
        """Wait until `count` lines contain `text`. Return all lines."""
        with self._changed:
            found = self._changed.wait_for(
                lambda: sum(text in line for line in self._lines) >= count, timeout=PATIENCE_SECONDS
            )
            assert found, f"{text!r} was not logged {count} times: {self._lines}"
            return list(self._lines)


class Served:
    """A running emulator with its clients."""

    def __init__(self, emulator: Emulator, log: Log, stop: Callable[[], None]) -> None:
        self.emulator = emulator
        self.stop = stop
        self.log = log

    @cached_property
    def client(self) -> Any:
        return lambda_client(self.emulator.lambda_api_url)

    def connect(self, function: str = "App") -> http.client.HTTPConnection:
        """Return a connection to a Function URL. It opens with its first request."""
        return http.client.HTTPConnection(*host_and_port(self.emulator.url(function)), timeout=PATIENCE_SECONDS)

    def request(
        self, function: str = "App", method: str = "GET", path: str = "/", body: bytes | None = None, **headers: str
    ) -> http.client.HTTPResponse:
        """Send a request to a Function URL. The test reads the response, piece by piece."""
        connection = self.connect(function)
        connection.request(method, path, body, {name.replace("_", "-"): value for name, value in headers.items()})
        return connection.getresponse()

    def invoke(self, payload: Any = None, function: str = "App") -> tuple[Any, str]:
        """Invoke a function. Return the decoded payload and the function error."""
        response = self.client.invoke(FunctionName=function, Payload=json.dumps(payload))
        return json.loads(response["Payload"].read()), response.get("FunctionError", "")

    def stream(self, payload: Any = None, function: str = "App", **options: Any) -> Iterator[dict[str, Any]]:
        """Invoke a function with a response stream. Yield the events as they arrive."""
        response = self.client.invoke_with_response_stream(
            FunctionName=function, Payload=json.dumps(payload), **options
        )
        yield from response["EventStream"]


def host_and_port(address: str) -> tuple[str, int]:
    parts = urllib.parse.urlsplit(address)
    assert parts.hostname is not None
    assert parts.port is not None
    return parts.hostname, parts.port


def is_gone(pid: int) -> bool:
    """Return True if a process has ended. A zombie has ended too."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    status = Path(f"/proc/{pid}/stat")
    return not status.exists() or status.read_text().rpartition(")")[2].split()[0] == "Z"


def lambda_client(endpoint_url: str) -> Any:
    import boto3  # takes half a second, which tests without a client do not need

    config = boto3.session.Config(retries={"max_attempts": 0}, read_timeout=PATIENCE_SECONDS)
    return boto3.client(
        "lambda",
        endpoint_url=endpoint_url,
        region_name="us-east-1",
        aws_access_key_id="test",
        aws_secret_access_key="test",
        config=config,
    )
