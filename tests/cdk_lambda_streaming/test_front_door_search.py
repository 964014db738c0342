"""Front doors in other environments, stages and forms: the search finds what leads to the function, and only that."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from aws_cdk import (
    App,
    Aws,
    CfnCondition,
    Duration,
    Environment,
    Fn,
    NestedStack,
    PhysicalName,
    Size,
    Stack,
    Stage,
    aws_apigateway,
    aws_apigatewayv2,
    aws_apigatewayv2_integrations,
    aws_cloudfront,
    aws_elasticloadbalancingv2,
    aws_elasticloadbalancingv2_targets,
    aws_lambda,
    aws_sam,
)
from aws_cdk.assertions import Annotations, Match, Template
from cdk_lambda_streaming import StreamingFunction, StreamingLayer

from .test_front_doors import attached_function, front_doors, regional_api, wire_stream

EU = Environment(account="111111111111", region="eu-west-1")
US = Environment(account="111111111111", region="us-east-1")
OTHER_ACCOUNT = Environment(account="222222222222", region="eu-west-1")
ANY = Match.any_value()


@pytest.fixture
def app(tmp_path: Path) -> App:
    return App(outdir=str(tmp_path / "cdk.out"))


def plain(stack: Stack, id: str = "Plain") -> aws_lambda.Function:
    runtime = aws_lambda.Runtime.PYTHON_3_14
    return aws_lambda.Function(stack, id, code=aws_lambda.Code.from_inline("x"), handler="index.plain", runtime=runtime)


def add_ip_targets(stack: Stack) -> None:
    aws_elasticloadbalancingv2.CfnTargetGroup(
        stack,
        "Targets",
        target_type="ip",
        targets=[aws_elasticloadbalancingv2.CfnTargetGroup.TargetDescriptionProperty(id="10.0.0.1")],
    )


def add_rest_api(stack: Stack) -> None:
    aws_apigateway.LambdaRestApi(stack, "Api", handler=plain(stack))


def add_http_api_to_a_url(stack: Stack) -> None:
    aws_apigatewayv2.CfnApi(stack, "Http", name="h", protocol_type="HTTP", target="https://example.com")


def add_url(stack: Stack) -> None:
    plain(stack).add_function_url()


def add_lambda_targets(stack: Stack) -> None:
    target = aws_elasticloadbalancingv2_targets.LambdaTarget(plain(stack))
    aws_elasticloadbalancingv2.ApplicationTargetGroup(stack, "Targets", targets=[target])


UNRELATED = [add_ip_targets, add_rest_api, add_http_api_to_a_url, add_url, add_lambda_targets]


@pytest.mark.parametrize("env", [US, OTHER_ACCOUNT, None], ids=["region", "account", "unknown"])
@pytest.mark.parametrize("add", UNRELATED)
def test_unrelated_front_door_in_another_environment_has_no_effect(
    app: App, entry: Path, add: Callable[[Stack], None], env: Environment | None
) -> None:
    StreamingFunction(Stack(app, "One", env=EU), "Chat", entry=entry)
    add(Stack(app, "Two", env=env))
    assert front_doors(Template.from_json(app.synth().get_stack_by_name("One").template)) is None


@pytest.mark.parametrize("add", UNRELATED)
def test_search_names_no_function(app: App, entry: Path, add: Callable[[Stack], None]) -> None:
    """The CDK generates a name only for a function that another environment refers to. A new name replaces it."""
    stack = Stack(app, "One", env=EU)
    StreamingFunction(stack, "Chat", entry=entry, function_name=PhysicalName.GENERATE_IF_NEEDED)
    add(Stack(app, "Two", env=US))
    (function,) = Template.from_stack(stack).find_resources("AWS::Lambda::Function").values()
    assert "FunctionName" not in function["Properties"]


def test_function_with_a_generated_name_is_found(app: App, entry: Path) -> None:
    stack = Stack(app, "One", env=EU)
    function = StreamingFunction(stack, "Chat", entry=entry, function_name=PhysicalName.GENERATE_IF_NEEDED)
    wire_stream(Stack(app, "Two", env=OTHER_ACCOUNT), function)
    assert front_doors(Template.from_stack(stack)) == "function-url,rest-api"


@pytest.mark.parametrize("env", [US, OTHER_ACCOUNT], ids=["region", "account"])
def test_equal_names_in_two_environments_are_told_apart(app: App, entry: Path, env: Environment) -> None:
    for name, home in (("One", EU), ("Two", env)):
        StreamingFunction(Stack(app, name, env=home), "Chat", entry=entry, function_name="chat")
    front = Stack(app, "Front", env=env)
    wire_stream(front, aws_lambda.Function.from_function_name(front, "Imported", "chat"))
    assembly = app.synth()
    found = [front_doors(Template.from_json(assembly.get_stack_by_name(name).template)) for name in ("One", "Two")]
    assert found == [None, "function-url,rest-api"]


@pytest.mark.parametrize(
    ("account", "region", "expected"),
    [
        ("111111111111", "eu-west-1", "function-url,rest-api"),
        ("222222222222", "eu-west-1", None),
        ("111111111111", "us-east-1", None),
    ],
)
def test_imported_arn_belongs_to_its_account_and_region(
    app: App, entry: Path, account: str, region: str, expected: str | None
) -> None:
    stack = Stack(app, "One", env=EU)
    StreamingFunction(stack, "Chat", entry=entry, function_name="chat")
    arn = f"arn:aws:lambda:{region}:{account}:function:chat"
    wire_stream(stack, aws_lambda.Function.from_function_arn(stack, "Imported", arn))
    assert front_doors(Template.from_stack(stack)) == expected


@pytest.mark.parametrize(
    ("arn", "expected"),
    [
        ("chat", "none"),
        ("111111111111:function:chat", "none"),
        ("222222222222:function:chat", None),
        ("chat-2", None),
    ],
)
def test_low_level_url_with_a_name_is_found(app: App, entry: Path, arn: str, expected: str | None) -> None:
    stack = Stack(app, "One", env=EU)
    StreamingFunction(stack, "Chat", entry=entry, function_name="chat", function_url=False)
    aws_lambda.CfnUrl(stack, "Url", auth_type="AWS_IAM", target_function_arn=arn, invoke_mode="BUFFERED")
    assert front_doors(Template.from_stack(stack)) == expected


def test_open_api_document_of_aws_sam_is_read(stack: Stack, entry: Path) -> None:
    function = StreamingFunction(stack, "Chat", entry=entry)
    integration = {
        "type": "aws_proxy",
        "httpMethod": "POST",
        "uri": f"arn:aws:apigateway:x:lambda:path/2021-11-15/functions/{function.function_arn}/x",
        "responseTransferMode": "STREAM",
        "timeoutInMillis": 900_000,
    }
    document = {"openapi": "3.0.1", "paths": {"/": {"get": {"x-amazon-apigateway-integration": integration}}}}
    aws_sam.CfnApi(stack, "Sam", stage_name="v1", definition_body=document, endpoint_configuration="REGIONAL")
    assert front_doors(Template.from_stack(stack)) == "function-url,rest-api"
    Annotations.from_stack(stack).has_no_warning("*", ANY)


@pytest.mark.parametrize("kind", [aws_apigatewayv2.CfnApi, aws_sam.CfnHttpApi])
def test_document_of_an_http_api_is_read(stack: Stack, entry: Path, kind: Any) -> None:
    function = StreamingFunction(stack, "Chat", entry=entry)
    integration = {"type": "aws_proxy", "uri": function.function_arn, "payloadFormatVersion": "2.0"}
    document = {"openapi": "3.0.1", "paths": {"/a": {"get": {"x-amazon-apigateway-integration": integration}}}}
    kind(stack, "Http", **({"body": document} if kind is aws_apigatewayv2.CfnApi else {"definition_body": document}))
    Annotations.from_stack(stack).has_warning(
        "/Stack/Chat", Match.string_like_regexp(r"HTTP API 'Stack/Http, GET /a' buffers.*:httpApiBuffers\]")
    )


def test_front_door_in_another_stage_is_found_by_name(app: App, entry: Path) -> None:
    stack = Stack(Stage(app, "Back"), "Stack", env=EU)
    StreamingFunction(stack, "Chat", entry=entry, function_name="chat")
    front = Stack(Stage(app, "Front"), "Stack", env=EU)
    wire_stream(front, aws_lambda.Function.from_function_name(front, "Imported", "chat"))
    template = app.synth().get_nested_assembly("assembly-Back").stacks[0].template
    assert front_doors(Template.from_json(template)) == "function-url,rest-api"


def test_nested_stack_changes_its_name_with_the_variable(entry: Path, tmp_path: Path) -> None:
    """The name of the nested template's file is a hash. With an old hash CloudFormation would not see the change."""

    def url_of_template(wired: bool) -> str:
        stack = Stack(App(outdir=str(tmp_path / f"cdk.out.{wired}")), "Stack")
        function = StreamingFunction(NestedStack(stack, "Nested"), "Chat", entry=entry)
        if wired:
            wire_stream(stack, function)
        (nested,) = Template.from_stack(stack).find_resources("AWS::CloudFormation::Stack").values()
        return json.dumps(nested["Properties"]["TemplateURL"])

    assert url_of_template(wired=True) != url_of_template(wired=False)


