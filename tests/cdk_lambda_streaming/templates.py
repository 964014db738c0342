"""Templates that the construct can make: one function for each feature, with `@template`.

Several tests run over this table: cfn-lint and cdk-nag find nothing, and `tests/deployment` deploys each template as a
stack. Add a function here to include a feature in all of these tests.
"""

from __future__ import annotations

import json
import tarfile
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import aws_cdk
from aws_cdk import (
    App,
    Environment,
    NestedStack,
    Stack,
    aws_apigateway,
    aws_certificatemanager,
    aws_cloudfront,
    aws_iam,
    aws_lambda,
    aws_lambda_event_sources,
    aws_route53,
    aws_sqs,
)
from cdk_lambda_streaming import Adapter, StreamingFunction, StreamingLayer
from constructs import Construct

Build = Callable[[Stack, Path], object]

TEMPLATES: dict[str, Build] = {}
"""Functions that fill a stack from a folder of `write_entry`, by the name of the stack."""

ENVIRONMENTS: dict[str, Environment] = {}
"""Accounts and regions, by the name of the stack, for features that need them."""

SOURCES = {
    "index.py": "def handler(event, context):\n    yield 'hello'\n",
    "main.py": "from fastapi import FastAPI\n\napp = FastAPI()\n",
    "index.mjs": "export const handler = awslambda.streamifyResponse(async (event, stream) => stream.end('hello'));\n",
    "run.sh": "#!/bin/sh\nexec python3 -m http.server 8000\n",
    "bootstrap": "#!/bin/sh\nexec ./server\n",
}


def template(build: Build) -> Build:
    """Add a function to the table, with a valid stack name."""
    TEMPLATES[build.__name__.replace("_", "-")] = build
    return build


def template_in(environment: Environment) -> Callable[[Build], Build]:
    """Add a function for a stack with an account and a region."""

    def add(build: Build) -> Build:
        ENVIRONMENTS[build.__name__.replace("_", "-")] = environment
        return template(build)

    return add


def caller(scope: Construct) -> aws_iam.Role:
    """Return a role in the same account."""
    return aws_iam.Role(scope, "Caller", assumed_by=aws_iam.ServicePrincipal("ecs-tasks.amazonaws.com"))


@template
def defaults(stack: Stack, entry: Path) -> None:
    StreamingFunction(stack, "Chat", entry=entry)


@template
def every_option(stack: Stack, entry: Path) -> None:
    StreamingFunction(
        stack,
        "Chat",
        entry=entry,
        runtime=aws_lambda.Runtime.PYTHON_3_14,
        architecture=aws_lambda.Architecture.X86_64,
        memory_size=512,
        timeout=aws_cdk.Duration.seconds(90),
        environment={"TABLE": "chats", "LAMBDA_STREAMING_EMPTY_BODY": "empty"},
        description="Streams",
        logging_format=aws_lambda.LoggingFormat.JSON,
    )


@template
def public_url_with_cors(stack: Stack, entry: Path) -> None:
    chat = StreamingFunction(
        stack,
        "Chat",
        entry=entry,
        auth_type=aws_lambda.FunctionUrlAuthType.NONE,
        cors=aws_lambda.FunctionUrlCorsOptions(
            allowed_origins=["https://app.example.com"],
            allowed_methods=[aws_lambda.HttpMethod.POST],
            allowed_headers=["content-type"],
            exposed_headers=["x-request-id"],
            allow_credentials=True,
            max_age=aws_cdk.Duration.hours(1),
        ),
    )
    aws_cdk.CfnOutput(stack, "Url", value=chat.url)
    aws_cdk.CfnOutput(stack, "Host", value=chat.url_domain_name)


@template
def buffered(stack: Stack, entry: Path) -> None:
    StreamingFunction(stack, "Chat", entry=entry, invoke_mode=aws_lambda.InvokeMode.BUFFERED)


@template
def no_url(stack: Stack, entry: Path) -> None:
    StreamingFunction(stack, "Chat", entry=entry, function_url=False)


@template
def granted_url(stack: Stack, entry: Path) -> None:
    """Callers in the same account get a policy. Another account gets permissions on the function."""
    chat = StreamingFunction(stack, "Chat", entry=entry)
    assert chat.function_url is not None
    chat.function_url.grant_invoke_url(caller(stack))
    chat.function_url.grant_invoke_url(aws_iam.AccountPrincipal("210987654321"))


@template
def two_functions(stack: Stack, entry: Path) -> None:
    StreamingFunction(stack, "Chat", entry=entry)
    StreamingFunction(stack, "Search", entry=entry)


@template
def users_alias_with_url(stack: Stack, entry: Path) -> None:
    chat = StreamingFunction(stack, "Chat", entry=entry, function_url=False)
    chat.add_alias("live").add_function_url(
        auth_type=aws_lambda.FunctionUrlAuthType.NONE, invoke_mode=aws_lambda.InvokeMode.RESPONSE_STREAM
    )


