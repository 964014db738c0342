"""Values of every option: what only deployment knows is let through, what is wrong is an error in Python's words."""

from __future__ import annotations

import inspect
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from aws_cdk import CfnParameter, Duration, Stack, aws_ec2, aws_lambda
from aws_cdk.assertions import Template
from cdk_lambda_streaming import StreamingFunction
from cdk_lambda_streaming.limits import check_alias_name, check_cors

OWN_OPTIONS = set(inspect.signature(StreamingFunction.__init__).parameters) - {
    *("self", "scope", "id", "function_options")
}
CDK_OPTIONS = set(inspect.signature(aws_lambda.FunctionOptions.__init__).parameters) - {"self"}
NO_OPTION_TAKES: list[Callable[[], Any]] = [object, lambda: [5], lambda: {"no": 5}]


@pytest.mark.parametrize("option", sorted(OWN_OPTIONS | CDK_OPTIONS))
@pytest.mark.parametrize("make", NO_OPTION_TAKES, ids=["object", "list", "dict"])
def test_a_value_of_the_wrong_type_is_an_error_that_names_the_option(
    stack: Stack, entry: Path, option: str, make: Callable[[], Any]
) -> None:
    """Generated from the signatures, so that an option that is added is tried."""
    with pytest.raises((TypeError, ValueError)) as raised:
        StreamingFunction(stack, "Chat", **{"entry": entry, option: make()})
    said = str(raised.value)
    # Of a struct given as a dict, the CDK names the key that it does not have.
    assert option in said or "'no'" in said
    assert "jsii" not in said.removeprefix("type of argument ")


@pytest.mark.parametrize("option", ["role", "vpc", "log_group", "code_signing_config", "dead_letter_queue"])
@pytest.mark.parametrize("value", ["arn:aws:iam::123456789012:role/x", 5])
def test_a_name_is_no_object_of_the_cdk(stack: Stack, entry: Path, option: str, value: object) -> None:
    with pytest.raises(TypeError, match=rf"{option} must be I\w+, got {value!r}"):
        StreamingFunction(stack, "Chat", entry=entry, **{option: value})


def test_tuples_are_lists(stack: Stack, entry: Path) -> None:
    network = aws_ec2.Vpc(stack, "Vpc", max_azs=1)
    group = aws_ec2.SecurityGroup(stack, "Own", vpc=network)
    StreamingFunction(stack, "Chat", entry=entry, vpc=network, security_groups=(group,), layers=())
    Template.from_stack(stack).has_resource_properties(
        "AWS::Lambda::Function", {"VpcConfig": {"SecurityGroupIds": [stack.resolve(group.security_group_id)]}}
    )


@pytest.mark.parametrize("option", ["memory_size", "stream_metrics_sample_rate"])
@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf")])
def test_what_is_no_number_is_refused_and_the_cdk_lives_on(
    stack: Stack, entry: Path, option: str, value: float
) -> None:
    with pytest.raises(ValueError, match=f"{option} must be .*, got {value}"):
        StreamingFunction(stack, "Chat", entry=entry, **{option: value})  # type: ignore[arg-type]
    StreamingFunction(stack, "Other", entry=entry)


def test_true_is_no_memory_size(stack: Stack, entry: Path) -> None:
    with pytest.raises(TypeError, match="memory_size must be a number of MB, got True"):
        StreamingFunction(stack, "Chat", entry=entry, memory_size=True)


@pytest.mark.parametrize("name", ["live", "v1-2_3", "1a", "a" * 128, "-"])
def test_an_alias_may_have_the_name(name: str) -> None:
    check_alias_name(name)


@pytest.mark.parametrize("name", ["a/b", "my live", "$live", "123", "a" * 129, "live\n", "lïve"])
def test_an_alias_cannot_have_the_name(name: str) -> None:
    with pytest.raises(ValueError, match=r"alias_name must be 1 to 128 letters, digits, .*, got "):
        check_alias_name(name)


@pytest.mark.parametrize("name", ["", None, 5])
def test_an_alias_s_name_is_text(name: object) -> None:
    with pytest.raises(TypeError, match=f"alias_name must be a name, such as 'live', got {name!r}"):
        check_alias_name(name)


def test_an_origin_has_a_scheme() -> None:
    for origin in ("https://app.example.com", "http://localhost:3000", "*", "null"):
        check_cors({"allowed_origins": [origin]})
    with pytest.raises(ValueError, match=r"such as 'https://app.example.com', or '\*', got 'app.example.com'"):
        check_cors({"allowed_origins": ["https://a.example.com", "app.example.com"]})


