"""Front doors in the app: the runtime gets those that stream, and contradictions are errors at synth."""

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
    found: str | None = function["Properties"].get("Environment", {}).get("Variables", {}).get(VARIABLE)
    return found


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
        timeout=Duration.minutes(1),
    )
    StreamingLayer.of(stack).attach_to(function)
    return function


class TestFound:
    @pytest.mark.parametrize(
        ("wire", "expected"),
        [
            (lambda stack, function: None, None),
            (wire_stream, "function-url,rest-api"),
            (wire_low_level, "function-url,rest-api"),
            (wire_plain, None),
            (wire_http_api, None),
            (wire_load_balancer, None),
        ],
    )
    def test_front_doors_of_other_constructs_are_found(
        self, stack: Stack, entry: Path, wire: Wire, expected: str | None
    ) -> None:
        wire(stack, StreamingFunction(stack, "Chat", entry=entry))
        assert front_doors(Template.from_stack(stack)) == expected

    def test_front_door_of_alias_belongs_to_function(self, stack: Stack, entry: Path) -> None:
        function = StreamingFunction(stack, "Chat", entry=entry)
        wire_stream(stack, function.add_alias("live"))
        assert front_doors(Template.from_stack(stack)) == "function-url,rest-api"

    def test_attached_function_gets_front_doors(self, stack: Stack) -> None:
        function = attached_function(stack)
        wire_stream(stack, function)
        function.add_function_url(invoke_mode=aws_lambda.InvokeMode.BUFFERED)
        assert front_doors(Template.from_stack(stack)) == "rest-api"

    def test_buffered_function_url_does_not_stream(self, stack: Stack, entry: Path) -> None:
        StreamingFunction(stack, "Chat", entry=entry, invoke_mode=aws_lambda.InvokeMode.BUFFERED)
        assert front_doors(Template.from_stack(stack)) == "none"

    @pytest.mark.parametrize("flags", [{}, recommended_feature_flags()], ids=["no-flags", "recommended-flags"])
    @pytest.mark.parametrize("region", [None, "us-east-1"])
    def test_api_in_another_stack_is_found(
        self, entry: Path, tmp_path: Path, flags: dict[str, Any], region: str | None
    ) -> None:
        """Both stacks have a function with the same logical id."""
        app = App(outdir=str(tmp_path / "cdk.out"), context=flags)
        env = None if region is None else Environment(account="111111111111", region="eu-west-1")
        back = Stack(app, "Back", env=env, cross_region_references=True, stack_name="the-back")
        elsewhere = None if region is None else Environment(account="111111111111", region=region)
        front = Stack(app, "Front", env=elsewhere, cross_region_references=True)
        wire_stream(front, StreamingFunction(back, "Chat", entry=entry))
        StreamingFunction(front, "Chat", entry=entry)
        assembly = app.synth()
        found = [
            front_doors(Template.from_json(assembly.get_stack_by_name(name).template)) for name in ("the-back", "Front")
        ]
        assert found == ["function-url,rest-api", None]

    def test_api_in_nested_stack_is_found(self, stack: Stack, entry: Path) -> None:
        function = StreamingFunction(stack, "Chat", entry=entry)
        wire_stream(NestedStack(stack, "Nested"), function)
        assert front_doors(Template.from_stack(stack)) == "function-url,rest-api"

    def test_each_stage_has_its_own_front_doors(self, entry: Path, tmp_path: Path) -> None:
        app = App(outdir=str(tmp_path / "cdk.out"))
        for name in ("Beta", "Production"):
            stack = Stack(Stage(app, name), "Stack")
            function = StreamingFunction(stack, "Chat", entry=entry)
            if name == "Production":
                wire_stream(stack, function)
        assembly = app.synth()
        found = [
            front_doors(Template.from_json(assembly.get_nested_assembly(f"assembly-{name}").stacks[0].template))
            for name in ("Beta", "Production")
        ]
        assert found == [None, "function-url,rest-api"]

    def test_front_doors_change_version(self, entry: Path, tmp_path: Path) -> None:
        """The variable changes the version, so the alias points to it."""

        def version(wired: bool) -> str:
            stack = Stack(App(outdir=str(tmp_path / "cdk.out")), "Stack")
            function = StreamingFunction(stack, "Chat", entry=entry, alias_name="live")
            if wired:
                wire_stream(stack, function.url_target)
            (logical_id,) = Template.from_stack(stack).find_resources("AWS::Lambda::Version")
            return logical_id

        assert version(wired=True) != version(wired=False)


