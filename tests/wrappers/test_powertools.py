"""AWS Lambda Powertools for Python works. Its decorators see the call of a handler, not the stream."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from typing import Any

import pytest

from tests.gate import Gate
from tests.lambda_streaming.fake_runtime_api import TIMEOUT_S

from . import tools
from .conftest import GENERATORS, HANDLERS, STREAMIFIED, STREAMING, WAIT, Answers, Layer, Start, source_of

pytestmark = pytest.mark.network

LAYER = Layer(tools.POWERTOOLS, "python")
TRACED = {"Lambda-Runtime-Trace-Id": "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1"}

LOGGER = """
from aws_lambda_powertools import Logger
logger = Logger(service="shop")
def record(where):
    logger.info(where)
    logger.append_keys(**{where: True})
"""


@pytest.mark.parametrize("form", HANDLERS)
def test_logger_has_the_keys_of_the_invocation_in_the_whole_stream(form: str, start: Start) -> None:
    decorator = '@logger.inject_lambda_context(clear_state=True, correlation_id_path="rawPath", log_event=True)'
    answers = start(LAYER, source_of(form, LOGGER, decorator))
    request_ids = [answers.of(form).request_id for _ in range(2)]
    lines = answers.json_lines()
    seen = [(line["message"], line["cold_start"]) for line in lines if isinstance(line["message"], str)]
    assert seen == [(where, is_cold) for is_cold in (True, False) for where in records_of(form)]
    assert [line["function_request_id"] for line in lines if line["message"] == "after"] == request_ids
    assert {line["correlation_id"] for line in lines} == {"/"}
    # The second invocation has no keys of the first, and keeps its own to its end.
    for line in lines:
        assert ("before" in line) == (line["message"] in ("between", "after"))
    assert [line["message"]["rawPath"] for line in lines if isinstance(line["message"], dict)] == ["/", "/"]


def records_of(form: str) -> list[str]:
    return ["before", "between", "after"] if form in STREAMING else ["before", "after"]


BUFFERING_LOGGER = """
from aws_lambda_powertools import Logger
from aws_lambda_powertools.logging.buffer import LoggerBufferConfig
logger = Logger(service="shop", level="INFO", buffer_config=LoggerBufferConfig(buffer_at_verbosity="DEBUG"))

@logger.inject_lambda_context(flush_buffer_on_uncaught_error=True)
def handler(event, context):
    logger.debug("detail")
    yield "first"
    logger.debug("more detail")
    {error}
"""


@pytest.mark.parametrize(
    ("error", "is_flushed"),
    [
        ("raise ValueError('bad')", False),
        ("logger.error('bad'); raise ValueError('bad')", True),
        ("logger.flush_buffer(); raise ValueError('bad')", True),
    ],
)
def test_buffered_log_lines_need_a_flush_in_the_stream(error: str, is_flushed: bool, start: Start) -> None:
    answers = start(LAYER, BUFFERING_LOGGER.replace("{error}", error))
    assert answers.runtime.invoke(answers.event(), headers=TRACED).result().trailers
    assert ("more detail" in answers.log()) == is_flushed


METRICS = """
from aws_lambda_powertools import Metrics, single_metric
metrics = Metrics(namespace="shop", service="cart")
def record(where):
    metrics.add_metric(where, unit="Count", value=1)
"""


@pytest.mark.parametrize("form", GENERATORS)
def test_log_metrics_publishes_before_the_stream_runs(form: str, start: Start) -> None:
    """Metrics of the stream are published with the next invocation. Those of the last invocation are lost."""
    answers = start(LAYER, source_of(form, METRICS, "@metrics.log_metrics(capture_cold_start_metric=True)"))
    answers.of(form)
    answers.of(form)
    cold_start, of_the_first = (line for line in answers.json_lines())
    assert cold_start["ColdStart"] == [1.0]
    assert "after" not in cold_start
    assert of_the_first["after"] == [1.0]
    assert "No application metrics to publish" in answers.runtime.log


@pytest.mark.parametrize("form", STREAMIFIED)
def test_log_metrics_covers_a_streamified_function(form: str, start: Start) -> None:
    answers = start(LAYER, source_of(form, METRICS, "@metrics.log_metrics(capture_cold_start_metric=True)"))
    answers.of(form)
    answers.runtime.wait_for_log('"after":[1.0]')
    answers.of(form)
    cold_start, *invocations = answers.json_lines()
    assert cold_start["ColdStart"] == [1.0]
    assert [(line["before"], line["between"], line["after"]) for line in invocations] == [([1.0], [1.0], [1.0])] * 2


def test_log_metrics_publishes_metrics_of_a_buffered_handler(start: Start) -> None:
    answers = start(LAYER, source_of("buffered", METRICS, "@metrics.log_metrics"))
    answers.whole()
    assert [line["after"] for line in answers.json_lines()] == [[1.0]]


FLUSHING = """
    if where == "after":
        metrics.flush_metrics()
