"""SIGTERM before the end: what Lambda grants only to environments that have an extension.

Without one the process is killed at once. Registered as an internal extension that wants no events, the runtime gets
SIGTERM and some 300 ms (protocol 1.9): time for `atexit` functions and `finally` blocks, such as those that flush
telemetry.
"""

from __future__ import annotations

import _signal  # type: ignore[import-not-found] # without `signal`, which makes enums of all numbers
import sys
from _thread import start_new_thread

from lambda_streaming.connection import Connection, ConnectionBroken
from lambda_streaming.http1 import encode_request_head

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import FrameType

EXTENSION_NAME = "lambda-streaming-graceful-shutdown"
_BASE = "/2020-01-01/extension"
_REGISTRATION = b'{"events":[]}'


class GracefulShutdown:
    """Ends the process on SIGTERM: at once while it waits for an invocation, else when that has been answered."""

    def __init__(self) -> None:
        self._is_idle = False
        self._is_asked_for = False

    def install(self, address: str) -> None:
        """Register the extension, before the first `/next`, and take over SIGTERM."""
        _signal.signal(_signal.SIGTERM, self._terminate)
        connection = Connection(address)
        connection.send_all(
            encode_request_head(
                "POST",
                f"{_BASE}/register",
                address,
                [
                    ("Lambda-Extension-Name", EXTENSION_NAME),
                    ("Content-Type", "application/json"),
                    ("Content-Length", str(len(_REGISTRATION))),
                ],
            ),
            _REGISTRATION,
        )
        reply = connection.read_reply()
        identifier = reply.headers.get("lambda-extension-identifier")
        if reply.status != 200 or identifier is None:
            connection.close()
            sys.stderr.write(
                f"lambda_streaming: no SIGTERM before the end: the extension's registration was answered "
                f"{reply.status} {reply.body[:200]!r}\n"
            )
            return
        start_new_thread(_wait_for_no_event, (connection, address, identifier))

    def idle(self) -> None:
        """Say that the process waits for an invocation; does not return when it has been asked to end."""
        self._is_idle = True
        if self._is_asked_for:
            raise SystemExit(0)

    def busy(self) -> None:
        self._is_idle = False

    def _terminate(self, number: int, frame: FrameType | None) -> None:
        self._is_asked_for = True
        if self._is_idle:
            raise SystemExit(0)


def _wait_for_no_event(connection: Connection, address: str, identifier: str) -> None:
    """Ask for the next event: an extension that does not would keep the environment from becoming ready."""
    try:
        connection.send_all(
            encode_request_head("GET", f"{_BASE}/event/next", address, [("Lambda-Extension-Identifier", identifier)])
        )
        connection.read_reply()
    except ConnectionBroken:
        return  # The environment ends.
