"""Every warning has an id that stays, can be acknowledged by it, and is in docs/construct.md."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cdk_lambda_streaming
import pytest
from aws_cdk import Annotations, Duration, Stack, assertions, aws_apigateway, aws_ec2, aws_lambda
from cdk_lambda_streaming import Adapter, BundlingOptions, ByteCode, StreamingFunction
from cdk_lambda_streaming.bundling import byte_code, installers, lock_check, tree

from .test_front_doors import regional_api, wire_http_api, wire_load_balancer, wire_plain

DOCS = Path(__file__).parents[2] / "docs/construct.md"
MAYBE = "import random\n\nif random.random() < 2:\n    globals()['handler'] = print\n"
Make = Callable[[Stack, Path], StreamingFunction]


def chat(stack: Stack, entry: Path, **options: Any) -> StreamingFunction:
    return StreamingFunction(stack, "Chat", entry=entry, **options)


def undecided(stack: Stack, entry: Path) -> StreamingFunction:
    (entry / "index.py").write_text(MAYBE)
    return chat(stack, entry)


def unread(stack: Stack, entry: Path) -> StreamingFunction:
    (entry / "index.py").write_text("handler = " + "(" * 10_000 + ")" * 10_000)
    return chat(stack, entry)


def wired(wire: Callable[[Stack, StreamingFunction], object]) -> Make:
    def make(stack: Stack, entry: Path) -> StreamingFunction:
        function = chat(stack, entry)
        wire(stack, function)
        return function

    return make


def add_edge_optimized(stack: Stack, function: StreamingFunction) -> None:
    aws_apigateway.RestApi(stack, "Api").root.add_method("GET", function.streaming_integration())


def add_hasty(stack: Stack, function: StreamingFunction) -> None:
    regional_api(stack).root.add_method("GET", function.streaming_integration(timeout=Duration.minutes(1)))


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


def depending(*requirements: str, file: str = "requirements.txt", setting: tuple[Any, str, Any] | None = None) -> Make:
    """Bundle what is named; `setting` is what the machine is said to have meanwhile."""

    def make(stack: Stack, entry: Path) -> StreamingFunction:
        (entry / file).write_text("\n".join(requirements) + "\n")
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("CDK_LAMBDA_STREAMING_CACHE", str(entry.parent / "cache"))
            patch.setenv("CI", "1")
            if setting is not None:
                patch.setattr(*setting)
            options = BundlingOptions(byte_code=ByteCode.AUTO if setting else ByteCode.OFF)
            return chat(stack, entry, bundling=options)

    return make


NO_PYTHON = (byte_code, "find_interpreter", lambda python: None)
NO_UV = (installers, "find_uv", lambda: None)
PROJECT = ("[project]", 'name = "chat"', 'version = "1"', 'dependencies = ["six==1.17.0"]')


def image_of_a_project(stack: Stack, entry: Path) -> StreamingFunction:
    (entry / "pyproject.toml").write_text("\n".join(PROJECT))
    return chat(stack, entry, base_image="python:3.14")


def locked(stack: Stack, entry: Path) -> StreamingFunction:
    (entry / "pyproject.toml").write_text('[project]\nname = "chat"\nversion = "1"\nrequires-python = ">=3.12"\n')
    lock = 'version = 1\nrevision = 3\nrequires-python = ">=3.12"\n[[package]]\nname = "chat"\nversion = "1"\n'
    no_interpreter = (lock_check, "_interpreters_for", lambda *_: iter(()))
    return depending(lock + 'source = { virtual = "." }', file="uv.lock", setting=no_interpreter)(stack, entry)


# The same by another way.
ALSO: list[tuple[str, Make]] = [
    ("osOnlyNeedsPython", code_of(aws_lambda.Runtime.PROVIDED_AL2023)),
    ("publicFunctionUrl", add_public_alias),
    ("runtimeDoesNotStream", code_of(aws_lambda.Runtime.PYTHON_3_13, Adapter.native())),
]
WARNINGS: dict[str, Make] = {
    "bufferedFunctionUrl": lambda stack, entry: chat(stack, entry, invoke_mode=aws_lambda.InvokeMode.BUFFERED),
    "edgeOptimizedRestApi": wired(add_edge_optimized),
    "handlerUndecided": undecided,
    "httpApiBuffers": wired(wire_http_api),
    "imageWithoutRequirements": image_of_a_project,
    "integrationTimeout": wired(add_hasty),
    "loadBalancerBuffers": wired(wire_load_balancer),
    "largeBundle": depending("six==1.17.0", setting=(tree, "ZIPPED_HINT_BYTES", 1000)),
    "lockNotChecked": locked,
    "longTimeout": lambda stack, entry: chat(stack, entry, timeout=Duration.minutes(10)),
    "noByteCode": depending("six==1.17.0", setting=NO_PYTHON),
    "originTimeout": wired(
        lambda stack, function: function.function_url_origin(response_completion_timeout=Duration.minutes(1))
    ),
    "osOnlyNeedsPython": lambda stack, entry: chat(stack, entry, runtime=aws_lambda.Runtime.PROVIDED_AL2023),
    "pipConditions": depending("six==1.17.0; python_version > '3'", setting=NO_UV),
    "publicFunctionUrl": lambda stack, entry: chat(stack, entry, auth_type=aws_lambda.FunctionUrlAuthType.NONE),
    "restApiBuffers": wired(wire_plain),
    "runtimeDoesNotStream": lambda stack, entry: chat(
        stack, entry, adapter=Adapter.native(), runtime=aws_lambda.Runtime.JAVA_21, handler="x"
    ),
    "runtimeVersion": depending("lambda-streaming==0.0.1", "six==1.17.0"),
    "sourceUnread": unread,
    "synthOnlyRequirement": depending("aws-cdk-lib", "six==1.17.0"),
    "unpinnedRequirements": depending(*PROJECT, file="pyproject.toml"),
    "unsignedRequestBodies": wired(lambda stack, function: function.add_distribution("Site")),
    "vpcFunctionUrl": lambda stack, entry: chat(stack, entry, vpc=aws_ec2.Vpc(stack, "Vpc", max_azs=1)),
}


def ids_in_source() -> set[str]:
    """Return what the library's sources name as an id: after the prefix, or first in `Doubt`, `Notice` or `_warn`."""
    folder = Path(cdk_lambda_streaming.__file__).parent
    source = "\n".join(path.read_text() for path in [*folder.glob("*.py"), *folder.glob("bundling/*.py")])
    patterns = (
        r'"cdk-lambda-streaming:(\w+)"',
        r'(?:Doubt|Notice)\(\s*"(\w+)"',
        r'(?:_warn|note)\(\s*(?:function,\s*)?"(\w+)"',
        r'\(\s*"(\w+Buffers)"',
    )
    return {name for pattern in patterns for name in re.findall(pattern, source)}


def found(stack: Stack) -> list[str]:
    messages = assertions.Annotations.from_stack(stack).find_warning("*", assertions.Match.any_value())
    return [match[1] for message in messages if (match := re.search(r":(\w+)\]$", str(message.entry.data)))]


def test_every_warning_of_the_library_is_here() -> None:
    assert ids_in_source() == set(WARNINGS)


@pytest.mark.parametrize(("warning", "make"), [*WARNINGS.items(), *ALSO])
def test_it_is_given(warning: str, make: Make, stack: Stack, entry: Path) -> None:
    make(stack, entry)
    assert warning in found(stack)


@pytest.mark.parametrize("warning", WARNINGS)
def test_it_can_be_acknowledged(warning: str, stack: Stack, entry: Path) -> None:
    function = WARNINGS[warning](stack, entry)
    Annotations.of(function).acknowledge_warning(f"cdk-lambda-streaming:{warning}", "known")
    assert warning not in found(stack)


@pytest.mark.parametrize("warning", WARNINGS)
def test_it_is_documented(warning: str) -> None:
    assert f"`{warning}`" in DOCS.read_text() or f"`cdk-lambda-streaming:{warning}`" in DOCS.read_text()
