"""The search for front doors only reads: apps of any shape synthesize as they do without it.

Each app is synthesized twice: without the search, and with it. Both assemblies are equal but for the variable of the
functions of this library, and the variable follows from the way in which the test wired the front doors.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

import pytest
from aws_cdk import (
    App,
    ArnFormat,
    Environment,
    NestedStack,
    PhysicalName,
    Stack,
    Stage,
    aws_apigateway,
    aws_apigatewayv2,
    aws_apigatewayv2_integrations,
    aws_elasticloadbalancingv2,
    aws_elasticloadbalancingv2_targets,
    aws_lambda,
)
from cdk_lambda_streaming import StreamingFunction, StreamingLayer, streaming_layer
from cdk_lambda_streaming.cdk.function_resource import resource_of
from cdk_lambda_streaming.cdk.value_reader import ValueReader
from cdk_lambda_streaming.code.layer_content import LayerFile
from cdk_lambda_streaming.front_doors import watch
from cdk_lambda_streaming.front_doors.search import SearchResult
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

VARIABLE = "LAMBDA_STREAMING_FRONT_DOORS"
STREAM, BUFFER = aws_apigateway.ResponseTransferMode.STREAM, aws_apigateway.ResponseTransferMode.BUFFERED
URL_MODES = {True: aws_lambda.InvokeMode.RESPONSE_STREAM, False: aws_lambda.InvokeMode.BUFFERED}


class Home(NamedTuple):
    """Account and Region of a stack."""

    account: str | None
    region: str | None


HOMES = [
    Home(None, None),
    Home("111111111111", "eu-west-1"),
    Home("111111111111", "us-east-1"),
    Home("222222222222", "eu-west-1"),
]


@dataclass(frozen=True)
class StackPlan:
    home: Home
    stage: int | None
    is_nested: bool


@dataclass(frozen=True)
class FunctionPlan:
    stack: int
    is_ours: bool
    has_layer: bool
    name: str | None


@dataclass(frozen=True)
class DoorPlan:
    stack: int
    kind: str
    streams: bool
    function: int
    reference: str


@dataclass(frozen=True)
class AppPlan:
    stacks: list[StackPlan]
    functions: list[FunctionPlan]
    doors: list[DoorPlan]


KINDS = ["url", "low-level url", "rest", "low-level rest", "document", "http", "targets", "ip targets"]
STACKS = st.builds(
    StackPlan, st.sampled_from([*HOMES, *HOMES[1:2] * 3]), st.sampled_from([None, None, 0, 1]), st.booleans()
)
FUNCTIONS = st.builds(
    FunctionPlan,
    st.integers(0, 2),
    st.sampled_from([True, True, False]),
    st.booleans(),
    st.sampled_from([None, None, "chat", "GENERATED"]),
)
DOORS = st.builds(
    DoorPlan,
    st.integers(0, 3),
    st.sampled_from(KINDS),
    st.booleans(),
    st.integers(0, 3),
    st.sampled_from(["construct"] * 4 + ["name", "arn"]),
)
APPS = st.builds(
    AppPlan,
    st.lists(STACKS, min_size=1, max_size=3),
    st.lists(FUNCTIONS, min_size=1, max_size=2),
    st.lists(DOORS, min_size=1, max_size=4),
)


@dataclass
class Built:
    """Function of an app, with the front doors that lead to it."""

    construct: aws_lambda.Function
    home: Home
    stage: int | None
    name: str | None
    watched: bool
    urls: list[bool] = field(default_factory=list)
    methods: dict[str, bool] = field(default_factory=dict)

    @property
    def expected(self) -> str | None:
        entries = set()
        if True in self.urls or not self.urls:
            entries.add("function-url")
        streaming = [resource for resource, streams in self.methods.items() if streams]
        if len(streaming) == len(self.methods):
            entries |= {"rest-api"} if streaming else set()
        else:
            entries |= {f"rest-api:GET {resource}" for resource in streaming}
        return None if entries == {"function-url"} else ",".join(sorted(entries)) or "none"


class Builder:
    def __init__(self, plan: AppPlan, folder: Path, entry: Path) -> None:
        self.app = App(outdir=str(folder), analytics_reporting=False)
        self._entry = entry
        self._stages: dict[int, Stage] = {}
        self._stacks = [self._stack(number, stack) for number, stack in enumerate(plan.stacks)]
        self._plans = plan.stacks
        self.functions: list[Built] = []
        for number, function in enumerate(plan.functions):
            self._add_function(number, function)
        for number, door in enumerate(plan.doors):
            self._add_door(f"Door{number}", door)

    def synth_again(self) -> None:
        # The CDK does not pass `force` on to stages.
        for stage in (*self._stages.values(), self.app):
            stage.synth(force=True)

    def _stack(self, number: int, plan: StackPlan) -> Stack:
        scope: Any = self.app
        if plan.stage is not None:
            if plan.stage not in self._stages:
                self._stages[plan.stage] = Stage(self.app, f"Stage{plan.stage}")
            scope = self._stages[plan.stage]
        stack = Stack(scope, f"Stack{number}", env=Environment(account=plan.home.account, region=plan.home.region))
        return NestedStack(stack, "Nested") if plan.is_nested else stack

    def _add_function(self, number: int, plan: FunctionPlan) -> None:
        index = plan.stack % len(self._stacks)
        stack, home = self._stacks[index], self._plans[index].home
        name = plan.name
        if name is not None and any((built.home, built.name) == (home, name) for built in self.functions):
            name = None
        options: dict[str, Any] = {}
        if name is not None:
            options["function_name"] = PhysicalName.GENERATE_IF_NEEDED if name == "GENERATED" else name
        if plan.is_ours:
            construct: aws_lambda.Function = StreamingFunction(
                stack, f"Fn{number}", entry=self._entry, function_url=False, **options
            )
        else:
            construct = aws_lambda.Function(
                stack,
                f"Fn{number}",
                code=aws_lambda.Code.from_inline("x"),
                handler="index.handler",
                runtime=aws_lambda.Runtime.PYTHON_3_14,
                **options,
            )
            if plan.has_layer:
                StreamingLayer.of(construct).attach_to(construct)
        watched = plan.is_ours or plan.has_layer
        self.functions.append(Built(construct, home, self._plans[index].stage, name, watched))

    def _add_door(self, id: str, plan: DoorPlan) -> None:
        index = plan.stack % len(self._stacks)
        stack, home = self._stacks[index], self._plans[index].home
        built = self.functions[plan.function % len(self.functions)]
        target: aws_lambda.IFunction = built.construct
        leads_to: Built | None = built
        if plan.reference == "construct":
            if not _is_possible(built, home, self._plans[index].stage):
                return
        elif plan.reference == "name":
            arn = stack.format_arn(
                service="lambda", resource="function", resource_name="chat", arn_format=ArnFormat.COLON_RESOURCE_NAME
            )
            target, leads_to = _imported(stack, id, arn), self._named("chat", home)
        else:
            other = Home("111111111111", "eu-west-1")
            arn = f"arn:aws:lambda:{other.region}:{other.account}:function:chat"
            target, leads_to = _imported(stack, id, arn), self._named("chat", other)
        self._wire(stack, id, plan, target, leads_to)

    def _named(self, name: str, home: Home) -> Built | None:
        return next((built for built in self.functions if (built.home, built.name) == (home, name)), None)

    def _wire(
        self, stack: Stack, id: str, plan: DoorPlan, target: aws_lambda.IFunction, leads_to: Built | None
    ) -> None:
        mode = STREAM if plan.streams else BUFFER
        if "url" in plan.kind:
            if leads_to is not None and leads_to.urls:
                return
            if leads_to is not None:
                leads_to.urls.append(plan.streams)
            if plan.kind == "url":
                aws_lambda.FunctionUrl(stack, id, function=target, invoke_mode=URL_MODES[plan.streams])
            else:
                arn = "chat" if plan.reference == "name" else target.function_arn
                invoke_mode = URL_MODES[plan.streams].name
                aws_lambda.CfnUrl(stack, id, auth_type="NONE", target_function_arn=arn, invoke_mode=invoke_mode)
        elif "rest" in plan.kind or plan.kind == "document":
            if leads_to is not None:
                leads_to.methods[f"/{id}"] = plan.streams
            uri = _uri(target.function_arn, streams=plan.streams)
            if plan.kind == "document":
                aws_apigateway.CfnRestApi(stack, id, body=_document(f"/{id}", uri, plan.streams))
                return
            if plan.kind == "rest":
                integration = aws_apigateway.LambdaIntegration(target, response_transfer_mode=mode)
                aws_apigateway.RestApi(stack, id).root.add_resource(id).add_method("GET", integration)
            else:
                _add_low_level_method(stack, id, uri, plan.streams)
        elif plan.kind == "http":
            proxy = aws_apigatewayv2_integrations.HttpLambdaIntegration("Integration", target)
            aws_apigatewayv2.HttpApi(stack, id).add_routes(path="/", integration=proxy)
        else:
            _add_target_group(stack, id, target if plan.kind == "targets" else None)


def _is_possible(built: Built, home: Home, stage: int | None) -> bool:
    """Return True if the CDK accepts a reference to a function from a home and a stage."""
    if built.stage == stage and built.home == home:
        return True
    if built.home == home or None in (*built.home, *home):
        return False
    # A name that the CDK generates for another stage comes too late for the function's template.
    return built.name == "chat" or (built.name == "GENERATED" and built.stage == stage)


def _imported(stack: Stack, id: str, arn: str) -> aws_lambda.IFunction:
    return aws_lambda.Function.from_function_attributes(stack, f"{id}Target", function_arn=arn, skip_permissions=True)


def _uri(arn: str, *, streams: bool) -> str:
    version, action = ("2021-11-15", "response-streaming-invocations") if streams else ("2015-03-31", "invocations")
    return f"arn:aws:apigateway:eu-west-1:lambda:path/{version}/functions/{arn}/{action}"


def _add_low_level_method(stack: Stack, id: str, uri: str, streams: bool) -> None:
    api = aws_apigateway.CfnRestApi(stack, f"{id}Api", name=id)
    resource = aws_apigateway.CfnResource(
        stack, f"{id}Resource", parent_id=api.attr_root_resource_id, path_part=id, rest_api_id=api.ref
    )
    struct = aws_apigateway.CfnMethod.IntegrationProperty(type="AWS_PROXY", uri=uri, response_transfer_mode="STREAM")
    aws_apigateway.CfnMethod(
        stack,
        id,
        http_method="GET",
        resource_id=resource.ref,
        rest_api_id=api.ref,
        integration=struct if streams else {"type": "AWS_PROXY", "uri": uri},
    )


def _add_target_group(stack: Stack, id: str, function: aws_lambda.IFunction | None) -> None:
    # The CDK's target depends on the function, which must then be in the same stage.
    if isinstance(function, aws_lambda.Function) and Stage.of(function) is Stage.of(stack):
        targets = [aws_elasticloadbalancingv2_targets.LambdaTarget(function)]
        aws_elasticloadbalancingv2.ApplicationTargetGroup(stack, id, targets=targets)
        return
    address = "10.0.0.1" if function is None else function.function_arn
    target = aws_elasticloadbalancingv2.CfnTargetGroup.TargetDescriptionProperty(id=address)
    kind = "ip" if function is None else "lambda"
    aws_elasticloadbalancingv2.CfnTargetGroup(stack, id, target_type=kind, targets=[target])


def _document(resource: str, uri: str, streams: bool) -> dict[str, Any]:
    integration: dict[str, Any] = {"type": "aws_proxy", "httpMethod": "POST", "uri": uri}
    if streams:
        integration["responseTransferMode"] = "STREAM"
    return {"openapi": "3.0.1", "paths": {resource: {"get": {"x-amazon-apigateway-integration": integration}}}}


def take_variables(folder: Path) -> tuple[dict[str, Any], dict[str, str]]:
    """Return the templates of an app without the variable, and its values by file and logical id of the function."""
    templates, values = {}, {}
    for file in sorted(folder.rglob("*.template.json")):
        template = templates[file.name] = json.loads(file.read_text())
        for logical_id, resource in template.get("Resources", {}).items():
            if resource["Type"] == "AWS::Lambda::Function":
                variables = resource["Properties"].get("Environment", {}).get("Variables", {})
                if VARIABLE in variables:
                    values[f"{file.name} {logical_id}"] = variables.pop(VARIABLE)
            # Names of nested templates are hashes of their content, which has the variable.
            if resource["Type"] == "AWS::CloudFormation::Stack":
                resource["Properties"].pop("TemplateURL")
                resource.pop("Metadata", None)
    return templates, values


def expected_variables(functions: list[Built]) -> dict[str, str]:
    values = {}
    for built in functions:
        if built.watched and built.expected is not None:
            stack = Stack.of(built.construct)
            logical_id = stack.resolve(resource_of(built.construct).logical_id)
            values[f"{stack.template_file} {logical_id}"] = built.expected
    return values


def find_nothing(stage: Stage, functions: Any) -> SearchResult:
    return SearchResult({path: [] for path in functions}, [], ValueReader())


def test_search_only_reads(entry: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # The real layer takes most of the time.
    monkeypatch.setattr(streaming_layer, "read_layer_files", lambda: (LayerFile("bootstrap", 0o755, b""),))
    counts = {"synthesized": 0, "told": 0}

    @settings(
        max_examples=500,
        deadline=None,
        derandomize=True,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(APPS)
    def check(plan: AppPlan) -> None:
        with TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
            builder = Builder(plan, Path(folder), entry)
            with patch.context() as without:
                without.setattr(watch, "find_front_doors", find_nothing)
                builder.app.synth()
            without_search, _ = take_variables(Path(folder))
            builder.synth_again()
            with_search, values = take_variables(Path(folder))
            assert with_search == without_search
            assert values == expected_variables(builder.functions)
            counts["synthesized"] += 1
            counts["told"] += bool(values)

    check()
    assert counts["synthesized"] >= 500
    assert counts["told"] >= 100
