"""App that uses the public API. `scripts/check_user_app` type-checks it: no errors."""

from pathlib import Path

from aws_cdk import App, CfnOutput, Duration, Stack, aws_apigateway, aws_cloudfront, aws_iam, aws_lambda
from aws_cdk.assertions import Template
from cdk_lambda_streaming import Adapter, AttachedFunction, FrontDoor, StreamingAlias, StreamingFunction, StreamingLayer
from cdk_lambda_streaming.testing import mask_template
from constructs import Construct


class Shop(Stack):
    def __init__(self, scope: Construct, id: str) -> None:
        super().__init__(scope, id)
        chat = StreamingFunction(
            self,
            "Chat",
            entry=Path("chat"),
            index="app/main.py",
            handler="answer",
            adapter=Adapter.handler(),
            runtime=aws_lambda.Runtime.PYTHON_3_13,
            architecture=aws_lambda.Architecture.X86_64,
            memory_size=512,
            timeout=Duration.minutes(1),
            auth_type=aws_lambda.FunctionUrlAuthType.AWS_IAM,
            cors=aws_lambda.FunctionUrlCorsOptions(allowed_origins=["https://app.example.com"]),
            alias_name="live",
            alias_options={"provisioned_concurrent_executions": 2},
            exec_wrappers=("/opt/otel-instrument",),
            stream_metrics_sample_rate=0.5,
            environment={"TABLE": "chats"},
            tracing=aws_lambda.Tracing.ACTIVE,
        )
        alias: StreamingAlias | None = chat.alias
        assert alias is not None
        alias.add_auto_scaling(max_capacity=5).scale_on_utilization(utilization_target=0.7)
        role = aws_iam.Role(self, "Caller", assumed_by=aws_iam.ServicePrincipal("ecs-tasks.amazonaws.com"))
        grant: aws_iam.Grant = chat.grant_invoke_url(role)
        grant.assert_success()
        api: aws_apigateway.LambdaRestApi = chat.add_streaming_rest_api("Api")
        api.root.add_resource("chat").add_method("POST", chat.streaming_integration(timeout=Duration.minutes(5)))
        site: aws_cloudfront.Distribution = chat.add_distribution("Site", sign_request_bodies=True)
        origin: aws_cloudfront.IOrigin = chat.function_url_origin(read_timeout=Duration.seconds(90))
        site.add_behavior("/other*", origin)
        behavior: aws_cloudfront.BehaviorOptions = chat.function_url_behavior(
            sign_request_bodies=True, response_headers_policy=aws_cloudfront.ResponseHeadersPolicy.SECURITY_HEADERS
        )
        aws_cloudfront.Distribution(self, "Own", default_behavior=behavior)
        chat.add_permission("Events", principal=aws_iam.ServicePrincipal("events.amazonaws.com"))
        chat.grant_invoke(role)
        chat.metric_midstream_errors(period=Duration.minutes(1)).create_alarm(
            self, "Broken", threshold=1, evaluation_periods=1
        )
        CfnOutput(self, "Url", value=chat.url)
        web = StreamingFunction(
            self,
            "Web",
            code=aws_lambda.Code.from_asset("web"),
            adapter=Adapter.lambda_web_adapter(port=8000, readiness_check_path="/health", async_init=True),
            function_url=False,
        )
        StreamingFunction(
            self,
            "Api",
            entry="api",
            adapter=Adapter.asgi(
                "app.main:app",
                lifespan="on",
                root_path="/api",
                other_events="app.jobs:handle",
                authorization_header="x-authorization",
                forwarded_host=True,
                error_responses=False,
            ),
        )
        StreamingFunction(self, "Site", entry="site", adapter=Adapter.wsgi("shop.wsgi:application"))
        web.add_function_url(invoke_mode=aws_lambda.InvokeMode.RESPONSE_STREAM)
        plain = aws_lambda.Function(
            self,
            "Plain",
            code=aws_lambda.Code.from_asset("plain"),
            handler="index.handler",
            runtime=aws_lambda.Runtime.PYTHON_3_13,
        )
        attached: AttachedFunction = StreamingLayer.of(self).attach_to(
            plain, adapter=Adapter.wsgi("index:app"), front_doors=[FrontDoor.FUNCTION_URL]
        )
        attached.add_function_url()
        attached.add_distribution("PlainSite", origin_options={"read_timeout": Duration.seconds(90)})
        # A StreamingFunction is an IFunction.
        aws_apigateway.LambdaIntegration(chat)
        target: aws_lambda.IFunction = chat.url_target
        target.grant_invoke(role)


def masked() -> dict[str, object]:
    return mask_template(Template.from_stack(Shop(App(), "Shop")).to_json())
