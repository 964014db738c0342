"""Front doors and their permissions after `cdk deploy --all`, read with AWS's own client."""

from __future__ import annotations

from typing import Any

from .cloud import FUNCTION, Cloud

DISTRIBUTION = "AWS::CloudFront::Distribution"
OTHER_ACCOUNT = {"AWS": "210987654321"}


def allowed(principal: Any, resource: str, auth_type: str) -> list[dict[str, Any]]:
    """Return the two statements that callers of a Function URL need since October 2025."""
    common = {"Effect": "Allow", "Principal": principal, "Resource": resource}
    return [
        {**common, "Action": "lambda:InvokeFunction", "Condition": {"Bool": {"lambda:InvokedViaFunctionUrl": "true"}}},
        {
            **common,
            "Action": "lambda:InvokeFunctionUrl",
            "Condition": {"StringEquals": {"lambda:FunctionUrlAuthType": auth_type}},
        },
    ]


def test_public_url_is_open_and_has_cors(cloud: Cloud) -> None:
    assert cloud.url("public-url-with-cors") == {
        "AuthType": "NONE",
        "InvokeMode": "RESPONSE_STREAM",
        "Cors": {
            "AllowCredentials": True,
            "AllowHeaders": ["content-type"],
            "AllowMethods": ["POST"],
            "AllowOrigins": ["https://app.example.com"],
            "ExposeHeaders": ["x-request-id"],
            "MaxAge": 3600,
        },
    }
    arn = cloud.function("public-url-with-cors")["FunctionArn"]
    assert cloud.statements("public-url-with-cors") == allowed("*", arn, "NONE")


def test_outputs_are_url_and_host(cloud: Cloud) -> None:
    (stack,) = cloud.client("cloudformation").describe_stacks(StackName="public-url-with-cors")["Stacks"]
    outputs = {output["OutputKey"]: output["OutputValue"] for output in stack["Outputs"]}
    name = cloud.only("public-url-with-cors", FUNCTION)
    assert outputs["Url"] == cloud.client("lambda").get_function_url_config(FunctionName=name)["FunctionUrl"]
    assert outputs["Url"] == f"https://{outputs['Host']}/"


def test_url_needs_permission_by_default(cloud: Cloud) -> None:
    assert cloud.statements("defaults") == []


def test_grantees_have_both_actions(cloud: Cloud) -> None:
    """A role of the same account gets a policy. Another account gets permissions on the function."""
    arn = cloud.function("granted-url")["FunctionArn"]
    assert cloud.statements("granted-url") == allowed(OTHER_ACCOUNT, arn, "AWS_IAM")
    role = cloud.resources("granted-url")["CallerBA8D1D35"]
    assert cloud.role_statements(role) == [
        {
            "Action": "lambda:InvokeFunctionUrl",
            "Condition": {"StringEquals": {"lambda:FunctionUrlAuthType": "AWS_IAM"}},
            "Effect": "Allow",
            "Resource": arn,
        },
        {
            "Action": "lambda:InvokeFunction",
            "Condition": {"Bool": {"lambda:InvokedViaFunctionUrl": True}},
            "Effect": "Allow",
            "Resource": arn,
        },
    ]


def test_buffered_function_has_buffered_url_and_variable(cloud: Cloud) -> None:
    assert cloud.url("buffered") == {"AuthType": "AWS_IAM", "InvokeMode": "BUFFERED"}
    variables = cloud.function("buffered")["Environment"]["Variables"]
    assert variables == {"AWS_LAMBDA_EXEC_WRAPPER": "/opt/bootstrap", "LAMBDA_STREAMING_FRONT_DOORS": "none"}


def test_function_without_url_has_none(cloud: Cloud) -> None:
    name = cloud.only("no-url", FUNCTION)
    assert cloud.client("lambda").list_function_url_configs(FunctionName=name)["FunctionUrlConfigs"] == []


def test_url_of_alias_has_its_qualifier(cloud: Cloud) -> None:
    stack = "users-alias-with-url"
    assert cloud.url(stack, Qualifier="live") == {"AuthType": "NONE", "InvokeMode": "RESPONSE_STREAM"}
    function = cloud.function(stack)
    alias = cloud.client("lambda").get_alias(FunctionName=function["FunctionName"], Name="live")
    assert alias["FunctionVersion"] == "1"
    assert cloud.statements(stack) == allowed("*", f"{function['FunctionArn']}:live", "NONE")


def test_alias_name_has_url_and_grants(cloud: Cloud) -> None:
    stack = "warm-alias"
    assert cloud.url(stack, Qualifier="live") == {"AuthType": "AWS_IAM", "InvokeMode": "RESPONSE_STREAM"}
    alias = f"{cloud.function(stack)['FunctionArn']}:live"
    assert cloud.statements(stack) == allowed(OTHER_ACCOUNT, alias, "AWS_IAM")
    statements = cloud.role_statements(cloud.resources(stack)["CallerBA8D1D35"])
    assert [(statement["Action"], statement["Resource"]) for statement in statements] == [
        ("lambda:InvokeFunctionUrl", alias),
        ("lambda:InvokeFunction", alias),
    ]


def test_grant_for_response_stream_allows_invoke(cloud: Cloud) -> None:
    stack = "invoke-with-response-stream"
    (statement,) = cloud.role_statements(cloud.resources(stack)["CallerBA8D1D35"])
    alias = f"{cloud.function(stack)['FunctionArn']}:live"
    assert (statement["Action"], statement["Resource"]) == ("lambda:InvokeFunction", alias)