def test_low_level_method_with_a_dict_is_found(stack: Stack, entry: Path) -> None:
    """The CDK leaves out keys in snake case, so the method buffers."""
    function = StreamingFunction(stack, "Chat", entry=entry)
    api = regional_api(stack)
    integration = {"type": "AWS_PROXY", "uri": function.function_arn, "response_transfer_mode": "STREAM"}
    aws_apigateway.CfnMethod(
        stack,
        "Method",
        http_method="GET",
        resource_id=api.rest_api_root_resource_id,
        rest_api_id=api.rest_api_id,
        integration=integration,
    )
    api.root.add_resource("other").add_method("GET", function.streaming_integration())
    template = Template.from_stack(stack)
    method = template.find_resources("AWS::ApiGateway::Method", {"Properties": {"Integration": {"Type": "AWS_PROXY"}}})
    assert "STREAM" not in json.dumps(method["Method"])
    assert front_doors(template) == "function-url,rest-api:GET /other"


@pytest.mark.parametrize("in_stages", [False, True])
def test_equal_names_in_unknown_accounts_stay_apart(app: App, entry: Path, in_stages: bool) -> None:
    """One app for two accounts: each stack is deployed with another profile."""
    for name, mode in (("One", "BUFFERED"), ("Two", "RESPONSE_STREAM")):
        stack = Stack(Stage(app, name) if in_stages else app, f"{name}Stack")
        StreamingFunction(stack, "Chat", entry=entry, function_name="chat", function_url=False)
        aws_lambda.CfnUrl(stack, "Url", auth_type="AWS_IAM", target_function_arn="chat", invoke_mode=mode)
    assembly = app.synth()
    parts = [assembly.get_nested_assembly(f"assembly-{name}") for name in ("One", "Two")] if in_stages else [assembly]
    stacks = sorted((each for part in parts for each in part.stacks), key=lambda stack: str(stack.stack_name))
    assert [front_doors(Template.from_json(each.template)) for each in stacks] == ["none", None]


