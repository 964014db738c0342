"""The lines in CloudWatch's embedded metric format: content, occasions, delivery."""

from __future__ import annotations

import json
import os
import select
import struct
import threading
import time
from collections.abc import Iterator
from datetime import datetime
from typing import Any, NamedTuple
from unittest import mock

import pytest
from lambda_streaming.optional.stream_metrics import StreamMetrics
from lambda_streaming.response.body_writer import BodyWriter, ResponseCutOff
from lambda_streaming.wire.connection import ConnectionBroken

from ..gate import Gate
from .conftest import RunningRuntime, RunRuntime
from .fake_runtime_api import FUNCTION_URL_EVENT, TIMEOUT_S, reply
from .test_errors import HANDLERS, source
from .test_heads import ALB_EVENT, HTTP_API_2_EVENT, REST_EVENT, url_event

EACH = {"LAMBDA_STREAMING_METRICS_SAMPLE_RATE": "1"}
# One in 4,294,967,296.
HARDLY_ANY = {"LAMBDA_STREAMING_METRICS_SAMPLE_RATE": "0.0000000002"}
ARN = "arn:aws:lambda:us-east-1:123456789012:function:test"

UNITS = frozenset(
    f"{size}{unit}{rate}"
    for size in ("", "Kilo", "Mega", "Giga", "Tera")
    for unit in ("Bytes", "Bits")
    for rate in ("", "/Second")
) | {"Seconds", "Microseconds", "Milliseconds", "Percent", "Count", "Count/Second", "None"}


class Metrics(NamedTuple):
    """The metrics that CloudWatch reads from one line."""

    timestamp_ms: int
    namespace: str
    dimensions: list[dict[str, str]]
    units: dict[str, str]
    values: dict[str, float]


def decode_emf(text: str) -> tuple[Metrics, dict[str, Any]]:
    """Return the metrics of one line by CloudWatch's "Specification: Embedded metric format", and its root members.

    Fails where the specification says MUST. JSON with anything before or after it is no document.
    """
    root = json.loads(text, object_pairs_hook=without_repetitions, parse_constant=refuse)
    assert text[0] + text[-1] == "{}", "the root node is the whole of the event"
    assert len(text.encode()) <= 256 * 1024
    metadata = root["_aws"]
    assert set(metadata) == {"Timestamp", "CloudWatchMetrics"}
    assert type(metadata["Timestamp"]) is int
    (directive,) = metadata["CloudWatchMetrics"]
    assert set(directive) == {"Namespace", "Dimensions", "Metrics"}
    assert 1 <= len(directive["Namespace"]) <= 1024
    dimensions = []
    for names in directive["Dimensions"]:
        assert isinstance(names, list)
        assert len(names) <= 30
        for name in names:
            assert 1 <= len(name) <= 250
            assert isinstance(root[name], str)
            assert 1 <= len(root[name]) <= 1024
            assert root[name].isascii()
            assert root[name].strip()
        dimensions.append({name: root[name] for name in names})
    units = {}
    values = {}
    assert len(directive["Metrics"]) <= 100
    for definition in directive["Metrics"]:
        assert {"Name"} <= set(definition) <= {"Name", "Unit", "StorageResolution"}
        name = definition["Name"]
        assert 1 <= len(name) <= 1024
        assert name not in units
        assert definition.get("Unit", "None") in UNITS
        assert type(root[name]) in (int, float), "the target of a metric is a number"
        units[name] = definition.get("Unit", "None")
        values[name] = root[name]
    return Metrics(metadata["Timestamp"], directive["Namespace"], dimensions, units, values), root


def without_repetitions(members: list[tuple[str, Any]]) -> dict[str, Any]:
    assert len(dict(members)) == len(members)
    return dict(members)


def refuse(constant: str) -> None:
    raise AssertionError(f"{constant} is no JSON")


LEVELS = ("TRACE", "DEBUG", "INFO", "WARN", "ERROR", "FATAL")


