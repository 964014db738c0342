"""Every warning has a stable id, can be acknowledged, and is in docs/construct.md."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from aws_cdk import (
    Annotations,
    Duration,
    Environment,
    Size,
    Stack,
    assertions,
    aws_apigateway,
    aws_cloudfront,
    aws_ec2,
    aws_lambda,
    aws_lambda_event_sources,
    aws_sqs,
)
from cdk_lambda_streaming import Adapter, BundlingOptions, ByteCode, StreamingFunction, StreamingLayer
from cdk_lambda_streaming.code import layer_content
from lambda_bundling import byte_code, tree
from lambda_bundling.install import installers, lock_check

from .test_front_doors import regional_api, wire_http_api, wire_load_balancer, wire_plain
from .test_quotas import plain_function

pytestmark = pytest.mark.network

DOCS = Path(__file__).parents[2] / "docs/construct.md"
SOURCE_WITH_HIDDEN_HANDLER = "import random\n\nif random.random() < 2:\n    globals()['handler'] = print\n"
Make = Callable[[Stack, Path], aws_lambda.Function]


def chat(stack: Stack, entry: Path, **options: Any) -> StreamingFunction:
    return StreamingFunction(stack, "Chat", entry=entry, **options)


def hidden_handler(stack: Stack, entry: Path) -> StreamingFunction:
    (entry / "index.py").write_text(SOURCE_WITH_HIDDEN_HANDLER)
    return chat(stack, entry)


def too_deeply_nested(stack: Stack, entry: Path) -> StreamingFunction:
    (entry / "index.py").write_text("handler = " + "-" * 100_000 + "1")
    return chat(stack, entry)


def wired(wire: Callable[[Stack, StreamingFunction], object]) -> Make:
    def make(stack: Stack, entry: Path) -> StreamingFunction:
        function = chat(stack, entry)
        wire(stack, function)
        return function

    return make


def add_edge_optimized(stack: Stack, function: StreamingFunction) -> None:
    aws_apigateway.RestApi(stack, "Api").root.add_method("GET", function.streaming_integration())


def add_short_integration_timeout(stack: Stack, function: StreamingFunction) -> None:
    regional_api(stack).root.add_method("GET", function.streaming_integration(timeout=Duration.minutes(1)))


def add_cached_distribution(stack: Stack, function: StreamingFunction) -> None:
    behavior = aws_cloudfront.BehaviorOptions(origin=function.function_url_origin())
    aws_cloudfront.Distribution(stack, "Site", default_behavior=behavior)


def add_compressing_api(stack: Stack, function: StreamingFunction) -> None:
    api = aws_apigateway.RestApi(stack, "Api", min_compression_size=Size.kibibytes(1))
    api.root.add_method("GET", function.streaming_integration())


def alias_passed(stack: Stack, entry: Path) -> StreamingFunction:
    function = chat(stack, entry, alias_name="live")
    wire_plain(stack, function)
    return function


def code_of(runtime: aws_lambda.Runtime, adapter: Adapter | None = None) -> Make:
    return lambda stack, entry: StreamingFunction(
        stack,
        "Chat",
        code=aws_lambda.Code.from_asset(str(entry)),
        handler="index.handler",
        runtime=runtime,
        adapter=adapter,
    )


def add_public_alias(stack: Stack, entry: Path) -> StreamingFunction:
    function = chat(stack, entry, function_url=False)
    function.add_alias("beta").add_function_url(auth_type=aws_lambda.FunctionUrlAuthType.NONE)
    return function


def depending(*requirements: str, file: str = "requirements.txt", patched: tuple[Any, str, Any] | None = None) -> Make:
    """Return a maker of a function with requirements.

    `patched` is an object, its attribute and the attribute's value during the bundling, such as a program not found.
    """

    def make(stack: Stack, entry: Path) -> StreamingFunction:
        (entry / file).write_text("\n".join(requirements) + "\n")
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("CDK_LAMBDA_STREAMING_CACHE", str(entry.parent / "cache"))
            patch.setenv("CI", "1")
            if patched is not None:
                patch.setattr(*patched)
            options = BundlingOptions(byte_code=ByteCode.AUTO if patched else ByteCode.OFF)
            return chat(stack, entry, bundling=options)

    return make


NO_PYTHON = (byte_code, "find_interpreter", lambda python: None)
NO_UV = (installers, "find_uv", lambda: None)
PROJECT = ("[project]", 'name = "chat"', 'version = "1"', 'dependencies = ["six==1.17.0"]')


def image_of_a_project(stack: Stack, entry: Path) -> aws_lambda.Function:
    (entry / "pyproject.toml").write_text("\n".join(PROJECT))
    return chat(stack, entry, base_image="python:3.14")


def locked(stack: Stack, entry: Path) -> aws_lambda.Function:
    (entry / "pyproject.toml").write_text('[project]\nname = "chat"\nversion = "1"\nrequires-python = ">=3.12"\n')
    lock = 'version = 1\nrevision = 3\nrequires-python = ">=3.12"\n[[package]]\nname = "chat"\nversion = "1"\n'
    no_interpreter = (lock_check, "_interpreters_for", lambda *_: iter(()))
    return depending(lock + 'source = { virtual = "." }', file="uv.lock", patched=no_interpreter)(stack, entry)


def late_return(stack: Stack, entry: Path) -> StreamingFunction:
    (entry / "index.py").write_text("def handler(event, context):\n    yield 1\n    return {'statusCode': 500}\n")
    return chat(stack, entry)


def mangum(stack: Stack, entry: Path) -> StreamingFunction:
    (entry / "index.py").write_text("from mangum import Mangum\nhandler = Mangum(app)\n")
    return chat(stack, entry)


def application(stack: Stack, entry: Path, source: str, **options: Any) -> StreamingFunction:
    (entry / "index.py").write_text(source)
    return chat(stack, entry, adapter=Adapter.asgi("index:app"), **options)


def secret(stack: Stack, entry: Path) -> StreamingFunction:
    (entry / ".env").write_text("KEY=1")
    return chat(stack, entry)


def dockerfile(stack: Stack, entry: Path) -> StreamingFunction:
    (entry / "Dockerfile").write_text("FROM scratch")
    return chat(stack, entry)


def attached(stack: Stack, entry: Path) -> aws_lambda.Function:
    function = plain_function(stack, entry, aws_lambda.Runtime.PYTHON_3_13)
    StreamingLayer.of(stack).attach_to(function)
    return function


def add_queue(stack: Stack, function: StreamingFunction) -> None:
    function.add_event_source(aws_lambda_event_sources.SqsEventSource(aws_sqs.Queue(stack, "Queue")))


def in_a_region_without_function_urls(stack: Stack, entry: Path) -> StreamingFunction:
    region = Stack(stack, "Zurich", env=Environment(region="eu-central-2"))
    return chat(region, entry)


def add_origin_in_china(stack: Stack, function: StreamingFunction) -> None:
    # The stacks of this module have no region.
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Stack, "region", "cn-north-1")
        function.function_url_origin()


# Other causes of warnings in `WARNINGS`.
OTHER_CAUSES: list[tuple[str, Make]] = [
    ("osOnlyNeedsPython", code_of(aws_lambda.Runtime.PROVIDED_AL2023)),
    ("runtimeDoesNotStream", code_of(aws_lambda.Runtime.PYTHON_3_13, Adapter.native())),
]
WARNINGS: dict[str, Make] = {
    "applicationUnread": lambda stack, entry: application(stack, entry, "from web import *"),
    "bufferedFunctionUrl": lambda stack, entry: chat(stack, entry, invoke_mode=aws_lambda.InvokeMode.BUFFERED),
    "corsBesideApplication": lambda stack, entry: application(
        stack, entry, "from web import app", cors={"allowed_origins": ["*"]}
    ),
    "deprecatedPython": lambda stack, entry: chat(stack, entry, runtime=aws_lambda.Runtime.PYTHON_3_10),
    "distributionCaches": wired(add_cached_distribution),
    "cloudFrontInChina": wired(add_origin_in_china),
    "edgeOptimizedRestApi": wired(add_edge_optimized),
    "frontDoorPassesAlias": alias_passed,
    "functionUrlRegion": in_a_region_without_function_urls,
    "handlerBuffers": mangum,
    "handlerUndecided": hidden_handler,
    "httpApiBuffers": wired(wire_http_api),
    "imageWithoutRequirements": image_of_a_project,
    "integrationTimeout": wired(add_short_integration_timeout),
    "largeMemory": lambda stack, entry: chat(stack, entry, memory_size=20_000),
    "lateReturn": late_return,
    "loadBalancerBuffers": wired(wire_load_balancer),
    "largeBundle": depending("six==1.17.0", patched=(tree, "ZIPPED_WARNING_BYTES", 1000)),
    "lockNotChecked": locked,
    "longTimeout": lambda stack, entry: chat(stack, entry, timeout=Duration.minutes(10)),
    "newerPython": lambda stack, entry: chat(
        stack, entry, runtime=aws_lambda.Runtime("python3.15", aws_lambda.RuntimeFamily.PYTHON)
    ),
    "optionsWithoutStreaming": wired(add_compressing_api),
    "originReadTimeout": wired(lambda stack, function: function.function_url_origin(read_timeout=Duration.minutes(3))),
    "originTimeout": wired(
        lambda stack, function: function.function_url_origin(response_completion_timeout=Duration.minutes(1))
    ),
    "osOnlyNeedsPython": lambda stack, entry: chat(stack, entry, runtime=aws_lambda.Runtime.PROVIDED_AL2023),
    "pipConditions": depending("six==1.17.0; python_version > '3'", patched=NO_UV),
    "restApiBuffers": wired(wire_plain),
    "runtimeDoesNotStream": lambda stack, entry: chat(
        stack, entry, adapter=Adapter.native(), runtime=aws_lambda.Runtime.JAVA_21, handler="x"
    ),
    "runtimeVersion": depending("lambda-streaming==0.0.1", "six==1.17.0"),
    "secretsInEntry": secret,
    "shortVisibilityTimeout": wired(add_queue),
    "sourceUnread": too_deeply_nested,
    "stockTimeout": attached,
    "synthOnlyRequirement": depending("aws-cdk-lib", "six==1.17.0"),
    "unpinnedRequirements": depending(*PROJECT, file="pyproject.toml"),
    "unusedFile": dockerfile,
    "unsignedRequestBodies": wired(lambda stack, function: function.add_distribution("Site")),
    "vpcFunctionUrl": lambda stack, entry: chat(stack, entry, vpc=aws_ec2.Vpc(stack, "Vpc", max_azs=1)),
}


def ids_in_source() -> set[str]:
    """Return the ids of warnings in the library's source."""
    folder = DOCS.parents[1] / "constructs_lib"
    source = "\n".join(path.read_text() for path in folder.rglob("*.py"))
    patterns = (
        r'(?:SynthWarning|BundlingWarning)\(\s*"(\w+)"',
        r'add_warning\(\s*\w+,\s*"(\w+)"',
        r'\(\s*"(\w+Buffers)"',
    )
    return {name for pattern in patterns for name in re.findall(pattern, source)}