def methods(cloud: Cloud, stack: str) -> dict[str, dict[str, Any]]:
    """Return the methods of the stack's REST API by verb and path."""
    client = cloud.client("apigateway")
    api = cloud.only(stack, "AWS::ApiGateway::RestApi")
    return {
        f"{verb} {resource['path']}": client.get_method(restApiId=api, resourceId=resource["id"], httpMethod=verb)
        for resource in client.get_resources(restApiId=api)["items"]
        for verb in resource.get("resourceMethods", {})
    }


def streaming_invocation(arn: str) -> str:
    return f"arn:aws:apigateway:us-east-1:lambda:path/2021-11-15/functions/{arn}/response-streaming-invocations"


def test_rest_api_streams_all_requests(cloud: Cloud) -> None:
    arn = cloud.function("rest-api")["FunctionArn"]
    found = methods(cloud, "rest-api")
    assert sorted(found) == ["ANY /", "ANY /{proxy+}"]
    for method in found.values():
        assert method["authorizationType"] == "AWS_IAM"
        assert method["methodIntegration"]["type"] == "AWS_PROXY"
        assert method["methodIntegration"]["uri"] == streaming_invocation(arn)
        assert method["methodIntegration"]["timeoutInMillis"] == 900_000
    assert "rest-api" in cloud.function("rest-api")["Environment"]["Variables"]["LAMBDA_STREAMING_FRONT_DOORS"]


def test_integration_may_call_alias(cloud: Cloud) -> None:
    stack = "rest-integration-of-an-alias"
    alias = f"{cloud.function(stack)['FunctionArn']}:live"
    integration = methods(cloud, stack)["POST /chat"]["methodIntegration"]
    assert integration["uri"] == streaming_invocation(alias)
    assert integration["timeoutInMillis"] == 300_000
    for statement in cloud.statements(stack):
        assert statement["Principal"] == {"Service": "apigateway.amazonaws.com"}
        assert (statement["Action"], statement["Resource"]) == ("lambda:InvokeFunction", alias)


def test_tenant_comes_from_request(cloud: Cloud) -> None:
    for method in methods(cloud, "tenants").values():
        parameters = method["methodIntegration"]["requestParameters"]
        assert parameters == {"integration.request.header.X-Amz-Tenant-Id": "method.request.header.x-tenant-id"}


def distribution_of(cloud: Cloud, stack: str) -> dict[str, Any]:
    answer = cloud.client("cloudfront").get_distribution_config(Id=cloud.only(stack, DISTRIBUTION))
    config: dict[str, Any] = answer["DistributionConfig"]
    return config


def origin_of(cloud: Cloud, stack: str) -> dict[str, Any]:
    (origin,) = distribution_of(cloud, stack)["Origins"]["Items"]
    found: dict[str, Any] = origin
    return found


def test_only_cloudfront_may_call_url(cloud: Cloud) -> None:
    name, arn = cloud.only("distribution", DISTRIBUTION), cloud.function("distribution")["FunctionArn"]
    url = cloud.client("lambda").get_function_url_config(FunctionName=arn)
    origin = origin_of(cloud, "distribution")
    assert f"https://{origin['DomainName']}/" == url["FunctionUrl"]
    assert url["AuthType"] == "AWS_IAM"
    answer = cloud.client("cloudfront").get_origin_access_control(Id=origin["OriginAccessControlId"])
    control = answer["OriginAccessControl"]["OriginAccessControlConfig"]
    assert (control["OriginAccessControlOriginType"], control["SigningBehavior"]) == ("lambda", "always")
    statements = cloud.statements("distribution")
    assert [statement["Action"] for statement in statements] == ["lambda:InvokeFunction", "lambda:InvokeFunctionUrl"]
    source = {"AWS:SourceArn": f"arn:aws:cloudfront::123456789012:distribution/{name}"}
    for statement in statements:
        assert statement["Principal"] == {"Service": "cloudfront.amazonaws.com"}
        assert statement["Resource"] == arn
        assert statement["Condition"]["ArnLike"] == source


def test_origin_of_alias_is_its_url(cloud: Cloud) -> None:
    """The permission names the URL's function. ministack leaves the alias out of that name."""
    function = cloud.only("distribution-of-an-alias", FUNCTION)
    url = cloud.client("lambda").get_function_url_config(FunctionName=function, Qualifier="live")
    assert f"https://{origin_of(cloud, 'distribution-of-an-alias')['DomainName']}/" == url["FunctionUrl"]


def test_distribution_does_not_buffer(cloud: Cloud) -> None:
    behavior = distribution_of(cloud, "distribution")["DefaultCacheBehavior"]
    assert behavior["CachePolicyId"] == "4135ea2d-6df8-44a3-9df3-4b5a84be39ad", "AWS's policy that caches nothing"
    assert behavior["Compress"] is False
    assert "POST" in behavior["AllowedMethods"]["Items"]
    assert origin_of(cloud, "distribution")["CustomOriginConfig"]["OriginReadTimeout"] == 60
    (association,) = behavior["FunctionAssociations"]["Items"]
    assert association["EventType"] == "viewer-request"


def test_edge_function_signs_bodies(cloud: Cloud) -> None:
    stack = "distribution-that-signs-bodies"
    (association,) = distribution_of(cloud, stack)["DefaultCacheBehavior"]["LambdaFunctionAssociations"]["Items"]
    assert (association["EventType"], association["IncludeBody"]) == ("origin-request", True)
    assert association["LambdaFunctionARN"] == cloud.only(stack, "AWS::Lambda::Version")