def passes_filter(text: str, application_log_level: str) -> bool:
    """Return True if Lambda keeps a line of a function whose log format is JSON (AWS, "Log-level filtering")."""
    record = json.loads(text)
    level = str(record.get("level", "")).upper()
    try:
        datetime.fromisoformat(record["timestamp"].replace("Z", "+00:00"))
    except (KeyError, ValueError):
        level = "INFO"
    return LEVELS.index(level if level in LEVELS else "INFO") >= LEVELS.index(application_log_level)


def metric_lines(runtime: RunningRuntime) -> list[str]:
    """Return the lines that the runtime has written by the time it waits for the next event."""
    assert runtime.api.idle.wait(TIMEOUT_S)
    runtime.stop()
    return [line for line in runtime.log.split("\n") if "CloudWatchMetrics" in line]


def only_metrics(runtime: RunningRuntime) -> Metrics:
    (line,) = metric_lines(runtime)
    return decode_emf(line)[0]


class Telemetry:
    """The log pipe of a managed runtime: frames of type, length, time in microseconds, message."""

    def __init__(self) -> None:
        self._reader, self.descriptor = os.pipe()

    @property
    def environment(self) -> dict[str, str]:
        return {"_LAMBDA_TELEMETRY_LOG_FD": str(self.descriptor)}

    def has_more(self) -> bool:
        return bool(select.select([self._reader], [], [], 0)[0])

    def frame(self) -> tuple[bytes, str]:
        """Read one frame: its type and its message."""
        assert select.select([self._reader], [], [], TIMEOUT_S)[0], "no frame"
        kind, size, _ = struct.unpack(">4sIQ", os.read(self._reader, 16))
        return kind, os.read(self._reader, size).decode()

    def close(self) -> None:
        os.close(self._reader)
        os.close(self.descriptor)


@pytest.fixture
def telemetry() -> Iterator[Telemetry]:
    telemetry = Telemetry()
    yield telemetry
    telemetry.close()


# The measured values.


@pytest.mark.parametrize("event", [FUNCTION_URL_EVENT, {}], ids=["prelude", "raw"])
@pytest.mark.parametrize("kind", HANDLERS)
def test_streamed_response_writes_one_line(kind: str, event: Any, run_runtime: RunRuntime) -> None:
    runtime = run_runtime(source(kind, "yield 'é'", "yield b'two'"), environment=EACH)
    before_ms = time.time() * 1000
    exchange = runtime.invoke(event)
    exchange.result()
    assert runtime.api.idle.wait(TIMEOUT_S)
    after_ms = time.time() * 1000
    (line,) = metric_lines(runtime)
    metrics, root = decode_emf(line)
    assert metrics.namespace == "LambdaStreaming"
    assert metrics.dimensions == [{"FunctionName": "test"}]
    assert metrics.units == {"MidstreamErrors": "Count", "TimeToFirstByte": "Milliseconds", "ResponseBytes": "Bytes"}
    assert before_ms - 1 <= metrics.timestamp_ms <= after_ms
    time_to_first_byte_ms = metrics.values.pop("TimeToFirstByte")
    assert 0 < time_to_first_byte_ms <= after_ms - before_ms
    assert metrics.values == {"MidstreamErrors": 0, "ResponseBytes": 5}
    assert root["requestId"] == exchange.request_id


BODIES = {
    "small items in a burst": ("'é' * 5\n" * 3_000, 30_000),
    "large items": ("bytes(100_000)\nmemoryview(bytearray(70_000))", 170_000),
    "an item that encodes itself": ("ServerSentEvent('x')", len("data: x\n\n")),
    "empty items": ("''\nb''\n'x'", 1),
}


@pytest.mark.parametrize("name", BODIES)
@pytest.mark.parametrize("kind", ["def", "async def"])
def test_response_bytes_count_only_items(kind: str, name: str, run_runtime: RunRuntime) -> None:
    """Without the prelude and without chunk framing."""
    items, expected = BODIES[name]
    lines = [f"yield {item}" for item in items.splitlines()]
    runtime = run_runtime("from lambda_streaming import ServerSentEvent\n" + source(kind, *lines), environment=EACH)
    assert len(runtime.invoke(FUNCTION_URL_EVENT).result().payload) == expected
    assert only_metrics(runtime).values["ResponseBytes"] == expected