"""


@pytest.mark.parametrize("form", STREAMING)
def test_metrics_flushed_in_the_stream_are_published_with_its_invocation(form: str, start: Start) -> None:
    answers = start(LAYER, source_of(form, METRICS + FLUSHING))
    answers.of(form)
    answers.runtime.wait_for_log('"after":[1.0]')
    answers.of(form)
    assert [sorted(line["_aws"]["CloudWatchMetrics"][0]["Metrics"], key=str) for line in answers.json_lines()] == [
        [{"Name": name, "Unit": "Count"} for name in ("after", "before", "between")]
    ] * 2


def test_single_metric_is_published_at_once(start: Start) -> None:
    tool = """
from aws_lambda_powertools import single_metric
def record(where):
    with single_metric(name=where, unit="Count", value=1, namespace="shop"):
        pass
"""
    answers = start(LAYER, source_of("generator", tool))
    answers.stream()
    assert [next(iter(line.keys() - {"_aws"})) for line in answers.json_lines()] == ["before", "between", "after"]


class Daemon:
    """Stand-in for the X-Ray daemon, which receives the segments of the SDK."""

    def __init__(self) -> None:
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind(("127.0.0.1", 0))
        self._socket.settimeout(TIMEOUT_S)
        self.address = f"127.0.0.1:{self._socket.getsockname()[1]}"

    def subsegment(self, name: str) -> dict[str, Any]:
        """Return the next subsegment with this name, and skip others."""
        while True:
            document = json.loads(self._socket.recv(65_536).split(b"\n", 1)[1])
            assert isinstance(document, dict)
            if document["name"] == name:
                return document

    def close(self) -> None:
        self._socket.close()


@pytest.fixture
def daemon() -> Iterator[Daemon]:
    daemon = Daemon()
    yield daemon
    daemon.close()


TRACER = """
from aws_lambda_powertools import Tracer
tracer = Tracer(service="shop")
def record(where):
    with tracer.provider.in_subsegment(where):
        pass
"""


def traced(form: str, decorator: str, start: Start, daemon: Daemon, tool: str = TRACER) -> Answers:
    return start(LAYER, source_of(form, tool, decorator), AWS_XRAY_DAEMON_ADDRESS=daemon.address)


def test_capture_lambda_handler_reads_the_generator_and_fails(start: Start, daemon: Daemon) -> None:
    """The X-Ray SDK reads the generator to record it. Nothing is left to send, so the runtime reports an error."""
    source = """
from aws_lambda_powertools import Tracer
tracer = Tracer(service="shop")

@tracer.capture_lambda_handler
def handler(event, context):
    yield "first"
    yield "second"
"""
    answers = start(LAYER, source, AWS_XRAY_DAEMON_ADDRESS=daemon.address)
    answer = answers.runtime.invoke(answers.event(), headers=TRACED).result()
    assert answer.path.endswith("/error")
    assert "capture_response=False" in json.loads(answer.body)["errorMessage"]
    assert daemon.subsegment("## handler")["metadata"] == {"shop": {"handler response": ["first", "second"]}}


@pytest.mark.parametrize("form", STREAMIFIED)
def test_capture_lambda_handler_covers_a_streamified_function(form: str, start: Start, daemon: Daemon) -> None:
    answers = traced(form, "@tracer.capture_lambda_handler", start, daemon)
    answers.stream(headers=TRACED)
    before, after, call = (daemon.subsegment(name) for name in ("before", "after", "## handler"))
    assert before["parent_id"] == after["parent_id"] == call["id"]
    assert call["start_time"] <= before["start_time"] <= after["end_time"] <= call["end_time"]
    assert call["annotations"] == {"ColdStart": True, "Service": "shop"}


@pytest.mark.parametrize("form", GENERATORS)
def test_capture_lambda_handler_without_response_records_only_the_call(form: str, start: Start, daemon: Daemon) -> None:
    answers = traced(form, "@tracer.capture_lambda_handler(capture_response=False)", start, daemon)
    answers.stream(headers=TRACED)
    call = daemon.subsegment("## handler")
    after = daemon.subsegment("after")
    assert call["annotations"] == {"ColdStart": True, "Service": "shop"}
    assert call["end_time"] < after["start_time"]
    assert call["trace_id"] == after["trace_id"] == "1-5759e988-bd862e3fe1be46a994272793"
    # It is next to the call, not inside it.
    assert call["parent_id"] == after["parent_id"] == "53995c3f42cd8ad8"


def test_capture_lambda_handler_records_a_buffered_handler(start: Start, daemon: Daemon) -> None:
    answers = traced("buffered", "@tracer.capture_lambda_handler", start, daemon)
    answers.whole(headers=TRACED)
    after = daemon.subsegment("after")
    call = daemon.subsegment("## handler")
    assert after["parent_id"] == call["id"]
    assert call["metadata"]["shop"]["handler response"]["statusCode"] == 200


def test_tracer_variable_leaves_the_response_out(start: Start, daemon: Daemon) -> None:
    answers = start(
        LAYER,
        source_of("generator", TRACER, "@tracer.capture_lambda_handler"),
        AWS_XRAY_DAEMON_ADDRESS=daemon.address,
        POWERTOOLS_TRACER_CAPTURE_RESPONSE="false",
    )
    answers.stream(headers=TRACED)
    assert "metadata" not in daemon.subsegment("## handler")


def test_capture_method_on_a_generator_records_the_whole_stream(start: Start, daemon: Daemon) -> None:
    answers = traced("generator", "@tracer.capture_method", start, daemon)
    for _ in range(2):
        answers.stream(headers=TRACED)
        before, after = daemon.subsegment("before"), daemon.subsegment("after")
        stream = daemon.subsegment("## index.handler")
        assert before["parent_id"] == after["parent_id"] == stream["id"]
        assert stream["start_time"] <= before["start_time"] <= after["end_time"] <= stream["end_time"]


def test_own_subsegment_records_an_async_stream(start: Start, daemon: Daemon) -> None:
    source = source_of("async generator", TRACER).replace("async def handler", "async def pieces")
    source += """
