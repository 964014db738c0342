"""Metrics of streamed responses: one line in CloudWatch's embedded metric format for each sampled invocation.

A Function URL hides a failure after the first byte; `MidstreamErrors` shows it. Sampling leaves out successful
invocations only. Loaded only if a sample rate is set: otherwise the loop has `NoMetrics`.
"""

from __future__ import annotations

from os import urandom
from time import monotonic, time

from lambda_streaming.response.body_writer import BodyWriter
from lambda_streaming.response.destination import HeadOnlyBody

TYPE_CHECKING = False
if TYPE_CHECKING:
    from lambda_streaming.process.logs import Log
    from lambda_streaming.response.flusher import Flusher
    from lambda_streaming.response_stream import Body
    from lambda_streaming.wire.connection import Connection
    from lambda_streaming.wire.runtime_api import Invocation

NAMESPACE = "LambdaStreaming"
# Names of metrics, with their units as CloudWatch spells them.
MIDSTREAM_ERRORS = ("MidstreamErrors", "Count")
TIME_TO_FIRST_BYTE = ("TimeToFirstByte", "Milliseconds")
RESPONSE_BYTES = ("ResponseBytes", "Bytes")


class MeasuredBody(BodyWriter):
    """Counts the bytes of the body, and records when the socket took the first byte of the response.

    The overridden methods run for each frame, not for each item, in the producer or the flusher, under the lock.
    """

    def __init__(self, connection: Connection, flusher: Flusher, request_head: bytes, opening: bytes = b"") -> None:
        super().__init__(connection, flusher, request_head, opening)
        # The prelude is framed with the body, and does not count.
        self.body_bytes = -len(opening)
        self.first_byte_s = 0.0

    def _frame_joined(self) -> int:
        size = super()._frame_joined()
        self.body_bytes += size
        return size

    def _forget(self, sent: int) -> None:
        if not self.first_byte_s:
            self.first_byte_s = monotonic()
        super()._forget(sent)


class MeasuredHeadOnlyBody(MeasuredBody, HeadOnlyBody):
    """A measured body without bytes."""


class StreamMetrics:
    def __init__(self, sample_rate: float, function_name: str, log: Log) -> None:
        # For the process.
        self._sampled_below = sample_rate * 2.0**32
        self._function_name = function_name
        self._log = log
        # For one invocation.
        self._begun_s = 0.0
        self._is_sampled = False
        self._has_failed = False

    def begin(self) -> None:
        """Draw lots for the invocation that has just come, and start its clock."""
        # Random numbers of the kernel: no heavy import, and different in each copy of a snapshot.
        self._is_sampled = int.from_bytes(urandom(4), "big") < self._sampled_below
        self._has_failed = False
        self._begun_s = monotonic()

    def leave_out(self) -> None:
        """Measure nothing of an answer that does not stream."""
        self._is_sampled = False

    def fail(self) -> None:
        """Record that the handler failed after the first byte."""
        self._has_failed = True

    def body_kind(self, kind: type[BodyWriter]) -> type[BodyWriter]:
        if not self._is_sampled:
            return kind
        return MeasuredHeadOnlyBody if kind is HeadOnlyBody else MeasuredBody

    def end(self, invocation: Invocation, body: Body | None) -> None:
        """Write the line of a sampled or failed invocation, after Lambda's reply: no caller waits for it."""
        values: dict[tuple[str, str], float] = {}
        if self._is_sampled and isinstance(body, MeasuredBody) and body.first_byte_s:
            elapsed_ms = round((body.first_byte_s - self._begun_s) * 1000, 3)
            values = {MIDSTREAM_ERRORS: 0, TIME_TO_FIRST_BYTE: elapsed_ms, RESPONSE_BYTES: body.body_bytes}
        if self._has_failed:
            values[MIDSTREAM_ERRORS] = 1
        if values:
            dimensions = _dimensions(invocation.function_arn, self._function_name)
            self._log.metrics(_document(dimensions, values, invocation.request_id))


def _document(dimensions: dict[str, str], values: dict[tuple[str, str], float], request_id: str) -> dict[str, object]:
    directive = {
        "Namespace": NAMESPACE,
        # One set: CloudWatch charges each set as separate metrics.
        "Dimensions": [list(dimensions)],
        "Metrics": [{"Name": name, "Unit": unit} for name, unit in values],
    }
    return {
        "_aws": {"Timestamp": int(time() * 1000), "CloudWatchMetrics": [directive]},
        **dimensions,
        **{name: value for (name, _), value in values.items()},
        "requestId": request_id,
    }


def _dimensions(function_arn: str, function_name: str) -> dict[str, str]:
    """Return the dimensions of AWS/Lambda's own metrics; `Resource` names the invoked version or alias."""
    _, _, resource = function_arn.partition(":function:")
    name, _, qualifier = resource.partition(":")
    named = {"FunctionName": name or function_name}
    return {**named, "Resource": resource} if qualifier else named