@pytest.mark.parametrize(
    ("event", "expected"), [(url_event("HEAD"), 0), (FUNCTION_URL_EVENT, 1), (REST_EVENT, 0), ({}, 0)]
)
def test_bytes_of_a_response_without_items(event: Any, expected: int, run_runtime: RunRuntime) -> None:
    """The newline of an empty body counts; a body that HTTP forbids does not."""
    head = event == url_event("HEAD")
    runtime = run_runtime(
        f"def handler(event, context):\n    yield from {['dropped'] if head else []}",
        environment={**EACH, "LAMBDA_STREAMING_FRONT_DOORS": "function-url,rest-api"},
    )
    runtime.invoke(event).result()
    metrics = only_metrics(runtime)
    assert metrics.values["ResponseBytes"] == expected
    assert metrics.values["TimeToFirstByte"] > 0


WAITS_FOR_ITS_FIRST_ITEM = """
import socket, time
from lambda_streaming import HttpResponse

def handler(event, context):
    begun = time.monotonic()
    if event["names"]:
        yield HttpResponse(headers={"content-type": "text/plain"})
    with socket.create_connection(("127.0.0.1", event["port"])) as gate:
        gate.recv(1)
    yield f"{time.monotonic() - begun:.6f}"
"""


def test_first_byte_is_the_first_item(run_runtime: RunRuntime, gate: Gate) -> None:
    runtime = run_runtime(WAITS_FOR_ITS_FIRST_ITEM, environment=EACH)
    exchange = runtime.invoke({**FUNCTION_URL_EVENT, "names": False, "port": gate.port})
    gate.open()
    waited_ms = float(exchange.result().payload) * 1000
    assert only_metrics(runtime).values["TimeToFirstByte"] >= waited_ms


def test_first_byte_is_the_head_that_leaves_alone(run_runtime: RunRuntime, gate: Gate) -> None:
    """The item is withheld until the caller has seen the head."""
    runtime = run_runtime(WAITS_FOR_ITS_FIRST_ITEM, environment=EACH)
    assert runtime.api.idle.wait(TIMEOUT_S)
    begun = time.monotonic()
    exchange = runtime.invoke({**FUNCTION_URL_EVENT, "names": True, "port": gate.port})
    exchange.wait_for(b"\0" * 8)
    time.sleep(0.05)  # The runtime reads its clock after the send: it may do so later than the caller sees the head.
    opened_ms = (time.monotonic() - begun) * 1000
    gate.open()
    exchange.result()
    assert 100 <= only_metrics(runtime).values["TimeToFirstByte"] <= opened_ms


@pytest.mark.parametrize(
    ("arn", "expected"),
    [
        (ARN, {"FunctionName": "test"}),
        (f"{ARN}:live", {"FunctionName": "test", "Resource": "test:live"}),
        (f"{ARN}:12", {"FunctionName": "test", "Resource": "test:12"}),
        (f"{ARN}:$LATEST", {"FunctionName": "test", "Resource": "test:$LATEST"}),
        ("", {"FunctionName": "test"}),
    ],
)
def test_dimensions_are_one_set_as_in_lambda_s_own_metrics(
    arn: str, expected: dict[str, str], run_runtime: RunRuntime
) -> None:
    runtime = run_runtime("def handler(event, context):\n    yield 'x'", environment=EACH)
    runtime.invoke({}, headers={"Lambda-Runtime-Invoked-Function-Arn": arn}).result()
    assert only_metrics(runtime).dimensions == [expected]


# Ends of a response.


@pytest.mark.parametrize("kind", HANDLERS)
def test_failure_after_the_first_byte_is_a_midstream_error(kind: str, run_runtime: RunRuntime) -> None:
    runtime = run_runtime(source(kind, "yield 'begun'", "raise ValueError('gone')"), environment=EACH)
    assert runtime.invoke(FUNCTION_URL_EVENT).result().trailers
    values = only_metrics(runtime).values
    assert (values["MidstreamErrors"], values["ResponseBytes"]) == (1, 5)
    assert values["TimeToFirstByte"] > 0


