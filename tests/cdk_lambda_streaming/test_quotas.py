"""The limits that the construct enforces are those of AWS's API, as the newest installed botocore describes it.

`make lock` brings a newer botocore. If AWS changed a limit, a test here fails: then change the number.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import botocore.loaders
import pytest
from aws_cdk import Annotations, Duration, Stack, assertions, aws_lambda
from aws_cdk.assertions import Template
from cdk_lambda_streaming import Adapter, BundlingOptions, StreamingFunction, StreamingLayer
from cdk_lambda_streaming.checks import managed_python, quotas


@pytest.fixture(scope="module")
def shapes() -> dict[str, Any]:
    model: dict[str, Any] = botocore.loaders.Loader().load_service_model("lambda", "service-2")
    shapes: dict[str, Any] = model["shapes"]
    return shapes


@pytest.mark.parametrize(("shape", "range"), [("Timeout", quotas.TIMEOUT_SECONDS), ("MemorySize", quotas.MEMORY_MB)])
def test_range_is_that_of_the_api(shapes: dict[str, Any], shape: str, range: quotas.Range) -> None:
    assert range == (shapes[shape]["min"], shapes[shape]["max"])


def is_valid(shape: dict[str, Any], text: str) -> bool:
    is_long_enough = shape.get("min", 0) <= len(text) <= shape.get("max", len(text))
    return is_long_enough and re.fullmatch(shape["pattern"], text) is not None


@pytest.mark.parametrize(
    ("name", "pattern"), [("Alias", quotas.ALIAS_NAME), ("EnvironmentVariableName", quotas.VARIABLE_NAME)]
)
@pytest.mark.parametrize(
    "text",
    ["", "a", "A1", "live", "1a", "123", "_x", "a_b", "a-b", "a.b", "a b", "a/b", "$x", "ä1", "a" * 128, "a" * 129],
)
def test_name_is_accepted_as_by_the_api(shapes: dict[str, Any], name: str, pattern: re.Pattern[str], text: str) -> None:
    assert (pattern.fullmatch(text) is not None) == is_valid(shapes[name], text)


def test_every_python_of_the_api_is_known_or_previewed(shapes: dict[str, Any]) -> None:
    """AWS previews python3.15. When it is released, test the runtime with it and add it to `SUPPORTED`."""
    pythons = [name for name in shapes["Runtime"]["enum"] if re.fullmatch(r"python3\.\d\d+", name)]
    assert pythons == [*managed_python.SUPPORTED, "python3.15"]
    assert all(map(managed_python.is_supported, pythons))


def test_runtimes_of_the_layer_are_in_the_api(shapes: dict[str, Any]) -> None:
    assert set(managed_python.COMPATIBLE) <= set(shapes["Runtime"]["enum"])


def test_the_method_that_cors_rejects_is_too_long_for_the_api(shapes: dict[str, Any]) -> None:
    methods = {method.name: len(method.name) <= shapes["Method"]["max"] for method in aws_lambda.HttpMethod}
    assert [name for name, is_accepted in methods.items() if not is_accepted] == ["OPTIONS"]


def warnings(stack: Stack) -> dict[str, str]:
    """Return the messages of the library's warnings by id."""
    messages = assertions.Annotations.from_stack(stack).find_warning("*", assertions.Match.any_value())
    texts = [str(message.entry.data) for message in messages]
    return {found[1]: text for text in texts if (found := re.search(r"cdk-lambda-streaming:(\w+)\]$", text))}


@pytest.mark.parametrize(
    ("seconds", "told", "untold"),
    [
        (600, "a response may take 600 s", "A REST API ends"),
        (900, "a response may take 900 s", "A REST API ends"),
        (1200, "A REST API ends a stream after 900 s; AWS documents no limit of Function URLs", "Managed Instances"),
        (5400, "AWS documents 1800 s as the maximum without Managed Instances", "\0"),
    ],
)
def test_long_timeout_causes_one_warning_that_names_lower_limits(
    stack: Stack, entry: Path, seconds: int, told: str, untold: str
) -> None:
    StreamingFunction(stack, "Chat", entry=entry, timeout=Duration.seconds(seconds))
    (message,) = warnings(stack).values()
    assert told in message
    assert untold not in message


