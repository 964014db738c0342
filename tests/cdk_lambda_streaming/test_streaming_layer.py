from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any

import pytest
from aws_cdk import App, Aws, CfnParameter, Duration, Fn, Stack, aws_ecr, aws_lambda
from aws_cdk.assertions import Template
from cdk_lambda_streaming import FrontDoor, StreamingFunction, StreamingLayer

WEB_ADAPTER_ARN = f"arn:{Aws.PARTITION}:lambda:{Aws.REGION}:753240598075:layer:LambdaAdapterLayerArm64:27"


def python_function(stack: Stack, id: str = "Plain", **options: Any) -> aws_lambda.Function:
    return aws_lambda.Function(
        stack,
        id,
        **{
            "code": aws_lambda.Code.from_inline("def handler(event, context):\n    yield 'x'\n"),
            "handler": "index.handler",
            "runtime": aws_lambda.Runtime.PYTHON_3_13,
            **options,
        },
    )


def properties(stack: Stack) -> dict[str, Any]:
    (function,) = Template.from_stack(stack).find_resources("AWS::Lambda::Function").values()
    found: dict[str, Any] = function["Properties"]
    return found


def variables(stack: Stack) -> dict[str, Any]:
    found: dict[str, Any] = properties(stack)["Environment"]["Variables"]
    return found


def web_adapter(stack: Stack) -> aws_lambda.ILayerVersion:
    return aws_lambda.LayerVersion.from_layer_version_arn(stack, "WebAdapter", WEB_ADAPTER_ARN)


