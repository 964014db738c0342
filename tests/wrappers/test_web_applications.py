"""Tools around an ASGI or WSGI application see the whole stream: it runs inside the call of the handler."""

from __future__ import annotations

from typing import Any

import pytest

from . import test_datadog, test_new_relic, test_open_telemetry, test_powertools, test_sentry
from .conftest import WAIT, Answers, Start
from .test_sentry import SentryServer, exception_of, next_of, sentry

__all__ = ["sentry"]

pytestmark = pytest.mark.network

# Each records "before", sends a piece, waits at the gate, records "between", sends a piece and records "after".
APPLICATIONS = {
    "asgi": """
import asyncio

async def app(scope, receive, send):
    if scope["type"] != "http":
        raise NotImplementedError
    record("before")
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"text/plain")]})
    await send({"type": "http.response.body", "body": b"first", "more_body": True})
    await asyncio.to_thread(wait, scope["aws.event"])
    record("between")
    await send({"type": "http.response.body", "body": b"second", "more_body": True})
    record("after")
    await send({"type": "http.response.body"})
""",
    "wsgi": """
def app(environ, start_response):
    start_response("200 OK", [("content-type", "text/plain")])
    return pieces(environ["aws.event"])

def pieces(event):
    record("before")
    yield b"first"
    wait(event)
    record("between")
    yield b"second"
    record("after")
""",
}
RECORDS = ["before", "between", "after"]

each_interface = pytest.mark.parametrize("interface", APPLICATIONS)


def source_of(interface: str, tool: str) -> str:
    """Return an `index.py`: the lines of the tool, which define `record(where)`, and an application."""
    return f"{WAIT}\n{tool}\n{APPLICATIONS[interface]}"


def failing(source: str) -> str:
    return source.replace('record("between")', 'raise ValueError("bad")')


def variables_of(interface: str) -> dict[str, str]:
    return {"LAMBDA_STREAMING_APP": "index:app", "handler": handler_of(interface)}


def handler_of(interface: str) -> str:
    return f"lambda_streaming.{interface}.handler"


def fail(answers: Answers) -> None:
    exchange = answers.runtime.invoke(answers.event())
    answers.open()
    assert exchange.result().trailers


# OpenTelemetry


def start_with_otel(start: Start, interface: str, source: str) -> Answers:
    return start(test_open_telemetry.LAYER, source, **test_open_telemetry.VARIABLES, **variables_of(interface))


@each_interface
def test_spans_of_an_application_are_in_the_span_of_the_call(interface: str, start: Start) -> None:
    answers = start_with_otel(start, interface, source_of(interface, test_open_telemetry.TRACER))
    for _ in range(2):
        answers.stream(answers.event(headers=test_open_telemetry.CALLER))
    answers.runtime.wait_for_log('"name": "test"', times=2)
    seen = test_open_telemetry.spans_of(answers.log())
    assert [span["name"] for span in seen] == [*RECORDS, "test"] * 2
    *inner, call = seen[:4]
    assert {span["parent_id"] for span in inner} == {call["context"]["span_id"]}
    assert call["context"]["trace_id"] == f"0x{test_open_telemetry.TRACE_ID}"
    assert call["end_time"] >= inner[-1]["end_time"]


@each_interface
def test_failure_of_an_application_is_in_the_span_of_the_call(interface: str, start: Start) -> None:
    answers = start_with_otel(start, interface, failing(source_of(interface, test_open_telemetry.TRACER)))
    fail(answers)
    answers.runtime.wait_for_log('"name": "test"')
    call = test_open_telemetry.spans(answers)["test"]
    assert call["status"]["status_code"] == "ERROR"


@pytest.mark.parametrize(("setting", "status"), [("response", "UNSET"), ("error", "ERROR")])
@each_interface
def test_failure_before_the_first_byte_is_an_error_of_the_call_if_set(
    interface: str, setting: str, status: str, start: Start
) -> None:
    source = source_of(interface, test_open_telemetry.TRACER).replace('record("before")', 'raise ValueError("bad")')
    variables = {**test_open_telemetry.VARIABLES, "LAMBDA_STREAMING_APP_ERRORS": setting}
    answers = start(test_open_telemetry.LAYER, source, **variables, **variables_of(interface))
    answers.runtime.invoke(answers.event()).result()
    answers.runtime.wait_for_log('"name": "test"')
    assert test_open_telemetry.spans(answers)["test"]["status"]["status_code"] == status


