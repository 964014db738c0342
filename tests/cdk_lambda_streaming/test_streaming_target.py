"""The result of `attach_to` has the helpers of StreamingFunction, for an ordinary function."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from aws_cdk import Stack, aws_iam, aws_lambda
from aws_cdk.assertions import Template
from cdk_lambda_streaming import AttachedFunction, StreamingFunction, StreamingLayer
from cdk_lambda_streaming.streaming_target import StreamingTarget

SAMPLE_RATE = "LAMBDA_STREAMING_METRICS_SAMPLE_RATE"


def plain(stack: Stack, **options: Any) -> aws_lambda.Function:
    return aws_lambda.Function(
        stack,
        "Plain",
        code=aws_lambda.Code.from_inline("def handler(event, context):\n    yield 'hello'\n"),
        handler="index.handler",
        runtime=aws_lambda.Runtime.PYTHON_3_13,
        **options,
    )


def attach(function: aws_lambda.Function, **options: Any) -> AttachedFunction:
    return StreamingLayer.of(function).attach_to(function, **options)


def only(stack: Stack, kind: str) -> dict[str, Any]:
    (resource,) = Template.from_stack(stack).find_resources(kind).values()
    properties: dict[str, Any] = resource["Properties"]
    return properties


def test_both_kinds_of_functions_have_the_helpers() -> None:
    assert issubclass(StreamingFunction, StreamingTarget)
    assert issubclass(AttachedFunction, StreamingTarget)


def test_attached_function_knows_its_function(stack: Stack) -> None:
    function = plain(stack)
    attached = attach(function)
    assert attached.function is function
    assert attached.url_target is function
    assert attached.alias is None
    assert attached.function_url is None


def test_rest_api_of_attached_function_streams(stack: Stack) -> None:
    attached = attach(plain(stack))
    attached.add_streaming_rest_api("Api").root.add_resource("chat").add_method("PUT", attached.streaming_integration())
    methods = Template.from_stack(stack).find_resources("AWS::ApiGateway::Method").values()
    assert [method["Properties"]["Integration"]["ResponseTransferMode"] for method in methods] == ["STREAM"] * 3


def test_added_url_of_attached_function_streams(stack: Stack) -> None:
    attached = attach(plain(stack))
    url = attached.add_function_url(cors={"allowed_origins": ["https://app.example.com"]})
    assert attached.function_url is not None
    assert stack.resolve(attached.url) == stack.resolve(url.url)
    assert only(stack, "AWS::Lambda::Url")["InvokeMode"] == "RESPONSE_STREAM"
    with pytest.raises(ValueError, match="'Stack/Plain' has a Function URL already"):
        attached.add_function_url()


STREAM = aws_lambda.InvokeMode.RESPONSE_STREAM


def add_url_first(function: aws_lambda.Function) -> AttachedFunction:
    function.add_function_url(invoke_mode=STREAM)
    return attach(function)


def add_url_later(function: aws_lambda.Function) -> AttachedFunction:
    attached = attach(function)
    function.add_function_url(invoke_mode=STREAM)
    return attached


def pass_url(function: aws_lambda.Function) -> AttachedFunction:
    url = aws_lambda.FunctionUrl(Stack.of(function), "OwnUrl", function=function, invoke_mode=STREAM)
    return attach(function, function_url=url)


@pytest.mark.parametrize("with_url", [add_url_first, add_url_later, pass_url])
def test_distribution_calls_users_own_url(
    stack: Stack, with_url: Callable[[aws_lambda.Function], AttachedFunction]
) -> None:
    with_url(plain(stack)).add_distribution("Site")
    (origin,) = only(stack, "AWS::CloudFront::Distribution")["DistributionConfig"]["Origins"]
    (url,) = Template.from_stack(stack).find_resources("AWS::Lambda::Url")
    assert origin["DomainName"] == {"Fn::Select": [2, {"Fn::Split": ["/", {"Fn::GetAtt": [url, "FunctionUrl"]}]}]}


def test_url_is_required(stack: Stack) -> None:
    attached = attach(plain(stack))
    for call in (attached.function_url_origin, lambda: attached.add_distribution("Site"), lambda: attached.url):
        with pytest.raises(ValueError, match=r"no Function URL; call add_function_url\(\), or .*function_url=url\)"):
            call()


def test_helpers_are_for_the_alias(stack: Stack) -> None:
    function = plain(stack)
    alias = function.add_alias("live")
    attached = attach(function, alias=alias)
    assert attached.url_target is alias
    attached.add_function_url()
    attached.grant_invoke_url(aws_iam.Role(stack, "Caller", assumed_by=aws_iam.AccountRootPrincipal()))
    assert only(stack, "AWS::Lambda::Url")["Qualifier"] == "live"
    resources = {
        str(statement["Resource"]) for statement in only(stack, "AWS::IAM::Policy")["PolicyDocument"]["Statement"]
    }
    assert resources == {str(stack.resolve(alias.function_arn))}
    ref = stack.resolve(function.function_name)
    assert stack.resolve(attached.metric_url_5xx_count().dimensions) == {
        "FunctionName": ref,
        "Resource": {"Fn::Join": ["", [ref, ":live"]]},
    }


def test_snap_start_needs_alias(stack: Stack) -> None:
    function = plain(stack, snap_start=aws_lambda.SnapStartConf.ON_PUBLISHED_VERSIONS)
    with pytest.raises(ValueError, match=r"snap_start affects only published versions.*attach_to\(function, alias="):
        attach(function).add_function_url()
    attach(function, alias=function.add_alias("live")).add_function_url()


def test_metrics_of_streams_need_the_variable(stack: Stack) -> None:
    function = plain(stack)
    attached = attach(function)
    with pytest.raises(ValueError, match=f"does not write MidstreamErrors; first set {SAMPLE_RATE}='1'"):
        attached.metric_midstream_errors()
    function.add_environment(SAMPLE_RATE, "0")
    with pytest.raises(ValueError, match="does not write ResponseBytes"):
        attached.metric_response_bytes()
    function.add_environment(SAMPLE_RATE, "0.5")
    metric = attached.metric_midstream_errors()
    assert (metric.namespace, metric.metric_name, metric.statistic) == ("LambdaStreaming", "MidstreamErrors", "Sum")


@pytest.mark.parametrize("option", ["alias", "function_url"])
def test_value_of_wrong_type_is_rejected(stack: Stack, option: str) -> None:
    with pytest.raises(TypeError, match=rf"{option} must be an? .*, got 5"):
        attach(plain(stack), **{option: 5})
