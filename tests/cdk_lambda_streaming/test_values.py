"""Values of every option: tokens are accepted, and wrong types are readable errors."""

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
from cdk_lambda_streaming.checks.limits import check_alias_name, check_cors

OWN_OPTIONS = set(inspect.signature(StreamingFunction.__init__).parameters) - {
    *("self", "scope", "id", "function_options")
}
CDK_OPTIONS = set(inspect.signature(aws_lambda.FunctionOptions.__init__).parameters) - {"self"}
NO_OPTION_TAKES: list[Callable[[], Any]] = [object, lambda: [5], lambda: {"no": 5}]


def chat(stack: Stack, entry: Path, **options: Any) -> StreamingFunction:
    return StreamingFunction(stack, "Chat", entry=entry, **options)


@pytest.mark.parametrize("option", sorted(OWN_OPTIONS | CDK_OPTIONS))
@pytest.mark.parametrize("make", NO_OPTION_TAKES, ids=["object", "list", "dict"])
def test_value_of_wrong_type_is_rejected_by_option_name(
    stack: Stack, entry: Path, option: str, make: Callable[[], Any]
) -> None:
    """The options come from the signatures, so new options are included."""
    with pytest.raises((TypeError, ValueError)) as raised:
        StreamingFunction(stack, "Chat", **{"entry": entry, option: make()})
    message = str(raised.value)
    # For a struct given as a dict, the CDK names the unknown key.
    assert option in message or "'no'" in message
    assert "jsii" not in message.removeprefix("type of argument ")


@pytest.mark.parametrize("option", ["role", "vpc", "log_group", "code_signing_config", "dead_letter_queue"])
@pytest.mark.parametrize("value", ["arn:aws:iam::123456789012:role/x", 5])
def test_text_instead_of_cdk_object_is_rejected(stack: Stack, entry: Path, option: str, value: object) -> None:
    with pytest.raises(TypeError, match=rf"{option} must be I\w+, got {value!r}"):
        chat(stack, entry, **{option: value})


def test_tuples_are_accepted_as_lists(stack: Stack, entry: Path) -> None:
    network = aws_ec2.Vpc(stack, "Vpc", max_azs=1)
    group = aws_ec2.SecurityGroup(stack, "Own", vpc=network)
    StreamingFunction(stack, "Chat", entry=entry, vpc=network, security_groups=(group,), layers=())
    Template.from_stack(stack).has_resource_properties(
        "AWS::Lambda::Function", {"VpcConfig": {"SecurityGroupIds": [stack.resolve(group.security_group_id)]}}
    )


@pytest.mark.parametrize("option", ["memory_size", "stream_metrics_sample_rate"])
@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf")])
def test_nan_and_infinity_are_rejected_without_ending_the_cdk(
    stack: Stack, entry: Path, option: str, value: float
) -> None:
    with pytest.raises(ValueError, match=f"{option} must be .*, got {value}"):
        chat(stack, entry, **{option: value})
    StreamingFunction(stack, "Other", entry=entry)


def test_true_is_rejected_as_memory_size(stack: Stack, entry: Path) -> None:
    with pytest.raises(TypeError, match="memory_size must be a number of MB, got True"):
        StreamingFunction(stack, "Chat", entry=entry, memory_size=True)


@pytest.mark.parametrize("name", ["live", "v1-2_3", "1a", "a" * 128, "-"])
def test_valid_alias_name_is_accepted(name: str) -> None:
    check_alias_name(name)


@pytest.mark.parametrize("name", ["a/b", "my live", "$live", "123", "a" * 129, "live\n", "lïve"])
def test_invalid_alias_name_is_rejected(name: str) -> None:
    with pytest.raises(ValueError, match=r"alias_name must be 1 to 128 letters, digits, .*, got "):
        check_alias_name(name)


@pytest.mark.parametrize("name", ["", None, 5])
def test_alias_name_of_wrong_type_is_rejected(name: object) -> None:
    with pytest.raises(TypeError, match=f"alias_name must be a name, such as 'live', got {name!r}"):
        check_alias_name(name)


def test_origin_without_scheme_is_rejected() -> None:
    for origin in ("https://app.example.com", "http://localhost:3000", "*", "null"):
        check_cors({"allowed_origins": [origin]})
    with pytest.raises(ValueError, match=r"such as 'https://app.example.com', or '\*', got 'app.example.com'"):
        check_cors({"allowed_origins": ["https://a.example.com", "app.example.com"]})


class TestTokens:
    """Tokens: parameters, and attributes of other resources."""

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
        chat(stack, entry, **{option: text})
        Template.from_stack(stack).has_resource_properties("AWS::Lambda::Function", {property: {"Ref": "Text"}})

    @pytest.mark.parametrize(
        ("option", "property"),
        [("memory_size", "MemorySize"), ("reserved_concurrent_executions", "ReservedConcurrentExecutions")],
    )
    def test_numbers(self, stack: Stack, entry: Path, number: float, option: str, property: str) -> None:
        chat(stack, entry, **{option: number})
        Template.from_stack(stack).has_resource_properties("AWS::Lambda::Function", {property: {"Ref": "Number"}})

    def test_timeout(self, stack: Stack, entry: Path, number: float) -> None:
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

    def test_tenant_id_source(self, stack: Stack, entry: Path, text: str) -> None:
        StreamingFunction(stack, "Chat", entry=entry).add_streaming_rest_api("Api", tenant_id_source=text)
        assert '"integration.request.header.X-Amz-Tenant-Id": {"Ref": "Text"}' in json.dumps(
            Template.from_stack(stack).to_json()
        )

    @pytest.mark.parametrize("option", ["alias_name", "base_image", "handler", "index"])
    def test_token_is_rejected_if_synth_needs_value(self, stack: Stack, entry: Path, text: str, option: str) -> None:
        with pytest.raises(ValueError, match=option):
            chat(stack, entry, **{option: text})