class TestNamed:
    """The option `front_doors` names front doors outside the app."""

    def test_named_front_doors_reach_runtime(self, stack: Stack, entry: Path) -> None:
        function = StreamingFunction(stack, "Chat", entry=entry)
        StreamingLayer.of(stack).attach_to(function, front_doors=[FrontDoor.FUNCTION_URL, FrontDoor.REST_API])
        assert front_doors(Template.from_stack(stack)) == "function-url,rest-api"

    def test_contradicting_front_door_is_rejected(self, stack: Stack, entry: Path) -> None:
        function = StreamingFunction(stack, "Chat", entry=entry)
        StreamingLayer.of(stack).attach_to(function, front_doors=[FrontDoor.REST_API])
        with pytest.raises(RuntimeError, match="FunctionUrl/Resource' streams, but front_doors is rest-api"):
            Template.from_stack(stack)


class TestContradictions:
    def test_streaming_and_buffering_rest_apis_are_rejected(self, stack: Stack, entry: Path) -> None:
        function = StreamingFunction(stack, "Chat", entry=entry)
        wire_stream(stack, function)
        wire_plain(stack, function)
        with pytest.raises(
            RuntimeError,
            match=r"function 'Stack/Chat': give 'Stack/Api/.*' and 'Stack/PlainApi/.*' the same "
            "response_transfer_mode: the first streams and the second buffers.*Or make a second function",
        ):
            Template.from_stack(stack)

    def test_too_long_integration_timeout_is_rejected(self, stack: Stack, entry: Path) -> None:
        wire_stream(stack, StreamingFunction(stack, "Chat", entry=entry), timeout=Duration.minutes(20))
        with pytest.raises(RuntimeError, match="must be at most 15 minutes, got 20 minutes"):
            Template.from_stack(stack)


