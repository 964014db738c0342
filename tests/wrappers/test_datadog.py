"""Datadog's layer works. The function's handler is Datadog's module, and a variable names your handler."""

from __future__ import annotations

import json
from typing import Any

import pytest

from . import tools
from .conftest import GENERATORS, HANDLERS, SITE_PACKAGES, STREAMIFIED, STREAMING, Answers, Layer, Start, source_of

pytestmark = pytest.mark.network

LAYER = Layer(tools.DATADOG, SITE_PACKAGES)
HANDLER = "datadog_lambda.handler.handler"
# Without Datadog's extension beside it, the library writes traces and metrics to the log.
VARIABLES = {
    "DD_LAMBDA_HANDLER": "index.handler",
    "DD_FLUSH_TO_LOG": "true",
    "DD_INSTRUMENTATION_TELEMETRY_ENABLED": "false",
    "DD_COLD_START_TRACING": "false",
}

TOOL = """
import logging
from datadog_lambda.metric import lambda_metric
from ddtrace import tracer
logging.getLogger().setLevel("INFO")
def record(where):
    logging.info("record %s", where)
    lambda_metric("shop." + where, 1)
    with tracer.trace(where):
        pass
"""


class Seen:
    """Output of the library, oldest first. It ends the process."""

    def __init__(self, answers: Answers) -> None:
        documents = answers.json_lines()
        self.spans: list[dict[str, Any]] = [
            span for line in documents if "traces" in line for trace in line["traces"] for span in trace
        ]
        self.metrics = [line["m"] for line in documents if "m" in line]
        self.records = [line for line in answers.runtime.log.splitlines() if "record" in line]

    def span(self, name: str) -> dict[str, Any]:
        return next(span for span in self.spans if span["name"] == name)


@pytest.mark.parametrize("form", HANDLERS)
def test_call_of_every_handler_is_a_span(form: str, start: Start) -> None:
    answers = start(LAYER, source_of(form, TOOL), handler=HANDLER, **VARIABLES)
    requests = [answers.of(form).request_id for _ in range(2)]
    seen = Seen(answers)
    calls = [span for span in seen.spans if span["name"] == "aws.lambda"]
    assert [call["meta"]["request_id"] for call in calls] == requests
    assert [call["meta"]["cold_start"] for call in calls] == ["true", "false"]
    # Metrics are sent at once, in the stream too.
    assert seen.metrics.count("shop.after") == 2
    assert seen.metrics.count("aws.lambda.enhanced.invocations") == 2
    is_inside = seen.span("after")["trace_id"] == calls[0]["trace_id"]
    has_ids = "dd.trace_id=0 " not in seen.records[0]
    # The span of the call ends before the stream of a generator begins.
    assert (is_inside, has_ids) == ((False, False) if form in GENERATORS else (True, True))


# The call runs inside the tool's span. The stream's own span has that span as its parent.
STREAM = {
    "generator": """
def handler(event, context):
    return stream(event, context, tracer.current_span())

def stream(event, context, parent):
    with tracer.start_span("stream", child_of=parent, activate=True):
        yield from pieces(event, context)
""",
    "async generator": """
def handler(event, context):
    return stream(event, context, tracer.current_span())

async def stream(event, context, parent):
    with tracer.start_span("stream", child_of=parent, activate=True):
        async for piece in pieces(event, context):
            yield piece
""",
}


@pytest.mark.parametrize("form", STREAM)
def test_own_span_of_a_stream_is_in_the_trace_of_the_call(form: str, start: Start) -> None:
    source = source_of(form, TOOL).replace("def handler", "def pieces") + STREAM[form]
    answers = start(LAYER, source, handler=HANDLER, **VARIABLES)
    answers.stream()
    seen = Seen(answers)
    call, stream, after = (seen.span(name) for name in ("aws.lambda", "stream", "after"))
    assert stream["parent_id"] == call["span_id"]
    assert after["parent_id"] == stream["span_id"]
    assert len({span["trace_id"] for span in (call, stream, after)}) == 1
    assert all(f"dd.span_id={int(stream['span_id'], 16)}]" in record for record in seen.records)


def test_failure_of_the_stream_is_in_its_own_span(start: Start) -> None:
    source = TOOL + "def pieces(event, context):\n    yield 'first'\n    raise ValueError('bad')\n"
    answers = start(LAYER, source + STREAM["generator"], handler=HANDLER, **VARIABLES)
    assert answers.runtime.invoke(answers.event()).result().trailers
    seen = Seen(answers)
    assert seen.span("stream")["error"] == 1
    assert seen.span("aws.lambda")["error"] == 0
    assert "aws.lambda.enhanced.errors" not in seen.metrics


@pytest.mark.parametrize("form", STREAMIFIED)
def test_failure_of_a_streamified_function_is_in_the_span_of_the_call(form: str, start: Start) -> None:
    source = source_of(form, TOOL).replace('record("between")', 'raise ValueError("bad")')
    answers = start(LAYER, source, handler=HANDLER, **VARIABLES)
    exchange = answers.runtime.invoke(answers.event())
    answers.open()
    assert exchange.result().trailers
    seen = Seen(answers)
    assert seen.span("aws.lambda")["error"] == 1
    assert "aws.lambda.enhanced.errors" in seen.metrics


def test_failure_of_the_call_is_in_its_span(start: Start) -> None:
    source = TOOL + "def handler(event, context):\n    raise ValueError('bad')\n"
    answers = start(LAYER, source, handler=HANDLER, **VARIABLES)
    assert json.loads(answers.runtime.invoke(answers.event()).result().body)["errorType"] == "ValueError"
    seen = Seen(answers)
    assert seen.span("aws.lambda")["error"] == 1
    assert "aws.lambda.enhanced.errors" in seen.metrics


@pytest.mark.parametrize("form", STREAMING)
def test_stream_is_whole_with_captured_payloads(form: str, start: Start) -> None:
    variables = {**VARIABLES, "DD_CAPTURE_LAMBDA_PAYLOAD": "true"}
    answers = start(LAYER, source_of(form, TOOL), handler=HANDLER, **variables)
    answers.of(form)
    meta = Seen(answers).span("aws.lambda")["meta"]
    assert meta["function.request.rawPath"] == "/"
    # A generator is described, not read. A streamified function returns nothing.
    assert (" object " if form in GENERATORS else "None") in meta["function.response"]
