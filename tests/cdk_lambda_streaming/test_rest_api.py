from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from aws_cdk import Duration, Size, Stack, aws_apigateway, aws_lambda
from aws_cdk.assertions import Annotations, Match, Template
from cdk_lambda_streaming import StreamingFunction

TENANT_HEADER = "method.request.header.x-tenant-id"


def methods(stack: Stack) -> list[dict[str, Any]]:
    found = Template.from_stack(stack).find_resources("AWS::ApiGateway::Method").values()
    return [method["Properties"] for method in found]


def test_all_requests_stream_for_15_minutes_from_a_regional_api(stack: Stack, entry: Path) -> None:
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


def test_callers_need_iam_permission_unless_the_user_decides_otherwise(stack: Stack, entry: Path) -> None:
    function = StreamingFunction(stack, "Chat", entry=entry)
    function.add_streaming_rest_api("Api")
    function.add_streaming_rest_api(
        "PublicApi",
        default_method_options={"authorization_type": aws_apigateway.AuthorizationType.NONE},
    )
    assert [method["AuthorizationType"] for method in methods(stack)] == ["AWS_IAM", "AWS_IAM", "NONE", "NONE"]


def test_it_goes_to_the_alias(stack: Stack, entry: Path) -> None:
    function = StreamingFunction(stack, "Chat", entry=entry, alias_name="live")
    function.add_streaming_rest_api("Api")
    (alias,) = Template.from_stack(stack).find_resources("AWS::Lambda::Alias")
    for method in methods(stack):
        assert {"Ref": alias} in method["Integration"]["Uri"]["Fn::Join"][1]


def test_options_of_the_api_and_of_its_integration_are_taken(stack: Stack, entry: Path) -> None:
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


def test_an_integration_for_one_method_of_an_api_of_the_user_s(stack: Stack, entry: Path) -> None:
    function = StreamingFunction(stack, "Chat", entry=entry)
    api = aws_apigateway.RestApi(stack, "Api", endpoint_types=[aws_apigateway.EndpointType.REGIONAL])
    api.root.add_resource("chat").add_method("POST", function.streaming_integration(allow_test_invoke=False))
    (method,) = methods(stack)
    assert (method["HttpMethod"], method["Integration"]["ResponseTransferMode"]) == ("POST", "STREAM")


class TestTenants:
    def test_the_tenant_is_passed_on(self, stack: Stack, entry: Path) -> None:
        function = StreamingFunction(
            stack, "Chat", entry=entry, function_url=False, tenancy_config=aws_lambda.TenancyConfig.PER_TENANT
        )
        function.add_streaming_rest_api("Api", tenant_id_source=TENANT_HEADER)
        for method in methods(stack):
            assert method["Integration"]["RequestParameters"] == {
                "integration.request.header.X-Amz-Tenant-Id": TENANT_HEADER
            }
            assert method["RequestParameters"] == {TENANT_HEADER: True}

    def test_options_of_the_methods_are_kept_beside_the_tenant_s_header(self, stack: Stack, entry: Path) -> None:
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

    def test_an_authorizer_s_tenant_needs_no_parameter_of_the_method(self, stack: Stack, entry: Path) -> None:
        StreamingFunction(stack, "Chat", entry=entry).add_streaming_rest_api(
            "Api", tenant_id_source="context.authorizer.tenantId"
        )
        assert all("RequestParameters" not in method for method in methods(stack))

    def test_a_function_with_tenants_needs_to_know_where_from(self, stack: Stack, entry: Path) -> None:
        function = StreamingFunction(
            stack, "Chat", entry=entry, function_url=False, tenancy_config=aws_lambda.TenancyConfig.PER_TENANT
        )
        with pytest.raises(ValueError, match="tenant_id_source is required for a function with tenant isolation"):
            function.add_streaming_rest_api("Api")

    def test_a_function_url_has_none(self, stack: Stack, entry: Path) -> None:
        with pytest.raises(ValueError, match=r"function_url=False, and use add_streaming_rest_api\(\)"):
            StreamingFunction(stack, "Chat", entry=entry, tenancy_config=aws_lambda.TenancyConfig.PER_TENANT)


@pytest.mark.parametrize(
    ("options", "error", "said"),
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
            "tenant_id_source must be a mapping of API Gateway's.*'tenantId'",
        ),
        ({"tenant_id_source": ""}, ValueError, "tenant_id_source must be a mapping"),
        ({"request_templates": {}}, ValueError, "request_templates is not possible where responses stream"),
        ({"content_handling": object()}, ValueError, "content_handling is not possible where responses stream"),
        ({"time_out": 5}, TypeError, "time_out"),
    ],
)
def test_a_wrong_option_is_an_error_that_names_it(
    stack: Stack, entry: Path, options: dict[str, Any], error: type[Exception], said: str
) -> None:
    function = StreamingFunction(stack, "Chat", entry=entry)
    with pytest.raises(error, match=said):
        function.streaming_integration(**options)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"min_compression_size": Size.bytes(0)}, "min_compression_size is not possible where responses stream"),
        ({"deploy_options": {"caching_enabled": True}}, "deploy_options.caching_enabled is not possible"),
        ({"handler": object()}, "handler is the function itself"),
    ],
)
def test_what_an_api_does_to_whole_responses_only(
    stack: Stack, entry: Path, options: dict[str, Any], said: str
) -> None:
    with pytest.raises((ValueError, TypeError), match=said):
        StreamingFunction(stack, "Chat", entry=entry).add_streaming_rest_api("Api", **options)


def test_snap_start_needs_an_alias_here_too(stack: Stack, entry: Path) -> None:
    function = StreamingFunction(
        stack, "Chat", entry=entry, function_url=False, snap_start=aws_lambda.SnapStartConf.ON_PUBLISHED_VERSIONS
    )
    with pytest.raises(ValueError, match="snap_start takes effect on published versions only"):
        function.add_streaming_rest_api("Api")
