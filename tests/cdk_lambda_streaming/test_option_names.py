"""Misspelt options: the error names the option that was meant."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from aws_cdk import Stack, aws_apigateway, aws_lambda, aws_sqs
from cdk_lambda_streaming import StreamingFunction

Call = Callable[[StreamingFunction], object]


@pytest.mark.parametrize(
    ("option", "meant"),
    [
        ("memorySize", "memory_size"),
        ("enviroment", "environment"),
        ("alias", "alias_name"),
        ("url", "function_url"),
        ("layer", "layers"),
        ("reserved_concurrency", "reserved_concurrent_executions"),
    ],
)
def test_unknown_option_of_function_names_the_one_meant(stack: Stack, entry: Path, option: str, meant: str) -> None:
    options: dict[str, Any] = {"entry": entry, option: None}
    with pytest.raises(TypeError, match=rf"StreamingFunction\(\) has no option '{option}'; did you mean {meant}\?$"):
        StreamingFunction(stack, "Chat", **options)


def test_option_that_resembles_none_is_rejected_without_a_guess(stack: Stack, entry: Path) -> None:
    options: dict[str, Any] = {"entry": entry, "xyz": 1}
    with pytest.raises(TypeError, match=r"StreamingFunction\(\) has no option 'xyz'$"):
        StreamingFunction(stack, "Chat", **options)


MISSPELT: dict[str, tuple[Call, str]] = {
    "add_alias": (
        lambda f: f.add_alias("live", descripton="x"),  # type: ignore[call-arg]
        r"add_alias\(\) has no option 'descripton'; did you mean description\?",
    ),
    "streaming_integration": (
        lambda f: f.streaming_integration(tenantIdSource="x"),  # type: ignore[call-arg]
        r"streaming_integration\(\) has no option 'tenantIdSource'; did you mean tenant_id_source\?",
    ),
    "add_streaming_rest_api": (
        lambda f: f.add_streaming_rest_api("Api", deployOptions={}),  # type: ignore[call-arg]
        r"add_streaming_rest_api\(\) has no option 'deployOptions'; did you mean deploy_options\?",
    ),
    "integration_options": (
        lambda f: f.add_streaming_rest_api("Api", integration_options={"timeOut": 5}),
        r"integration_options has no option 'timeOut'; did you mean timeout\?",
    ),
    "default_method_options": (
        lambda f: f.add_streaming_rest_api("Api", default_method_options={"authorizr": 5}),
        r"default_method_options has no option 'authorizr'; did you mean authorizer\?",
    ),
    "metric": (
        lambda f: f.metric("Errors", perod=5),  # type: ignore[call-arg]
        r"the metric Errors has no option 'perod'; did you mean period\?",
    ),
    "metric_url_5xx_count": (
        lambda f: f.metric_url_5xx_count(perod=5),  # type: ignore[call-arg]
        r"the metric Url5xxCount has no option 'perod'; did you mean period\?",
    ),
    "metric_response_bytes": (
        lambda f: f.metric_response_bytes(perod=5),  # type: ignore[call-arg]
        r"the metric ResponseBytes has no option 'perod'; did you mean period\?",
    ),
    "cors": (
        lambda f: f.add_function_url(cors={"allowedOrigins": ["*"]}),
        r"cors has no option 'allowedOrigins'; did you mean allowed_origins\?",
    ),
}


@pytest.fixture
def function(stack: Stack, entry: Path) -> StreamingFunction:
    return StreamingFunction(stack, "Chat", entry=entry, function_url=False, stream_metrics_sample_rate=1)


@pytest.mark.parametrize("member", MISSPELT)
def test_misspelt_option_of_member_names_the_one_meant(function: StreamingFunction, member: str) -> None:
    call, message = MISSPELT[member]
    with pytest.raises(TypeError, match=message):
        call(function)


def test_misspelt_alias_option_names_the_one_meant(stack: Stack, entry: Path) -> None:
    options: Any = {"provisionedConcurrentExecutions": 2}
    with pytest.raises(TypeError, match=r"alias_options has no option .*; did you mean provisioned_concurrent_exec"):
        StreamingFunction(stack, "Chat", entry=entry, alias_name="live", alias_options=options)


def test_misspelt_entry_names_the_folder_beside_it(stack: Stack, entry: Path) -> None:
    with pytest.raises(ValueError, match=rf"'{entry}t' does not exist .*; did you mean '{entry}'\?"):
        StreamingFunction(stack, "Chat", entry=f"{entry}t")


WRONG_TYPES: dict[str, tuple[Call, str]] = {
    "grantee of a URL": (
        lambda f: f.grant_invoke_url("arn:aws:iam::123456789012:role/x"),  # type: ignore[arg-type]
        r"grantee must be a role, .* got 'arn:.*/x'; pass aws_iam.ArnPrincipal\('arn:.*/x'\)",
    ),
    "grantee of the SDK": (
        lambda f: f.grant_invoke_with_response_stream(None),  # type: ignore[arg-type]
        "grantee must be a role, .* got None",
    ),
    "number of an alias": (
        lambda f: f.add_alias("live", retry_attempts="5"),  # type: ignore[arg-type]
        "retry_attempts must be int or float, got '5'",
    ),
    "period of a metric": (
        lambda f: f.metric_url_5xx_count(period=5),  # type: ignore[arg-type]
        "period must be Duration, got 5",
    ),
    "object of an integration": (
        lambda f: f.streaming_integration(credentials_role="arn"),  # type: ignore[arg-type]
        "credentials_role must be IRole, got 'arn'",
    ),
    "list of an API": (
        lambda f: f.add_streaming_rest_api("Api", endpoint_types=aws_apigateway.EndpointType.EDGE),  # type: ignore[arg-type]
        "endpoint_types must be a list of EndpointType, got ",
    ),
    "destination of an alias": (
        lambda f: f.add_alias("live", on_failure=aws_sqs.Queue(f, "Queue")),  # type: ignore[arg-type]
        r"on_failure must be a destination, such as SqsDestination\(queue\), got ",
    ),
    "duration of cors": (lambda f: f.add_function_url(cors={"max_age": 5}), "max_age must be Duration, got 5"),
}


@pytest.mark.parametrize("value", WRONG_TYPES)
def test_wrong_type_is_readable(function: StreamingFunction, value: str) -> None:
    call, message = WRONG_TYPES[value]
    with pytest.raises(TypeError, match=message) as raised:
        call(function)
    assert "jsii" not in str(raised.value)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (
            lambda stack: aws_lambda.LayerVersion.from_layer_version_arn(
                stack, "Layer", "arn:aws:lambda:eu-west-1:123456789012:layer:x:1"
            ),
            "layers must be a list of layers, got one layer; pass layers=",
        ),
        (lambda stack: [aws_sqs.Queue(stack, "Queue")], "layers must be a list of layers, got "),
    ],
    ids=["one layer", "another object"],
)
def test_layers_of_wrong_type_are_readable(
    stack: Stack, entry: Path, make: Callable[[Stack], Any], message: str
) -> None:
    with pytest.raises(TypeError, match=message):
        StreamingFunction(stack, "Chat", entry=entry, layers=make(stack))


@pytest.mark.parametrize("alias_name", [None, "live"])
@pytest.mark.parametrize(
    ("option", "in_list", "message"),
    [
        ("events", True, r"each of events must be an event source, such as SqsEventSource\(queue\), got "),
        ("events", False, "events must be a list of event sources"),
        ("on_failure", False, "on_failure must be a destination"),
        ("on_success", False, "on_success must be a destination"),
    ],
)
def test_queue_is_neither_source_nor_destination(
    stack: Stack, entry: Path, alias_name: str | None, option: str, in_list: bool, message: str
) -> None:
    queue = aws_sqs.Queue(stack, "Queue")
    options: dict[str, Any] = {"alias_name": alias_name, option: [queue] if in_list else queue}
    with pytest.raises(TypeError, match=message):
        StreamingFunction(stack, "Chat", entry=entry, **options)