def test_name_in_an_unknown_account_leads_to_the_plain_function_beside_it(app: App, entry: Path) -> None:
    StreamingFunction(Stack(app, "One"), "Chat", entry=entry, function_name="chat", function_url=False)
    beside = Stack(app, "Two")
    plain(beside).node.default_child.function_name = "chat"  # type: ignore[union-attr]
    aws_lambda.CfnUrl(beside, "Url", auth_type="AWS_IAM", target_function_arn="chat", invoke_mode="BUFFERED")
    assert front_doors(Template.from_json(app.synth().get_stack_by_name("One").template)) is None


def test_methods_of_an_imported_api_are_told_apart(stack: Stack, entry: Path) -> None:
    function = StreamingFunction(stack, "Chat", entry=entry)
    api = aws_apigateway.RestApi.from_rest_api_attributes(stack, "Api", rest_api_id="api", root_resource_id="root")
    api.root.add_method("POST", function.streaming_integration())
    api.root.add_resource("chat").add_method("GET", function.streaming_integration())
    api.root.add_method("GET", aws_apigateway.LambdaIntegration(function))
    assert front_doors(Template.from_stack(stack)) == "function-url,rest-api:GET /chat,rest-api:POST /"


def test_imported_websocket_api_is_no_http_api(stack: Stack, entry: Path) -> None:
    function = StreamingFunction(stack, "Chat", entry=entry)
    api = aws_apigatewayv2.WebSocketApi.from_web_socket_api_attributes(stack, "Socket", web_socket_id="abc")
    integration = aws_apigatewayv2_integrations.WebSocketLambdaIntegration("Integration", function)
    aws_apigatewayv2.WebSocketRoute(stack, "Route", web_socket_api=api, route_key="x", integration=integration)
    Annotations.from_stack(stack).has_no_warning("*", ANY)


def test_two_urls_with_opposite_conditions_are_accepted(stack: Stack, entry: Path) -> None:
    function = StreamingFunction(stack, "Chat", entry=entry, function_url=False)
    condition = CfnCondition(stack, "Test", expression=Fn.condition_equals(Aws.REGION, "eu-west-1"))
    opposite = CfnCondition(stack, "Production", expression=Fn.condition_not(condition))  # type: ignore[arg-type]
    for name, each in (("One", condition), ("Two", opposite)):
        url = aws_lambda.CfnUrl(
            stack,
            name,
            auth_type="AWS_IAM",
            target_function_arn=function.function_arn,
            invoke_mode="RESPONSE_STREAM",
        )
        url.cfn_options.condition = each
    assert front_doors(Template.from_stack(stack)) is None


