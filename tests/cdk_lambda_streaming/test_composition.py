"""Streaming functions in nested stacks, stages and pipelines, and under aspects."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jsii
import pytest
from aws_cdk import (
    App,
    Aspects,
    Duration,
    Environment,
    IAspect,
    IPropertyInjector,
    NestedStack,
    PermissionsBoundary,
    Stack,
    Stage,
    Tags,
    aws_apigateway,
    aws_ec2,
    aws_events,
    aws_events_targets,
    aws_iam,
    aws_lambda,
    aws_lambda_event_sources,
    aws_sqs,
    pipelines,
)
from aws_cdk.assertions import Annotations, Match, Template
from cdk_lambda_streaming import StreamingFunction, StreamingLayer
from jsii._kernel.providers.process import _NodeProcess


def layers(template: Template) -> list[str]:
    return list(template.find_resources("AWS::Lambda::LayerVersion"))


def layers_of_functions(template: Template) -> list[Any]:
    functions = template.find_resources("AWS::Lambda::Function").values()
    return [function["Properties"]["Layers"] for function in functions]


def test_functions_in_a_stack_share_layer(stack: Stack, entry: Path) -> None:
    StreamingFunction(stack, "Chat", entry=entry)
    StreamingFunction(stack, "Search", entry=entry)
    template = Template.from_stack(stack)
    (layer,) = layers(template)
    assert layers_of_functions(template) == [[{"Ref": layer}], [{"Ref": layer}]]
    template.resource_count_is("AWS::Lambda::Url", 2)


def test_nested_stack_has_its_own_layer(stack: Stack, entry: Path) -> None:
    nested = NestedStack(stack, "Nested")
    outer = StreamingFunction(stack, "Chat", entry=entry)
    inner = StreamingFunction(nested, "Chat", entry=entry)
    assert StreamingLayer.of(inner).node.path == "Stack/Nested/LambdaStreamingRuntime"
    assert StreamingLayer.of(outer).node.path == "Stack/LambdaStreamingRuntime"
    template = Template.from_stack(nested)
    (layer,) = layers(template)
    assert layers_of_functions(template) == [[{"Ref": layer}]]


def test_stages_have_equal_templates(entry: Path, tmp_path: Path) -> None:
    app = App(outdir=str(tmp_path / "cdk.out"))
    for name in ("Beta", "Production"):
        StreamingFunction(Stack(Stage(app, name), "Stack"), "Chat", entry=entry)
    assembly = app.synth()
    beta, production = (
        assembly.get_nested_assembly(f"assembly-{name}").stacks[0].template for name in ("Beta", "Production")
    )
    assert beta == production
    kinds = [resource["Type"] for resource in beta["Resources"].values()]
    assert kinds.count("AWS::Lambda::LayerVersion") == kinds.count("AWS::Lambda::Url") == 1
    staged = [path.name for path in (tmp_path / "cdk.out").iterdir() if path.name.startswith("asset.")]
    assert len(staged) == 2, "both stages share the assets"


def test_pipeline_deploys_function(entry: Path, tmp_path: Path) -> None:
    app = App(outdir=str(tmp_path / "cdk.out"))
    toolchain = Stack(app, "Toolchain", env=Environment(account="123456789012", region="eu-west-1"))
    source = pipelines.CodePipelineSource.connection(
        "team/chat", "main", connection_arn="arn:aws:codestar-connections:eu-west-1:123456789012:connection/x"
    )
    pipeline = pipelines.CodePipeline(
        toolchain, "Pipeline", synth=pipelines.ShellStep("Synth", input=source, commands=["cdk synth"])
    )
    stage = Stage(app, "Beta", env=Environment(account="123456789012", region="eu-west-1"))
    StreamingFunction(Stack(stage, "Stack"), "Chat", entry=entry, alias_name="live")
    pipeline.add_stage(stage)
    assembly = app.synth()
    text = json.dumps(assembly.get_stack_by_name("Toolchain").template)
    assert "assembly-Beta" in text
    (deployed,) = assembly.get_nested_assembly("assembly-Beta").stacks
    Template.from_json(deployed.template).has_resource_properties("AWS::Lambda::Url", {"Qualifier": "live"})


def test_other_stack_can_use_url(entry: Path, tmp_path: Path) -> None:
    app = App(outdir=str(tmp_path / "cdk.out"))
    chat = StreamingFunction(Stack(app, "Back"), "Chat", entry=entry)
    front = Stack(app, "Front")
    StreamingFunction(
        front,
        "Page",
        entry=entry,
        environment={"CHAT_URL": chat.url, "CHAT_HOST": chat.url_domain_name},
    )
    template = app.synth().get_stack_by_name("Front").template
    assert "Fn::ImportValue" in json.dumps(template["Resources"])


def test_other_stack_can_use_alias_and_grants(entry: Path, tmp_path: Path) -> None:
    app = App(outdir=str(tmp_path / "cdk.out"))
    chat = StreamingFunction(Stack(app, "Back"), "Chat", entry=entry, alias_name="live")
    front = Stack(app, "Front")
    role = aws_iam.Role(front, "Caller", assumed_by=aws_iam.ServicePrincipal("ecs-tasks.amazonaws.com"))
    chat.grant_invoke_url(role)
    chat.grant_invoke_with_response_stream(role)
    text = json.dumps(app.synth().get_stack_by_name("Front").template["Resources"])
    assert text.count("Fn::ImportValue") == 3


def test_function_works_with_events_sources_and_grants(stack: Stack, entry: Path) -> None:
    function = StreamingFunction(stack, "Chat", entry=entry, alias_name="live")
    aws_events.Rule(
        stack,
        "Nightly",
        schedule=aws_events.Schedule.rate(Duration.days(1)),
        targets=[aws_events_targets.LambdaFunction(function), aws_events_targets.LambdaFunction(function.url_target)],
    )
    function.add_event_source(aws_lambda_event_sources.SqsEventSource(aws_sqs.Queue(stack, "Queue")))
    function.grant_invoke(aws_iam.ServicePrincipal("bedrock.amazonaws.com"))
    (rule,) = Template.from_stack(stack).find_resources("AWS::Events::Rule").values()
    (alias,) = Template.from_stack(stack).find_resources("AWS::Lambda::Alias")
    (logical_id,) = Template.from_stack(stack).find_resources("AWS::Lambda::Function")
    arns = [target["Arn"] for target in rule["Properties"]["Targets"]]
    assert arns == [{"Fn::GetAtt": [logical_id, "Arn"]}, {"Ref": alias}]


def test_imported_vpc_works(stack: Stack, entry: Path) -> None:
    network = aws_ec2.Vpc.from_vpc_attributes(
        stack,
        "Vpc",
        vpc_id="vpc-1",
        availability_zones=["eu-west-1a"],
        private_subnet_ids=["subnet-1"],
    )
    StreamingFunction(stack, "Chat", entry=entry, vpc=network, function_url=False)
    template = Template.from_stack(stack)
    template.has_resource_properties("AWS::Lambda::Function", {"VpcConfig": {"SubnetIds": ["subnet-1"]}})
    Annotations.from_stack(stack).has_no_warning("/Stack/Chat", Match.any_value())


def test_property_injector_applies(entry: Path, tmp_path: Path) -> None:
    @jsii.implements(IPropertyInjector)
    class Traced:
        @property
        @jsii.member(jsii_name="constructUniqueId")
        def construct_unique_id(self) -> str:
            return str(aws_lambda.Function.PROPERTY_INJECTION_ID)

        def inject(self, original_props: Any, *, scope: object, id: str) -> Any:
            return {**original_props, "tracing": aws_lambda.Tracing.ACTIVE}

    app = App(outdir=str(tmp_path / "cdk.out"), property_injectors=[Traced()])
    stack = Stack(app, "Stack")
    StreamingFunction(stack, "Chat", entry=entry)
    Template.from_stack(stack).has_resource_properties(
        "AWS::Lambda::Function",
        {
            "TracingConfig": {"Mode": "Active"},
            "Environment": {"Variables": {"AWS_LAMBDA_EXEC_WRAPPER": "/opt/bootstrap"}},
        },
    )


def test_permissions_boundaries_and_tags_apply(stack: Stack, entry: Path) -> None:
    StreamingFunction(stack, "Chat", entry=entry, alias_name="live")
    boundary = aws_iam.ManagedPolicy.from_managed_policy_name(stack, "Boundary", "developers")
    aws_iam.PermissionsBoundary.of(stack).apply(boundary)
    Tags.of(stack).add("team", "chat")
    template = Template.from_stack(stack)
    for role in template.find_resources("AWS::IAM::Role").values():
        assert "PermissionsBoundary" in role["Properties"]
    template.has_resource_properties("AWS::Lambda::Function", {"Tags": [{"Key": "team", "Value": "chat"}]})


def test_permissions_boundary_of_app_applies(entry: Path, tmp_path: Path) -> None:
    app = App(outdir=str(tmp_path / "cdk.out"))
    stack = Stack(app, "Stack", permissions_boundary=PermissionsBoundary.from_name("developers"))
    StreamingFunction(stack, "Chat", entry=entry)
    (role,) = Template.from_stack(stack).find_resources("AWS::IAM::Role").values()
    assert "PermissionsBoundary" in role["Properties"]


def test_aspect_changes_resource(stack: Stack, entry: Path) -> None:
    @jsii.implements(IAspect)
    class Retire:
        def visit(self, node: Any) -> None:
            if isinstance(node, aws_lambda.CfnFunction):
                node.memory_size = 256

    StreamingFunction(stack, "Chat", entry=entry)
    Aspects.of(stack).add(Retire())
    Template.from_stack(stack).has_resource_properties("AWS::Lambda::Function", {"MemorySize": 256})


def test_two_apps_in_one_process_share_nothing(entry: Path, tmp_path: Path) -> None:
    """Both apps use the same names, and share nothing."""
    apps = [App(outdir=str(tmp_path / name)) for name in ("one", "two")]
    for app in apps:
        function = StreamingFunction(Stack(app, "Stack"), "Chat", entry=entry)
        if app is apps[1]:
            function.add_streaming_rest_api("Api")
    one, two = (json.dumps(app.synth().get_stack_by_name("Stack").template) for app in apps)
    assert "LAMBDA_STREAMING_FRONT_DOORS" not in one
    assert '"LAMBDA_STREAMING_FRONT_DOORS": "function-url,rest-api"' in two


def test_app_can_be_synthesized_again_after_change(entry: Path, tmp_path: Path) -> None:
    app = App(outdir=str(tmp_path / "cdk.out"))
    function = StreamingFunction(Stack(app, "Stack"), "Chat", entry=entry)
    assert "rest-api" not in json.dumps(app.synth().get_stack_by_name("Stack").template)
    function.add_streaming_rest_api("Api")
    again = app.synth(force=True).get_stack_by_name("Stack").template
    assert '"LAMBDA_STREAMING_FRONT_DOORS": "function-url,rest-api"' in json.dumps(again)


def test_work_grows_linearly_with_functions(entry: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The test counts requests to the CDK's process, which take the time. benchmarks/synth.py measures seconds."""
    requests = 0
    send = _NodeProcess.send

    def counted(self: _NodeProcess, *arguments: Any) -> Any:
        nonlocal requests
        requests += 1
        return send(self, *arguments)

    def requests_of(count: int) -> int:
        nonlocal requests
        requests = 0
        app = App(outdir=str(tmp_path / f"cdk.out.{count}"))
        stack = Stack(app, "Stack")
        for number in range(count):
            function = StreamingFunction(stack, f"Chat{number}", entry=entry)
            if number % 5 == 0:
                function.add_streaming_rest_api("Api")
        app.synth()
        return requests

    monkeypatch.setattr(_NodeProcess, "send", counted)
    five, ten, twenty = requests_of(5), requests_of(10), requests_of(20)
    assert twenty - ten == 2 * (ten - five)

    def requests_of_pairs(count: int) -> int:
        """Count requests with each function in one stack and its API in another."""
        nonlocal requests
        requests = 0
        app = App(outdir=str(tmp_path / f"cdk.out.pairs.{count}"))
        for number in range(count):
            function = StreamingFunction(Stack(app, f"Back{number}"), f"Chat{number}", entry=entry)
            api = aws_apigateway.RestApi(Stack(app, f"Front{number}"), "Api")
            api.root.add_method("GET", function.streaming_integration())
        app.synth()
        return requests

    two, four, eight = requests_of_pairs(2), requests_of_pairs(4), requests_of_pairs(8)
    assert eight - four == 2 * (four - two)