# Messages that are no warnings, so that `cdk synth --strict` passes.
INFOS: dict[str, Make] = {
    "noByteCode": depending("six==1.17.0", patched=NO_PYTHON),
    "publicFunctionUrl": add_public_alias,
}


def found(function: aws_lambda.Function) -> list[str]:
    stack = Stack.of(function)
    messages = assertions.Annotations.from_stack(stack).find_warning("*", assertions.Match.any_value())
    return [match[1] for message in messages if (match := re.search(r":(\w+)\]$", str(message.entry.data)))]


def test_every_warning_is_tested() -> None:
    assert ids_in_source() == set(WARNINGS) | set(INFOS)


@pytest.mark.parametrize("info", INFOS)
def test_info_is_no_warning_and_documented(info: str, stack: Stack, entry: Path) -> None:
    assert found(INFOS[info](stack, entry)) == []
    assert [text for text in infos(stack) if f":{info}]" in text]
    assert f"`cdk-lambda-streaming:{info}`" in DOCS.read_text() or f"| `{info}` (information) |" in DOCS.read_text()


def test_missing_python_is_said_once_an_app(stack: Stack, entry: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The layer and each function lack byte code for one reason, and one command answers all."""
    monkeypatch.setattr(layer_content, "find_interpreter", lambda python: None)
    depending("six==1.17.0", patched=NO_PYTHON)(stack, entry)
    assert [text for text in infos(stack) if "yte code" in text] == infos(stack)[:1]


def infos(stack: Stack) -> list[str]:
    messages = assertions.Annotations.from_stack(stack).find_info("*", assertions.Match.any_value())
    return [str(message.entry.data) for message in messages]


@pytest.mark.parametrize(("warning", "make"), [*WARNINGS.items(), *OTHER_CAUSES])
def test_warning_appears(warning: str, make: Make, stack: Stack, entry: Path) -> None:
    assert warning in found(make(stack, entry))


@pytest.mark.parametrize("warning", WARNINGS)
def test_warning_can_be_acknowledged(warning: str, stack: Stack, entry: Path) -> None:
    function = WARNINGS[warning](stack, entry)
    Annotations.of(function).acknowledge_warning(f"cdk-lambda-streaming:{warning}", "known")
    assert warning not in found(function)


@pytest.mark.parametrize("warning", WARNINGS)
def test_warning_is_documented(warning: str) -> None:
    assert f"`{warning}`" in DOCS.read_text() or f"`cdk-lambda-streaming:{warning}`" in DOCS.read_text()