def test_longest_integration_timeout_causes_no_second_warning(stack: Stack, entry: Path) -> None:
    """The warning about the function's timeout names API Gateway's maximum."""
    function = StreamingFunction(stack, "Chat", entry=entry, timeout=Duration.minutes(30))
    function.add_streaming_rest_api("Api")
    (warning,) = Annotations.from_stack(stack).find_warning("*", ANY)
    assert "A REST API ends a stream after 900 s" in str(warning.entry.data)


class TestSecondSynth:
    """The variable follows the app from synth to synth."""

    def test_variable_is_taken_back(self, app: App, entry: Path) -> None:
        stack = Stack(app, "Stack")
        function = StreamingFunction(stack, "Chat", entry=entry, function_url=False)
        url = aws_lambda.FunctionUrl(stack, "Url", function=function)
        found = [front_doors(Template.from_json(app.synth(force=True).get_stack_by_name("Stack").template))]
        resource: Any = url.node.default_child
        resource.invoke_mode = "RESPONSE_STREAM"
        found.append(front_doors(Template.from_json(app.synth(force=True).get_stack_by_name("Stack").template)))
        assert found == ["none", None]

    def test_synth_without_validation_tells_the_runtime(self, app: App, entry: Path) -> None:
        stack = Stack(app, "Stack")
        StreamingFunction(stack, "Chat", entry=entry).add_streaming_rest_api("Api")
        template = app.synth(skip_validation=True).get_stack_by_name("Stack").template
        assert front_doors(Template.from_json(template)) == "function-url,rest-api"


class TestAliases:
    def test_front_door_that_passes_by_the_alias_causes_a_warning(self, stack: Stack, entry: Path) -> None:
        function = StreamingFunction(stack, "Chat", entry=entry, alias_name="live")
        regional_api(stack).root.add_method("GET", aws_apigateway.LambdaIntegration(function))
        Annotations.from_stack(stack).has_warning(
            "/Stack/Chat",
            Match.string_like_regexp(
                r"REST API 'Stack/Api/.*' calls the unpublished function, not its alias 'live'. Pass the function's "
                r"url_target.*:frontDoorPassesAlias\]"
            ),
        )

    def test_front_door_that_passes_by_the_alias_of_an_attached_function_causes_a_warning(self, stack: Stack) -> None:
        function = attached_function(stack)
        StreamingLayer.of(stack).attach_to(function, alias=function.add_alias("live"))
        wire_stream(stack, function)
        Annotations.from_stack(stack).has_warning(
            "/Stack/Plain", Match.string_like_regexp(r"not its alias 'live'.*:frontDoorPassesAlias\]")
        )

    def test_front_doors_of_the_alias_are_quiet(self, stack: Stack, entry: Path) -> None:
        function = StreamingFunction(stack, "Chat", entry=entry, alias_name="live")
        wire_stream(stack, function.url_target)
        Annotations.from_stack(stack).has_no_warning("*", ANY)

    def test_alias_of_the_user_is_the_users_choice(self, stack: Stack, entry: Path) -> None:
        function = StreamingFunction(stack, "Chat", entry=entry)
        function.add_alias("live")
        wire_stream(stack, function)
        Annotations.from_stack(stack).has_no_warning("*", ANY)