class TestTokens:
    """Values that are CloudFormation's: parameters, and what comes of other resources."""

    @pytest.fixture
    def text(self, stack: Stack) -> str:
        return CfnParameter(stack, "Text").value_as_string

    @pytest.fixture
    def number(self, stack: Stack) -> float:
        return CfnParameter(stack, "Number", type="Number").value_as_number

    @pytest.mark.parametrize(
        ("option", "property"),
        [
            ("description", "Description"),
            ("function_name", "FunctionName"),
        ],
    )
    def test_text(self, stack: Stack, entry: Path, text: str, option: str, property: str) -> None:
        StreamingFunction(stack, "Chat", entry=entry, **{option: text})
        Template.from_stack(stack).has_resource_properties("AWS::Lambda::Function", {property: {"Ref": "Text"}})

    @pytest.mark.parametrize(
        ("option", "property"),
        [("memory_size", "MemorySize"), ("reserved_concurrent_executions", "ReservedConcurrentExecutions")],
    )
    def test_numbers(self, stack: Stack, entry: Path, number: float, option: str, property: str) -> None:
        StreamingFunction(stack, "Chat", entry=entry, **{option: number})
        Template.from_stack(stack).has_resource_properties("AWS::Lambda::Function", {property: {"Ref": "Number"}})

    def test_a_timeout(self, stack: Stack, entry: Path, number: float) -> None:
        function = StreamingFunction(stack, "Chat", entry=entry, timeout=Duration.seconds(number))
        function.add_distribution("Site")
        function.streaming_integration(timeout=Duration.seconds(number))
        template = Template.from_stack(stack)
        template.has_resource_properties("AWS::Lambda::Function", {"Timeout": {"Ref": "Number"}})

    def test_environment(self, stack: Stack, entry: Path, text: str) -> None:
        function = StreamingFunction(
            stack, "Chat", entry=entry, environment={"TABLE": text, "LAMBDA_STREAMING_EMPTY_BODY": text}
        )
        function.add_environment("OTHER", text)
        (found,) = Template.from_stack(stack).find_resources("AWS::Lambda::Function").values()
        variables = found["Properties"]["Environment"]["Variables"]
        assert [variables[key] for key in ("TABLE", "OTHER", "LAMBDA_STREAMING_EMPTY_BODY")] == [{"Ref": "Text"}] * 3

    def test_cors(self, stack: Stack, entry: Path, text: str) -> None:
        StreamingFunction(stack, "Chat", entry=entry, cors={"allowed_origins": [text], "allow_credentials": True})
        Template.from_stack(stack).has_resource_properties(
            "AWS::Lambda::Url", {"Cors": {"AllowOrigins": [{"Ref": "Text"}]}}
        )

    def test_code_and_handler(self, stack: Stack, text: str) -> None:
        code = aws_lambda.Code.from_cfn_parameters(
            object_key_param=CfnParameter(stack, "Key"), bucket_name_param=CfnParameter(stack, "Bucket")
        )
        StreamingFunction(stack, "Chat", code=code, handler=text)
        Template.from_stack(stack).has_resource_properties(
            "AWS::Lambda::Function", {"Handler": {"Ref": "Text"}, "Code": {"S3Key": {"Ref": "Key"}}}
        )

    def test_alias_options(self, stack: Stack, entry: Path, number: float) -> None:
        StreamingFunction(
            stack,
            "Chat",
            entry=entry,
            alias_name="live",
            alias_options={"provisioned_concurrent_executions": number},
        )
        Template.from_stack(stack).has_resource_properties(
            "AWS::Lambda::Alias",
            {"ProvisionedConcurrencyConfig": {"ProvisionedConcurrentExecutions": {"Ref": "Number"}}},
        )

    def test_where_the_tenant_comes_from(self, stack: Stack, entry: Path, text: str) -> None:
        StreamingFunction(stack, "Chat", entry=entry).add_streaming_rest_api("Api", tenant_id_source=text)
        assert '"integration.request.header.X-Amz-Tenant-Id": {"Ref": "Text"}' in json.dumps(
            Template.from_stack(stack).to_json()
        )

    @pytest.mark.parametrize("option", ["alias_name", "base_image", "handler", "index"])
    def test_what_synth_has_to_know_cannot_wait(self, stack: Stack, entry: Path, text: str, option: str) -> None:
        with pytest.raises(ValueError, match=option):
            StreamingFunction(stack, "Chat", entry=entry, **{option: text})
