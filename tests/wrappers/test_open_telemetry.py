"""An OpenTelemetry layer works. A variable chains its exec wrapper, which replaces the handler by its own module."""

from __future__ import annotations

import json
import signal
from typing import Any

import pytest

from . import tools
from .conftest import GENERATORS, HANDLERS, STREAMIFIED, STREAMING, Answers, Layer, Start, source_of

pytestmark = pytest.mark.network

FILES = ("otel-instrument", "otel_wrapper.py")
LAYER = Layer(tools.OPENTELEMETRY, "python", FILES)
ADOT_LAYER = Layer(tools.ADOT, "python", FILES)
VARIABLES = {
    "LAMBDA_STREAMING_EXEC_WRAPPERS": "/opt/otel-instrument",
    "LAMBDA_RUNTIME_DIR": "/var/runtime",
    "OTEL_TRACES_EXPORTER": "console",
    "OTEL_METRICS_EXPORTER": "none",
    "OTEL_LOGS_EXPORTER": "none",
    "OTEL_PROPAGATORS": "tracecontext",
}
TRACE_ID = "0af7651916cd43dd8448eb211c80319c"
CALLER = {"traceparent": f"00-{TRACE_ID}-b7ad6b7169203331-01"}

TRACER = """
from opentelemetry import trace
tracer = trace.get_tracer("shop")
def record(where):
    with tracer.start_as_current_span(where):
        pass
"""


def spans_of(log: str) -> list[dict[str, Any]]:
    """Return the spans that the console exporter has written, oldest first. Each is a JSON document of many lines."""
    decoder, spans, at = json.JSONDecoder(), [], 0
    while (at := log.find("{\n", at)) >= 0:
        span, at = decoder.raw_decode(log, at)
        spans.append(span)
    return spans


def spans(answers: Answers) -> dict[str, dict[str, Any]]:
    return {span["name"]: span for span in spans_of(answers.log())}


@pytest.mark.parametrize("form", HANDLERS)
def test_call_of_every_handler_is_a_span_in_the_trace_of_the_caller(form: str, start: Start) -> None:
    answers = start(LAYER, source_of(form, TRACER), **VARIABLES)
    exchange = answers.of(form, event=answers.event(headers=CALLER))
    answers.runtime.wait_for_log('"name": "test"')
    call = spans(answers)["test"]
    assert call["context"]["trace_id"] == f"0x{TRACE_ID}"
    assert call["parent_id"] == "0xb7ad6b7169203331"
    assert call["attributes"]["faas.invocation_id"] == exchange.request_id
    assert call["attributes"]["faas.trigger"] == "http"
    # The tool reads the status code from the result of the call.
    assert call["attributes"].get("http.status_code") == (None if form in STREAMING else 200)


@pytest.mark.parametrize("form", GENERATORS)
def test_spans_of_a_stream_have_no_parent_and_are_exported_with_the_next_invocation(form: str, start: Start) -> None:
    answers = start(LAYER, source_of(form, TRACER), **VARIABLES)
    answers.of(form, event=answers.event(headers=CALLER))
    assert "after" not in answers.runtime.log
    answers.of(form, event=answers.event(headers=CALLER))
    seen = spans_of(answers.log())
    assert [span["name"] for span in seen] == ["test", "before", "between", "after", "test"]
    call, after = seen[0], seen[3]
    assert call["end_time"] < after["start_time"]
    assert after["parent_id"] is None
    assert after["context"]["trace_id"] != call["context"]["trace_id"]


@pytest.mark.parametrize("form", STREAMIFIED)
def test_spans_of_a_streamified_function_are_in_the_span_of_the_call(form: str, start: Start) -> None:
    answers = start(LAYER, source_of(form, TRACER), **VARIABLES)
    for _ in range(2):
        answers.of(form, event=answers.event(headers=CALLER))
    seen = spans_of(answers.log())
    # Exported with their own invocation, and inside the span of the call.
    assert [span["name"] for span in seen] == ["before", "between", "after", "test"] * 2
    *inner, call = seen[:4]
    assert {span["parent_id"] for span in inner} == {call["context"]["span_id"]}
    assert call["context"]["trace_id"] == f"0x{TRACE_ID}"
    assert call["end_time"] >= inner[-1]["end_time"]


