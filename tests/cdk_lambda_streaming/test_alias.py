"""Aliases: front doors and grants belong to the alias if there is one."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from aws_cdk import (
    App,
    Duration,
    Stack,
    aws_apigateway,
    aws_events,
    aws_events_targets,
    aws_iam,
    aws_lambda,
    aws_lambda_event_sources,
    aws_sns,
    aws_sns_subscriptions,
    aws_sqs,
)
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


def test_there_is_no_alias_by_default(stack: Stack, entry: Path) -> None:
    function = StreamingFunction(stack, "Chat", entry=entry)
    assert function.alias is None
    assert function.url_target is function
    Template.from_stack(stack).resource_count_is("AWS::Lambda::Version", 0)


def test_function_url_belongs_to_alias(stack: Stack, entry: Path) -> None:
    function = chat(stack, entry)
    assert isinstance(function.alias, StreamingAlias)
    assert function.url_target is function.alias
    _, url = only(Template.from_stack(stack), "AWS::Lambda::Url")
    assert url["Qualifier"] == "live"
    assert url["InvokeMode"] == "RESPONSE_STREAM"


def test_alias_points_to_deployed_version(stack: Stack, entry: Path) -> None:
    chat(stack, entry)
    template = Template.from_stack(stack)
    version, _ = only(template, "AWS::Lambda::Version")
    _, alias = only(template, "AWS::Lambda::Alias")
    assert alias["FunctionVersion"] == {"Fn::GetAtt": [version, "Version"]}


def test_grant_of_url_has_both_actions_for_alias(stack: Stack, entry: Path) -> None:
    function = chat(stack, entry)
    function.grant_invoke_url(role(stack))
    template = Template.from_stack(stack)
    alias, _ = only(template, "AWS::Lambda::Alias")
    assert [(statement["Action"], statement["Resource"]) for statement in statements(template)] == [
        ("lambda:InvokeFunctionUrl", {"Ref": alias}),
        ("lambda:InvokeFunction", {"Ref": alias}),
    ]


@pytest.mark.parametrize("with_alias", [False, True])
def test_grant_for_sdk_is_for_target(stack: Stack, entry: Path, with_alias: bool) -> None:
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


SERVICE = aws_iam.ServicePrincipal("events.amazonaws.com")


def permissions(template: Template) -> list[Any]:
    """Return the functions that the permissions of SERVICE are for."""
    found = template.find_resources("AWS::Lambda::Permission", {"Properties": {"Principal": SERVICE.service}}).values()
    return [permission["Properties"]["FunctionName"] for permission in found]


def names(template: Template) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the references to the function and to its alias."""
    function, _ = only(template, "AWS::Lambda::Function")
    alias, _ = only(template, "AWS::Lambda::Alias")
    return {"Fn::GetAtt": [function, "Arn"]}, {"Ref": alias}


def test_grant_to_service_is_for_function_and_alias(stack: Stack, entry: Path) -> None:
    """A policy of a role names both too."""
    grant = chat(stack, entry).grant_invoke(SERVICE)
    grant.assert_success()
    template = Template.from_stack(stack)
    function, alias = names(template)
    assert sorted(map(str, permissions(template))) == sorted(map(str, [function, alias]))
    Annotations.from_stack(stack).has_no_warning("*", Match.any_value())


def test_grant_to_role_names_function_and_alias(stack: Stack, entry: Path) -> None:
    chat(stack, entry).grant_invoke(role(stack))
    template = Template.from_stack(stack)
    function, _ = names(template)
    (statement,) = statements(template)
    assert statement["Resource"] == [function, {"Fn::Join": ["", [function, ":*"]]}]


def test_permission_is_for_alias(stack: Stack, entry: Path) -> None:
    chat(stack, entry).add_permission("Events", principal=SERVICE, source_arn="arn:aws:events:eu-west-1:1:rule/x")
    template = Template.from_stack(stack)
    assert permissions(template) == [names(template)[1]]
    template.has_resource_properties("AWS::Lambda::Permission", {"SourceArn": "arn:aws:events:eu-west-1:1:rule/x"})