class TestParts:
    """A function tells the events of two methods and of two aliases apart, so each may stream or buffer."""

    def test_methods_of_two_resources(self, stack: Stack, entry: Path) -> None:
        function = StreamingFunction(stack, "Chat", entry=entry)
        api = regional_api(stack)
        api.root.add_resource("chat").add_resource("{id}").add_method("GET", function.streaming_integration())
        api.root.add_resource("health").add_method("GET", aws_apigateway.LambdaIntegration(function))
        assert front_doors(Template.from_stack(stack)) == "function-url,rest-api:GET /chat/{id}"

    def test_any_method_without_those_that_buffer(self, stack: Stack, entry: Path) -> None:
        function = StreamingFunction(stack, "Chat", entry=entry, function_url=False)
        root = regional_api(stack).root
        root.add_method("ANY", function.streaming_integration())
        root.add_method("POST", aws_apigateway.LambdaIntegration(function))
        streaming = {f"rest-api:{verb} /" for verb in ("DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "PUT")}
        found = front_doors(Template.from_stack(stack))
        assert found is not None
        assert set(found.split(",")) == {"function-url", *streaming}

    def test_open_api_document(self, stack: Stack, entry: Path) -> None:
        function = StreamingFunction(stack, "Chat", entry=entry, function_url=False)
        wire_open_api(stack, function, responseTransferMode="STREAM")
        regional_api(stack).root.add_resource("health").add_method("GET", aws_apigateway.LambdaIntegration(function))
        assert front_doors(Template.from_stack(stack)) == "function-url,rest-api:GET /"

    def test_resource_outside_the_app_is_rejected(self, stack: Stack, entry: Path) -> None:
        function = StreamingFunction(stack, "Chat", entry=entry)
        api = aws_apigateway.RestApi.from_rest_api_attributes(stack, "Api", rest_api_id="api", root_resource_id="root")
        api.root.add_method("GET", function.streaming_integration())
        wire_plain(stack, function)
        with pytest.raises(RuntimeError, match=r"the same response_transfer_mode.*Or make a second function"):
            Template.from_stack(stack)

    @pytest.mark.parametrize(
        ("of_function", "of_alias", "expected"),
        [
            ("RESPONSE_STREAM", "BUFFERED", "function-url:$LATEST"),
            ("BUFFERED", "RESPONSE_STREAM", "function-url:live"),
            ("BUFFERED", "BUFFERED", "none"),
            ("RESPONSE_STREAM", "RESPONSE_STREAM", None),
        ],
    )
    def test_urls_of_aliases(
        self, stack: Stack, entry: Path, of_function: str, of_alias: str, expected: str | None
    ) -> None:
        function = StreamingFunction(stack, "Chat", entry=entry, invoke_mode=aws_lambda.InvokeMode[of_function])
        function.add_alias("live").add_function_url(invoke_mode=aws_lambda.InvokeMode[of_alias])
        assert front_doors(Template.from_stack(stack)) == expected


class TestWarnings:
    @pytest.mark.parametrize(
        ("wire", "message"),
        [
            (wire_plain, r"REST API '.*' buffers.*at most 6 MB.*streaming_integration.*:restApiBuffers\]"),
            (wire_http_api, r"HTTP API '.*' buffers.*6 MB. Use a Function URL.*:httpApiBuffers\]"),
            (wire_load_balancer, r"load balancer '.*' buffers.*1 MB. Use a Function URL.*:loadBalancerBuffers\]"),
        ],
    )
    def test_buffering_front_door_causes_warning(self, stack: Stack, entry: Path, wire: Wire, message: str) -> None:
        wire(stack, StreamingFunction(stack, "Chat", entry=entry))
        Annotations.from_stack(stack).has_warning("/Stack/Chat", Match.string_like_regexp(message))

    @pytest.mark.parametrize(
        ("options", "message"),
        [
            ({"timeout": None}, r"ends a response at .* after 29 s.*may run for 300 s"),
            ({"timeout": Duration.minutes(4)}, r"ends a response at .* after 240 s.*may run for 300 s"),
        ],
    )
    def test_short_integration_timeout_causes_warning(
        self, stack: Stack, entry: Path, options: dict[str, Any], message: str
    ) -> None:
        wire_stream(stack, StreamingFunction(stack, "Chat", entry=entry), **options)
        Annotations.from_stack(stack).has_warning("/Stack/Chat", Match.string_like_regexp(message))

    def test_edge_optimized_api_causes_warning(self, stack: Stack, entry: Path) -> None:
        function = StreamingFunction(stack, "Chat", entry=entry)
        aws_apigateway.RestApi(stack, "Api").root.add_method("GET", function.streaming_integration())
        Annotations.from_stack(stack).has_warning(
            "/Stack/Chat", Match.string_like_regexp(r"is edge-optimized.*silent for 30 s.*:edgeOptimizedRestApi\]")
        )

    def test_right_front_door_has_no_warning(self, stack: Stack, entry: Path) -> None:
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


class TestReferences:
    """Other forms of references to a function are found too."""

    @pytest.mark.parametrize("options", [{"function_name": "chat"}, {"function_name": "chat", "alias_name": "live"}])
    def test_api_in_another_account_is_found(self, entry: Path, tmp_path: Path, options: dict[str, Any]) -> None:
        """The CDK writes the function's name into the text of the URI."""
        app = App(outdir=str(tmp_path / "cdk.out"))
        back, front = (
            Stack(app, name, env=Environment(account=account, region="eu-west-1"))
            for name, account in (("Back", "111111111111"), ("Front", "222222222222"))
        )
        function = StreamingFunction(back, "Chat", entry=entry, **options)
        wire_stream(front, function.url_target)
        template = Template.from_json(app.synth().get_stack_by_name("Back").template)
        assert front_doors(template) == "function-url,rest-api"

    def test_similar_function_name_is_not_matched(self, entry: Path, tmp_path: Path) -> None:
        app = App(outdir=str(tmp_path / "cdk.out"))
        stack = Stack(app, "Stack")
        StreamingFunction(stack, "Chat", entry=entry, function_name="chat")
        other = aws_lambda.Function.from_function_name(stack, "Other", "chat-2")
        wire_stream(stack, other)
        assert front_doors(Template.from_stack(stack)) is None

    def test_function_imported_by_name_is_found(self, stack: Stack, entry: Path) -> None:
        StreamingFunction(stack, "Chat", entry=entry, function_name="chat")
        wire_stream(stack, aws_lambda.Function.from_function_name(stack, "Imported", "chat"))
        assert front_doors(Template.from_stack(stack)) == "function-url,rest-api"

    def test_open_api_document_is_read(self, stack: Stack, entry: Path) -> None:
        wire_open_api(stack, StreamingFunction(stack, "Chat", entry=entry), responseTransferMode="STREAM")
        assert front_doors(Template.from_stack(stack)) == "function-url,rest-api"

    def test_buffering_open_api_document_causes_warning(self, stack: Stack, entry: Path) -> None:
        wire_open_api(stack, StreamingFunction(stack, "Chat", entry=entry))
        Annotations.from_stack(stack).has_warning(
            "/Stack/Chat", Match.string_like_regexp(r"'Stack/SpecApi/Resource, GET /' buffers.*:restApiBuffers\]")
        )

    def test_fn_sub_is_read(self, stack: Stack, entry: Path) -> None:
        function = StreamingFunction(stack, "Chat", entry=entry)
        logical_id = stack.get_logical_id(function.node.default_child)  # type: ignore[arg-type]
        wire_open_api(stack, function, uri=Fn.sub(f"arn:x/${{{logical_id}.Arn}}/x"), responseTransferMode="STREAM")
        assert front_doors(Template.from_stack(stack)) == "function-url,rest-api"

    def test_quick_create_http_api_is_found(self, stack: Stack, entry: Path) -> None:
        function = StreamingFunction(stack, "Chat", entry=entry)
        aws_apigatewayv2.CfnApi(stack, "Quick", name="q", protocol_type="HTTP", target=function.function_arn)
        Annotations.from_stack(stack).has_warning("/Stack/Chat", Match.string_like_regexp("HTTP API 'Stack/Quick'"))

    def test_websocket_api_has_no_warning(self, stack: Stack, entry: Path) -> None:
        function = StreamingFunction(stack, "Chat", entry=entry)
        integration = aws_apigatewayv2_integrations.WebSocketLambdaIntegration("Integration", function)
        aws_apigatewayv2.WebSocketApi(stack, "Socket").add_route("$default", integration=integration)
        Annotations.from_stack(stack).has_no_warning("*", Match.any_value())

    def test_asynchronous_method_is_not_a_front_door(self, stack: Stack, entry: Path) -> None:
        """The event of such a method is not a request."""
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

    def test_option_front_doors_is_used(self, stack: Stack, entry: Path) -> None:
        StreamingFunction(
            stack, "Chat", entry=entry, front_doors=[FrontDoor.FUNCTION_URL, FrontDoor.REST_API], base_image="python:3"
        )
        (function,) = Template.from_stack(stack).find_resources("AWS::Lambda::Function").values()
        assert function["Properties"]["Environment"]["Variables"] == {VARIABLE: "function-url,rest-api"}


class TestUrls:
    def test_two_urls_of_one_target_are_rejected(self, stack: Stack, entry: Path) -> None:
        function = StreamingFunction(stack, "Chat", entry=entry)
        aws_lambda.FunctionUrl(stack, "Second", function=function, invoke_mode=aws_lambda.InvokeMode.RESPONSE_STREAM)
        with pytest.raises(RuntimeError, match="are two Function URLs of the same target, but Lambda allows one"):
            Template.from_stack(stack)

    def test_public_url_of_other_construct_causes_info(self, stack: Stack) -> None:
        """The user wrote NONE, so `cdk synth --strict` passes."""
        function = attached_function(stack)
        function.add_function_url(
            auth_type=aws_lambda.FunctionUrlAuthType.NONE, invoke_mode=aws_lambda.InvokeMode.RESPONSE_STREAM
        )
        annotations = Annotations.from_stack(stack)
        annotations.has_info(
            "/Stack/Plain", Match.string_like_regexp(r"reserved_concurrent_executions.*:publicFunctionUrl\]")
        )
        annotations.has_no_warning("*", Match.any_value())

    def test_public_url_with_a_limit_is_quiet(self, stack: Stack, entry: Path) -> None:
        none = aws_lambda.FunctionUrlAuthType.NONE
        StreamingFunction(stack, "Chat", entry=entry, auth_type=none, reserved_concurrent_executions=10)
        Annotations.from_stack(stack).has_no_info("*", Match.any_value())


def test_ten_methods_cause_one_warning(stack: Stack, entry: Path) -> None:
    function = StreamingFunction(stack, "Chat", entry=entry)
    api = aws_apigateway.RestApi(stack, "Api")
    for number in range(10):
        api.root.add_resource(str(number)).add_method("GET", function.streaming_integration())
    warnings = Annotations.from_stack(stack).find_warning("*", Match.any_value())
    assert len(warnings) == 1


class TestTenants:
    def test_method_without_tenant_is_rejected(self, stack: Stack, entry: Path) -> None:
        function = StreamingFunction(
            stack, "Chat", entry=entry, function_url=False, tenancy_config=aws_lambda.TenancyConfig.PER_TENANT
        )
        wire_stream(stack, function)
        with pytest.raises(RuntimeError, match="names no tenant, but function 'Stack/Chat' has tenant isolation"):
            Template.from_stack(stack)

    def test_undeclared_header_is_rejected(self, stack: Stack, entry: Path) -> None:
        function = StreamingFunction(stack, "Chat", entry=entry)
        integration = function.streaming_integration(tenant_id_source="method.request.header.x-tenant")
        regional_api(stack).root.add_method("GET", integration)
        with pytest.raises(RuntimeError, match="without declaring it, and API Gateway refuses that; pass add_method"):
            Template.from_stack(stack)
