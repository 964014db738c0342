"""With an alias, everything from outside goes to it; without one, nothing of the function's address changes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from aws_cdk import App, Stack, aws_iam, aws_lambda
from aws_cdk.assertions import Annotations, Match, Template
from cdk_lambda_streaming import StreamingAlias, StreamingFunction, StreamingLayer

from .templates import recommended_feature_flags

SNAP_START = aws_lambda.SnapStartConf.ON_PUBLISHED_VERSIONS


def chat(stack: Stack, entry: Path, **options: Any) -> StreamingFunction:
    return StreamingFunction(stack, "Chat", entry=entry, **{"alias_name": "live", **options})


def only(template: Template, kind: str) -> tuple[str, dict[str, Any]]:
    ((logical_id, resource),) = template.find_resources(kind).items()
    return logical_id, resource["Properties"]


def role(stack: Stack) -> aws_iam.Role:
    return aws_iam.Role(stack, "Caller", assumed_by=aws_iam.ServicePrincipal("ecs-tasks.amazonaws.com"))


def statements(template: Template) -> list[dict[str, Any]]:
    _, policy = only(template, "AWS::IAM::Policy")
    found: list[dict[str, Any]] = policy["PolicyDocument"]["Statement"]
    return found


def test_there_is_no_alias_that_was_not_asked_for(stack: Stack, entry: Path) -> None:
    function = StreamingFunction(stack, "Chat", entry=entry)
    assert function.alias is None
    assert function.url_target is function
    Template.from_stack(stack).resource_count_is("AWS::Lambda::Version", 0)


def test_the_function_url_is_the_alias_s(stack: Stack, entry: Path) -> None:
    function = chat(stack, entry)
    assert isinstance(function.alias, StreamingAlias)
    assert function.url_target is function.alias
    _, url = only(Template.from_stack(stack), "AWS::Lambda::Url")
    assert url["Qualifier"] == "live"
    assert url["InvokeMode"] == "RESPONSE_STREAM"


def test_the_alias_points_to_the_version_that_is_deployed(stack: Stack, entry: Path) -> None:
    chat(stack, entry)
    template = Template.from_stack(stack)
    version, _ = only(template, "AWS::Lambda::Version")
    _, alias = only(template, "AWS::Lambda::Alias")
    assert alias["FunctionVersion"] == {"Fn::GetAtt": [version, "Version"]}


def test_a_grant_of_the_url_holds_both_actions_for_the_alias(stack: Stack, entry: Path) -> None:
    function = chat(stack, entry)
    function.grant_invoke_url(role(stack))
    template = Template.from_stack(stack)
    alias, _ = only(template, "AWS::Lambda::Alias")
    assert [(statement["Action"], statement["Resource"]) for statement in statements(template)] == [
        ("lambda:InvokeFunctionUrl", {"Ref": alias}),
        ("lambda:InvokeFunction", {"Ref": alias}),
    ]


@pytest.mark.parametrize("with_alias", [False, True])
def test_a_grant_of_streaming_by_the_sdk_is_for_what_is_called(stack: Stack, entry: Path, with_alias: bool) -> None:
    function = chat(stack, entry, alias_name="live" if with_alias else None)
    function.grant_invoke_with_response_stream(role(stack))
    template = Template.from_stack(stack)
    (statement,) = statements(template)
    assert statement["Action"] == "lambda:InvokeFunction"
    if with_alias:
        alias, _ = only(template, "AWS::Lambda::Alias")
        assert statement["Resource"] == {"Ref": alias}
    else:
        logical_id, _ = only(template, "AWS::Lambda::Function")
        assert {"Fn::GetAtt": [logical_id, "Arn"]} in statement["Resource"]


def test_a_url_that_is_added_later_is_the_alias_s_too(stack: Stack, entry: Path) -> None:
    function = chat(stack, entry, function_url=False)
    url = function.add_function_url(auth_type=aws_lambda.FunctionUrlAuthType.NONE)
    assert function.function_url is url
    assert url.node.scope is function.alias


def test_an_alias_of_the_user_s_streams_and_has_its_cors_checked(stack: Stack, entry: Path) -> None:
    alias = StreamingFunction(stack, "Chat", entry=entry, function_url=False).add_alias("beta", description="b")
    with pytest.raises(ValueError, match="allow_credentials cannot be combined"):
        alias.add_function_url(cors={"allow_credentials": True, "allowed_origins": ["*"]})
    alias.add_function_url(cors={"allowed_origins": ["https://app.example.com"]})
    template = Template.from_stack(stack)
    _, url = only(template, "AWS::Lambda::Url")
    assert (url["InvokeMode"], url["Cors"]["AllowOrigins"]) == ("RESPONSE_STREAM", ["https://app.example.com"])
    assert only(template, "AWS::Lambda::Alias")[1]["Description"] == "b"


def test_provisioned_concurrency_scales(stack: Stack, entry: Path) -> None:
    function = chat(stack, entry, alias_options={"provisioned_concurrent_executions": 2})
    assert function.alias is not None
    function.alias.add_auto_scaling(min_capacity=2, max_capacity=9).scale_on_utilization(utilization_target=0.7)
    template = Template.from_stack(stack)
    _, alias = only(template, "AWS::Lambda::Alias")
    assert alias["ProvisionedConcurrencyConfig"] == {"ProvisionedConcurrentExecutions": 2}
    _, target = only(template, "AWS::ApplicationAutoScaling::ScalableTarget")
    assert (target["MinCapacity"], target["MaxCapacity"]) == (2, 9)


class TestLater:
    """What may be added to a deployed function, and what needs a decision."""

    @pytest.mark.parametrize(
        "later",
        [
            {"snap_start": SNAP_START},
            {"alias_options": aws_lambda.AliasOptions(provisioned_concurrent_executions=2)},
            {"memory_size": 2048},
        ],
    )
    def test_the_url_of_an_alias_stays(self, later: dict[str, Any], entry: Path, tmp_path: Path) -> None:
        def url(**options: Any) -> tuple[str, dict[str, Any]]:
            stack = Stack(App(outdir=str(tmp_path / "cdk.out")), "Stack")
            chat(stack, entry, **options)
            return only(Template.from_stack(stack), "AWS::Lambda::Url")

        assert url(**later) == url()

    @pytest.mark.parametrize(
        "later",
        [{"snap_start": SNAP_START}, {"alias_options": {"provisioned_concurrent_executions": 2}}],
    )
    def test_without_an_alias_it_is_an_error_that_says_what_to_decide(
        self, stack: Stack, entry: Path, later: dict[str, Any]
    ) -> None:
        (option,) = later
        with pytest.raises(
            ValueError, match=f"{option} takes effect on published versions only.*alias_name='live'.*address.*changes"
        ):
            StreamingFunction(stack, "Chat", entry=entry, **later)

    def test_a_url_that_is_added_later_does_not_go_around_snap_start(self, stack: Stack, entry: Path) -> None:
        function = StreamingFunction(stack, "Chat", entry=entry, function_url=False, snap_start=SNAP_START)
        with pytest.raises(ValueError, match="snap_start takes effect on published versions only"):
            function.add_function_url()
        function.add_alias("live").add_function_url()
        assert only(Template.from_stack(stack), "AWS::Lambda::Url")[1]["Qualifier"] == "live"

    def test_snap_start_with_an_alias_needs_no_warning(self, stack: Stack, entry: Path) -> None:
        chat(stack, entry, snap_start=SNAP_START)
        Annotations.from_stack(stack).has_no_warning("*", Match.any_value())

    def test_snap_start_has_no_provisioned_concurrency(self, stack: Stack, entry: Path) -> None:
        with pytest.raises(ValueError, match="cannot be combined with snap_start"):
            chat(
                stack,
                entry,
                snap_start=SNAP_START,
                alias_options=aws_lambda.AliasOptions(provisioned_concurrent_executions=2),
            )

    def test_snap_start_does_not_scale(self, stack: Stack, entry: Path) -> None:
        function = chat(stack, entry, snap_start=SNAP_START)
        assert function.alias is not None
        with pytest.raises(ValueError, match=r"add_auto_scaling\(\) cannot be combined with snap_start"):
            function.alias.add_auto_scaling(max_capacity=3)


@pytest.mark.parametrize("flags", [{}, recommended_feature_flags()], ids=["no-flags", "recommended-flags"])
def test_a_change_of_the_runtime_alone_publishes_a_version(
    flags: dict[str, Any], entry: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def version() -> str:
        stack = Stack(App(outdir=str(tmp_path / "cdk.out"), context=flags), "Stack")
        chat(stack, entry)
        return only(Template.from_stack(stack), "AWS::Lambda::Version")[0]

    before = version()
    assert version() == before
    read = StreamingLayer.__init__.__globals__["read_layer_files"]
    changed = [file._replace(content=file.content + b"# changed\n") for file in read()]
    monkeypatch.setattr("cdk_lambda_streaming.streaming_layer.read_layer_files", lambda: changed)
    assert version() != before


@pytest.mark.parametrize(
    ("options", "error", "said"),
    [
        ({"alias_name": 5}, TypeError, "alias_name must be a name, such as 'live', got 5"),
        ({"alias_name": ""}, TypeError, "alias_name must be a name"),
        ({"alias_name": "$LATEST"}, ValueError, r"alias_name cannot be '\$LATEST'"),
        ({"alias_options": 5}, TypeError, "alias_options must be AliasOptions.*got 5"),
        ({"alias_options": {"provisioned": 5}}, TypeError, "provisioned"),
    ],
)
def test_a_wrong_value_is_an_error_that_names_the_option(
    stack: Stack, entry: Path, options: dict[str, Any], error: type[Exception], said: str
) -> None:
    with pytest.raises(error, match=said):
        chat(stack, entry, **options)
