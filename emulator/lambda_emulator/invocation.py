"""Invocations: an event on its way to the function, and the response on its way back.

The Runtime API writes the response and a front door reads it. The buffer between them is bounded: while the reader is
slow, `write` waits, and nothing more is read from the function.
"""

from __future__ import annotations

import asyncio
import json
import time
import uuid
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from enum import Enum
from typing import TypeAlias

from .functions import Function, InvokeMode
from .json_text import decode_json

BUFFERED_LIMIT_BYTES = 6 * 1024 * 1024 + 100
"""The largest event and the largest buffered response."""

STREAM_LIMIT_BYTES = 200 * 1024 * 1024
"""The largest streamed response."""

EMULATOR_ERROR_PREFIX = "Emulator."
"""Start of the error types of failures that AWS does not have."""

_UNREAD_LIMIT_BYTES = 64 * 1024


class ThrottleReason(Enum):
    """Reason for a rejected invocation, with the values of the Lambda API."""

    RESERVED_CONCURRENCY = "ReservedFunctionConcurrentInvocationLimitExceeded"
    CONCURRENCY = "ConcurrentInvocationLimitExceeded"


class Throttled(Exception):
    """No execution environment may take the invocation now. Front doors answer with 429."""

    def __init__(self, reason: ThrottleReason, message: str) -> None:
        super().__init__(message)
        self.reason = reason

    @property
    def document(self) -> dict[str, str]:
        """The body of AWS's answer."""
        return {"Reason": self.reason.value, "Type": "User", "message": str(self)}


@dataclass(frozen=True, slots=True)
class InvocationError:
    """Failure of an invocation: AWS's error type, and the JSON document that the caller gets."""

    error_type: str
    document: bytes
    is_end_of_stream: bool = False
    """True if the function reported the error after its last byte, so that the stream is complete."""

    @property
    def message(self) -> str:
        try:
            return str(decode_json(self.document)["errorMessage"])
        except (ValueError, LookupError, TypeError):
            return self.document.decode(errors="replace")

    @classmethod
    def of(cls, error_type: str, message: str) -> InvocationError:
        """Return the error of a failure that Lambda itself reports."""
        return cls(error_type, json.dumps({"errorType": error_type, "errorMessage": message}).encode())


class Invocation:
    """One event and its response. Only the first call of `finish` counts."""

    def __init__(
        self,
        function: Function,
        event: bytes,
        *,
        invoke_mode: InvokeMode,
        qualifier: str = "",
        client_context: str = "",
        tenant_id: str = "",
        request_id: str = "",
        trace_id: str = "",
    ) -> None:
        self.function = function
        self.event = event
        self.invoke_mode = invoke_mode
        self.invoked_arn = f"{function.arn}:{qualifier}" if qualifier else function.arn
        self.client_context = client_context
        self.tenant_id = tenant_id
        self.request_id = request_id or str(uuid.uuid4())
        self.trace_id = trace_id or new_trace_id()
        self.deadline_ms = 0
        # The response
        self.content_type = ""
        self.error: InvocationError | None = None
        self._started = asyncio.Event()
        self._over = asyncio.Event()

        # Its log, which ends after the response
        self._log_tail = b""
        self._reported = asyncio.Event()

        # Between writer and reader
        self._unread: deque[bytes] = deque()
        self._unread_bytes = 0
        self._changed = asyncio.Event()
        self._abandoned = False

    @property
    def limit_bytes(self) -> int:
        return STREAM_LIMIT_BYTES if self.invoke_mode is InvokeMode.RESPONSE_STREAM else BUFFERED_LIMIT_BYTES

    @property
    def is_over(self) -> bool:
        return self._over.is_set()

    @property
    def has_response(self) -> bool:
        """True if the function began to answer. An error before that has another form than one after it."""
        return bool(self.content_type)

    def begin(self) -> None:
        """Set the deadline. The function is about to get the event."""
        if not self.deadline_ms:
            self.deadline_ms = int(time.time() * 1000) + self.function.timeout_seconds * 1000

    # For the Runtime API

    def start_response(self, content_type: str) -> None:
        if not self.is_over:
            self.content_type = content_type
            self._started.set()

    async def write(self, data: bytes) -> None:
        """Pass on a piece of the response. Wait while the reader is behind. Drop the piece if it has left."""
        while self._unread_bytes >= _UNREAD_LIMIT_BYTES and not self._abandoned and not self.is_over:
            await self._change()
        if not self._abandoned and not self.is_over:
            self._unread.append(data)
            self._unread_bytes += len(data)
            self._changed.set()

    def finish(self, error: InvocationError | None = None) -> None:
        """End the response. Without an error it is complete."""
        if self.is_over:
            return
        self.error = error
        self._over.set()
        self._started.set()
        self._changed.set()

    def report(self, log_tail: bytes) -> None:
        """Pass on the last part of the invocation's log, which ends with its REPORT line."""
        if not self._reported.is_set():
            self._log_tail = log_tail
            self._reported.set()

    # For a front door

    async def response_started(self) -> bool:
        """Wait until the function answers. Return False if it fails before that: see `error`."""
        await self._started.wait()
        return self.has_response

    async def body(self) -> AsyncIterator[bytes]:
        """Yield the response as it arrives. `error` is valid at its end."""
        while True:
            while self._unread:
                data = self._unread.popleft()
                self._unread_bytes -= len(data)
                self._changed.set()
                yield data
            if self.is_over:
                return
            await self._change()

    async def collect(self) -> bytes:
        """Return the whole response."""
        return b"".join([data async for data in self.body()])

    async def log_tail(self) -> bytes:
        """Return the last part of the log. It is complete when the function is done, maybe long after the response."""
        await self._reported.wait()
        return self._log_tail

    def abandon(self) -> None:
        """Drop the response: the caller has left. The function goes on, as it does on AWS."""
        self._abandoned = True
        self._unread.clear()
        self._changed.set()

    async def _change(self) -> None:
        self._changed.clear()
        await self._changed.wait()


Invoke: TypeAlias = Callable[[Invocation], Awaitable[None]]
"""Gives an invocation to an execution environment of its function. The response is read from the invocation.

It may raise `Throttled`.
"""


def new_trace_id() -> str:
    """Return an X-Ray trace header for a request that is not sampled."""
    identity = uuid.uuid4().hex
    return f"Root=1-{int(time.time()):08x}-{identity[:24]};Parent={identity[16:]};Sampled=0"