async def handler(event, context):
    with tracer.provider.in_subsegment("## stream"):
        async for piece in pieces(event, context):
            yield piece
"""
    answers = start(LAYER, source, AWS_XRAY_DAEMON_ADDRESS=daemon.address)
    for _ in range(2):
        answers.stream(headers=TRACED)
        after, stream = daemon.subsegment("after"), daemon.subsegment("## stream")
        assert after["parent_id"] == stream["id"]


def test_logger_tracer_and_metrics_work_together(start: Start, daemon: Daemon) -> None:
    source = """
from aws_lambda_powertools import Logger, Metrics, Tracer
logger, tracer, metrics = Logger(service="shop"), Tracer(service="shop"), Metrics(namespace="shop", service="cart")

@logger.inject_lambda_context(clear_state=True)
@tracer.capture_method
def handler(event, context):
    try:
        metrics.add_metric("Chats", "Count", 1)
        yield "first"
        wait(event)
        logger.info("between")
        yield "second"
    finally:
        metrics.flush_metrics()
"""
    answers = start(LAYER, WAIT + source, AWS_XRAY_DAEMON_ADDRESS=daemon.address)
    request_id = answers.stream(headers=TRACED).request_id
    assert daemon.subsegment("## index.handler")["trace_id"] == "1-5759e988-bd862e3fe1be46a994272793"
    line, metric = answers.json_lines()
    assert line["function_request_id"] == request_id
    assert line["xray_trace_id"] == "1-5759e988-bd862e3fe1be46a994272793"
    assert metric["Chats"] == [1.0]


PARAMETERS = """
import boto3
from aws_lambda_powertools.utilities.parameters import SSMProvider
from botocore.stub import Stubber

client = boto3.client("ssm", region_name="us-east-1", aws_access_key_id="x", aws_secret_access_key="x")
stubber = Stubber(client)
stubber.add_response("get_parameter", {"Parameter": {"Name": "greeting", "Value": "hello"}})
stubber.activate()
parameters = SSMProvider(boto3_client=client)

def record(where):
    print("parameter", where, parameters.get("greeting", max_age=60))
"""


@pytest.mark.parametrize("form", ["generator", "async generator"])
def test_parameters_are_fetched_once_and_cached_in_a_stream(form: str, start: Start) -> None:
    answers = start(LAYER, source_of(form, PARAMETERS))
    answers.stream()
    answers.stream()
    assert answers.log().count("hello") == 6


RESOLVER = """
import json
from aws_lambda_powertools.event_handler import LambdaFunctionUrlResolver, Response, content_types

app = LambdaFunctionUrlResolver()

@app.get("/items/<name>")
def item(name):
    return {"name": name}

@app.get("/missing")
def missing():
    return Response(status_code=404, content_type=content_types.TEXT_PLAIN, body="no", cookies=[], headers={"x-a": "b"})

@app.get("/stream")
def stream():
    return Response(status_code=201, content_type="text/event-stream", body=pieces(app.current_event["port"]))

@app.get("/json-stream")
def json_stream():
    return (n for n in range(3))

def pieces(port):
    yield "first"
    wait({"port": port})
    yield "second"

def handler(event, context):
    return app.resolve(event, context)
