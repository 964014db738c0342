"""Every template that the construct can make: one function a feature, under `@template`.

What has to hold of all of them is tested over this table: cfn-lint and cdk-nag have nothing to say, and
`tests/deployment` deploys each as a stack of its own. A feature is in all of these tests once it has a function here.
"""

from __future__ import annotations

import json
import tarfile
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import aws_cdk
from aws_cdk import App, NestedStack, Stack, aws_lambda
from cdk_lambda_streaming import StreamingFunction, StreamingLayer

Build = Callable[[Stack, Path], object]

TEMPLATES: dict[str, Build] = {}
"""By the name of the stack, what fills the stack from a folder whose `index.py` has a handler that yields."""


def template(build: Build) -> Build:
    """Add a function to the table, under a name that a stack may have."""
    TEMPLATES[build.__name__.replace("_", "-")] = build
    return build


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
    """Callers of the same account get a policy, those of another one permissions on the function."""
    chat = StreamingFunction(stack, "Chat", entry=entry)
    assert chat.function_url is not None
    caller = aws_cdk.aws_iam.Role(
        stack, "Caller", assumed_by=aws_cdk.aws_iam.ServicePrincipal("ecs-tasks.amazonaws.com")
    )
    chat.function_url.grant_invoke_url(caller)
    chat.function_url.grant_invoke_url(aws_cdk.aws_iam.AccountPrincipal("210987654321"))


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


def make_app(name: str, entry: Path, outdir: Path, context: Mapping[str, Any] | None = None) -> App:
    """Return an app with the stack `name` alone; what is synthesized goes to `outdir`."""
    app = App(outdir=str(outdir), context=dict(context or {}))
    TEMPLATES[name](Stack(app, name), entry)
    return app


def synthesize(app: App) -> dict[str, dict[str, Any]]:
    """Return the templates by their files' names, nested stacks' among them."""
    outdir = Path(app.synth().directory)
    return {file.name: json.loads(file.read_text()) for file in sorted(outdir.glob("*.template.json"))}


@cache
def recommended_feature_flags() -> dict[str, Any]:
    """Return what `cdk init` writes into a new app's context, read from the installed CDK."""
    (archive,) = (Path(aws_cdk.__file__).parent / "_jsii").glob("aws-cdk-lib@*.jsii.tgz")
    with tarfile.open(archive) as files:
        member = files.extractfile("package/recommended-feature-flags.json")
        assert member is not None
        flags: dict[str, Any] = json.load(member)
    return flags