def test_failure_after_early_head_is_a_midstream_error(run_runtime: RunRuntime, gate: Gate) -> None:
    failing = WAITS_FOR_ITS_FIRST_ITEM.replace('yield f"', 'raise ValueError; yield f"')
    runtime = run_runtime(failing, environment=EACH)
    exchange = runtime.invoke({**FUNCTION_URL_EVENT, "names": True, "port": gate.port})
    exchange.wait_for(b"\0" * 8)
    gate.open()
    assert exchange.result().trailers
    values = only_metrics(runtime).values
    assert (values["MidstreamErrors"], values["ResponseBytes"]) == (1, 0)


@pytest.mark.parametrize("rate", [EACH, HARDLY_ANY], ids=["sampled", "not sampled"])
@pytest.mark.parametrize("kind", ["def", "async def"])
@pytest.mark.parametrize("statement", ["raise SystemExit(3)", "raise KeyboardInterrupt"])
def test_midstream_error_is_written_before_the_process_ends(
    statement: str, kind: str, rate: dict[str, str], run_runtime: RunRuntime
) -> None:
    runtime = run_runtime(source(kind, "yield 'begun'", statement), environment=rate)
    runtime.invoke({}).result()
    runtime.wait_for_exit()
    (line,) = [line for line in runtime.log.split("\n") if "CloudWatchMetrics" in line]
    assert decode_emf(line)[0].values["MidstreamErrors"] == 1


def test_unsent_response_writes_no_line() -> None:
    connection = mock.Mock()
    connection.try_send.side_effect = ConnectionBroken("the peer is gone")
    log = mock.Mock()
    metrics = StreamMetrics(1, "test", log)
    metrics.begin()
    body = metrics.body_kind(BodyWriter)(connection, mock.Mock(), b"request head")
    with pytest.raises(ResponseCutOff):
        body.put(b"item")
    metrics.end(mock.Mock(function_arn=ARN), body)
    log.metrics.assert_not_called()


def test_failure_before_the_first_byte_writes_no_line(run_runtime: RunRuntime) -> None:
    """Lambda's own metric Errors counts it."""
    runtime = run_runtime("def handler(event, context):\n    raise ValueError\n    yield", environment=EACH)
    assert runtime.invoke(FUNCTION_URL_EVENT).result().path.endswith("/error")
    assert metric_lines(runtime) == []


def test_failure_after_end_is_no_midstream_error(run_runtime: RunRuntime) -> None:
    """The caller has the whole response."""
    failing = source("streamified", "response_stream.end('all')", "raise ValueError('too late')")
    runtime = run_runtime(failing, environment=EACH)
    runtime.invoke({}).result()
    assert only_metrics(runtime).values["MidstreamErrors"] == 0


@pytest.mark.parametrize("kind", HANDLERS)
def test_cut_off_response_is_no_midstream_error(kind: str, run_runtime: RunRuntime) -> None:
    lines = ["for number in range(1_000_000_000):", "    yield 'x' * 1000"]
    runtime = run_runtime(
        source(kind, "if event == 'next':", "    yield 'served'", "    return", *lines), environment=EACH
    )
    cut_off = runtime.invoke("first", reply=reply(413, b"{}"))
    cut_off.reply_early_after = 100_000
    cut_off.result()
    assert runtime.invoke("next").result().body == b"served"
    lines = metric_lines(runtime)
    assert [decode_emf(line)[0].values["MidstreamErrors"] for line in lines] == [0, 0]
    assert decode_emf(lines[0])[1]["requestId"] == cut_off.request_id


@pytest.mark.parametrize("event", [FUNCTION_URL_EVENT, {}], ids=["prelude", "raw"])
@pytest.mark.parametrize("value", ["{'statusCode': 200, 'body': 'x'}", "'text'", "None", "HttpResponse(body='x')"])
def test_buffered_value_writes_no_line(value: str, event: Any, run_runtime: RunRuntime) -> None:
    runtime = run_runtime(
        f"from lambda_streaming import HttpResponse\ndef handler(event, context):\n    return {value}", environment=EACH
    )
    runtime.invoke(event).result()
    assert metric_lines(runtime) == []


