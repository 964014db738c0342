from __future__ import annotations

import importlib.metadata
import os
import re
import zipfile
from pathlib import Path
from typing import Any

import lambda_streaming
import pytest
from aws_cdk import App, Aws, CfnParameter, Duration, Fn, Stack, aws_ecr, aws_lambda
from aws_cdk.assertions import Template
from cdk_lambda_streaming import FrontDoor, StreamingFunction, StreamingLayer
from cdk_lambda_streaming.code.layer_content import read_layer_files, write_layer_archive

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
    def test_layer_is_found_again_in_stack(self, stack: Stack) -> None:
        layer = StreamingLayer.of(stack)
        assert StreamingLayer.of(python_function(stack)) is layer
        assert layer.node.path == "Stack/LambdaStreamingRuntime"

    def test_layer_lists_runtimes_and_processors(self, stack: Stack) -> None:
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

    def test_other_construct_with_layers_id_is_rejected(self, stack: Stack) -> None:
        Stack(stack, "LambdaStreamingRuntime")
        with pytest.raises(ValueError, match="'Stack/LambdaStreamingRuntime' has the id of"):
            StreamingLayer.of(stack)

    def test_asset_has_executable_wrapper_and_no_byte_code(self, stack: Stack, tmp_path: Path) -> None:
        modes = modes_in(staged_layer(stack, tmp_path / "cdk.out"))
        assert modes["bootstrap"] == 0o755
        assert modes["python/lambda_streaming/__init__.py"] == 0o644
        assert not [path for path in modes if "__pycache__" in path or path.endswith(".pyc")]
        assert [path for path in modes if path.endswith("bootstrap")] == ["bootstrap"]

    def test_wrapper_is_executable_where_files_have_no_modes(
        self, stack: Stack, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """On Windows chmod does not make a file executable."""
        monkeypatch.setattr(os, "chmod", lambda *_, **__: None)
        monkeypatch.setattr(Path, "chmod", lambda *_, **__: None)
        assert modes_in(staged_layer(stack, tmp_path / "cdk.out"))["bootstrap"] == 0o755

    def test_archive_has_the_same_bytes_each_time(self, tmp_path: Path) -> None:
        for name in ("one", "two"):
            write_layer_archive(read_layer_files(), tmp_path / name)
        assert (tmp_path / "one").read_bytes() == (tmp_path / "two").read_bytes()

    def test_version_of_the_library_is_not_in_the_layer(self) -> None:
        """Otherwise each version of the library replaces every layer and publishes every function again."""
        version = lambda_streaming.__version__
        assert version == importlib.metadata.version("lambda-streaming")
        assert not [file.path for file in read_layer_files() if version.encode() in file.content]

    def test_temporary_folder_is_removed(self, stack: Stack, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        temporary = tmp_path / "temporary"
        temporary.mkdir()
        monkeypatch.setattr("tempfile.tempdir", str(temporary))
        staged_layer(stack, tmp_path / "cdk.out")
        assert os.listdir(temporary) == []

    def test_folder_stays_without_staging(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        temporary = tmp_path / "temporary"
        temporary.mkdir()
        monkeypatch.setattr("tempfile.tempdir", str(temporary))
        app = App(outdir=str(tmp_path / "cdk.out"), context={"aws:cdk:disable-asset-staging": True})
        StreamingLayer.of(Stack(app, "Stack"))
        app.synth()
        (folder,) = temporary.iterdir()
        assert modes_in(folder / "layer.zip")["bootstrap"] == 0o755
        assert str(folder / "layer.zip") in (tmp_path / "cdk.out" / "Stack.assets.json").read_text()


class TestAttachTo:
    def test_function_gets_layer_and_wrapper_and_no_url(self, stack: Stack) -> None:
        StreamingLayer.of(stack).attach_to(python_function(stack, environment={"TABLE": "chats"}))
        template = Template.from_stack(stack)
        (function,) = template.find_resources("AWS::Lambda::Function").values()
        assert len(function["Properties"]["Layers"]) == 1
        assert function["Properties"]["Environment"]["Variables"] == {
            "AWS_LAMBDA_EXEC_WRAPPER": "/opt/bootstrap",
            "TABLE": "chats",
        }
        template.resource_count_is("AWS::Lambda::Url", 0)

    def test_second_attach_changes_nothing(self, stack: Stack, entry: Path) -> None:
        function = StreamingFunction(stack, "Chat", entry=entry, invoke_mode=aws_lambda.InvokeMode.BUFFERED)
        StreamingLayer.of(stack).attach_to(function)
        (found,) = Template.from_stack(stack).find_resources("AWS::Lambda::Function").values()
        assert len(found["Properties"]["Layers"]) == 1
        assert found["Properties"]["Environment"]["Variables"]["LAMBDA_STREAMING_FRONT_DOORS"] == "none"

    def test_second_attach_replaces_front_doors(self, stack: Stack) -> None:
        function = python_function(stack)
        layer = StreamingLayer.of(stack)
        layer.attach_to(function, front_doors=[FrontDoor.REST_API])
        layer.attach_to(function, front_doors=[FrontDoor.FUNCTION_URL])
        assert "LAMBDA_STREAMING_FRONT_DOORS" not in variables(stack)

    def test_change_of_runtime_makes_new_version(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
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

    def test_existing_wrapper_starts_last(self, stack: Stack) -> None:
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

    def test_os_only_runtime_gets_no_wrapper_variable(self, stack: Stack, entry: Path) -> None:
        function = python_function(
            stack, runtime=aws_lambda.Runtime.PROVIDED_AL2023, code=aws_lambda.Code.from_asset(str(entry))
        )
        StreamingLayer.of(stack).attach_to(function)
        assert properties(stack)["Environment"] == {"Variables": {"LAMBDA_STREAMING_FRONT_DOORS": "function-url"}}
        assert len(properties(stack)["Layers"]) == 1


class TestRejections:
    def test_imported_function_is_rejected(self, stack: Stack) -> None:
        imported = aws_lambda.Function.from_function_name(stack, "Imported", "chat")
        with pytest.raises(TypeError, match="imported functions, versions and aliases take neither layers"):
            StreamingLayer.of(stack).attach_to(imported)  # type: ignore[arg-type]

    def test_alias_is_rejected(self, stack: Stack) -> None:
        alias = python_function(stack).add_alias("live")
        with pytest.raises(TypeError, match="got Alias"):
            StreamingLayer.of(stack).attach_to(alias)  # type: ignore[arg-type]

    def test_function_of_another_stack_is_rejected(self, stack: Stack) -> None:
        function = python_function(Stack(App(), "Other"))
        with pytest.raises(ValueError, match=r"use StreamingLayer.of\(function\).attach_to\(function\)"):
            StreamingLayer.of(stack).attach_to(function)

    def test_other_language_is_rejected(self, stack: Stack) -> None:
        function = python_function(stack, runtime=aws_lambda.Runtime.NODEJS_22_X)
        with pytest.raises(ValueError, match=r"got 'nodejs22\.x': the layer runs only Python handlers"):
            StreamingLayer.of(stack).attach_to(function)

    def test_container_image_is_rejected(self, stack: Stack) -> None:
        repository = aws_ecr.Repository.from_repository_name(stack, "Repository", "chat")
        function = aws_lambda.DockerImageFunction(stack, "Image", code=aws_lambda.DockerImageCode.from_ecr(repository))
        with pytest.raises(ValueError, match="a container image has no layers"):
            StreamingLayer.of(stack).attach_to(function)

    def test_existing_bootstrap_is_rejected(self, stack: Stack) -> None:
        function = python_function(stack, environment={"AWS_LAMBDA_EXEC_WRAPPER": "/opt/bootstrap"})
        with pytest.raises(ValueError, match=r"'Stack/Plain' has .* set to '/opt/bootstrap' already"):
            StreamingLayer.of(stack).attach_to(function)

    def test_wrapper_token_is_rejected(self, stack: Stack) -> None:
        wrapper = CfnParameter(stack, "Wrapper").value_as_string
        function = python_function(stack, environment={"AWS_LAMBDA_EXEC_WRAPPER": wrapper})
        with pytest.raises(ValueError, match=r"'Stack/Plain' has .* which the streaming runtime cannot start"):
            StreamingLayer.of(stack).attach_to(function)

    def test_web_adapter_layer_is_rejected(self, stack: Stack) -> None:
        function = python_function(stack, layers=[web_adapter(stack)])
        with pytest.raises(ValueError, match="has the layer of AWS Lambda Web Adapter"):
            StreamingLayer.of(stack).attach_to(function)

    def test_sixth_layer_is_rejected(self, stack: Stack) -> None:
        layers = [
            aws_lambda.LayerVersion.from_layer_version_arn(
                stack, f"Layer{n}", f"arn:aws:lambda:eu-west-1:111122223333:layer:other-{n}:1"
            )
            for n in range(5)
        ]
        with pytest.raises(ValueError, match="has 5 layers already, but Lambda allows 5"):
            StreamingLayer.of(stack).attach_to(python_function(stack, layers=layers))

    @pytest.mark.parametrize("front_doors", [["rest-api"], "rest-api", FrontDoor.REST_API, [FrontDoor.REST_API, None]])
    def test_wrong_front_doors_are_rejected(self, stack: Stack, front_doors: Any) -> None:
        function = python_function(stack)
        with pytest.raises(
            TypeError,
            match=r"front_doors must be a list of members of FrontDoor \(FrontDoor.FUNCTION_URL, FrontDoor.REST_API\), "
            + re.escape(f"got {front_doors!r}"),
        ):
            StreamingLayer.of(stack).attach_to(function, front_doors=front_doors)
        assert "Environment" not in properties(stack)

    @pytest.mark.parametrize("before", [True, False])
    def test_wrong_value_of_switch_is_rejected_at_synth(self, stack: Stack, before: bool) -> None:
        function = python_function(stack)
        if before:
            function.add_environment("LAMBDA_STREAMING_EMPTY_BODY", "no")
        StreamingLayer.of(stack).attach_to(function)
        if not before:
            function.add_environment("LAMBDA_STREAMING_EMPTY_BODY", "no")
        with pytest.raises(RuntimeError, match="LAMBDA_STREAMING_EMPTY_BODY must be one of newline, empty, got 'no'"):
            Template.from_stack(stack)

    def test_switch_can_be_a_token(self, stack: Stack) -> None:
        function = python_function(stack, environment={"LAMBDA_STREAMING_EMPTY_BODY": Fn.import_value("Switch")})
        StreamingLayer.of(stack).attach_to(function)
        assert variables(stack)["LAMBDA_STREAMING_EMPTY_BODY"] == {"Fn::ImportValue": "Switch"}

    def test_later_wrapper_is_rejected(self, stack: Stack) -> None:
        function = python_function(stack)
        StreamingLayer.of(stack).attach_to(function)
        function.add_environment("AWS_LAMBDA_EXEC_WRAPPER", "/opt/other")
        with pytest.raises(RuntimeError, match="was set to '/opt/other' after the streaming layer"):
            Template.from_stack(stack)

    def test_later_web_adapter_layer_is_rejected(self, stack: Stack) -> None:
        function = python_function(stack)
        StreamingLayer.of(stack).attach_to(function)
        function.add_layers(web_adapter(stack))
        with pytest.raises(RuntimeError, match="the layer of AWS Lambda Web Adapter was added"):
            Template.from_stack(stack)


def staged_layer(stack: Stack, outdir: Path) -> Path:
    """Synthesize the stack and return the archive of its layer's asset."""
    StreamingLayer.of(stack)
    (layer,) = Template.from_stack(stack).find_resources("AWS::Lambda::LayerVersion").values()
    return outdir / f"asset.{layer['Properties']['Content']['S3Key']}"


def modes_in(archive: Path) -> dict[str, int]:
    """Return the modes of an archive's files by path."""
    with zipfile.ZipFile(archive) as opened:
        return {entry.filename: entry.external_attr >> 16 & 0o777 for entry in opened.infolist()}


class TestLaterChanges:
    """Changes to an attached function are found at synth."""

    def test_removed_layer_is_rejected(self, stack: Stack) -> None:
        function = python_function(stack)
        StreamingLayer.of(stack).attach_to(function)
        resource(function).layers = ["arn:aws:lambda:eu-west-1:123456789012:layer:other:1"]
        with pytest.raises(
            RuntimeError, match=r"the streaming layer was removed, so the function cannot start without /opt/bootstrap"
        ):
            Template.from_stack(stack)

    def test_changed_runtime_is_rejected(self, stack: Stack) -> None:
        function = python_function(stack)
        StreamingLayer.of(stack).attach_to(function)
        resource(function).runtime = "python3.9"
        with pytest.raises(RuntimeError, match=r"runtime was changed to 'python3.9'"):
            Template.from_stack(stack)

    def test_capacity_provider_is_rejected(self, stack: Stack) -> None:
        function = python_function(stack)
        StreamingLayer.of(stack).attach_to(function)
        managed = aws_lambda.CfnFunction.LambdaManagedInstancesCapacityProviderConfigProperty(
            capacity_provider_arn="arn:aws:lambda:eu-west-1:123456789012:capacity-provider:x"
        )
        resource(function).capacity_provider_config = aws_lambda.CfnFunction.CapacityProviderConfigProperty(
            lambda_managed_instances_capacity_provider_config=managed
        )
        with pytest.raises(RuntimeError, match="at once, but the streaming runtime serves one"):
            Template.from_stack(stack)


def test_durable_function_is_rejected(stack: Stack) -> None:
    function = python_function(stack, durable_config=aws_lambda.DurableConfig(execution_timeout=Duration.hours(1)))
    with pytest.raises(ValueError, match="'Stack/Plain' is durable"):
        StreamingLayer.of(stack).attach_to(function)


def resource(function: aws_lambda.Function) -> aws_lambda.CfnFunction:
    found = function.node.default_child
    assert isinstance(found, aws_lambda.CfnFunction)
    return found
