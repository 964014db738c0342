"""What CloudWatch is told of streamed responses: one line in the embedded metric format for a sampled invocation.

A Function URL hides a failure after the first byte; `MidstreamErrors` shows it. Sampling saves lines that say that all
is well, and never leaves out a failure. Loaded only where a sample rate is set: elsewhere the loop has `NotMeasured`
in its place.
"""

from __future__ import annotations

from os import urandom
from time import monotonic, time

from lambda_streaming.body_writer import BodyWriter
from lambda_streaming.outlet import HeadOnlyBody

TYPE_CHECKING = False
if TYPE_CHECKING:
    from lambda_streaming.connection import Connection
    from lambda_streaming.flusher import Flusher
    from lambda_streaming.invocation import Invocation
    from lambda_streaming.logs import Log
    from lambda_streaming.response_stream import Body

NAMESPACE = "LambdaStreaming"
# Names of metrics, with their units as CloudWatch spells them.
MIDSTREAM_ERRORS = ("MidstreamErrors", "Count")
TIME_TO_FIRST_BYTE = ("TimeToFirstByte", "Milliseconds")
RESPONSE_BYTES = ("ResponseBytes", "Bytes")


class MeasuredBody(BodyWriter):
    """Counts the bytes of the body, and notes when the first byte of the response was given to the socket.

    What is overridden runs for each frame, and not for each item; by the producer or the flusher, under the lock.
    """

    def __init__(self, connection: Connection, flusher: Flusher, request_head: bytes, opening: bytes = b"") -> None:
        super().__init__(connection, flusher, request_head, opening)
        # The prelude is framed as the body is, and is none of it.
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
    """Has no bytes to count."""


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
        """Decide whether the invocation that has just been received is measured, and how long it takes from now."""
        # The kernel's numbers: unlike `random` they are no heavy import, and differ in each copy of a snapshot.
        self._is_sampled = int.from_bytes(urandom(4), "big") < self._sampled_below
        self._has_failed = False
        self._begun_s = monotonic()

    def leave_out(self) -> None:
        """Measure nothing of an answer that does not stream."""
        self._is_sampled = False

    def fail(self) -> None:
        """Take note that the handler failed after the first byte."""
        self._has_failed = True

    def body_kind(self, kind: type[BodyWriter]) -> type[BodyWriter]:
        if not self._is_sampled:
            return kind
        return MeasuredHeadOnlyBody if kind is HeadOnlyBody else MeasuredBody

    def end(self, invocation: Invocation, body: Body | None) -> None:
        """Write the line, if there is one to write; after Lambda's reply, so that no caller waits for it."""
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
        # One set: each is charged as metrics of its own.
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
    """As those of AWS/Lambda's own metrics: `Resource` says by which version or alias the function was invoked."""
    _, _, resource = function_arn.partition(":function:")
    name, _, qualifier = resource.partition(":")
    named = {"FunctionName": name or function_name}
    return {**named, "Resource": resource} if qualifier else named
