"""What `cdk deploy --all` has made of the construct, read back with AWS's own client."""

from __future__ import annotations

import json
from typing import Any

import pytest

from ..cdk_lambda_streaming.templates import TEMPLATES
from .cloud import FUNCTION, LAYER, NESTED_STACK, ROOT, Cloud

RUNTIME = ROOT / "runtime_asset"
WRAPPER = {"AWS_LAMBDA_EXEC_WRAPPER": "/opt/bootstrap"}


def url_of(cloud: Cloud, stack: str, **qualifier: str) -> dict[str, Any]:
    """Return what there is to say of the URL of the stack's one function, but for its address and age."""
    name = cloud.only(stack, FUNCTION)
    answer = cloud.client("lambda").get_function_url_config(FunctionName=name, **qualifier)
    return {key: answer[key] for key in ("AuthType", "InvokeMode", "Cors") if key in answer}


def statements(cloud: Cloud, stack: str) -> list[dict[str, Any]]:
    """Return the function's resource policy, sorted, without the statements' names."""
    name = cloud.only(stack, FUNCTION)
    policy = json.loads(cloud.client("lambda").get_policy(FunctionName=name)["Policy"])
    for statement in policy["Statement"]:
        del statement["Sid"]
    return sorted(policy["Statement"], key=lambda statement: statement["Action"])


def allowed(principal: Any, resource: str, auth_type: str) -> list[dict[str, Any]]:
    """The two statements that callers of a Function URL need since October 2025."""
    common = {"Effect": "Allow", "Principal": principal, "Resource": resource}
    return [
        {**common, "Action": "lambda:InvokeFunction", "Condition": {"Bool": {"lambda:InvokedViaFunctionUrl": "true"}}},
        {
            **common,
            "Action": "lambda:InvokeFunctionUrl",
            "Condition": {"StringEquals": {"lambda:FunctionUrlAuthType": auth_type}},
        },
    ]


@pytest.mark.parametrize("stack", TEMPLATES)
def test_every_resource_of_the_template_is_there(stack: str, cloud: Cloud) -> None:
    resources = cloud.template(stack)["Resources"].items()
    # Nothing is made of the CDK's own resource, and not every region has it.
    expected = {name: made["Type"] for name, made in resources if made["Type"] != "AWS::CDK::Metadata"}
    answer = cloud.client("cloudformation").describe_stack_resources(StackName=stack)
    made = {resource["LogicalResourceId"]: resource["ResourceType"] for resource in answer["StackResources"]}
    assert made == expected
    assert all(resource["PhysicalResourceId"] for resource in answer["StackResources"])


def test_a_function_has_the_defaults_that_are_documented(cloud: Cloud) -> None:
    function = cloud.function("defaults")
    assert (function["Runtime"], function["Architectures"], function["Handler"]) == (
        "python3.14",
        ["arm64"],
        "index.handler",
    )
    assert (function["MemorySize"], function["Timeout"]) == (1024, 300)
    assert function["Environment"]["Variables"] == WRAPPER
    assert url_of(cloud, "defaults") == {"AuthType": "AWS_IAM", "InvokeMode": "RESPONSE_STREAM"}


def test_a_function_has_what_was_asked_for(cloud: Cloud) -> None:
    function = cloud.function("every-option")
    assert (function["Runtime"], function["Architectures"]) == ("python3.14", ["x86_64"])
    assert (function["MemorySize"], function["Timeout"], function["Description"]) == (512, 90, "Streams")
    assert function["LoggingConfig"]["LogFormat"] == "JSON"
    asked = {"TABLE": "chats", "LAMBDA_STREAMING_EMPTY_BODY": "empty"}
    assert function["Environment"]["Variables"] == {**asked, **WRAPPER}


@pytest.mark.parametrize("stack", ["defaults", "attached-function", "users-alias-with-url"])
def test_a_function_has_the_stacks_layer(stack: str, cloud: Cloud) -> None:
    assert [layer["Arn"] for layer in cloud.function(stack)["Layers"]] == [cloud.only(stack, LAYER)]


def test_functions_share_their_stacks_layer(cloud: Cloud) -> None:
    client = cloud.client("lambda")
    names = cloud.resources("two-functions", FUNCTION).values()
    layers = [client.get_function_configuration(FunctionName=name)["Layers"][0]["Arn"] for name in names]
    assert layers == [cloud.only("two-functions", LAYER)] * 2


