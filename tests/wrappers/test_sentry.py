"""Sentry's Lambda integration works, and `on_error` shows it the failures of a stream."""

from __future__ import annotations

import gzip
import http.server
import json
import queue
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from tests.lambda_streaming.fake_runtime_api import TIMEOUT_S

from . import tools
from .conftest import HANDLERS, Layer, Start, source_of

pytestmark = pytest.mark.network

LAYER = Layer(tools.SENTRY, "python")


class SentryServer:
    """Stand-in for Sentry's server: keeps the items of the envelopes that the SDK sends."""

    def __init__(self) -> None:
        self.events: queue.Queue[Any] = queue.Queue()
        self.transactions: queue.Queue[Any] = queue.Queue()
        server = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                server.take(gzip.decompress(body) if self.headers.get("Content-Encoding") == "gzip" else body)
                self.send_response(200)
                self.end_headers()

            def log_message(self, *arguments: object) -> None: ...

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.dsn = f"http://key@127.0.0.1:{self._server.server_address[1]}/1"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def take(self, envelope: bytes) -> None:
        """Read an envelope: a line of headers, then for each item a line of headers and its payload."""
        lines = envelope.split(b"\n")[1:]
        for head, payload in zip(lines[::2], lines[1::2], strict=False):
            kind = json.loads(head)["type"]
            if kind in ("event", "transaction"):
                (self.events if kind == "event" else self.transactions).put(json.loads(payload))

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture
def sentry() -> Iterator[SentryServer]:
    server = SentryServer()
    yield server
    server.close()


def initialised(sentry: SentryServer, more: str = "") -> str:
    """Return the lines of a handler file that start the SDK, and `record`."""
    return f"""
import sentry_sdk
from sentry_sdk.integrations.aws_lambda import AwsLambdaIntegration
from sentry_sdk.integrations.serverless import serverless_function
sentry_sdk.init(dsn={sentry.dsn!r}, integrations=[AwsLambdaIntegration()], traces_sample_rate=1.0, debug=True)
{more}
def record(where):
    pass
"""


ON_ERROR = """
from lambda_streaming import on_error

@on_error
def report(error, context):
    sentry_sdk.capture_exception(error)
"""


def exception_of(event: Any) -> tuple[str, str]:
    (exception,) = event["exception"]["values"]
    return exception["type"], exception["value"]


def next_of(items: queue.Queue[Any]) -> Any:
    return items.get(timeout=TIMEOUT_S)


@pytest.mark.parametrize("form", HANDLERS)
def test_integration_is_on_and_each_call_is_a_transaction(form: str, sentry: SentryServer, start: Start) -> None:
    answers = start(LAYER, source_of(form, initialised(sentry)))
    for _ in range(2):
        request_id = answers.of(form).request_id
        # Sent before the next event, because Lambda may freeze the process.
        transaction = next_of(sentry.transactions)
        assert transaction["transaction"] == "test"
        assert transaction["extra"]["lambda"]["aws_request_id"] == request_id
    assert "AwsLambdaIntegration disabled" not in answers.log()
    assert sentry.events.empty()


@pytest.mark.parametrize("form", ["streamify_response", "async streamify_response"])
def test_transaction_covers_a_streamified_function(form: str, sentry: SentryServer, start: Start) -> None:
    spans = initialised(sentry).replace(
        "    pass", "    with sentry_sdk.start_span(op='record', name=where):\n        pass"
    )
    answers = start(LAYER, source_of(form, spans))
    answers.of(form)
    assert [span["description"] for span in next_of(sentry.transactions)["spans"]] == ["before", "between", "after"]


@pytest.mark.parametrize("form", ["streamify_response", "async streamify_response", "buffered"])
def test_failure_inside_the_call_is_reported_once(form: str, sentry: SentryServer, start: Start) -> None:
    source = source_of(form, initialised(sentry, ON_ERROR)).replace('record("between")', 'raise ValueError("bad")')
    source = source.replace('record("after")', 'raise ValueError("bad")')
    answers = start(LAYER, source)
    exchange = answers.runtime.invoke(answers.event())
    answers.open()
    exchange.result()
    event = next_of(sentry.events)
    assert exception_of(event) == ("ValueError", "bad")
    # The integration has caught it: it knows the invocation.
    assert event["extra"]["lambda"]["aws_request_id"] == exchange.request_id
    answers.log()
    assert sentry.events.empty()


@pytest.mark.parametrize("form", ["generator", "async generator"])
def test_failure_of_a_stream_is_reported_by_on_error(form: str, sentry: SentryServer, start: Start) -> None:
    source = source_of(form, initialised(sentry, ON_ERROR)).replace('record("between")', 'raise ValueError("bad")')
    answers = start(LAYER, source)
    for _ in range(2):
        exchange = answers.runtime.invoke(answers.event())
        answers.open()
        assert exchange.result().trailers["lambda-runtime-function-error-type"] == "Function.ValueError"
        assert exception_of(next_of(sentry.events)) == ("ValueError", "bad")


@pytest.mark.parametrize("form", ["streamify_response", "async streamify_response"])
def test_serverless_function_covers_the_stream(form: str, sentry: SentryServer, start: Start) -> None:
    source = source_of(form, initialised(sentry), "@serverless_function")
    source = source.replace('record("between")', 'raise ValueError("bad")').replace("[AwsLambdaIntegration()]", "[]")
    answers = start(LAYER, source)
    exchange = answers.runtime.invoke(answers.event())
    answers.open()
    exchange.result()
    assert exception_of(next_of(sentry.events)) == ("ValueError", "bad")


def test_failed_init_is_reported(sentry: SentryServer, start: Start) -> None:
    answers = start(LAYER, initialised(sentry) + "\nraise ValueError('at import')\n")
    assert answers.runtime.wait_for_exit() == 1
    assert exception_of(next_of(sentry.events)) == ("ValueError", "at import")
