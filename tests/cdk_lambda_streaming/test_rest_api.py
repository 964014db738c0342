from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from aws_cdk import Duration, Size, Stack, aws_apigateway, aws_cognito, aws_lambda
from aws_cdk.assertions import Annotations, Match, Template
from cdk_lambda_streaming import StreamingFunction

TENANT_HEADER = "method.request.header.x-tenant-id"


def methods(stack: Stack) -> list[dict[str, Any]]:
    found = Template.from_stack(stack).find_resources("AWS::ApiGateway::Method").values()
    return [method["Properties"] for method in found]


def test_all_requests_stream_from_regional_api(stack: Stack, entry: Path) -> None:
    StreamingFunction(stack, "Chat", entry=entry).add_streaming_rest_api("Api")
    root, proxy = methods(stack)
    for method in (root, proxy):
        integration = method["Integration"]
        assert integration["Type"] == "AWS_PROXY"
        assert integration["ResponseTransferMode"] == "STREAM"
        assert integration["TimeoutInMillis"] == 900_000
        assert integration["Uri"]["Fn::Join"][1][-1] == "/response-streaming-invocations"
    template = Template.from_stack(stack)
    template.has_resource_properties("AWS::ApiGateway::RestApi", {"EndpointConfiguration": {"Types": ["REGIONAL"]}})
    Annotations.from_stack(stack).has_no_warning("*", Match.any_value())


def test_callers_need_iam_permission_by_default(stack: Stack, entry: Path) -> None:
    function = StreamingFunction(stack, "Chat", entry=entry)
    function.add_streaming_rest_api("Api")
    function.add_streaming_rest_api(
        "PublicApi",
        default_method_options={"authorization_type": aws_apigateway.AuthorizationType.NONE},
    )
    assert [method["AuthorizationType"] for method in methods(stack)] == ["AWS_IAM", "AWS_IAM", "NONE", "NONE"]


def authorizer(stack: Stack) -> aws_apigateway.RequestAuthorizer:
    handler = aws_lambda.Function(
        stack,
        "Authorize",
        code=aws_lambda.Code.from_inline("def handler(event, context): ..."),
        handler="index.handler",
        runtime=aws_lambda.Runtime.PYTHON_3_14,
    )
    source = aws_apigateway.IdentitySource.header("x-token")
    return aws_apigateway.RequestAuthorizer(stack, "Authorizer", handler=handler, identity_sources=[source])


@pytest.mark.parametrize("proxy", [False, True])
def test_method_may_have_its_own_authorizer(stack: Stack, entry: Path, proxy: bool) -> None:
    function = StreamingFunction(stack, "Chat", entry=entry)
    api = function.add_streaming_rest_api("Api", proxy=proxy)
    own = authorizer(stack)
    users = aws_cognito.UserPool(stack, "Users")
    pool = aws_apigateway.CognitoUserPoolsAuthorizer(stack, "Pool", cognito_user_pools=[users])
    chat = api.root.add_resource("chat")
    chat.add_method("POST", authorizer=own)
    chat.add_method("PUT", authorizer=pool, authorization_type=aws_apigateway.AuthorizationType.COGNITO)
    chat.add_method("GET")
    chat.add_method("HEAD", authorization_type=aws_apigateway.AuthorizationType.NONE)
    found = {
        method["HttpMethod"]: (method["AuthorizationType"], method.get("AuthorizerId"), method["Integration"]["Type"])
        for method in methods(stack)
    }
    found.pop("ANY", None)
    assert found == {
        "POST": ("CUSTOM", stack.resolve(own.authorizer_id), "AWS_PROXY"),
        "PUT": ("COGNITO_USER_POOLS", stack.resolve(pool.authorizer_id), "AWS_PROXY"),
        "GET": ("AWS_IAM", None, "AWS_PROXY"),
        "HEAD": ("NONE", None, "AWS_PROXY"),
    }
    streams = [method["Integration"]["ResponseTransferMode"] for method in methods(stack)]
    assert set(streams) == {"STREAM"}


def test_integration_calls_alias(stack: Stack, entry: Path) -> None:
    function = StreamingFunction(stack, "Chat", entry=entry, alias_name="live")
    function.add_streaming_rest_api("Api")
    (alias,) = Template.from_stack(stack).find_resources("AWS::Lambda::Alias")
    for method in methods(stack):
        assert {"Ref": alias} in method["Integration"]["Uri"]["Fn::Join"][1]


def test_options_of_api_and_integration_are_used(stack: Stack, entry: Path) -> None:
    StreamingFunction(stack, "Chat", entry=entry).add_streaming_rest_api(
        "Api",
        rest_api_name="chat",
        endpoint_types=[aws_apigateway.EndpointType.PRIVATE],
        integration_options=aws_apigateway.LambdaIntegrationOptions(timeout=Duration.minutes(6)),
        deploy_options={"stage_name": "live"},
    )
    assert {method["Integration"]["TimeoutInMillis"] for method in methods(stack)} == {360_000}
    template = Template.from_stack(stack)
    template.has_resource_properties(
        "AWS::ApiGateway::RestApi", {"Name": "chat", "EndpointConfiguration": {"Types": ["PRIVATE"]}}
    )
    template.has_resource_properties("AWS::ApiGateway::Stage", {"StageName": "live"})


