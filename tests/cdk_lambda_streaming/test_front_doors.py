"""The runtime is told which front doors stream, whoever wired them; what contradicts is an error at synth."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from aws_cdk import (
    App,
    Duration,
    Environment,
    Fn,
    NestedStack,
    Stack,
    Stage,
    aws_apigateway,
    aws_apigatewayv2,
    aws_apigatewayv2_integrations,
    aws_elasticloadbalancingv2,
    aws_elasticloadbalancingv2_targets,
    aws_lambda,
)
from aws_cdk.assertions import Annotations, Match, Template
from cdk_lambda_streaming import FrontDoor, StreamingFunction, StreamingLayer

from .templates import recommended_feature_flags

STREAM = aws_apigateway.ResponseTransferMode.STREAM
VARIABLE = "LAMBDA_STREAMING_FRONT_DOORS"
Wire = Callable[[Stack, aws_lambda.IFunction], object]


def front_doors(template: Template, handler: str = "index.handler") -> str | None:
    functions = template.find_resources("AWS::Lambda::Function", {"Properties": {"Handler": handler}})
    (function,) = functions.values()
    told: str | None = function["Properties"].get("Environment", {}).get("Variables", {}).get(VARIABLE)
    return told


def regional_api(stack: Stack, id: str = "Api") -> aws_apigateway.RestApi:
    return aws_apigateway.RestApi(stack, id, endpoint_types=[aws_apigateway.EndpointType.REGIONAL])


def wire_stream(stack: Stack, function: aws_lambda.IFunction, **options: Any) -> None:
    integration = aws_apigateway.LambdaIntegration(
        function, **{"response_transfer_mode": STREAM, "timeout": Duration.minutes(15), **options}
    )
    regional_api(stack).root.add_method("GET", integration)


def wire_plain(stack: Stack, function: aws_lambda.IFunction) -> None:
    regional_api(stack, "PlainApi").root.add_method("GET", aws_apigateway.LambdaIntegration(function))


def wire_http_api(stack: Stack, function: aws_lambda.IFunction) -> None:
    integration = aws_apigatewayv2_integrations.HttpLambdaIntegration("Integration", function)
    aws_apigatewayv2.HttpApi(stack, "HttpApi").add_routes(path="/", integration=integration)


def wire_load_balancer(stack: Stack, function: aws_lambda.IFunction) -> None:
    aws_elasticloadbalancingv2.ApplicationTargetGroup(
        stack, "Targets", targets=[aws_elasticloadbalancingv2_targets.LambdaTarget(function)]
    )


def wire_low_level(stack: Stack, function: aws_lambda.IFunction) -> None:
    api = aws_apigateway.CfnRestApi(
        stack,
        "LowLevelApi",
        name="api",
        endpoint_configuration=aws_apigateway.CfnRestApi.EndpointConfigurationProperty(types=["REGIONAL"]),
    )
    aws_apigateway.CfnMethod(
        stack,
        "Method",
        http_method="GET",
        resource_id=api.attr_root_resource_id,
        rest_api_id=api.ref,
        integration=aws_apigateway.CfnMethod.IntegrationProperty(
            type="AWS_PROXY",
            integration_http_method="POST",
            response_transfer_mode="STREAM",
            timeout_in_millis=900_000,
            uri=f"arn:aws:apigateway:us-east-1:lambda:path/2021-11-15/functions/{function.function_arn}"
            "/response-streaming-invocations",
        ),
    )


def attached_function(stack: Stack) -> aws_lambda.Function:
    function = aws_lambda.Function(
        stack,
        "Plain",
        code=aws_lambda.Code.from_inline("x"),
        handler="index.handler",
        runtime=aws_lambda.Runtime.PYTHON_3_13,
    )
    StreamingLayer.of(stack).attach_to(function)
    return function


class TestTold:
    @pytest.mark.parametrize(
        ("wire", "told"),
        [
            (lambda stack, function: None, None),
            (wire_stream, "function-url,rest-api"),
            (wire_low_level, "function-url,rest-api"),
            (wire_plain, None),
            (wire_http_api, None),
            (wire_load_balancer, None),
        ],
    )
    def test_what_the_user_wired_by_hand_is_found(
        self, stack: Stack, entry: Path, wire: Wire, told: str | None
    ) -> None:
        wire(stack, StreamingFunction(stack, "Chat", entry=entry))
        assert front_doors(Template.from_stack(stack)) == told

    def test_what_was_wired_to_an_alias_or_a_version_is_the_function_s(self, stack: Stack, entry: Path) -> None:
        function = StreamingFunction(stack, "Chat", entry=entry)
        wire_stream(stack, function.add_alias("live"))
        assert front_doors(Template.from_stack(stack)) == "function-url,rest-api"

    def test_an_attached_function_is_told_as_well(self, stack: Stack) -> None:
        function = attached_function(stack)
        wire_stream(stack, function)
        function.add_function_url(invoke_mode=aws_lambda.InvokeMode.BUFFERED)
        assert front_doors(Template.from_stack(stack)) == "rest-api"

    def test_a_buffered_function_url_does_not_stream(self, stack: Stack, entry: Path) -> None:
        StreamingFunction(stack, "Chat", entry=entry, invoke_mode=aws_lambda.InvokeMode.BUFFERED)
        assert front_doors(Template.from_stack(stack)) == "none"

    @pytest.mark.parametrize("flags", [{}, recommended_feature_flags()], ids=["no-flags", "recommended-flags"])
    @pytest.mark.parametrize("region", [None, "us-east-1"])
    def test_an_api_in_another_stack_is_found(
        self, entry: Path, tmp_path: Path, flags: dict[str, Any], region: str | None
    ) -> None:
        """Both stacks have a function by the same id: a logical id alone says nothing."""
        app = App(outdir=str(tmp_path / "cdk.out"), context=flags)
        env = None if region is None else Environment(account="111111111111", region="eu-west-1")
        back = Stack(app, "Back", env=env, cross_region_references=True, stack_name="the-back")
        elsewhere = None if region is None else Environment(account="111111111111", region=region)
        front = Stack(app, "Front", env=elsewhere, cross_region_references=True)
        wire_stream(front, StreamingFunction(back, "Chat", entry=entry))
        StreamingFunction(front, "Chat", entry=entry)
        assembly = app.synth()
        told = [
            front_doors(Template.from_json(assembly.get_stack_by_name(name).template)) for name in ("the-back", "Front")
        ]
        assert told == ["function-url,rest-api", None]

    def test_an_api_in_a_nested_stack_is_found(self, stack: Stack, entry: Path) -> None:
        function = StreamingFunction(stack, "Chat", entry=entry)
        wire_stream(NestedStack(stack, "Nested"), function)
        assert front_doors(Template.from_stack(stack)) == "function-url,rest-api"

    def test_each_stage_has_its_own(self, entry: Path, tmp_path: Path) -> None:
        app = App(outdir=str(tmp_path / "cdk.out"))
        for name in ("Beta", "Production"):
            stack = Stack(Stage(app, name), "Stack")
            function = StreamingFunction(stack, "Chat", entry=entry)
            if name == "Production":
                wire_stream(stack, function)
        assembly = app.synth()
        told = [
            front_doors(Template.from_json(assembly.get_nested_assembly(f"assembly-{name}").stacks[0].template))
            for name in ("Beta", "Production")
        ]
        assert told == [None, "function-url,rest-api"]

    def test_it_is_part_of_the_version(self, entry: Path, tmp_path: Path) -> None:
        """An alias gets the variable with the front door."""

        def version(wired: bool) -> str:
            stack = Stack(App(outdir=str(tmp_path / "cdk.out")), "Stack")
            function = StreamingFunction(stack, "Chat", entry=entry, alias_name="live")
            if wired:
                wire_stream(stack, function.url_target)
            (logical_id,) = Template.from_stack(stack).find_resources("AWS::Lambda::Version")
            return logical_id

        assert version(wired=True) != version(wired=False)


class TestNamed:
    """Front doors that are not in the app are named by the user."""

    def test_they_are_told(self, stack: Stack, entry: Path) -> None:
        function = StreamingFunction(stack, "Chat", entry=entry)
        StreamingLayer.of(stack).attach_to(function, front_doors=[FrontDoor.FUNCTION_URL, FrontDoor.REST_API])
        assert front_doors(Template.from_stack(stack)) == "function-url,rest-api"

    def test_a_front_door_of_the_app_that_says_otherwise_is_an_error(self, stack: Stack, entry: Path) -> None:
        function = StreamingFunction(stack, "Chat", entry=entry)
        StreamingLayer.of(stack).attach_to(function, front_doors=[FrontDoor.REST_API])
        with pytest.raises(
            RuntimeError, match="FunctionUrl/Resource' streams, and front_doors says otherwise: rest-api"
        ):
            Template.from_stack(stack)


class TestContradictions:
    def test_a_rest_api_that_streams_and_one_that_buffers(self, stack: Stack, entry: Path) -> None:
        function = StreamingFunction(stack, "Chat", entry=entry)
        wire_stream(stack, function)
        wire_plain(stack, function)
        with pytest.raises(
            RuntimeError,
            match=r"function 'Stack/Chat': 'Stack/Api/.*' streams and 'Stack/PlainApi/.*' buffers.*same "
            "response_transfer_mode, or make a second function",
        ):
            Template.from_stack(stack)

    def test_two_function_urls(self, stack: Stack, entry: Path) -> None:
        function = StreamingFunction(stack, "Chat", entry=entry)
        function.add_alias("live").add_function_url(invoke_mode=aws_lambda.InvokeMode.BUFFERED)
        with pytest.raises(RuntimeError, match="give both the same invoke_mode"):
            Template.from_stack(stack)

    def test_a_timeout_that_api_gateway_does_not_have(self, stack: Stack, entry: Path) -> None:
        wire_stream(stack, StreamingFunction(stack, "Chat", entry=entry), timeout=Duration.minutes(20))
        with pytest.raises(RuntimeError, match="must be at most 15 minutes, got 20 minutes"):
            Template.from_stack(stack)


class TestWarnings:
    @pytest.mark.parametrize(
        ("wire", "said"),
        [
            (wire_plain, r"REST API '.*' buffers.*10 MB; wire it with.*streaming_integration.*:restApiBuffers\]"),
            (wire_http_api, r"HTTP API '.*' buffers.*6 MB; use a Function URL.*:httpApiBuffers\]"),
            (wire_load_balancer, r"load balancer '.*' buffers.*1 MB; use a Function URL.*:loadBalancerBuffers\]"),
        ],
    )
    def test_a_front_door_that_buffers(self, stack: Stack, entry: Path, wire: Wire, said: str) -> None:
        wire(stack, StreamingFunction(stack, "Chat", entry=entry))
        Annotations.from_stack(stack).has_warning("/Stack/Chat", Match.string_like_regexp(said))

    @pytest.mark.parametrize(
        ("options", "said"),
        [
            ({"timeout": None}, r"ends a response after 29 s.*may take 300 s"),
            ({"timeout": Duration.minutes(4)}, r"ends a response after 240 s.*may take 300 s"),
        ],
    )
    def test_an_api_that_gives_up_before_the_function(
        self, stack: Stack, entry: Path, options: dict[str, Any], said: str
    ) -> None:
        wire_stream(stack, StreamingFunction(stack, "Chat", entry=entry), **options)
        Annotations.from_stack(stack).has_warning("/Stack/Chat", Match.string_like_regexp(said))

    def test_an_edge_optimized_api(self, stack: Stack, entry: Path) -> None:
        function = StreamingFunction(stack, "Chat", entry=entry)
        aws_apigateway.RestApi(stack, "Api").root.add_method("GET", function.streaming_integration())
        Annotations.from_stack(stack).has_warning(
            "/Stack/Chat", Match.string_like_regexp(r"is edge-optimized.*silent for 30 s.*:edgeOptimizedRestApi\]")
        )

    def test_what_is_right_is_not_warned_of(self, stack: Stack, entry: Path) -> None:
        wire_stream(stack, StreamingFunction(stack, "Chat", entry=entry))
        Annotations.from_stack(stack).has_no_warning("*", Match.any_value())


OPEN_API = {
    "openapi": "3.0.1",
    "info": {"title": "chat", "version": "1"},
    "paths": {
        "/": {
            "get": {
                "x-amazon-apigateway-integration": {
                    "type": "aws_proxy",
                    "httpMethod": "POST",
                    "timeoutInMillis": 900_000,
                }
            }
        }
    },
}


def wire_open_api(stack: Stack, function: aws_lambda.IFunction, **integration: Any) -> None:
    document = json.loads(json.dumps(OPEN_API))
    found = document["paths"]["/"]["get"]["x-amazon-apigateway-integration"]
    found["uri"] = f"arn:aws:apigateway:eu-west-1:lambda:path/2021-11-15/functions/{function.function_arn}/x"
    found.update(integration)
    aws_apigateway.SpecRestApi(
        stack,
        "SpecApi",
        api_definition=aws_apigateway.ApiDefinition.from_inline(document),
        endpoint_types=[aws_apigateway.EndpointType.REGIONAL],
    )


class TestFoundByOtherWays:
    """What the reference to a function looks like is not its function's affair."""

    @pytest.mark.parametrize("options", [{"function_name": "chat"}, {"function_name": "chat", "alias_name": "live"}])
    def test_an_api_in_another_account(self, entry: Path, tmp_path: Path, options: dict[str, Any]) -> None:
        """There the CDK writes the function's name, and joins it into the URI's own text."""
        app = App(outdir=str(tmp_path / "cdk.out"))
        back, front = (
            Stack(app, name, env=Environment(account=account, region="eu-west-1"))
            for name, account in (("Back", "111111111111"), ("Front", "222222222222"))
        )
        function = StreamingFunction(back, "Chat", entry=entry, **options)
        wire_stream(front, function.url_target)
        template = Template.from_json(app.synth().get_stack_by_name("Back").template)
        assert front_doors(template) == "function-url,rest-api"

    def test_a_name_that_begins_alike_is_another_function(self, entry: Path, tmp_path: Path) -> None:
        app = App(outdir=str(tmp_path / "cdk.out"))
        stack = Stack(app, "Stack")
        StreamingFunction(stack, "Chat", entry=entry, function_name="chat")
        other = aws_lambda.Function.from_function_name(stack, "Other", "chat-2")
        wire_stream(stack, other)
        assert front_doors(Template.from_stack(stack)) is None

    def test_a_function_of_the_app_that_is_imported_by_its_name(self, stack: Stack, entry: Path) -> None:
        StreamingFunction(stack, "Chat", entry=entry, function_name="chat")
        wire_stream(stack, aws_lambda.Function.from_function_name(stack, "Imported", "chat"))
        assert front_doors(Template.from_stack(stack)) == "function-url,rest-api"

    def test_an_open_api_document(self, stack: Stack, entry: Path) -> None:
        wire_open_api(stack, StreamingFunction(stack, "Chat", entry=entry), responseTransferMode="STREAM")
        assert front_doors(Template.from_stack(stack)) == "function-url,rest-api"

    def test_an_open_api_document_that_buffers(self, stack: Stack, entry: Path) -> None:
        wire_open_api(stack, StreamingFunction(stack, "Chat", entry=entry))
        Annotations.from_stack(stack).has_warning(
            "/Stack/Chat", Match.string_like_regexp(r"'Stack/SpecApi/Resource, GET /' buffers.*:restApiBuffers\]")
        )

    def test_a_template_of_fn_sub(self, stack: Stack, entry: Path) -> None:
        function = StreamingFunction(stack, "Chat", entry=entry)
        logical_id = stack.get_logical_id(function.node.default_child)  # type: ignore[arg-type]
        wire_open_api(stack, function, uri=Fn.sub(f"arn:x/${{{logical_id}.Arn}}/x"), responseTransferMode="STREAM")
        assert front_doors(Template.from_stack(stack)) == "function-url,rest-api"

    def test_an_http_api_made_quickly(self, stack: Stack, entry: Path) -> None:
        function = StreamingFunction(stack, "Chat", entry=entry)
        aws_apigatewayv2.CfnApi(stack, "Quick", name="q", protocol_type="HTTP", target=function.function_arn)
        Annotations.from_stack(stack).has_warning("/Stack/Chat", Match.string_like_regexp("HTTP API 'Stack/Quick'"))

    def test_a_web_socket_is_nobody_s_stream(self, stack: Stack, entry: Path) -> None:
        function = StreamingFunction(stack, "Chat", entry=entry)
        integration = aws_apigatewayv2_integrations.WebSocketLambdaIntegration("Integration", function)
        aws_apigatewayv2.WebSocketApi(stack, "Socket").add_route("$default", integration=integration)
        Annotations.from_stack(stack).has_no_warning("*", Match.any_value())

    def test_a_method_that_only_gives_work_is_no_front_door(self, stack: Stack, entry: Path) -> None:
        """Its event is not a request: the runtime does not mistake it for one."""
        function = StreamingFunction(stack, "Chat", entry=entry)
        wire_stream(stack, function)
        regional_api(stack, "Jobs").root.add_method(
            "POST",
            aws_apigateway.LambdaIntegration(
                function,
                proxy=False,
                request_parameters={"integration.request.header.X-Amz-Invocation-Type": "'Event'"},
            ),
        )
        assert front_doors(Template.from_stack(stack)) == "function-url,rest-api"
        Annotations.from_stack(stack).has_no_warning("*", Match.any_value())

    def test_the_user_s_word_counts_for_a_function_too(self, stack: Stack, entry: Path) -> None:
        StreamingFunction(
            stack, "Chat", entry=entry, front_doors=[FrontDoor.FUNCTION_URL, FrontDoor.REST_API], base_image="python:3"
        )
        (function,) = Template.from_stack(stack).find_resources("AWS::Lambda::Function").values()
        assert function["Properties"]["Environment"]["Variables"] == {VARIABLE: "function-url,rest-api"}