def add_source(stack: Stack, entry: Path) -> None:
    chat(stack, entry).add_event_source(aws_lambda_event_sources.SqsEventSource(aws_sqs.Queue(stack, "Queue")))


def pass_source(stack: Stack, entry: Path) -> None:
    source = aws_lambda_event_sources.SqsEventSource(aws_sqs.Queue(stack, "Queue"))
    chat(stack, entry, events=(source,))


def add_mapping(stack: Stack, entry: Path) -> None:
    queue = aws_sqs.Queue(stack, "Queue")
    chat(stack, entry).add_event_source_mapping("Mapping", event_source_arn=queue.queue_arn, batch_size=3)


@pytest.mark.parametrize("add", [add_source, pass_source, add_mapping])
def test_events_go_to_alias(stack: Stack, entry: Path, add: Callable[[Stack, Path], None]) -> None:
    add(stack, entry)
    template = Template.from_stack(stack)
    _, mapping = only(template, "AWS::Lambda::EventSourceMapping")
    *name, qualifier = mapping["FunctionName"]["Fn::Join"][1]
    assert qualifier == ":live"
    assert str(names(template)[1]) in str(name)


@pytest.mark.parametrize("add", [add_source, add_mapping])
def test_events_go_to_function_without_alias(
    stack: Stack, entry: Path, add: Callable[[Stack, Path], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(globals(), "chat", lambda stack, entry: StreamingFunction(stack, "Chat", entry=entry))
    add(stack, entry)
    template = Template.from_stack(stack)
    function, _ = only(template, "AWS::Lambda::Function")
    assert only(template, "AWS::Lambda::EventSourceMapping")[1]["FunctionName"] == {"Ref": function}


def rule(function: StreamingFunction) -> None:
    rate = aws_events.Schedule.rate(Duration.hours(1))
    aws_events.Rule(Stack.of(function), "Rule", schedule=rate, targets=[aws_events_targets.LambdaFunction(function)])


def rest_method(function: StreamingFunction) -> None:
    api = aws_apigateway.RestApi(Stack.of(function), "Api")
    api.root.add_method("GET", aws_apigateway.LambdaIntegration(function, allow_test_invoke=False))


def topic(function: StreamingFunction) -> None:
    subscription = aws_sns_subscriptions.LambdaSubscription(function)
    aws_sns.Topic(Stack.of(function), "Topic").add_subscription(subscription)


@pytest.mark.parametrize("add", [rule, rest_method, topic])
def test_construct_that_calls_the_function_may_call_it(
    stack: Stack, entry: Path, add: Callable[[StreamingFunction], None]
) -> None:
    """The CDK adds the permission itself. It must be for the function that the resource names."""
    add(chat(stack, entry, function_url=False))
    template = Template.from_stack(stack)
    (permission,) = template.find_resources("AWS::Lambda::Permission").values()
    assert permission["Properties"]["FunctionName"] == names(template)[0]


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda f: f.grant_invoke("arn:aws:iam::1:role/x"), "grantee must be a role, .* got 'arn:aws:iam::1:role/x'"),
        (lambda f: f.add_permission("X", principal="s3"), "principal must be IPrincipal, got 's3'"),
        (lambda f: f.add_permission("X", principal=SERVICE, sourceArn="x"), "has no option 'sourceArn'.*source_arn"),
        (lambda f: f.add_event_source("queue"), "source must be an event source, .* got 'queue'"),
        (lambda f: f.add_event_source_mapping("X", batchSize=3), "has no option 'batchSize'.*batch_size"),
    ],
)
@pytest.mark.parametrize("alias_name", [None, "live"])
def test_wrong_value_for_target_is_rejected(
    stack: Stack, entry: Path, alias_name: str | None, call: Callable[[StreamingFunction], object], message: str
) -> None:
    with pytest.raises(TypeError, match=message):
        call(chat(stack, entry, alias_name=alias_name))


def test_url_added_later_belongs_to_alias(stack: Stack, entry: Path) -> None:
    function = chat(stack, entry, function_url=False)
    url = function.add_function_url(auth_type=aws_lambda.FunctionUrlAuthType.NONE)
    assert function.function_url is url
    assert url.node.scope is function.alias


def test_added_alias_streams_and_checks_cors(stack: Stack, entry: Path) -> None:
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