@pytest.mark.parametrize("event", [HTTP_API_2_EVENT, ALB_EVENT, REST_EVENT])
def test_front_door_that_buffers_writes_no_line(event: Any, run_runtime: RunRuntime) -> None:
    runtime = run_runtime("def handler(event, context):\n    yield 'collected'", environment=EACH)
    assert not runtime.invoke(event).result().is_streamed
    assert metric_lines(runtime) == []


# Sampled invocations.


def test_unsampled_invocation_writes_no_line_unless_it_fails(run_runtime: RunRuntime) -> None:
    """A failure writes only itself: nothing else was measured."""
    runtime = run_runtime(
        "def handler(event, context):\n    yield 'begun'\n    if event: raise ValueError", environment=HARDLY_ANY
    )
    runtime.invoke(False).result()
    failed = runtime.invoke(True)
    failed.result()
    runtime.invoke(False).result()
    (line,) = metric_lines(runtime)
    metrics, root = decode_emf(line)
    assert metrics.units == {"MidstreamErrors": "Count"}
    assert metrics.values == {"MidstreamErrors": 1}
    assert set(root) == {"_aws", "FunctionName", "MidstreamErrors", "requestId"}
    assert root["requestId"] == failed.request_id


def test_rate_is_the_share_of_invocations_with_a_line(run_runtime: RunRuntime) -> None:
    """Ten standard deviations around one in two."""
    runtime = run_runtime(
        "def handler(event, context):\n    yield 'x'", environment={"LAMBDA_STREAMING_METRICS_SAMPLE_RATE": "0.5"}
    )
    for _ in range(400):
        runtime.invoke({}).result()
    assert 100 <= len(metric_lines(runtime)) <= 300


SHOWS_MODULES = """
import sys

def handler(event, context):
    yield "\\n".join(sys.modules)
    raise ValueError("after the first byte")
"""


@pytest.mark.parametrize("environment", [{}, {"LAMBDA_STREAMING_METRICS_SAMPLE_RATE": "0"}], ids=["unset", "0"])
def test_switched_off_metrics_write_and_import_nothing(environment: dict[str, str], run_runtime: RunRuntime) -> None:
    runtime = run_runtime(SHOWS_MODULES, environment=environment)
    off = set(runtime.invoke({}).result().body.decode().splitlines())
    assert metric_lines(runtime) == []
    on = set(run_runtime(SHOWS_MODULES, environment=EACH).invoke({}).result().body.decode().splitlines())
    assert on - off == {"lambda_streaming.optional", "lambda_streaming.optional.stream_metrics"}


@pytest.mark.parametrize(
    "value", ["", "yes", "1.01", "2", "-0.1", "0,5", "nan", "1e-1", "1_0", " 1", ".", "0.1.2", "\u0661"]
)
def test_invalid_rate_is_rejected_with_one_sentence(value: str, run_runtime: RunRuntime) -> None:
    name = "LAMBDA_STREAMING_METRICS_SAMPLE_RATE"
    runtime = run_runtime("def handler(event, context):\n    yield", environment={name: value})
    assert runtime.wait_for_exit() == 1
    error = json.loads(runtime.api.init_errors.get(timeout=TIMEOUT_S).body)
    expected = f"{name} is {value!r}; allowed are decimal numbers from 0 to 1, such as 0, 0.1 and 1"
    assert error["errorMessage"] == expected


# The line's way to CloudWatch.

FRAME_TYPES = {"TRACE": 0x0A, "DEBUG": 0x0A, "INFO": 0x0E, "WARN": 0x12, "ERROR": 0x16, "FATAL": 0x1A}
FORMATS = [("Text", None), ("Text", "ERROR"), ("JSON", None), *(("JSON", level) for level in LEVELS)]


def log_variables(log_format: str, level: str | None) -> dict[str, str]:
    return {"AWS_LAMBDA_LOG_FORMAT": log_format, **({"AWS_LAMBDA_LOG_LEVEL": level} if level else {})}


def check_form(line: str, log_format: str, level: str | None) -> None:
    _, root = decode_emf(line)
    if log_format == "JSON":
        assert passes_filter(line, level or "INFO")
        assert root["level"] == (level or "INFO")
    else:
        assert not {"level", "timestamp"} & set(root)