def test_a_nested_stack_has_a_function_and_a_layer_of_its_own(cloud: Cloud) -> None:
    nested = cloud.only("nested-stack", NESTED_STACK)
    assert [layer["Arn"] for layer in cloud.function(nested)["Layers"]] == [cloud.only(nested, LAYER)]
    assert cloud.function(nested)["Environment"]["Variables"] == WRAPPER


def test_the_layer_is_the_runtime(cloud: Cloud) -> None:
    """What was uploaded, to the byte; and Lambda starts a wrapper only if it may be executed."""
    files = cloud.layer(cloud.only("defaults", LAYER))
    sources = [RUNTIME / "bootstrap", *(RUNTIME / "python" / "lambda_streaming").glob("**/*.py")]
    expected = {str(source.relative_to(RUNTIME)): source.read_bytes() for source in sources}
    expected["python/lambda_streaming/py.typed"] = b""
    assert {path: file.content for path, file in files.items()} == expected
    assert files["bootstrap"].mode == 0o755
    assert {file.mode for path, file in files.items() if path != "bootstrap"} == {0o644}


def test_the_code_is_the_entry(cloud: Cloud) -> None:
    files = cloud.code(cloud.only("defaults", FUNCTION))
    assert {path: file.content for path, file in files.items()} == {"index.py": (cloud.entry / "index.py").read_bytes()}


def test_a_public_url_lets_everyone_in_and_has_its_cors(cloud: Cloud) -> None:
    assert url_of(cloud, "public-url-with-cors") == {
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
    assert statements(cloud, "public-url-with-cors") == allowed("*", arn, "NONE")


def test_outputs_are_the_address_and_the_host(cloud: Cloud) -> None:
    (stack,) = cloud.client("cloudformation").describe_stacks(StackName="public-url-with-cors")["Stacks"]
    outputs = {output["OutputKey"]: output["OutputValue"] for output in stack["Outputs"]}
    name = cloud.only("public-url-with-cors", FUNCTION)
    assert outputs["Url"] == cloud.client("lambda").get_function_url_config(FunctionName=name)["FunctionUrl"]
    assert outputs["Url"] == f"https://{outputs['Host']}/"


def test_nobody_is_let_in_by_default(cloud: Cloud) -> None:
    assert statements(cloud, "defaults") == []


def test_grantees_have_both_actions(cloud: Cloud) -> None:
    """In a policy of the same account's role, and on the function for another account."""
    arn = cloud.function("granted-url")["FunctionArn"]
    assert statements(cloud, "granted-url") == allowed({"AWS": "210987654321"}, arn, "AWS_IAM")
    role = cloud.resources("granted-url")["CallerBA8D1D35"]
    iam = cloud.client("iam")
    (policy,) = iam.list_role_policies(RoleName=role)["PolicyNames"]
    assert iam.get_role_policy(RoleName=role, PolicyName=policy)["PolicyDocument"]["Statement"] == [
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


def test_a_buffered_function_says_so_to_its_url_and_its_runtime(cloud: Cloud) -> None:
    assert url_of(cloud, "buffered") == {"AuthType": "AWS_IAM", "InvokeMode": "BUFFERED"}
    variables = cloud.function("buffered")["Environment"]["Variables"]
    assert variables == {**WRAPPER, "LAMBDA_STREAMING_FRONT_DOORS": "none"}


def test_there_is_no_url_where_none_was_asked_for(cloud: Cloud) -> None:
    name = cloud.only("no-url", FUNCTION)
    assert cloud.client("lambda").list_function_url_configs(FunctionName=name)["FunctionUrlConfigs"] == []


def test_an_aliass_url_is_the_aliass(cloud: Cloud) -> None:
    stack = "users-alias-with-url"
    assert url_of(cloud, stack, Qualifier="live") == {"AuthType": "NONE", "InvokeMode": "RESPONSE_STREAM"}
    function = cloud.function(stack)
    alias = cloud.client("lambda").get_alias(FunctionName=function["FunctionName"], Name="live")
    assert alias["FunctionVersion"] == "1"
    assert statements(cloud, stack) == allowed("*", f"{function['FunctionArn']}:live", "NONE")


def test_an_attached_function_has_the_wrapper_and_streams(cloud: Cloud) -> None:
    assert cloud.function("attached-function")["Environment"]["Variables"] == WRAPPER
    assert url_of(cloud, "attached-function")["InvokeMode"] == "RESPONSE_STREAM"