class TestLayer:
    def test_it_is_found_again_in_its_stack(self, stack: Stack) -> None:
        layer = StreamingLayer.of(stack)
        assert StreamingLayer.of(python_function(stack)) is layer
        assert layer.node.path == "Stack/LambdaStreamingRuntime"

    def test_it_names_every_python_and_processor_it_runs_on(self, stack: Stack) -> None:
        StreamingLayer.of(stack)
        Template.from_stack(stack).has_resource_properties(
            "AWS::Lambda::LayerVersion",
            {
                "CompatibleRuntimes": [
                    *("python3.10", "python3.11", "python3.12", "python3.13", "python3.14"),
                    *("provided.al2", "provided.al2023"),
                ],
                "CompatibleArchitectures": ["arm64", "x86_64"],
            },
        )

    def test_a_stranger_in_its_place_is_an_error(self, stack: Stack) -> None:
        Stack(stack, "LambdaStreamingRuntime")
        with pytest.raises(ValueError, match="'Stack/LambdaStreamingRuntime' stands where"):
            StreamingLayer.of(stack)

    def test_its_asset_has_an_executable_wrapper_and_no_byte_code(self, stack: Stack, tmp_path: Path) -> None:
        asset = staged_layer(stack, tmp_path / "cdk.out")
        assert (asset / "bootstrap").stat().st_mode & 0o777 == 0o755
        assert (asset / "python" / "lambda_streaming" / "__init__.py").stat().st_mode & 0o777 == 0o644
        assert not [*asset.rglob("__pycache__"), *asset.rglob("*.pyc")]
        assert [path.name for path in asset.rglob("bootstrap")] == ["bootstrap"]

    def test_nothing_is_left_behind(self, stack: Stack, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        temporary = tmp_path / "temporary"
        temporary.mkdir()
        monkeypatch.setattr("tempfile.tempdir", str(temporary))
        staged_layer(stack, tmp_path / "cdk.out")
        assert os.listdir(temporary) == []

    def test_it_outlives_the_synthesis_when_assets_are_not_staged(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        temporary = tmp_path / "temporary"
        temporary.mkdir()
        monkeypatch.setattr("tempfile.tempdir", str(temporary))
        app = App(outdir=str(tmp_path / "cdk.out"), context={"aws:cdk:disable-asset-staging": True})
        StreamingLayer.of(Stack(app, "Stack"))
        app.synth()
        (folder,) = temporary.iterdir()
        assert (folder / "bootstrap").is_file()
        assert str(folder) in (tmp_path / "cdk.out" / "Stack.assets.json").read_text()


class TestAttachTo:
    def test_a_function_gets_layer_and_wrapper_and_keeps_its_url_to_itself(self, stack: Stack) -> None:
        StreamingLayer.of(stack).attach_to(python_function(stack, environment={"TABLE": "chats"}))
        template = Template.from_stack(stack)
        (function,) = template.find_resources("AWS::Lambda::Function").values()
        assert len(function["Properties"]["Layers"]) == 1
        assert function["Properties"]["Environment"]["Variables"] == {
            "AWS_LAMBDA_EXEC_WRAPPER": "/opt/bootstrap",
            "TABLE": "chats",
        }
        template.resource_count_is("AWS::Lambda::Url", 0)

    def test_twice_is_as_once(self, stack: Stack, entry: Path) -> None:
        function = StreamingFunction(stack, "Chat", entry=entry, invoke_mode=aws_lambda.InvokeMode.BUFFERED)
        StreamingLayer.of(stack).attach_to(function)
        (found,) = Template.from_stack(stack).find_resources("AWS::Lambda::Function").values()
        assert len(found["Properties"]["Layers"]) == 1
        assert found["Properties"]["Environment"]["Variables"]["LAMBDA_STREAMING_FRONT_DOORS"] == "none"

    def test_front_doors_are_told_and_told_again(self, stack: Stack) -> None:
        function = python_function(stack)
        layer = StreamingLayer.of(stack)
        layer.attach_to(function, front_doors=[FrontDoor.REST_API])
        layer.attach_to(function, front_doors=[FrontDoor.FUNCTION_URL])
        assert "LAMBDA_STREAMING_FRONT_DOORS" not in variables(stack)

    def test_a_change_of_the_runtime_alone_makes_a_new_version(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def version() -> str:
            stack = Stack(App(outdir=str(tmp_path / "cdk.out")), "Stack")
            function = python_function(stack)
            StreamingLayer.of(stack).attach_to(function)
            _ = function.current_version
            (logical_id,) = Template.from_stack(stack).find_resources("AWS::Lambda::Version")
            return logical_id

        before = version()
        assert version() == before
        monkeypatch.setattr("cdk_lambda_streaming.streaming_layer.hash_layer_files", lambda files: "f" * 64)
        assert version() != before

    def test_a_wrapper_that_is_there_already_is_chained_last(self, stack: Stack) -> None:
        function = python_function(
            stack,
            environment={
                "AWS_LAMBDA_EXEC_WRAPPER": "/opt/otel-instrument",
                "LAMBDA_STREAMING_EXEC_WRAPPERS": "/opt/first",
            },
        )
        StreamingLayer.of(stack).attach_to(function)
        assert variables(stack) == {
            "AWS_LAMBDA_EXEC_WRAPPER": "/opt/bootstrap",
            "LAMBDA_STREAMING_EXEC_WRAPPERS": "/opt/first:/opt/otel-instrument",
        }

    def test_an_os_only_runtime_starts_the_layer_s_bootstrap_itself(self, stack: Stack, entry: Path) -> None:
        function = python_function(
            stack, runtime=aws_lambda.Runtime.PROVIDED_AL2023, code=aws_lambda.Code.from_asset(str(entry))
        )
        StreamingLayer.of(stack).attach_to(function)
        assert "Environment" not in properties(stack)
        assert len(properties(stack)["Layers"]) == 1


class TestRefusals:
    def test_an_imported_function(self, stack: Stack) -> None:
        imported = aws_lambda.Function.from_function_name(stack, "Imported", "chat")
        with pytest.raises(TypeError, match="imported functions, versions and aliases take neither layers"):
            StreamingLayer.of(stack).attach_to(imported)  # type: ignore[arg-type]

    def test_an_alias(self, stack: Stack) -> None:
        alias = python_function(stack).add_alias("live")
        with pytest.raises(TypeError, match="got Alias"):
            StreamingLayer.of(stack).attach_to(alias)  # type: ignore[arg-type]

    def test_a_function_of_another_stack(self, stack: Stack) -> None:
        function = python_function(Stack(App(), "Other"))
        with pytest.raises(ValueError, match=r"use StreamingLayer.of\(function\).attach_to\(function\)"):
            StreamingLayer.of(stack).attach_to(function)

    def test_another_language(self, stack: Stack) -> None:
        function = python_function(stack, runtime=aws_lambda.Runtime.NODEJS_22_X)
        with pytest.raises(ValueError, match=r"got 'nodejs22\.x': the layer streams from Python handlers"):
            StreamingLayer.of(stack).attach_to(function)

    def test_a_container_image(self, stack: Stack) -> None:
        repository = aws_ecr.Repository.from_repository_name(stack, "Repository", "chat")
        function = aws_lambda.DockerImageFunction(stack, "Image", code=aws_lambda.DockerImageCode.from_ecr(repository))
        with pytest.raises(ValueError, match="a container image takes no layers"):
            StreamingLayer.of(stack).attach_to(function)

    def test_a_bootstrap_that_is_there_already(self, stack: Stack) -> None:
        function = python_function(stack, environment={"AWS_LAMBDA_EXEC_WRAPPER": "/opt/bootstrap"})
        with pytest.raises(ValueError, match=r"'Stack/Plain' has .* set to '/opt/bootstrap' already"):
            StreamingLayer.of(stack).attach_to(function)

    def test_a_wrapper_that_only_deployment_knows(self, stack: Stack) -> None:
        wrapper = CfnParameter(stack, "Wrapper").value_as_string
        function = python_function(stack, environment={"AWS_LAMBDA_EXEC_WRAPPER": wrapper})
        with pytest.raises(ValueError, match=r"'Stack/Plain' has .* which cannot be chained"):
            StreamingLayer.of(stack).attach_to(function)

    def test_the_web_adapter_beside_it(self, stack: Stack) -> None:
        function = python_function(stack, layers=[web_adapter(stack)])
        with pytest.raises(ValueError, match="has the layer of AWS Lambda Web Adapter"):
            StreamingLayer.of(stack).attach_to(function)

    def test_a_sixth_layer(self, stack: Stack) -> None:
        layers = [
            aws_lambda.LayerVersion.from_layer_version_arn(
                stack, f"Layer{n}", f"arn:aws:lambda:eu-west-1:111122223333:layer:other-{n}:1"
            )
            for n in range(5)
        ]
        with pytest.raises(ValueError, match="has 5 layers already and Lambda allows 5"):
            StreamingLayer.of(stack).attach_to(python_function(stack, layers=layers))

    @pytest.mark.parametrize("front_doors", [["rest-api"], "rest-api", FrontDoor.REST_API, [FrontDoor.REST_API, None]])
    def test_front_doors_that_are_none(self, stack: Stack, front_doors: Any) -> None:
        function = python_function(stack)
        with pytest.raises(
            TypeError,
            match=r"front_doors must be a list of members of FrontDoor \(FrontDoor.FUNCTION_URL, FrontDoor.REST_API\), "
            + re.escape(f"got {front_doors!r}"),
        ):
            StreamingLayer.of(stack).attach_to(function, front_doors=front_doors)
        assert "Environment" not in properties(stack)

    @pytest.mark.parametrize("before", [True, False])
    def test_a_switch_with_a_value_that_the_runtime_would_refuse(self, stack: Stack, before: bool) -> None:
        function = python_function(stack)
        if before:
            function.add_environment("LAMBDA_STREAMING_EMPTY_BODY", "no")
        StreamingLayer.of(stack).attach_to(function)
        if not before:
            function.add_environment("LAMBDA_STREAMING_EMPTY_BODY", "no")
        with pytest.raises(RuntimeError, match="LAMBDA_STREAMING_EMPTY_BODY must be one of newline, empty, got 'no'"):
            Template.from_stack(stack)

    def test_a_switch_may_be_left_to_deployment(self, stack: Stack) -> None:
        function = python_function(stack, environment={"LAMBDA_STREAMING_EMPTY_BODY": Fn.import_value("Switch")})
        StreamingLayer.of(stack).attach_to(function)
        assert variables(stack)["LAMBDA_STREAMING_EMPTY_BODY"] == {"Fn::ImportValue": "Switch"}

    def test_a_wrapper_that_comes_afterwards(self, stack: Stack) -> None:
        function = python_function(stack)
        StreamingLayer.of(stack).attach_to(function)
        function.add_environment("AWS_LAMBDA_EXEC_WRAPPER", "/opt/other")
        with pytest.raises(RuntimeError, match="was set to '/opt/other' after the streaming layer"):
            Template.from_stack(stack)

    def test_the_web_adapter_that_comes_afterwards(self, stack: Stack) -> None:
        function = python_function(stack)
        StreamingLayer.of(stack).attach_to(function)
        function.add_layers(web_adapter(stack))
        with pytest.raises(RuntimeError, match="the layer of AWS Lambda Web Adapter was added"):
            Template.from_stack(stack)


def staged_layer(stack: Stack, outdir: Path) -> Path:
    """Synthesize the stack and return the folder of its layer's asset."""
    StreamingLayer.of(stack)
    (layer,) = Template.from_stack(stack).find_resources("AWS::Lambda::LayerVersion").values()
    return outdir / f"asset.{layer['Properties']['Content']['S3Key'].removesuffix('.zip')}"


class TestLater:
    """What is done to an attached function afterwards is seen at synth."""

    def test_a_layer_that_is_taken_away(self, stack: Stack) -> None:
        function = python_function(stack)
        StreamingLayer.of(stack).attach_to(function)
        resource(function).layers = ["arn:aws:lambda:eu-west-1:123456789012:layer:other:1"]
        with pytest.raises(RuntimeError, match=r"the streaming layer was taken away, and /opt/bootstrap with it"):
            Template.from_stack(stack)

    def test_another_runtime(self, stack: Stack) -> None:
        function = python_function(stack)
        StreamingLayer.of(stack).attach_to(function)
        resource(function).runtime = "python3.9"
        with pytest.raises(RuntimeError, match=r"runtime was changed to 'python3.9'"):
            Template.from_stack(stack)

    def test_a_capacity_provider(self, stack: Stack) -> None:
        function = python_function(stack)
        StreamingLayer.of(stack).attach_to(function)
        managed = aws_lambda.CfnFunction.LambdaManagedInstancesCapacityProviderConfigProperty(
            capacity_provider_arn="arn:aws:lambda:eu-west-1:123456789012:capacity-provider:x"
        )
        resource(function).capacity_provider_config = aws_lambda.CfnFunction.CapacityProviderConfigProperty(
            lambda_managed_instances_capacity_provider_config=managed
        )
        with pytest.raises(RuntimeError, match="several invocations at once, and the streaming runtime serves one"):
            Template.from_stack(stack)


def test_a_durable_function_has_another_protocol(stack: Stack) -> None:
    function = python_function(stack, durable_config=aws_lambda.DurableConfig(execution_timeout=Duration.hours(1)))
    with pytest.raises(ValueError, match="'Stack/Plain' is durable"):
        StreamingLayer.of(stack).attach_to(function)


def resource(function: aws_lambda.Function) -> aws_lambda.CfnFunction:
    found = function.node.default_child
    assert isinstance(found, aws_lambda.CfnFunction)
    return found