class TestOptionsThatBuffer:
    def test_old_uri_is_rejected(self, stack: Stack, entry: Path) -> None:
        function = StreamingFunction(stack, "Chat", entry=entry)
        uri = f"arn:aws:apigateway:x:lambda:path/2015-03-31/functions/{function.function_arn}/invocations"
        aws_apigateway.CfnMethod(
            stack,
            "Method",
            http_method="GET",
            resource_id="root",
            rest_api_id="api",
            integration=aws_apigateway.CfnMethod.IntegrationProperty(
                type="AWS_PROXY", uri=uri, response_transfer_mode="STREAM"
            ),
        )
        with pytest.raises(
            RuntimeError,
            match=r"'Stack/Method' streams, but its URI is for responses that buffer.*/2021-11-15/functions/",
        ):
            Template.from_stack(stack)

    def test_caching_stage_causes_a_warning(self, stack: Stack, entry: Path) -> None:
        function = StreamingFunction(stack, "Chat", entry=entry)
        regional = [aws_apigateway.EndpointType.REGIONAL]
        caching = aws_apigateway.StageOptions(caching_enabled=True)
        api = aws_apigateway.RestApi(stack, "Api", endpoint_types=regional, deploy_options=caching)
        api.root.add_method("GET", function.streaming_integration())
        Annotations.from_stack(stack).has_warning(
            "/Stack/Chat", Match.string_like_regexp(r"not support cachingEnabled of the stage with.*:optionsWithout")
        )

    @pytest.mark.parametrize(
        ("compression", "integration_options", "named"),
        [
            (Size.bytes(1000), {}, "minimumCompressionSize of the API"),
            (None, {"content_handling": aws_apigateway.ContentHandling.CONVERT_TO_TEXT}, "contentHandling"),
            (None, {"cache_key_parameters": ["method.request.path.id"]}, "cacheKeyParameters"),
        ],
    )
    def test_option_without_streaming_causes_a_warning(
        self, stack: Stack, entry: Path, compression: Size | None, integration_options: Any, named: str
    ) -> None:
        function = StreamingFunction(stack, "Chat", entry=entry)
        regional = [aws_apigateway.EndpointType.REGIONAL]
        api = aws_apigateway.RestApi(stack, "Api", endpoint_types=regional, min_compression_size=compression)
        integration = aws_apigateway.LambdaIntegration(
            function, response_transfer_mode=aws_apigateway.ResponseTransferMode.STREAM, **integration_options
        )
        api.root.add_method("GET", integration)
        Annotations.from_stack(stack).has_warning(
            "/Stack/Chat", Match.string_like_regexp(rf"does not support {named} with.*:optionsWithoutStreaming\]")
        )


class TestDistributions:
    @pytest.mark.parametrize(
        ("policy", "compress", "warns"),
        [
            (None, None, True),
            ("CACHING_DISABLED", None, False),
            ("CACHING_OPTIMIZED", False, True),
            ("USE_ORIGIN_CACHE_CONTROL_HEADERS", False, False),
            ("OWN", True, True),
            ("OWN", False, False),
        ],
    )
    def test_distribution_that_caches_causes_a_warning(
        self, stack: Stack, entry: Path, policy: str | None, compress: bool | None, warns: bool
    ) -> None:
        function = StreamingFunction(stack, "Chat", entry=entry)
        own = aws_cloudfront.CachePolicy(stack, "Policy")
        behavior = aws_cloudfront.BehaviorOptions(
            origin=function.function_url_origin(),
            cache_policy=own if policy == "OWN" else getattr(aws_cloudfront.CachePolicy, str(policy), None),
            compress=compress,
        )
        aws_cloudfront.Distribution(stack, "Site", default_behavior=behavior)
        warnings = Annotations.from_stack(stack).find_warning(
            "/Stack/Chat", Match.string_like_regexp(r"'Stack/Site/Resource' may cache.*:distributionCaches\]")
        )
        assert len(warnings) == warns

    def test_distribution_of_the_library_is_quiet(self, stack: Stack, entry: Path) -> None:
        StreamingFunction(stack, "Chat", entry=entry).add_distribution(
            "Site", allowed_methods=aws_cloudfront.AllowedMethods.ALLOW_GET_HEAD
        )
        Annotations.from_stack(stack).has_no_warning("*", ANY)


class TestOwnAddress:
    """A variable with the function's own address is a cycle, which CloudFormation rejects at deployment."""

    @pytest.mark.parametrize("options", [{}, {"alias_name": "live"}, {"base_image": "python:3.14"}])
    def test_own_url_is_rejected(self, app: App, entry: Path, options: dict[str, Any]) -> None:
        function = StreamingFunction(Stack(app, "Stack"), "Chat", entry=entry, **options)
        function.add_environment("SELF", f"{function.url}chat")
        with pytest.raises(RuntimeError, match=r"variable SELF needs 'Stack/Chat/.*FunctionUrl/Resource', which needs"):
            app.synth()

    def test_own_rest_api_and_distribution_are_rejected(self, app: App, entry: Path) -> None:
        function = StreamingFunction(Stack(app, "Stack"), "Chat", entry=entry)
        function.add_environment("API", function.add_streaming_rest_api("Api").url)
        site = function.add_distribution("Site", allowed_methods=aws_cloudfront.AllowedMethods.ALLOW_GET_HEAD)
        function.add_environment("SITE", site.distribution_domain_name)
        with pytest.raises(RuntimeError, match=r"(?s)variable API needs.*variable SITE needs"):
            app.synth()

    def test_url_of_another_function_is_no_cycle(self, stack: Stack, entry: Path) -> None:
        chat, search = (StreamingFunction(stack, name, entry=entry) for name in ("Chat", "Search"))
        chat.add_environment("SEARCH", search.url)
        Template.from_stack(stack).resource_count_is("AWS::Lambda::Url", 2)