class TestLaterChanges:
    """Options that can be added to a deployed function."""

    @pytest.mark.parametrize(
        "later",
        [
            {"snap_start": SNAP_START},
            {"alias_options": aws_lambda.AliasOptions(provisioned_concurrent_executions=2)},
            {"memory_size": 2048},
        ],
    )
    def test_url_of_alias_stays(self, later: dict[str, Any], entry: Path, tmp_path: Path) -> None:
        def url(**options: Any) -> tuple[str, dict[str, Any]]:
            stack = Stack(App(outdir=str(tmp_path / "cdk.out")), "Stack")
            chat(stack, entry, **options)
            return only(Template.from_stack(stack), "AWS::Lambda::Url")

        assert url(**later) == url()

    @pytest.mark.parametrize(
        "later",
        [{"snap_start": SNAP_START}, {"alias_options": {"provisioned_concurrent_executions": 2}}],
    )
    def test_option_that_needs_alias_is_rejected_without_one(
        self, stack: Stack, entry: Path, later: dict[str, Any]
    ) -> None:
        (option,) = later
        reason = "affects only published versions.*" if option == "snap_start" else "needs an alias"
        with pytest.raises(ValueError, match=f"{option} {reason}; pass alias_name='live'.*another address"):
            StreamingFunction(stack, "Chat", entry=entry, **later)

    def test_url_added_later_needs_alias_for_snap_start(self, stack: Stack, entry: Path) -> None:
        function = StreamingFunction(stack, "Chat", entry=entry, function_url=False, snap_start=SNAP_START)
        with pytest.raises(ValueError, match="snap_start affects only published versions"):
            function.add_function_url()
        function.add_alias("live").add_function_url()
        assert only(Template.from_stack(stack), "AWS::Lambda::Url")[1]["Qualifier"] == "live"

    def test_snap_start_with_alias_has_no_warning(self, stack: Stack, entry: Path) -> None:
        chat(stack, entry, snap_start=SNAP_START)
        Annotations.from_stack(stack).has_no_warning("*", Match.any_value())

    def test_snap_start_rejects_provisioned_concurrency(self, stack: Stack, entry: Path) -> None:
        with pytest.raises(ValueError, match="cannot be combined with snap_start"):
            chat(
                stack,
                entry,
                snap_start=SNAP_START,
                alias_options=aws_lambda.AliasOptions(provisioned_concurrent_executions=2),
            )

    def test_snap_start_rejects_auto_scaling(self, stack: Stack, entry: Path) -> None:
        function = chat(stack, entry, snap_start=SNAP_START)
        assert function.alias is not None
        with pytest.raises(ValueError, match=r"add_auto_scaling\(\) cannot be combined with snap_start"):
            function.alias.add_auto_scaling(max_capacity=3)


@pytest.mark.parametrize("flags", [{}, recommended_feature_flags()], ids=["no-flags", "recommended-flags"])
def test_change_of_runtime_publishes_version(
    flags: dict[str, Any], entry: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def version() -> str:
        stack = Stack(App(outdir=str(tmp_path / "cdk.out"), context=flags), "Stack")
        chat(stack, entry)
        return only(Template.from_stack(stack), "AWS::Lambda::Version")[0]

    before = version()
    assert version() == before
    read = StreamingLayer.__init__.__globals__["read_layer_files"]
    changed = tuple(file._replace(content=file.content + b"# changed\n") for file in read())
    monkeypatch.setattr("cdk_lambda_streaming.streaming_layer.read_layer_files", lambda: changed)
    assert version() != before


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"alias_name": 5}, TypeError, "alias_name must be a name, such as 'live', got 5"),
        ({"alias_name": ""}, TypeError, "alias_name must be a name"),
        ({"alias_name": "$LATEST"}, ValueError, r"alias_name cannot be '\$LATEST'"),
        ({"alias_options": 5}, TypeError, "alias_options must be AliasOptions.*got 5"),
        ({"alias_options": {"provisioned": 5}}, TypeError, "provisioned"),
    ],
)
def test_wrong_value_is_rejected_by_option_name(
    stack: Stack, entry: Path, options: dict[str, Any], error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        chat(stack, entry, **options)