@pytest.mark.parametrize("attach", [False, True])
@pytest.mark.parametrize("seconds", [901, 1800, 5400])
def test_timeout_above_15_minutes_is_in_the_template(stack: Stack, entry: Path, seconds: int, attach: bool) -> None:
    timeout = Duration.seconds(seconds)
    if attach:
        StreamingLayer.of(stack).attach_to(plain_function(stack, entry, aws_lambda.Runtime.PYTHON_3_13, timeout))
    else:
        StreamingFunction(stack, "Chat", entry=entry, timeout=timeout)
    Template.from_stack(stack).has_resource_properties("AWS::Lambda::Function", {"Timeout": seconds})


def test_memory_above_the_documented_maximum_causes_warning(stack: Stack, entry: Path) -> None:
    StreamingFunction(stack, "Chat", entry=entry, memory_size=10_241)
    assert "AWS documents 10240 MB as the maximum" in warnings(stack)["largeMemory"]


def plain_function(
    stack: Stack, entry: Path, runtime: aws_lambda.Runtime, timeout: Duration | None = None
) -> aws_lambda.Function:
    code = aws_lambda.Code.from_asset(str(entry))
    return aws_lambda.Function(stack, "Plain", code=code, handler="index.handler", runtime=runtime, timeout=timeout)


@pytest.mark.parametrize("attach", [False, True])
@pytest.mark.parametrize(
    ("name", "warning"), [("python3.10", "deprecatedPython"), ("python3.13", None), ("python3.15", "newerPython")]
)
def test_layer_runs_every_python_since_3_10(
    stack: Stack, entry: Path, name: str, warning: str | None, attach: bool
) -> None:
    runtime = aws_lambda.Runtime(name, aws_lambda.RuntimeFamily.PYTHON)
    if attach:
        StreamingLayer.of(stack).attach_to(plain_function(stack, entry, runtime, Duration.minutes(1)))
    else:
        StreamingFunction(stack, "Chat", entry=entry, runtime=runtime)
    Template.from_stack(stack).has_resource_properties(
        "AWS::Lambda::Function", {"Runtime": name, "Layers": assertions.Match.any_value()}
    )
    assert set(warnings(stack)) == ({warning} if warning else set())


def test_web_server_on_a_newer_python_gets_its_dependencies(stack: Stack, entry: Path) -> None:
    """The construct installs them for every Python. It would reject `extras` for another language."""
    (entry / "run.sh").write_text("#!/bin/sh\n")
    (entry / "run.sh").chmod(0o755)
    newer = aws_lambda.Runtime("python3.15", aws_lambda.RuntimeFamily.PYTHON)
    bundling = BundlingOptions(extras=["fast"])
    with pytest.raises(RuntimeError, match="has no dependencies"):
        StreamingFunction(
            stack, "Web", entry=entry, runtime=newer, adapter=Adapter.lambda_web_adapter(), bundling=bundling
        )


def test_layer_of_a_newer_python_has_no_byte_code(stack: Stack, entry: Path) -> None:
    newer = aws_lambda.Runtime("python3.15", aws_lambda.RuntimeFamily.PYTHON)
    StreamingFunction(stack, "Chat", entry=entry, runtime=newer)
    without = StreamingLayer.of(stack).content_hash
    StreamingFunction(stack, "Other", entry=entry, runtime=aws_lambda.Runtime.PYTHON_3_11)
    assert StreamingLayer.of(stack).content_hash != without


def test_warning_about_a_python_can_be_acknowledged(stack: Stack, entry: Path) -> None:
    function = StreamingFunction(stack, "Chat", entry=entry, runtime=aws_lambda.Runtime.PYTHON_3_10)
    Annotations.of(function).acknowledge_warning("cdk-lambda-streaming:deprecatedPython", "moving in spring")
    assert not warnings(stack)