"""


def get(answers: Answers, path: str) -> dict[str, Any]:
    event = answers.event(rawPath=path)
    return {**event, "requestContext": {**event["requestContext"], "http": {"method": "GET", "path": path}}}


def test_resolver_returns_responses_of_a_function_url(start: Start) -> None:
    answers = start(LAYER, source_of("generator", "") + RESOLVER)
    answer = answers.runtime.invoke(get(answers, "/items/pen")).result()
    assert answer.prelude["statusCode"] == 200
    assert answer.prelude["headers"]["content-type"] == "application/json"
    assert answer.payload == b'{"name":"pen"}'
    answer = answers.runtime.invoke(get(answers, "/missing")).result()
    assert (answer.prelude["statusCode"], answer.prelude["headers"]["x-a"], answer.payload) == (404, "b", b"no")
    answer = answers.runtime.invoke(get(answers, "/unknown")).result()
    assert (answer.prelude["statusCode"], json.loads(answer.payload)["message"]) == (404, "Not found")


def test_route_can_return_a_response_with_a_streaming_body(start: Start, gate: Gate) -> None:
    answers = start(LAYER, source_of("generator", "") + RESOLVER)
    exchange = answers.runtime.invoke(get(answers, "/stream"))
    exchange.wait_for(b"first")
    assert exchange.answer is not None
    assert b"second" not in exchange.answer.body
    gate.open()
    answer = exchange.result()
    assert answer.prelude["statusCode"] == 201
    assert answer.prelude["headers"]["content-type"] == "text/event-stream"
    assert answer.payload == b"firstsecond"


def test_route_that_returns_a_generator_is_an_error(start: Start) -> None:
    """The resolver encodes any result that is not a `Response` as JSON."""
    answers = start(LAYER, source_of("generator", "") + RESOLVER)
    answer = answers.runtime.invoke(get(answers, "/json-stream")).result()
    assert answer.path.endswith("/error")
    assert json.loads(answer.body)["errorMessage"] == "Object of type generator is not JSON serializable"


def test_event_source_passes_its_event_class_to_a_generator(start: Start) -> None:
    tool = """
from aws_lambda_powertools.utilities.data_classes import LambdaFunctionUrlEvent, event_source
def record(where):
    pass
"""
    decorator = "@event_source(data_class=LambdaFunctionUrlEvent)"
    source = source_of("generator", tool, decorator).replace(
        'yield "first"', "yield 'first' if event.path == '/' else ''"
    )
    start(LAYER, source).stream()


def test_middleware_code_after_the_call_runs_before_the_stream(start: Start) -> None:
    tool = """
from aws_lambda_powertools.middleware_factory import lambda_handler_decorator
@lambda_handler_decorator
def around(handler, event, context):
    print("middleware begins")
    response = handler(event, context)
    print("middleware ends")
    return response
def record(where):
    print(where)
"""
    answers = start(LAYER, source_of("generator", tool, "@around"))
    answers.stream()
    assert answers.log().split("\n")[:3] == ["middleware begins", "middleware ends", "before"]


IDEMPOTENCY = """
from aws_lambda_powertools.utilities.idempotency import IdempotencyConfig, idempotent, idempotent_function
from aws_lambda_powertools.utilities.idempotency.exceptions import IdempotencyItemAlreadyExistsError
from aws_lambda_powertools.utilities.idempotency.persistence.base import BasePersistenceLayer

class Memory(BasePersistenceLayer):
    def __init__(self):
        self.records = {}
        super().__init__()
    def _get_record(self, idempotency_key):
        return self.records[idempotency_key]
    def _put_record(self, data_record):
        if data_record.idempotency_key in self.records:
            raise IdempotencyItemAlreadyExistsError(old_data_record=self.records[data_record.idempotency_key])
        self.records[data_record.idempotency_key] = data_record
    def _update_record(self, data_record):
        self.records[data_record.idempotency_key] = data_record
    def _delete_record(self, data_record):
        self.records.pop(data_record.idempotency_key, None)

memory = Memory()
config = IdempotencyConfig(event_key_jmespath="rawPath")
"""


def test_idempotent_cannot_store_a_stream(start: Start) -> None:
    tool = IDEMPOTENCY + "def record(where):\n    pass\n"
    decorator = "@idempotent(persistence_store=memory, config=config)"
    answers = start(LAYER, source_of("generator", tool, decorator))
    answer = answers.runtime.invoke(answers.event()).result()
    assert answer.path.endswith("/error")
    assert "generator is not JSON serializable" in answers.log()


def test_idempotent_function_stores_results_that_a_stream_uses(start: Start) -> None:
    tool = (
        IDEMPOTENCY
        + """
@idempotent_function(data_keyword_argument="order", persistence_store=memory)
def charge(order):
    print("charged", order)
    return "receipt"

def record(where):
    print(where, charge(order="pen"))
"""
    )
    answers = start(LAYER, source_of("generator", tool))
    answers.stream()
    log = answers.log()
    assert log.count("charged") == 1
    assert log.count("receipt") == 3
