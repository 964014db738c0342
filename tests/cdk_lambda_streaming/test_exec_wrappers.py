"""Lambda has one wrapper slot. The runtime starts other wrappers, and a wrapper in the slot is an error."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import jsii
import pytest
from aws_cdk import Aspects, CfnParameter, IAspect, Stack, aws_lambda
from aws_cdk.assertions import Template
from aws_cdk.aws_lambda_python_alpha import PythonFunction
from cdk_lambda_streaming import StreamingFunction, StreamingLayer
from constructs import IConstruct
from datadog_cdk_constructs_v2 import DatadogLambda

ADOT = {
    "exec_wrapper": aws_lambda.AdotLambdaExecWrapper.INSTRUMENT_HANDLER,
    "layer_version": aws_lambda.AdotLayerVersion.from_python_sdk_layer_version(
        aws_lambda.AdotLambdaLayerPythonSdkVersion.LATEST
    ),
}


def properties(stack: Stack) -> dict[str, Any]:
    (function,) = Template.from_stack(stack).find_resources("AWS::Lambda::Function").values()
    found: dict[str, Any] = function["Properties"]
    return found


def variables(stack: Stack) -> dict[str, Any]:
    found: dict[str, Any] = properties(stack)["Environment"]["Variables"]
    return found


def test_wrappers_start_in_order(stack: Stack, entry: Path) -> None:
    StreamingFunction(stack, "Chat", entry=entry, exec_wrappers=["/opt/otel-instrument", "/opt/newrelic_wrapper"])
    assert variables(stack) == {
        "AWS_LAMBDA_EXEC_WRAPPER": "/opt/bootstrap",
        "LAMBDA_STREAMING_EXEC_WRAPPERS": "/opt/otel-instrument:/opt/newrelic_wrapper",
    }


@pytest.mark.parametrize(
    ("wrappers", "chain"), [([], "/opt/otel-instrument"), (["/opt/first"], "/opt/first:/opt/otel-instrument")]
)
@pytest.mark.parametrize("form", [aws_lambda.AdotInstrumentationConfig, dict])
def test_adot_wrapper_is_added_to_wrappers(
    stack: Stack, entry: Path, wrappers: list[str], chain: str, form: Any
) -> None:
    StreamingFunction(stack, "Chat", entry=entry, adot_instrumentation=form(**ADOT), exec_wrappers=wrappers)
    assert variables(stack) == {
        "AWS_LAMBDA_EXEC_WRAPPER": "/opt/bootstrap",
        "LAMBDA_STREAMING_EXEC_WRAPPERS": chain,
    }
    assert len(properties(stack)["Layers"]) == 2


def test_wrapper_can_be_a_token(stack: Stack, entry: Path) -> None:
    StreamingFunction(stack, "Chat", entry=entry, exec_wrappers=[CfnParameter(stack, "Wrapper").value_as_string])
    assert variables(stack)["LAMBDA_STREAMING_EXEC_WRAPPERS"] == {"Ref": "Wrapper"}


@pytest.mark.parametrize(
    ("wrappers", "error", "message"),
    [
        ("/opt/otel-instrument", TypeError, r"exec_wrappers must be a list of paths.*got '/opt/otel-instrument'"),
        (5, TypeError, "exec_wrappers must be a list of paths.*got 5"),
        ([5], TypeError, "exec_wrappers must hold paths as str, got 5"),
        (["otel-instrument"], ValueError, "exec_wrappers must be absolute paths.*got 'otel-instrument'"),
        (["/opt/a:/opt/b"], ValueError, "exec_wrappers must be absolute paths without a colon"),
        (["/opt/bootstrap"], ValueError, "and not /opt/bootstrap, which is the streaming runtime itself"),
    ],
)
def test_wrong_value_is_rejected_by_option_name(
    stack: Stack, entry: Path, wrappers: Any, error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        StreamingFunction(stack, "Chat", entry=entry, exec_wrappers=wrappers)


class TestChangesAfterConstruction:
    """Changes to the function after its construction are found at synth."""

    MESSAGE = r"AWS_LAMBDA_EXEC_WRAPPER was set to '{}' after.*name the wrapper in exec_wrappers"

    def test_add_environment_rejects_wrapper(self, stack: Stack, entry: Path) -> None:
        function = StreamingFunction(stack, "Chat", entry=entry)
        with pytest.raises(ValueError, match="name other wrappers in exec_wrappers"):
            function.add_environment("AWS_LAMBDA_EXEC_WRAPPER", "/opt/other")

    def test_wrapper_set_by_aspect_is_rejected(self, stack: Stack, entry: Path) -> None:
        @jsii.implements(IAspect)
        class Instrument:
            def visit(self, node: IConstruct) -> None:
                if isinstance(node, aws_lambda.Function):
                    aws_lambda.Function.add_environment(node, "AWS_LAMBDA_EXEC_WRAPPER", "/opt/other")

        StreamingFunction(stack, "Chat", entry=entry)
        Aspects.of(stack).add(Instrument())
        with pytest.raises(RuntimeError, match=self.MESSAGE.format("/opt/other")):
            Template.from_stack(stack)

    def test_misspelt_variable_is_rejected_at_synth(self, stack: Stack, entry: Path) -> None:
        function = StreamingFunction(stack, "Chat", entry=entry)
        aws_lambda.Function.add_environment(function, "AWS_LAMBDA_EXEC_WRAPER", "/opt/other")
        with pytest.raises(RuntimeError, match="unknown environment variable AWS_LAMBDA_EXEC_WRAPER; did you mean"):
            Template.from_stack(stack)

    def test_too_many_layers_are_rejected_at_synth(self, stack: Stack, entry: Path) -> None:
        function = StreamingFunction(stack, "Chat", entry=entry)
        for number in range(5):
            arn = f"arn:aws:lambda:eu-west-1:123456789012:layer:other:{number + 1}"
            resource = function.node.default_child
            assert isinstance(resource, aws_lambda.CfnFunction)
            resource.layers = [*(resource.layers or []), arn] if number else [function.function_name, arn]
        with pytest.raises(RuntimeError, match="has 6 layers, the streaming layer included; Lambda allows 5"):
            Template.from_stack(stack)

    def test_datadog_construct_changes_handler_only(self, stack: Stack, entry: Path) -> None:
        """The runtime calls Datadog's library instead of the handler: docs/wrappers.md."""
        function = StreamingFunction(stack, "Chat", entry=entry)
        datadog = DatadogLambda(
            stack,
            "Datadog",
            python_layer_version=100,
            extension_layer_version=60,
            api_key="0" * 32,
            site="datadoghq.eu",
        )
        datadog.add_lambda_functions([function])
        assert properties(stack)["Handler"] == "datadog_lambda.handler.handler"
        assert variables(stack)["AWS_LAMBDA_EXEC_WRAPPER"] == "/opt/bootstrap"
        assert len(properties(stack)["Layers"]) == 3

    def test_datadog_wrapper_in_slot_is_rejected(self, stack: Stack, entry: Path) -> None:
        function = StreamingFunction(stack, "Chat", entry=entry)
        aws_lambda.Function.add_environment(function, "AWS_LAMBDA_EXEC_WRAPPER", "/opt/datadog_wrapper")
        with pytest.raises(RuntimeError, match=self.MESSAGE.format("/opt/datadog_wrapper")):
            Template.from_stack(stack)


def test_python_function_of_alpha_library_streams(stack: Stack, entry: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """PythonFunction needs Docker, unless its stack is not bundled."""
    stack.node.set_context("aws:cdk:bundling-stacks", [])
    (entry / "requirements.txt").write_text("")
    function = PythonFunction(
        stack, "Alpha", entry=str(entry), index="index.py", runtime=aws_lambda.Runtime.PYTHON_3_13
    )
    StreamingLayer.of(function).attach_to(function)
    function.add_function_url(invoke_mode=aws_lambda.InvokeMode.RESPONSE_STREAM)
    assert variables(stack)["AWS_LAMBDA_EXEC_WRAPPER"] == "/opt/bootstrap"
    assert len(properties(stack)["Layers"]) == 1