@template
def attached_function(stack: Stack, entry: Path) -> None:
    function = aws_lambda.Function(
        stack,
        "Plain",
        code=aws_lambda.Code.from_inline("def handler(event, context):\n    yield 'hello'\n"),
        handler="index.handler",
        runtime=aws_lambda.Runtime.PYTHON_3_14,
    )
    StreamingLayer.of(stack).attach_to(function)
    function.add_function_url(invoke_mode=aws_lambda.InvokeMode.RESPONSE_STREAM)


@template
def nested_stack(stack: Stack, entry: Path) -> None:
    StreamingFunction(NestedStack(stack, "Nested"), "Chat", entry=entry)


@template
def code_as_it_is(stack: Stack, entry: Path) -> None:
    """The option `code`, with the exec wrapper of another tool."""
    StreamingFunction(
        stack,
        "Chat",
        code=aws_lambda.Code.from_asset(str(entry)),
        handler="index.handler",
        exec_wrappers=["/opt/otel-instrument"],
    )


@template
def os_only_runtime(stack: Stack, entry: Path) -> None:
    """The folder has no `bootstrap`, because Lambda would start it instead of the streaming runtime."""
    folder = entry.parent / "os-only"
    folder.mkdir(exist_ok=True)
    (folder / "index.py").write_text(SOURCES["index.py"])
    StreamingFunction(stack, "Chat", entry=folder, runtime=aws_lambda.Runtime.PROVIDED_AL2023)


@template
def container_image(stack: Stack, entry: Path) -> None:
    StreamingFunction(stack, "Chat", entry=entry, base_image="public.ecr.aws/lambda/python:3.14")


@template
def warm_alias(stack: Stack, entry: Path) -> None:
    options = aws_lambda.AliasOptions(provisioned_concurrent_executions=2)
    chat = StreamingFunction(stack, "Chat", entry=entry, alias_name="live", alias_options=options)
    chat.grant_invoke_url(caller(stack))
    chat.grant_invoke_url(aws_iam.AccountPrincipal("210987654321"))


@template
def scaled_alias(stack: Stack, entry: Path) -> None:
    chat = StreamingFunction(stack, "Chat", entry=entry, alias_name="live")
    assert chat.alias is not None
    chat.alias.add_auto_scaling(min_capacity=1, max_capacity=5).scale_on_utilization(utilization_target=0.7)


@template
def snap_start(stack: Stack, entry: Path) -> None:
    on = aws_lambda.SnapStartConf.ON_PUBLISHED_VERSIONS
    StreamingFunction(stack, "Chat", entry=entry, alias_name="live", snap_start=on)


@template
def invoke_with_response_stream(stack: Stack, entry: Path) -> None:
    chat = StreamingFunction(stack, "Chat", entry=entry, function_url=False, alias_name="live")
    chat.grant_invoke_with_response_stream(caller(stack))


@template
def rest_api(stack: Stack, entry: Path) -> None:
    StreamingFunction(stack, "Chat", entry=entry, function_url=False).add_streaming_rest_api("Api")


@template
def rest_integration_of_an_alias(stack: Stack, entry: Path) -> None:
    """The API has other methods too."""
    chat = StreamingFunction(stack, "Chat", entry=entry, function_url=False, alias_name="live")
    for_callers = aws_apigateway.MethodOptions(authorization_type=aws_apigateway.AuthorizationType.IAM)
    regional = [aws_apigateway.EndpointType.REGIONAL]
    api = aws_apigateway.RestApi(stack, "Api", default_method_options=for_callers, endpoint_types=regional)
    api.root.add_resource("health").add_method("GET", aws_apigateway.MockIntegration())
    api.root.add_resource("chat").add_method("POST", chat.streaming_integration(timeout=aws_cdk.Duration.minutes(5)))


@template
def tenants(stack: Stack, entry: Path) -> None:
    chat = StreamingFunction(
        stack, "Chat", entry=entry, function_url=False, tenancy_config=aws_lambda.TenancyConfig.PER_TENANT
    )
    chat.add_streaming_rest_api("Api", tenant_id_source="method.request.header.x-tenant-id")


@template
def distribution(stack: Stack, entry: Path) -> None:
    StreamingFunction(stack, "Chat", entry=entry).add_distribution("Cdn", forward_host=True)


@template
def distribution_of_an_alias(stack: Stack, entry: Path) -> None:
    StreamingFunction(stack, "Chat", entry=entry, alias_name="live").add_distribution("Cdn")


@template_in(aws_cdk.Environment(account="123456789012", region="us-east-1"))
def distribution_that_signs_bodies(stack: Stack, entry: Path) -> None:
    StreamingFunction(stack, "Chat", entry=entry).add_distribution("Cdn", sign_request_bodies=True)


@template_in(aws_cdk.Environment(account="123456789012", region="us-east-1"))
def distribution_with_domain(stack: Stack, entry: Path) -> None:
    """The behavior has options of its own, and the certificate is imported."""
    certificate = aws_certificatemanager.Certificate.from_certificate_arn(
        stack, "Certificate", "arn:aws:acm:us-east-1:123456789012:certificate/01234567-89ab-cdef-0123-456789abcdef"
    )
    zone = aws_route53.HostedZone(stack, "Zone", zone_name="example.com")
    StreamingFunction(stack, "Chat", entry=entry).add_distribution(
        "Cdn",
        domain_name="chat.example.com",
        certificate=certificate,
        hosted_zone=zone,
        behavior_options={"response_headers_policy": aws_cloudfront.ResponseHeadersPolicy.SECURITY_HEADERS},
    )