def test_integration_works_in_own_api(stack: Stack, entry: Path) -> None:
    function = StreamingFunction(stack, "Chat", entry=entry)
    api = aws_apigateway.RestApi(stack, "Api", endpoint_types=[aws_apigateway.EndpointType.REGIONAL])
    api.root.add_resource("chat").add_method("POST", function.streaming_integration(allow_test_invoke=False))
    (method,) = methods(stack)
    assert (method["HttpMethod"], method["Integration"]["ResponseTransferMode"]) == ("POST", "STREAM")


class TestTenants:
    def test_tenant_is_passed_on(self, stack: Stack, entry: Path) -> None:
        function = StreamingFunction(
            stack, "Chat", entry=entry, function_url=False, tenancy_config=aws_lambda.TenancyConfig.PER_TENANT
        )
        function.add_streaming_rest_api("Api", tenant_id_source=TENANT_HEADER)
        for method in methods(stack):
            assert method["Integration"]["RequestParameters"] == {
                "integration.request.header.X-Amz-Tenant-Id": TENANT_HEADER
            }
            assert method["RequestParameters"] == {TENANT_HEADER: True}

    def test_method_options_are_kept_with_tenant_header(self, stack: Stack, entry: Path) -> None:
        StreamingFunction(stack, "Chat", entry=entry).add_streaming_rest_api(
            "Api",
            tenant_id_source=TENANT_HEADER,
            default_method_options=aws_apigateway.MethodOptions(
                api_key_required=True, request_parameters={"method.request.header.x-other": False}
            ),
        )
        for method in methods(stack):
            assert method["ApiKeyRequired"] is True
            assert method["RequestParameters"] == {TENANT_HEADER: True, "method.request.header.x-other": False}

    def test_tenant_of_authorizer_needs_no_parameter(self, stack: Stack, entry: Path) -> None:
        StreamingFunction(stack, "Chat", entry=entry).add_streaming_rest_api(
            "Api", tenant_id_source="context.authorizer.tenantId"
        )
        assert all("RequestParameters" not in method for method in methods(stack))

    def test_function_with_tenants_needs_tenant_id_source(self, stack: Stack, entry: Path) -> None:
        function = StreamingFunction(
            stack, "Chat", entry=entry, function_url=False, tenancy_config=aws_lambda.TenancyConfig.PER_TENANT
        )
        with pytest.raises(ValueError, match="tenant_id_source is required for a function with tenant isolation"):
            function.add_streaming_rest_api("Api")

    def test_function_url_with_tenants_is_rejected(self, stack: Stack, entry: Path) -> None:
        with pytest.raises(ValueError, match=r"function_url=False, and use add_streaming_rest_api\(\)"):
            StreamingFunction(stack, "Chat", entry=entry, tenancy_config=aws_lambda.TenancyConfig.PER_TENANT)


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"timeout": Duration.minutes(16)}, ValueError, "timeout must be at most 15 minutes.*got 960 s"),
        ({"timeout": 5}, TypeError, "timeout must be a Duration.*got 5"),
        ({"proxy": False}, ValueError, "proxy must be True"),
        (
            {"response_transfer_mode": aws_apigateway.ResponseTransferMode.BUFFERED},
            ValueError,
            "response_transfer_mode must be STREAM",
        ),
        ({"tenant_id_source": 5}, TypeError, "tenant_id_source must be a str.*got 5"),
        (
            {"tenant_id_source": "tenantId"},
            ValueError,
            "tenant_id_source must be a mapping of API Gateway,.*'tenantId'",
        ),
        ({"tenant_id_source": ""}, ValueError, "tenant_id_source must be a mapping"),
        ({"request_templates": {}}, ValueError, "request_templates is not possible with responses that stream"),
        ({"content_handling": object()}, ValueError, "content_handling is not possible with responses that stream"),
        ({"time_out": 5}, TypeError, "time_out"),
    ],
)
def test_wrong_option_is_rejected_by_name(
    stack: Stack, entry: Path, options: dict[str, Any], error: type[Exception], message: str
) -> None:
    function = StreamingFunction(stack, "Chat", entry=entry)
    with pytest.raises(error, match=message):
        function.streaming_integration(**options)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"min_compression_size": Size.bytes(0)}, "min_compression_size is not possible with responses that stream"),
        ({"deploy_options": {"caching_enabled": True}}, "deploy_options.caching_enabled is not possible"),
        ({"handler": object()}, "handler is the function itself"),
    ],
)
def test_buffering_options_of_api_are_rejected(
    stack: Stack, entry: Path, options: dict[str, Any], message: str
) -> None:
    with pytest.raises((ValueError, TypeError), match=message):
        StreamingFunction(stack, "Chat", entry=entry).add_streaming_rest_api("Api", **options)


def test_snap_start_needs_alias_for_api(stack: Stack, entry: Path) -> None:
    function = StreamingFunction(
        stack, "Chat", entry=entry, function_url=False, snap_start=aws_lambda.SnapStartConf.ON_PUBLISHED_VERSIONS
    )
    with pytest.raises(ValueError, match="snap_start affects only published versions"):
        function.add_streaming_rest_api("Api")