@pytest.mark.parametrize(("log_format", "level"), FORMATS)
def test_line_on_standard_output_passes_every_level(
    log_format: str, level: str | None, run_runtime: RunRuntime
) -> None:
    runtime = run_runtime(
        "def handler(event, context):\n    yield 'x'", environment={**EACH, **log_variables(log_format, level)}
    )
    runtime.invoke({}).result()
    (line,) = metric_lines(runtime)
    assert runtime.log == f"{line}\n"
    check_form(line, log_format, level)


@pytest.mark.parametrize(("log_format", "level"), FORMATS)
def test_frame_of_telemetry_passes_every_level(
    log_format: str, level: str | None, run_runtime: RunRuntime, telemetry: Telemetry
) -> None:
    runtime = run_runtime(
        "def handler(event, context):\n    yield 'x'",
        environment={**EACH, **log_variables(log_format, level), **telemetry.environment},
        pass_fds=(telemetry.descriptor,),
    )
    runtime.invoke({}).result()
    assert runtime.api.idle.wait(TIMEOUT_S)
    kind, message = telemetry.frame()
    check_form(message, log_format, level)
    last = FRAME_TYPES[level or "INFO"]
    if log_format == "Text":
        last = 0x03 if level is None else FRAME_TYPES[level] + 1
    assert kind == bytes((0xA5, 0x5A, 0x00, last))
    assert not telemetry.has_more()
    runtime.stop()
    assert runtime.log == ""


def test_line_goes_to_stdout_when_telemetry_is_closed(run_runtime: RunRuntime) -> None:
    runtime = run_runtime(
        "def handler(event, context):\n    yield 'x'", environment={**EACH, "_LAMBDA_TELEMETRY_LOG_FD": "99"}
    )
    runtime.invoke({}).result()
    only_metrics(runtime)


@pytest.mark.parametrize("kind", ["def", "async def"])
def test_line_comes_after_reply_and_before_next_event(kind: str, run_runtime: RunRuntime, telemetry: Telemetry) -> None:
    """No caller waits for the line, and no frozen process holds it back."""
    runtime = run_runtime(
        source(kind, "yield 'x'"), environment={**EACH, **telemetry.environment}, pass_fds=(telemetry.descriptor,)
    )
    assert runtime.api.idle.wait(TIMEOUT_S)
    may_reply = threading.Event()
    exchange = runtime.invoke({})
    exchange.replies_after = lambda: may_reply.wait(TIMEOUT_S)
    exchange.result()
    was_early = telemetry.has_more()
    may_reply.set()
    assert not was_early
    assert runtime.api.idle.wait(TIMEOUT_S)
    assert telemetry.has_more()


OUTPUTS = {
    "that is buffered": "sys.stdout = open(1, 'w', buffering=65_536, closefd=False)",
    "with something before each line": """
class Prefixed:
    def write(self, text):
        sys.__stdout__.write(f"[app] {text}")
    def flush(self):
        pass
sys.stdout = Prefixed()
""",
    "that takes nothing but ASCII": "sys.stdout.reconfigure(encoding='ascii')",
    "that is none": "sys.stdout = None",
}


@pytest.mark.parametrize("output", OUTPUTS)
def test_line_is_whole_beside_a_replaced_stdout(output: str, run_runtime: RunRuntime) -> None:
    runtime = run_runtime(
        f"import sys\n{OUTPUTS[output]}\ndef handler(event, context):\n    yield 'x'\n    print('printed')",
        environment=EACH,
    )
    runtime.invoke({}).result()
    only_metrics(runtime)


def test_line_is_whole_beside_a_writing_thread(run_runtime: RunRuntime) -> None:
    runtime = run_runtime(
        """
    import sys, threading
    def write_on():
        while True:
            sys.stdout.write("a line of the thread's\\n")

    threading.Thread(target=write_on, daemon=True).start()
    def handler(event, context):
        yield "x"
    """,
        environment=EACH,
    )
    for _ in range(20):
        runtime.invoke({}).result()
    assert [decode_emf(line)[0].values["ResponseBytes"] for line in metric_lines(runtime)] == [1] * 20