@template
def own_distribution(stack: Stack, entry: Path) -> None:
    behavior = StreamingFunction(stack, "Chat", entry=entry).function_url_behavior(forward_host=True)
    aws_cloudfront.Distribution(stack, "Cdn", default_behavior=behavior)


@template
def events_of_an_alias(stack: Stack, entry: Path) -> None:
    chat = StreamingFunction(stack, "Chat", entry=entry, function_url=False, alias_name="live")
    failed = aws_sqs.DeadLetterQueue(max_receive_count=3, queue=aws_sqs.Queue(stack, "Failed", enforce_ssl=True))
    visible = aws_cdk.Duration.minutes(30)
    queue = aws_sqs.Queue(stack, "Queue", enforce_ssl=True, dead_letter_queue=failed, visibility_timeout=visible)
    chat.add_event_source(aws_lambda_event_sources.SqsEventSource(queue))
    chat.grant_invoke(aws_iam.ServicePrincipal("events.amazonaws.com"))
    chat.add_permission("Topics", principal=aws_iam.ServicePrincipal("sns.amazonaws.com"))


@template
def metrics(stack: Stack, entry: Path) -> None:
    chat = StreamingFunction(stack, "Chat", entry=entry, alias_name="live", stream_metrics_sample_rate=0.1)
    for metric in (
        chat.metric_errors(),
        chat.metric_url_request_count(),
        chat.metric_url_4xx_count(),
        chat.metric_url_5xx_count(),
        chat.metric_url_request_latency(),
        chat.metric_midstream_errors(),
        chat.metric_time_to_first_byte(),
        chat.metric_response_bytes(),
    ):
        metric.create_alarm(stack, metric.metric_name, threshold=1, evaluation_periods=1)


@template
def native_node(stack: Stack, entry: Path) -> None:
    adapter = Adapter.native()
    StreamingFunction(stack, "Chat", entry=entry, adapter=adapter, runtime=aws_lambda.Runtime.NODEJS_24_X)


@template
def native_os_only(stack: Stack, entry: Path) -> None:
    adapter = Adapter.native()
    StreamingFunction(stack, "Chat", entry=entry, adapter=adapter, runtime=aws_lambda.Runtime.PROVIDED_AL2023)


@template
def lambda_web_adapter(stack: Stack, entry: Path) -> None:
    adapter = Adapter.lambda_web_adapter(port=8000, readiness_check_path="/health", async_init=True)
    StreamingFunction(stack, "Chat", entry=entry, adapter=adapter)


@template
def asgi(stack: Stack, entry: Path) -> None:
    StreamingFunction(stack, "Api", entry=entry, adapter=Adapter.asgi("main:app", root_path="/api"))


@template
def wsgi_image(stack: Stack, entry: Path) -> None:
    folder = entry.parent / "wsgi"
    folder.mkdir(exist_ok=True)
    (folder / "wsgi.py").write_text("from flask import Flask\n\napplication = Flask(__name__)\n")
    adapter = Adapter.wsgi("wsgi:application")
    StreamingFunction(stack, "Site", entry=folder, adapter=adapter, base_image="public.ecr.aws/lambda/python:3.14")


def write_entry(folder: Path) -> Path:
    """Write the code of every kind of function, and return the folder."""
    folder.mkdir()
    for name, source in SOURCES.items():
        (folder / name).write_text(source)
        (folder / name).chmod(0o755 if source.startswith("#!") else 0o644)
    return folder


def add_stack(app: App, name: str, entry: Path) -> None:
    """Add the stack of a feature to an app."""
    TEMPLATES[name](Stack(app, name, env=ENVIRONMENTS.get(name)), entry)


def make_app(name: str, folder: Path, context: Mapping[str, Any] | None = None) -> App:
    """Return an app with only the stack of a feature. Its output is in `folder`."""
    app = App(outdir=str(folder / "cdk.out"), context=dict(context or {}))
    add_stack(app, name, write_entry(folder / "entry"))
    return app


def synthesize(app: App) -> dict[str, dict[str, Any]]:
    """Return the templates by file name, including those of nested stacks."""
    outdir = Path(app.synth().directory)
    return {file.name: json.loads(file.read_text()) for file in sorted(outdir.glob("*.template.json"))}


@cache
def recommended_feature_flags() -> dict[str, Any]:
    """Return the feature flags that `cdk init` writes into a new app, from the installed CDK."""
    (archive,) = (Path(aws_cdk.__file__).parent / "_jsii").glob("aws-cdk-lib@*.jsii.tgz")
    with tarfile.open(archive) as files:
        member = files.extractfile("package/recommended-feature-flags.json")
        assert member is not None
        flags: dict[str, Any] = json.load(member)
    return flags
