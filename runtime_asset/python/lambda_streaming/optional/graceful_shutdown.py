"""Graceful shutdown: SIGTERM before the end, which Lambda sends only to environments that have an extension.

Without one Lambda kills the process at once. So the runtime registers an internal extension without events. It then
gets SIGTERM and some 300 ms (protocol.md 1.9): time for `atexit` functions and `finally` blocks that flush telemetry.
"""

from __future__ import annotations

import _signal  # type: ignore[import-not-found] # not `signal`, which makes an enum of each number
import sys
from _thread import start_new_thread

from lambda_streaming.wire.connection import Connection, ConnectionBroken
from lambda_streaming.wire.http1 import encode_request_head

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import FrameType

EXTENSION_NAME = "lambda-streaming-graceful-shutdown"
_BASE = "/2020-01-01/extension"
_REGISTRATION = b'{"events":[]}'


class GracefulShutdown:
    """Ends the process on SIGTERM: at once while it waits for an invocation, else after the answer."""

    def __init__(self) -> None:
        self._is_idle = False
        self._is_requested = False

    def install(self, address: str) -> None:
        """Register the extension, before the first `/next`, and handle SIGTERM."""
        _signal.signal(_signal.SIGTERM, self._terminate)
        connection = Connection.to(address)
        reply = connection.exchange(
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
        identifier = reply.headers.get("lambda-extension-identifier")
        if reply.status != 200 or identifier is None:
            connection.close()
            sys.stderr.write(
                f"lambda_streaming: there will be no SIGTERM before the end: Lambda answered {reply.status} "
                f"{reply.body[:200]!r} to the registration of the extension\n"
            )
            return
        start_new_thread(_wait_for_no_event, (connection, address, identifier))

    def idle(self) -> None:
        """Note that the process waits for an invocation. Raises SystemExit if SIGTERM has come."""
        self._is_idle = True
        if self._is_requested:
            raise SystemExit(0)

    def busy(self) -> None:
        self._is_idle = False

    def _terminate(self, number: int, frame: FrameType | None) -> None:
        self._is_requested = True
        if self._is_idle:
            raise SystemExit(0)


def _wait_for_no_event(connection: Connection, address: str, identifier: str) -> None:
    """Request the next event: Lambda counts an environment as ready only when its extensions have done so."""
    try:
        connection.exchange(
            encode_request_head("GET", f"{_BASE}/event/next", address, [("Lambda-Extension-Identifier", identifier)])
        )
    except ConnectionBroken:
        return  # The environment ends.