class TestUrls:
    def test_two_of_one_target(self, stack: Stack, entry: Path) -> None:
        function = StreamingFunction(stack, "Chat", entry=entry)
        aws_lambda.FunctionUrl(stack, "Second", function=function, invoke_mode=aws_lambda.InvokeMode.RESPONSE_STREAM)
        with pytest.raises(RuntimeError, match="are two Function URLs of the same target, and Lambda allows one"):
            Template.from_stack(stack)

    def test_a_public_one_made_by_hand_is_warned_of(self, stack: Stack) -> None:
        function = attached_function(stack)
        function.add_function_url(
            auth_type=aws_lambda.FunctionUrlAuthType.NONE, invoke_mode=aws_lambda.InvokeMode.RESPONSE_STREAM
        )
        Annotations.from_stack(stack).has_warning("/Stack/Plain", Match.string_like_regexp(r":publicFunctionUrl\]"))


def test_ten_methods_are_warned_of_once(stack: Stack, entry: Path) -> None:
    function = StreamingFunction(stack, "Chat", entry=entry)
    api = aws_apigateway.RestApi(stack, "Api")
    for number in range(10):
        api.root.add_resource(str(number)).add_method("GET", function.streaming_integration())
    warnings = Annotations.from_stack(stack).find_warning("*", Match.any_value())
    assert len(warnings) == 1


class TestTenants:
    def test_a_method_that_names_no_tenant(self, stack: Stack, entry: Path) -> None:
        function = StreamingFunction(
            stack, "Chat", entry=entry, function_url=False, tenancy_config=aws_lambda.TenancyConfig.PER_TENANT
        )
        wire_stream(stack, function)
        with pytest.raises(RuntimeError, match="names no tenant, and function 'Stack/Chat' has tenant isolation"):
            Template.from_stack(stack)

    def test_a_header_that_the_method_does_not_declare(self, stack: Stack, entry: Path) -> None:
        function = StreamingFunction(stack, "Chat", entry=entry)
        integration = function.streaming_integration(tenant_id_source="method.request.header.x-tenant")
        regional_api(stack).root.add_method("GET", integration)
        with pytest.raises(RuntimeError, match="does not declare it, which API Gateway refuses; pass add_method"):
            Template.from_stack(stack)
