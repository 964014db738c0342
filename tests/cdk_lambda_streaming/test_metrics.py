from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from aws_cdk import CfnParameter, Duration, Stack, aws_cloudwatch, aws_lambda
from aws_cdk.assertions import Template
from cdk_lambda_streaming import Adapter, StreamingFunction

VARIABLE = "LAMBDA_STREAMING_METRICS_SAMPLE_RATE"
MetricOf = Callable[[StreamingFunction], aws_cloudwatch.Metric]
URL_METRICS: list[tuple[MetricOf, str, str]] = [
    (StreamingFunction.metric_url_request_count, "UrlRequestCount", "Sum"),
    (StreamingFunction.metric_url_4xx_count, "Url4xxCount", "Sum"),
    (StreamingFunction.metric_url_5xx_count, "Url5xxCount", "Sum"),
    (StreamingFunction.metric_url_request_latency, "UrlRequestLatency", "Average"),
]
STREAM_METRICS: list[tuple[MetricOf, str, str]] = [
    (StreamingFunction.metric_midstream_errors, "MidstreamErrors", "Sum"),
    (StreamingFunction.metric_time_to_first_byte, "TimeToFirstByte", "Average"),
    (StreamingFunction.metric_response_bytes, "ResponseBytes", "Average"),
]


def sample_rate(stack: Stack) -> Any:
    (function,) = Template.from_stack(stack).find_resources("AWS::Lambda::Function").values()
    return function["Properties"]["Environment"]["Variables"].get(VARIABLE)


@pytest.mark.parametrize("alias_name", [None, "live"])
@pytest.mark.parametrize(
    ("namespace", "metric_of", "name", "statistic"),
    [
        *(("AWS/Lambda", *metric) for metric in URL_METRICS),
        *(("LambdaStreaming", *metric) for metric in STREAM_METRICS),
        ("AWS/Lambda", StreamingFunction.metric_errors, "Errors", "Sum"),
        ("AWS/Lambda", StreamingFunction.metric_duration, "Duration", "Average"),
    ],
)
def test_metric_belongs_to_alias_if_there_is_one(
    stack: Stack,
    entry: Path,
    alias_name: str | None,
    namespace: str,
    metric_of: MetricOf,
    name: str,
    statistic: str,
) -> None:
    function = StreamingFunction(stack, "Chat", entry=entry, alias_name=alias_name, stream_metrics_sample_rate=1)
    metric = metric_of(function)
    assert (metric.namespace, metric.metric_name, metric.statistic) == (namespace, name, statistic)
    ref = stack.resolve(function.function_name)
    expected = {"FunctionName": ref}
    if alias_name is not None:
        expected["Resource"] = {"Fn::Join": ["", [ref, ":live"]]}
    assert stack.resolve(metric.dimensions) == expected


@pytest.mark.parametrize("metric_of", [metric[0] for metric in (*URL_METRICS, *STREAM_METRICS)])
def test_options_of_metric_are_used(stack: Stack, entry: Path, metric_of: Any) -> None:
    function = StreamingFunction(stack, "Chat", entry=entry, stream_metrics_sample_rate=0.5)
    metric = metric_of(function, statistic="p99", period=Duration.minutes(1))
    metric.create_alarm(stack, "Alarm", threshold=1, evaluation_periods=1)
    Template.from_stack(stack).has_resource_properties(
        "AWS::CloudWatch::Alarm", {"ExtendedStatistic": "p99", "Period": 60}
    )


def test_no_stream_metrics_by_default(stack: Stack, entry: Path) -> None:
    StreamingFunction(stack, "Chat", entry=entry)
    assert sample_rate(stack) is None


@pytest.mark.parametrize(
    ("rate", "text"), [(1, "1"), (1.0, "1"), (0.1, "0.1"), (0.000001, "0.000001"), (1e-7, "0.0000001")]
)
def test_sample_rate_reaches_runtime(stack: Stack, entry: Path, rate: float, text: str) -> None:
    StreamingFunction(stack, "Chat", entry=entry, stream_metrics_sample_rate=rate)
    assert sample_rate(stack) == text


def test_sample_rate_can_be_a_token(stack: Stack, entry: Path) -> None:
    rate = CfnParameter(stack, "Rate", type="Number").value_as_number
    function = StreamingFunction(stack, "Chat", entry=entry, stream_metrics_sample_rate=rate)
    assert function.metric_midstream_errors().metric_name == "MidstreamErrors"
    assert sample_rate(stack) == {"Ref": "Rate"}


@pytest.mark.parametrize(
    ("rate", "error", "message"),
    [
        ("1", TypeError, "stream_metrics_sample_rate must be a number from 0 to 1, got '1'"),
        (True, TypeError, "stream_metrics_sample_rate must be a number from 0 to 1, got True"),
        (2, ValueError, r"stream_metrics_sample_rate must be from 0 \(none\) to 1 \(every invocation\), got 2"),
        (-0.1, ValueError, "got -0.1"),
    ],
)
def test_wrong_sample_rate_is_rejected(
    stack: Stack, entry: Path, rate: Any, error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        StreamingFunction(stack, "Chat", entry=entry, stream_metrics_sample_rate=rate)


@pytest.mark.parametrize("metric_of", [metric[0] for metric in STREAM_METRICS])
def test_metric_without_sample_rate_is_rejected(stack: Stack, entry: Path, metric_of: MetricOf) -> None:
    with pytest.raises(ValueError, match=r"'Stack/Chat' does not write .*; pass stream_metrics_sample_rate=1"):
        metric_of(StreamingFunction(stack, "Chat", entry=entry))
    native = StreamingFunction(
        stack,
        "Native",
        code=aws_lambda.Code.from_inline("x"),
        handler="index.handler",
        adapter=Adapter.native(),
        runtime=aws_lambda.Runtime.NODEJS_24_X,
    )
    with pytest.raises(ValueError, match=r"does not write .*; only the streaming runtime writes it"):
        metric_of(native)


def test_wrong_sample_rate_variable_is_rejected_at_synth(stack: Stack, entry: Path) -> None:
    function = StreamingFunction(stack, "Chat", entry=entry)
    aws_lambda.Function.add_environment(function, VARIABLE, "150%")
    with pytest.raises(RuntimeError, match=f"{VARIABLE} must be a decimal number from 0 to 1, got '150%'"):
        Template.from_stack(stack)