@pytest.mark.parametrize("form", STREAMIFIED)
def test_failure_of_a_streamified_function_is_in_the_span_of_the_call(form: str, start: Start) -> None:
    source = source_of(form, TRACER).replace('record("between")', 'raise ValueError("bad")')
    answers = start(LAYER, source, **VARIABLES)
    exchange = answers.runtime.invoke(answers.event())
    answers.open()
    assert exchange.result().trailers
    answers.runtime.wait_for_log('"name": "test"')
    call = spans(answers)["test"]
    assert call["status"]["status_code"] == "ERROR"
    assert call["events"][0]["attributes"]["exception.type"] == "ValueError"


def test_spans_of_a_buffered_handler_are_in_the_span_of_the_call(start: Start) -> None:
    answers = start(LAYER, source_of("buffered", TRACER), **VARIABLES)
    answers.whole()
    seen = spans(answers)
    assert seen["after"]["parent_id"] == seen["test"]["context"]["span_id"]


# The call runs inside the tool's span. The stream's own span has that span as its parent.
STREAM = {
    "generator": """
def handler(event, context):
    return stream(event, context, trace.set_span_in_context(trace.get_current_span()))

def stream(event, context, parent):
    try:
        with tracer.start_as_current_span("stream", context=parent):
            yield from pieces(event, context)
    finally:
        trace.get_tracer_provider().force_flush()
""",
    "async generator": """
def handler(event, context):
    return stream(event, context, trace.set_span_in_context(trace.get_current_span()))

async def stream(event, context, parent):
    try:
        with tracer.start_as_current_span("stream", context=parent):
            async for piece in pieces(event, context):
                yield piece
    finally:
        trace.get_tracer_provider().force_flush()
""",
}


@pytest.mark.parametrize("form", STREAM)
def test_own_span_of_a_stream_is_in_the_trace_of_the_call(form: str, start: Start) -> None:
    source = source_of(form, TRACER).replace("def handler", "def pieces") + STREAM[form]
    answers = start(LAYER, source, **VARIABLES)
    for _ in range(2):
        answers.stream(answers.event(headers=CALLER))
    seen = spans_of(answers.log())
    names = ["test", "before", "between", "after", "stream"]
    assert [span["name"] for span in seen] == names * 2
    for call, _, _, after, stream in (seen[:5], seen[5:]):
        assert stream["parent_id"] == call["context"]["span_id"]
        assert after["parent_id"] == stream["context"]["span_id"]
        assert {span["context"]["trace_id"] for span in seen} == {f"0x{TRACE_ID}"}
        assert stream["end_time"] > after["end_time"] > call["end_time"]


def test_failure_of_the_stream_is_in_its_own_span(start: Start) -> None:
    source = TRACER + "def pieces(event, context):\n    yield 'first'\n    raise ValueError('bad')\n"
    answers = start(LAYER, source + STREAM["generator"], **VARIABLES)
    assert answers.runtime.invoke(answers.event()).result().trailers
    seen = spans(answers)
    assert seen["stream"]["status"]["status_code"] == "ERROR"
    assert seen["test"]["status"]["status_code"] == "UNSET"


def test_graceful_shutdown_exports_the_last_spans(start: Start) -> None:
    variables = {**VARIABLES, "LAMBDA_STREAMING_GRACEFUL_SHUTDOWN": "on"}
    answers = start(LAYER, source_of("generator", TRACER), **variables)
    answers.stream()
    answers.runtime.wait_until_it_waits()
    answers.runtime.process.send_signal(signal.SIGTERM)
    assert answers.runtime.wait_for_exit() == 0
    assert "after" in spans(answers)


def test_aws_distribution_streams(start: Start) -> None:
    """The variables are those of ADOT's layer."""
    variables = {**VARIABLES, "OTEL_PYTHON_DISTRO": "aws_distro", "OTEL_PYTHON_CONFIGURATOR": "aws_configurator"}
    variables["OTEL_PROPAGATORS"] = "baggage,xray,tracecontext"
    source = source_of("generator", TRACER).replace("def handler", "def pieces") + STREAM["generator"]
    answers = start(ADOT_LAYER, source, **variables)
    answers.stream(answers.event(headers=CALLER))
    seen = spans(answers)
    assert seen["stream"]["parent_id"] == seen["test"]["context"]["span_id"]
    assert seen["stream"]["resource"]["attributes"]["telemetry.auto.version"].endswith("-aws")