# Datadog


def start_with_datadog(start: Start, interface: str, source: str) -> Answers:
    variables = {**test_datadog.VARIABLES, **variables_of(interface), "handler": test_datadog.HANDLER}
    return start(test_datadog.LAYER, source, **{**variables, "DD_LAMBDA_HANDLER": handler_of(interface)})


@each_interface
def test_spans_and_metrics_of_an_application_are_in_aws_lambda(interface: str, start: Start) -> None:
    answers = start_with_datadog(start, interface, source_of(interface, test_datadog.TOOL))
    for _ in range(2):
        answers.stream()
    seen = test_datadog.Seen(answers)
    calls = [span for span in seen.spans if span["name"] == "aws.lambda"]
    assert len(calls) == 2
    assert seen.metrics.count("shop.after") == 2
    for where in RECORDS:
        span = seen.span(where)
        assert (span["trace_id"], span["parent_id"]) == (calls[0]["trace_id"], calls[0]["span_id"])


@each_interface
def test_failure_of_an_application_is_in_aws_lambda(interface: str, start: Start) -> None:
    answers = start_with_datadog(start, interface, failing(source_of(interface, test_datadog.TOOL)))
    fail(answers)
    seen = test_datadog.Seen(answers)
    assert seen.span("aws.lambda")["error"] == 1
    assert "aws.lambda.enhanced.errors" in seen.metrics


# New Relic


@each_interface
def test_transaction_covers_an_application(interface: str, start: Start) -> None:
    variables = {**test_new_relic.VARIABLES, **variables_of(interface), "handler": test_new_relic.HANDLER}
    variables["NEW_RELIC_LAMBDA_HANDLER"] = handler_of(interface)
    answers = start(test_new_relic.LAYER, source_of(interface, test_new_relic.AGENT), **variables)
    requests = [answers.stream().request_id for _ in range(2)]
    transactions = [event for events in test_new_relic.payloads(answers, "analytic_event_data") for event in events]
    assert [agent["aws.requestId"] for _, _, agent in transactions] == requests
    assert [set(user) for _, user, _ in transactions] == [set(RECORDS)] * 2


# Sentry


def sentry_tool(server: SentryServer) -> str:
    tool = test_sentry.initialised(server)
    return tool.replace("    pass", "    with sentry_sdk.start_span(op='record', name=where):\n        pass")


@each_interface
def test_sentry_transaction_covers_an_application(interface: str, sentry: SentryServer, start: Start) -> None:
    answers = start(test_sentry.LAYER, source_of(interface, sentry_tool(sentry)), **variables_of(interface))
    for _ in range(2):
        answers.stream()
        assert [span["description"] for span in next_of(sentry.transactions)["spans"]] == RECORDS


@each_interface
def test_failure_of_an_application_is_reported_once(interface: str, sentry: SentryServer, start: Start) -> None:
    answers = start(test_sentry.LAYER, failing(source_of(interface, sentry_tool(sentry))), **variables_of(interface))
    fail(answers)
    assert exception_of(next_of(sentry.events)) == ("ValueError", "bad")
    answers.log()
    assert sentry.events.empty()


# Powertools

DECORATED = {
    "asgi": "from lambda_streaming import AsgiHandler\nhandler = metrics.log_metrics(AsgiHandler(app))",
    "wsgi": "from lambda_streaming import WsgiHandler\nhandler = metrics.log_metrics(WsgiHandler(app))",
}


@each_interface
def test_log_metrics_covers_an_application(interface: str, start: Start) -> None:
    source = f"{source_of(interface, test_powertools.METRICS)}\n{DECORATED[interface]}\n"
    answers = start(test_powertools.LAYER, source)
    for _ in range(2):
        answers.stream()
    answers.runtime.wait_for_log('"after":[1.0]', times=2)
    invocations: list[dict[str, Any]] = answers.json_lines()
    assert [[line[where] for where in RECORDS] for line in invocations] == [[[1.0]] * 3] * 2
