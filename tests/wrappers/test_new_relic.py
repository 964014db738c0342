"""New Relic's layer works. The function's handler is New Relic's module, and a variable names your handler."""

from __future__ import annotations

import base64
import gzip
import json
from typing import Any

import pytest

from . import tools
from .conftest import GENERATORS, HANDLERS, SITE_PACKAGES, STREAMING, Answers, Layer, Start, source_of

pytestmark = pytest.mark.network

LAYER = Layer(tools.NEW_RELIC, SITE_PACKAGES, ("newrelic_lambda_wrapper.py",))
HANDLER = "newrelic_lambda_wrapper.handler"
VARIABLES = {
    "NEW_RELIC_LAMBDA_HANDLER": "index.handler",
    "NEW_RELIC_ACCOUNT_ID": "1",
    "NEW_RELIC_TRUSTED_ACCOUNT_KEY": "1",
    "NEW_RELIC_PRIMARY_APPLICATION_ID": "1",
}

AGENT = """
import newrelic.agent
def record(where):
    newrelic.agent.add_custom_attribute(where, True)
    with newrelic.agent.FunctionTrace(where):
        pass
"""

# Intrinsic attributes, attributes of the user, attributes of the agent.
Event = tuple[dict[str, Any], dict[str, Any], dict[str, Any]]


def payloads(answers: Answers, kind: str) -> list[list[Event]]:
    """Return the events of a kind in each payload. Without New Relic's extension, payloads are in the log."""
    lines = [line for line in answers.json_lines() if "NR_LAMBDA_MONITORING" in line]
    documents = [json.loads(gzip.decompress(base64.b64decode(line[-1]))) for line in lines]
    return [document["data"].get(kind, [None, None, []])[2] for document in documents]


@pytest.mark.parametrize("form", HANDLERS)
def test_call_of_every_handler_is_a_transaction(form: str, start: Start) -> None:
    answers = start(LAYER, source_of(form, AGENT), handler=HANDLER, **VARIABLES)
    requests = [answers.of(form).request_id for _ in range(2)]
    transactions = [event for events in payloads(answers, "analytic_event_data") for event in events]
    assert [agent["aws.requestId"] for _, _, agent in transactions] == requests
    assert [agent.get("aws.lambda.coldStart") for _, _, agent in transactions] == [True, None]
    for intrinsic, user, agent in transactions:
        assert intrinsic["name"] == "WebTransaction/Function/test"
        # The transaction of the call ends before the stream of a generator begins.
        inside = {"before", "after"} if form == "buffered" else {"before", "between", "after"}
        assert set(user) == (set() if form in GENERATORS else inside)
        assert agent.get("http.statusCode") == (None if form in STREAMING else 200)


# The call runs inside the tool's transaction. Its trace headers put the stream's own transaction into the same trace.
STREAM = {
    "generator": """
def handler(event, context):
    trace = []
    newrelic.agent.insert_distributed_trace_headers(trace)
    return stream(event, context, trace)

def stream(event, context, trace):
    with newrelic.agent.BackgroundTask(newrelic.agent.application(), "stream"):
        newrelic.agent.accept_distributed_trace_headers(trace)
        yield from pieces(event, context)
""",
    "async generator": """
def handler(event, context):
    trace = []
    newrelic.agent.insert_distributed_trace_headers(trace)
    return stream(event, context, trace)

async def stream(event, context, trace):
    with newrelic.agent.BackgroundTask(newrelic.agent.application(), "stream"):
        newrelic.agent.accept_distributed_trace_headers(trace)
        async for piece in pieces(event, context):
            yield piece
""",
}


@pytest.mark.parametrize("form", STREAM)
def test_own_transaction_of_a_stream_is_in_the_trace_of_the_call(form: str, start: Start) -> None:
    source = source_of(form, AGENT).replace("def handler", "def pieces") + STREAM[form]
    answers = start(LAYER, source, handler=HANDLER, **VARIABLES)
    answers.stream()
    (call,), (stream,) = payloads(answers, "analytic_event_data")
    assert stream[0]["name"] == "OtherTransaction/Function/stream"
    assert stream[0]["traceId"] == call[0]["traceId"]
    assert stream[1] == {"before": True, "between": True, "after": True}


def test_failure_of_the_stream_is_in_its_own_transaction(start: Start) -> None:
    source = AGENT + "def pieces(event, context):\n    yield 'first'\n    raise ValueError('bad')\n"
    answers = start(LAYER, source + STREAM["generator"], handler=HANDLER, **VARIABLES)
    assert answers.runtime.invoke(answers.event()).result().trailers
    of_the_call, of_the_stream = payloads(answers, "error_event_data")
    assert of_the_call == []
    assert of_the_stream[0][0]["error.message"] == "bad"
