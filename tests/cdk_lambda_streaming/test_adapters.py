"""Adapters: Python handlers, functions whose own runtime streams, and Lambda Web Adapter."""

from __future__ import annotations

import dataclasses
import inspect
import re
from pathlib import Path
from typing import Any

import pytest
from aws_cdk import App, CfnParameter, Environment, Stack, aws_apigateway, aws_lambda, region_info
from aws_cdk.assertions import Annotations, Match, Template
from cdk_lambda_streaming import Adapter, BundlingOptions, StreamingFunction
from cdk_lambda_streaming.adapters.lambda_web_adapter import LambdaWebAdapter, WebAdapterOptions, layer_arn

Runtime = aws_lambda.Runtime
VALUES: dict[str, Any] = {
    "port": 8000,
    "host": "localhost",
    "readiness_check_port": 8001,
    "readiness_check_protocol": "tcp",
    "readiness_check_healthy_status": "200-399",
    "error_status_codes": "500-599",
}
SCRIPT = "#!/bin/bash\nexec python -m gunicorn app:app\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a folder with a web application's script, a Node.js handler and a compiled program."""
    folder = tmp_path / "app"
    folder.mkdir()
    (folder / "index.mjs").write_text("export const handler = awslambda.streamifyResponse(async () => {});\n")
    for name, content in (("run.sh", SCRIPT), ("bootstrap", "\x7fELF")):
        (folder / name).write_text(content)
        (folder / name).chmod(0o755)
    return folder


def properties(stack: Stack) -> dict[str, Any]:
    (function,) = Template.from_stack(stack).find_resources("AWS::Lambda::Function").values()
    found: dict[str, Any] = function["Properties"]
    return found


def variables(stack: Stack) -> dict[str, Any]:
    found: dict[str, Any] = properties(stack).get("Environment", {}).get("Variables", {})
    return found


def files_of_asset(stack: Stack) -> set[str]:
    """Return the files in the asset of the stack's function."""
    name = properties(stack)["Code"]["S3Key"].removesuffix(".zip")
    asset = Path(App.of(stack).outdir, f"asset.{name}")  # type: ignore[union-attr]
    return {path.relative_to(asset).as_posix() for path in asset.rglob("*") if path.is_file()}


def stack_in(region: str, tmp_path: Path) -> Stack:
    return Stack(App(outdir=str(tmp_path / "cdk.out")), "Stack", env=Environment(region=region))


class TestNative:
    @pytest.mark.parametrize(
        ("runtime", "handler"), [(Runtime.NODEJS_24_X, "index.handler"), (Runtime.PROVIDED_AL2023, "bootstrap")]
    )
    def test_only_url_is_added(self, stack: Stack, folder: Path, runtime: aws_lambda.Runtime, handler: str) -> None:
        StreamingFunction(stack, "Chat", entry=folder, adapter=Adapter.native(), runtime=runtime)
        found = properties(stack)
        assert (found["Runtime"], found["Handler"]) == (runtime.name, handler)
        assert not {"Layers", "Environment"} & set(found)
        template = Template.from_stack(stack)
        template.has_resource_properties("AWS::Lambda::Url", {"InvokeMode": "RESPONSE_STREAM"})
        template.resource_count_is("AWS::Lambda::LayerVersion", 0)

    def test_node_handler_can_be_in_a_folder(self, stack: Stack, folder: Path) -> None:
        (folder / "dist").mkdir()
        (folder / "dist/server.js").write_text("")
        StreamingFunction(
            stack,
            "Chat",
            entry=folder,
            adapter=Adapter.native(),
            runtime=Runtime.NODEJS_22_X,
            handler="dist/server.handle",
        )
        assert properties(stack)["Handler"] == "dist/server.handle"

    @pytest.mark.parametrize(
        ("options", "error", "message"),
        [
            ({}, TypeError, r"runtime is required with Adapter.native\(\)"),
            ({"runtime": "nodejs24.x"}, TypeError, "runtime must be a Runtime"),
            (
                {"runtime": Runtime.NODEJS_24_X, "handler": "main.handler"},
                ValueError,
                "has none of main.mjs, main.js, main.cjs for handler='main.handler'; compile the sources",
            ),
            ({"runtime": Runtime.NODEJS_24_X, "handler": "main"}, ValueError, "handler must be module and function"),
            (
                {"runtime": Runtime.NODEJS_24_X, "handler": "../app/index.handler"},
                ValueError,
                "handler must name a module inside entry",
            ),
            ({"runtime": Runtime.JAVA_21}, TypeError, "handler is required for the runtime 'java21'"),
            ({"runtime": Runtime.NODEJS_24_X, "index": "a.js"}, TypeError, "index is an option of Adapter.handler"),
            ({"runtime": Runtime.NODEJS_24_X, "base_image": "node"}, TypeError, "base_image is an option of"),
            ({"runtime": Runtime.NODEJS_24_X, "bundling": BundlingOptions()}, ValueError, "bundling installs Python"),
            ({"runtime": Runtime.NODEJS_24_X, "exec_wrappers": ["/opt/x"]}, ValueError, "exec_wrappers work only with"),
            (
                {"runtime": Runtime.NODEJS_24_X, "stream_metrics_sample_rate": 1},
                ValueError,
                "stream_metrics_sample_rate works only with",
            ),
            (
                {"runtime": Runtime.NODEJS_24_X, "environment": {"AWS_LAMBDA_EXEC_WRAPER": "/opt/x"}},
                ValueError,
                "unknown environment variable AWS_LAMBDA_EXEC_WRAPER; did you mean AWS_LAMBDA_EXEC_WRAPPER",
            ),
        ],
    )
    def test_impossible_option_is_rejected(
        self, stack: Stack, folder: Path, options: dict[str, Any], error: type[Exception], message: str
    ) -> None:
        with pytest.raises(error, match=message):
            StreamingFunction(stack, "Chat", entry=folder, adapter=Adapter.native(), **options)

    def test_ignored_files_are_not_deployed(self, stack: Stack, folder: Path) -> None:
        (folder / ".lambdaignore").write_text("*.sh\n*.map\n")
        (folder / "node_modules/x").mkdir(parents=True)
        for name in ("index.js", "index.js.map"):
            (folder / "node_modules/x" / name).touch()
        StreamingFunction(stack, "Chat", entry=folder, adapter=Adapter.native(), runtime=Runtime.NODEJS_24_X)
        assert files_of_asset(stack) == {"bootstrap", "index.mjs", "node_modules/x/index.js"}

    def test_missing_program_is_rejected(self, stack: Stack, folder: Path) -> None:
        (folder / "bootstrap").unlink()
        with pytest.raises(
            ValueError, match=r"has no file 'bootstrap' for Lambda to start; it has 'index.mjs', 'run.sh'"
        ):
            StreamingFunction(stack, "Chat", entry=folder, adapter=Adapter.native(), runtime=Runtime.PROVIDED_AL2023)

    @pytest.mark.parametrize("runtime", [Runtime.PYTHON_3_14, Runtime.JAVA_21])
    def test_runtime_that_does_not_stream_causes_warning(
        self, stack: Stack, folder: Path, runtime: aws_lambda.Runtime
    ) -> None:
        """It is only a warning, because AWS's Python may stream later."""
        StreamingFunction(
            stack, "Chat", entry=folder, adapter=Adapter.native(), runtime=runtime, handler="index.handler"
        )
        Annotations.from_stack(stack).has_warning(
            "/Stack/Chat", Match.string_like_regexp(r"does not stream by itself.*:runtimeDoesNotStream\]")
        )

    def test_code_needs_runtime(self, stack: Stack) -> None:
        with pytest.raises(TypeError, match=r"runtime is required with Adapter.native\(\)"):
            StreamingFunction(
                stack,
                "Chat",
                code=aws_lambda.Code.from_inline("x"),
                handler="index.handler",
                adapter=Adapter.native(),
            )

    def test_image_has_its_own_runtime(self, stack: Stack, folder: Path) -> None:
        (folder / "Dockerfile").write_text("FROM scratch\n")
        image = aws_lambda.Code.from_asset_image(str(folder))
        StreamingFunction(stack, "Chat", code=image, adapter=Adapter.native())
        assert properties(stack)["PackageType"] == "Image"
        Annotations.from_stack(stack).has_no_warning("*", Match.any_value())

    def test_code_is_deployed_as_it_is(self, stack: Stack) -> None:
        StreamingFunction(
            stack,
            "Chat",
            code=aws_lambda.Code.from_inline("exports.handler = awslambda.streamifyResponse(async () => {})"),
            handler="index.handler",
            adapter=Adapter.native(),
            runtime=Runtime.NODEJS_24_X,
        )
        assert properties(stack)["Runtime"] == "nodejs24.x"


class TestLambdaWebAdapter:
    def test_function_has_layer_wrapper_mode_and_script(self, stack: Stack, folder: Path) -> None:
        StreamingFunction(stack, "Shop", entry=folder, adapter=Adapter.lambda_web_adapter())
        found = properties(stack)
        assert (found["Runtime"], found["Handler"]) == ("python3.14", "run.sh")
        assert variables(stack) == {
            "AWS_LAMBDA_EXEC_WRAPPER": "/opt/bootstrap",
            "AWS_LWA_INVOKE_MODE": "response_stream",
        }
        (layer,) = found["Layers"]
        assert layer["Fn::Join"][1] == [
            "arn:",
            {"Ref": "AWS::Partition"},
            ":lambda:",
            {"Ref": "AWS::Region"},
            ":753240598075:layer:LambdaAdapterLayerArm64:30",
        ]

    @pytest.mark.parametrize(
        ("region", "architecture", "arn"),
        [
            (
                "eu-west-1",
                aws_lambda.Architecture.ARM_64,
                "arn:aws:lambda:eu-west-1:753240598075:layer:LambdaAdapterLayerArm64:27",
            ),
            (
                "eu-west-1",
                aws_lambda.Architecture.X86_64,
                "arn:aws:lambda:eu-west-1:753240598075:layer:LambdaAdapterLayerX86:27",
            ),
            (
                "cn-north-1",
                aws_lambda.Architecture.X86_64,
                "arn:aws-cn:lambda:cn-north-1:041581134020:layer:LambdaAdapterLayerX86:27",
            ),
            (
                "cn-northwest-1",
                aws_lambda.Architecture.X86_64,
                "arn:aws-cn:lambda:cn-northwest-1:069767869989:layer:LambdaAdapterLayerX86:27",
            ),
        ],
    )
    def test_layer_is_that_of_the_region(
        self, tmp_path: Path, folder: Path, region: str, architecture: aws_lambda.Architecture, arn: str
    ) -> None:
        stack = stack_in(region, tmp_path)
        adapter = Adapter.lambda_web_adapter(layer_version=27)
        StreamingFunction(stack, "Shop", entry=folder, adapter=adapter, architecture=architecture)
        assert properties(stack)["Layers"] == [arn]

    @pytest.mark.parametrize(
        ("region", "message"),
        [
            ("cn-north-1", "x86_64 only in cn-north-1, got architecture arm64"),
            ("us-gov-west-1", "no layer of Lambda Web"),
            ("us-iso-east-1", "no layer of Lambda Web"),
            ("us-isob-east-1", "no layer of Lambda Web"),
            ("us-isof-south-1", "no layer of Lambda Web"),
            ("eu-isoe-west-1", "no layer of Lambda Web"),
            ("eusc-de-east-1", "no layer of Lambda Web"),
        ],
    )
    def test_region_without_layer_is_rejected(self, tmp_path: Path, folder: Path, region: str, message: str) -> None:
        with pytest.raises(ValueError, match=message):
            StreamingFunction(stack_in(region, tmp_path), "Shop", entry=folder, adapter=Adapter.lambda_web_adapter())

    def test_every_other_region_has_a_layer(self) -> None:
        for region in region_info.RegionInfo.regions:
            partition = region.partition
            try:
                arn = layer_arn(region.name, aws_lambda.Architecture.X86_64, "30")
            except ValueError:
                assert partition not in ("aws", "aws-cn"), region.name
            else:
                assert arn.startswith(f"arn:{partition}:lambda:{region.name}:"), region.name

    def test_own_layer_is_used(self, tmp_path: Path, folder: Path) -> None:
        stack = stack_in("us-gov-west-1", tmp_path)
        arn = "arn:aws-us-gov:lambda:us-gov-west-1:123456789012:layer:adapter:1"
        layer = aws_lambda.LayerVersion.from_layer_version_arn(stack, "Own", arn)
        StreamingFunction(stack, "Shop", entry=folder, adapter=Adapter.lambda_web_adapter(layer=layer))
        assert properties(stack)["Layers"] == [arn]

    def test_ignored_files_of_other_languages_are_not_deployed(self, stack: Stack, folder: Path) -> None:
        (folder / ".lambdaignore").write_text("bootstrap\n")
        StreamingFunction(
            stack,
            "Shop",
            entry=folder,
            adapter=Adapter.lambda_web_adapter(),
            runtime=Runtime.NODEJS_24_X,
            bundling=BundlingOptions(asset_excludes=["*.mjs"]),
        )
        assert files_of_asset(stack) == {"run.sh"}

    def test_bundling_options_for_other_languages_are_rejected(self, stack: Stack, folder: Path) -> None:
        with pytest.raises(ValueError, match=r"bundling.extras cannot be \['fast'\] with the runtime 'nodejs24.x'"):
            StreamingFunction(
                stack,
                "Shop",
                entry=folder,
                adapter=Adapter.lambda_web_adapter(),
                runtime=Runtime.NODEJS_24_X,
                bundling=BundlingOptions(extras=["fast"]),
            )

    def test_every_option_sets_its_variable(self, stack: Stack, folder: Path) -> None:
        adapter = Adapter.lambda_web_adapter(
            port=8000,
            host="localhost",
            readiness_check_port=8001,
            readiness_check_path="/ready",
            readiness_check_protocol="tcp",
            readiness_check_healthy_status="200-399",
            async_init=True,
            remove_base_path="/prod",
            pass_through_path="/queue",
            authorization_source="x-auth",
            error_status_codes="500-599",
            enable_compression=False,
            lambda_runtime_api_proxy="127.0.0.1:9002",
            snapstart_before_checkpoint_path="/before",
            snapstart_after_restore_path="/after",
        )
        StreamingFunction(stack, "Shop", entry=folder, adapter=adapter, runtime=Runtime.NODEJS_24_X)
        assert variables(stack) == {
            "AWS_LAMBDA_EXEC_WRAPPER": "/opt/bootstrap",
            "AWS_LWA_INVOKE_MODE": "response_stream",
            "AWS_LWA_PORT": "8000",
            "AWS_LWA_HOST": "localhost",
            "AWS_LWA_READINESS_CHECK_PORT": "8001",
            "AWS_LWA_READINESS_CHECK_PATH": "/ready",
            "AWS_LWA_READINESS_CHECK_PROTOCOL": "tcp",
            "AWS_LWA_READINESS_CHECK_HEALTHY_STATUS": "200-399",
            "AWS_LWA_ASYNC_INIT": "true",
            "AWS_LWA_REMOVE_BASE_PATH": "/prod",
            "AWS_LWA_PASS_THROUGH_PATH": "/queue",
            "AWS_LWA_AUTHORIZATION_SOURCE": "x-auth",
            "AWS_LWA_ERROR_STATUS_CODES": "500-599",
            "AWS_LWA_ENABLE_COMPRESSION": "false",
            "AWS_LWA_LAMBDA_RUNTIME_API_PROXY": "127.0.0.1:9002",
            "AWS_LWA_SNAPSTART_BEFORE_CHECKPOINT_PATH": "/before",
            "AWS_LWA_SNAPSTART_AFTER_RESTORE_PATH": "/after",
        }

    def test_maker_passes_every_option_on(self) -> None:
        """The names of the options are in the signature, in the call and in `WebAdapterOptions`."""
        options = {option.name for option in dataclasses.fields(WebAdapterOptions)}
        signature = inspect.signature(Adapter.lambda_web_adapter).parameters
        assert set(signature) - {"layer", "layer_version"} == options
        for name in options:
            value: Any = True if name in ("async_init", "enable_compression") else VALUES.get(name, "/path")
            adapter = Adapter.lambda_web_adapter(**{name: value})
            assert isinstance(adapter.implementation, LambdaWebAdapter)
            with pytest.raises(ValueError, match=f"the option {name} of"):
                adapter.implementation.check_variable(f"AWS_LWA_{name.upper()}", "x")

    def test_options_can_be_tokens(self, stack: Stack, folder: Path) -> None:
        port = CfnParameter(stack, "Port", type="Number").value_as_number
        path = CfnParameter(stack, "Path").value_as_string
        adapter = Adapter.lambda_web_adapter(port=port, readiness_check_path=path)
        StreamingFunction(stack, "Shop", entry=folder, adapter=adapter)
        assert variables(stack)["AWS_LWA_PORT"] == {"Ref": "Port"}
        assert variables(stack)["AWS_LWA_READINESS_CHECK_PATH"] == {"Ref": "Path"}

    @pytest.mark.parametrize(
        ("options", "error", "message"),
        [
            ({"port": "8000"}, TypeError, "port must be a port number, such as 8000, got '8000'"),
            ({"port": 70000}, ValueError, "port must be between 1 and 65535, got 70000"),
            ({"port": 3000}, ValueError, "port cannot be 3000, because Lambda uses that port"),
            ({"async_init": "yes"}, TypeError, "async_init must be True or False, got 'yes'"),
            ({"readiness_check_path": "ready"}, ValueError, "readiness_check_path must start with '/', got 'ready'"),
            ({"readiness_check_protocol": "udp"}, ValueError, "readiness_check_protocol must be one of http, tcp"),
            ({"host": 5}, TypeError, "host must be a str, got 5"),
            ({"layer_version": "27"}, ValueError, "layer_version must be the number of a version.*got '27'"),
            ({"layer_version": 0}, ValueError, "layer_version must be the number of a version"),
            ({"layer_version": True}, ValueError, "layer_version must be the number of a version.*got True"),
            ({"layer_version": float("nan")}, ValueError, "layer_version must be the number of a version.*got nan"),
            ({"layer": "arn:x"}, TypeError, r"layer must be a layer, got 'arn:x'; .*from_layer_version_arn"),
            ({"port": float("nan")}, TypeError, "port must be a port number"),
            ({"host": "http://localhost"}, ValueError, "host must be a name or an address without scheme"),
            ({"readiness_check_healthy_status": "ok"}, ValueError, "_healthy_status must be statuses.* got 'ok'"),
            ({"readiness_check_healthy_status": "200-"}, ValueError, "_healthy_status must be statuses and ranges"),
            ({"error_status_codes": "5xx"}, ValueError, "error_status_codes must be statuses and ranges of them"),
            ({"error_status_codes": 500}, TypeError, "error_status_codes must be a str, got 500"),
        ],
    )
    def test_wrong_option_is_rejected_by_name(
        self, options: dict[str, Any], error: type[Exception], message: str
    ) -> None:
        with pytest.raises(error, match=message):
            Adapter.lambda_web_adapter(**options)

    @pytest.mark.parametrize("value", ["200", "200-399", "200-399,404", "200, 204, 300 - 399"])
    def test_lists_of_statuses_are_accepted(self, value: str) -> None:
        Adapter.lambda_web_adapter(readiness_check_healthy_status=value, error_status_codes=value)

    @pytest.mark.parametrize(
        ("key", "value", "message"),
        [
            ("AWS_LWA_PORT", "abc", "AWS_LWA_PORT must be between 1 and 65535, got abc"),
            ("AWS_LWA_PORT", "3000", "AWS_LWA_PORT cannot be 3000, because Lambda uses that port"),
            ("AWS_LWA_ASYNC_INIT", "yes", "AWS_LWA_ASYNC_INIT must be one of true, false, got 'yes'"),
            ("AWS_LWA_READINESS_CHECK_PATH", "health", "AWS_LWA_READINESS_CHECK_PATH must start with '/'"),
            ("AWS_LWA_ERROR_STATUS_CODES", "5xx", "AWS_LWA_ERROR_STATUS_CODES must be statuses and ranges"),
        ],
    )
    def test_variable_is_checked_like_its_option(
        self, stack: Stack, folder: Path, key: str, value: str, message: str
    ) -> None:
        with pytest.raises(ValueError, match=message):
            StreamingFunction(
                stack, "Shop", entry=folder, adapter=Adapter.lambda_web_adapter(), environment={key: value}
            )

    @pytest.mark.parametrize("handler", ["../app/run.sh", "bin/../../app/run.sh", "/etc/passwd"])
    def test_script_outside_entry_is_rejected(self, stack: Stack, folder: Path, handler: str) -> None:
        with pytest.raises(ValueError, match=f"handler must be a path inside entry.*got '{handler}'"):
            StreamingFunction(stack, "Shop", entry=folder, adapter=Adapter.lambda_web_adapter(), handler=handler)

    @pytest.mark.parametrize("options", [{}, {"code": aws_lambda.Code.from_inline("x"), "entry": None}])
    def test_os_only_runtime_is_rejected(self, stack: Stack, folder: Path, options: dict[str, Any]) -> None:
        with pytest.raises(ValueError, match=r"runtime cannot be 'provided.al2023'.*pass a managed runtime"):
            StreamingFunction(
                stack,
                "Shop",
                **{"entry": folder, **options},
                runtime=Runtime.PROVIDED_AL2023,
                adapter=Adapter.lambda_web_adapter(),
            )

    @pytest.mark.parametrize("name", ["LambdaAdapterLayerX86:30", "LambdaAdapterLayerArm64:27"])
    def test_second_web_adapter_layer_is_rejected(self, stack: Stack, folder: Path, name: str) -> None:
        arn = f"arn:aws:lambda:eu-west-1:753240598075:layer:{name}"
        layer = aws_lambda.LayerVersion.from_layer_version_arn(stack, "Second", arn)
        StreamingFunction(stack, "Shop", entry=folder, adapter=Adapter.lambda_web_adapter(), layers=[layer])
        with pytest.raises(RuntimeError, match=rf"{name}.* has Lambda Web Adapter too"):
            Template.from_stack(stack)

    @pytest.mark.parametrize(
        ("key", "value", "message"),
        [
            ("AWS_LWA_INVOKE_MODE", "buffered", "the option invoke_mode sets it"),
            ("AWS_LAMBDA_EXEC_WRAPPER", "/opt/x", "Lambda starts Lambda Web Adapter from it"),
            ("AWS_LWA_PORT", "9000", r"the option port of Adapter.lambda_web_adapter\(\) has set it to '8000'"),
            (
                "AWS_LWA_INVOKEMODE",
                "response_stream",
                "unknown environment variable AWS_LWA_INVOKEMODE; did you mean AWS_LWA_INVOKE_MODE",
            ),
        ],
    )
    def test_variable_that_contradicts_option_is_rejected(
        self, stack: Stack, folder: Path, key: str, value: str, message: str
    ) -> None:
        options: dict[str, Any] = {"entry": folder, "adapter": Adapter.lambda_web_adapter(port=8000)}
        with pytest.raises(ValueError, match=message):
            StreamingFunction(stack, "Shop", environment={key: value}, **options)
        function = StreamingFunction(stack, "Other", **options)
        with pytest.raises(ValueError, match=message):
            function.add_environment(key, value)

    def test_variable_without_option_can_be_set(self, stack: Stack, folder: Path) -> None:
        StreamingFunction(
            stack,
            "Shop",
            entry=folder,
            adapter=Adapter.lambda_web_adapter(),
            environment={"AWS_LWA_PORT": "8000", "PORT": "8000"},
        )
        assert variables(stack)["AWS_LWA_PORT"] == "8000"

    def test_adapter_buffers_if_url_buffers(self, stack: Stack, folder: Path) -> None:
        StreamingFunction(
            stack,
            "Shop",
            entry=folder,
            adapter=Adapter.lambda_web_adapter(),
            invoke_mode=aws_lambda.InvokeMode.BUFFERED,
        )
        assert variables(stack)["AWS_LWA_INVOKE_MODE"] == "buffered"
        Template.from_stack(stack).has_resource_properties("AWS::Lambda::Url", {"InvokeMode": "BUFFERED"})

    def test_front_door_that_contradicts_mode_is_rejected(self, stack: Stack, folder: Path) -> None:
        function = StreamingFunction(stack, "Shop", entry=folder, adapter=Adapter.lambda_web_adapter())
        aws_apigateway.LambdaRestApi(stack, "Api", handler=function)
        with pytest.raises(
            RuntimeError, match=r"'Stack/Api/.*' buffers, but AWS_LWA_INVOKE_MODE is 'response_stream'.*BUFFERED"
        ):
            Template.from_stack(stack)

    def test_streaming_url_of_buffering_adapter_is_rejected(self, stack: Stack, folder: Path) -> None:
        function = StreamingFunction(
            stack,
            "Shop",
            entry=folder,
            adapter=Adapter.lambda_web_adapter(),
            invoke_mode=aws_lambda.InvokeMode.BUFFERED,
            function_url=False,
        )
        function.add_function_url(invoke_mode=aws_lambda.InvokeMode.RESPONSE_STREAM)
        with pytest.raises(RuntimeError, match="streams, but AWS_LWA_INVOKE_MODE is 'buffered'"):
            Template.from_stack(stack)

    def test_later_wrapper_is_rejected_at_synth(self, stack: Stack, folder: Path) -> None:
        function = StreamingFunction(stack, "Shop", entry=folder, adapter=Adapter.lambda_web_adapter())
        aws_lambda.Function.add_environment(function, "AWS_LAMBDA_EXEC_WRAPPER", "/opt/datadog_wrapper")
        with pytest.raises(RuntimeError, match="'/opt/datadog_wrapper', so Lambda would not start Lambda Web Adapter"):
            Template.from_stack(stack)

    def test_adot_is_rejected(self, stack: Stack, folder: Path) -> None:
        with pytest.raises(
            ValueError, match=r"adot_instrumentation cannot be combined with Adapter.lambda_web_adapter"
        ):
            StreamingFunction(
                stack,
                "Shop",
                entry=folder,
                adapter=Adapter.lambda_web_adapter(),
                adot_instrumentation=object(),  # type: ignore[arg-type]
            )

    @pytest.mark.parametrize(
        ("content", "mode", "message"),
        [
            (None, 0, r"has no file 'run.sh' for Lambda to start; it has 'bootstrap', 'index.mjs'"),
            (SCRIPT, 0o644, r"is not executable, so Lambda cannot start it; run chmod \+x"),
            ("exec gunicorn\n", 0o755, "must name its interpreter in its first line, such as #!/bin/bash"),
            (SCRIPT.replace("\n", "\r\n"), 0o755, r"Windows line ends \(CRLF\)"),
        ],
    )
    def test_script_that_lambda_cannot_start_is_rejected(
        self, stack: Stack, folder: Path, content: str | None, mode: int, message: str
    ) -> None:
        (folder / "run.sh").unlink()
        if content is not None:
            (folder / "run.sh").write_bytes(content.encode())
            (folder / "run.sh").chmod(mode)
        with pytest.raises(ValueError, match=message):
            StreamingFunction(stack, "Shop", entry=folder, adapter=Adapter.lambda_web_adapter())

    def test_container_image_gets_only_variables(self, stack: Stack, folder: Path) -> None:
        (folder / "Dockerfile").write_text("FROM scratch\n")
        StreamingFunction(
            stack,
            "Shop",
            code=aws_lambda.Code.from_asset_image(str(folder)),
            adapter=Adapter.lambda_web_adapter(port=8000),
        )
        assert properties(stack)["PackageType"] == "Image"
        assert variables(stack) == {"AWS_LWA_INVOKE_MODE": "response_stream", "AWS_LWA_PORT": "8000"}
        assert "Layers" not in properties(stack)


class TestHandler:
    @pytest.mark.parametrize("name", ["python3.13", "provided.al2023"])
    def test_users_own_runtime_object_becomes_the_cdks(self, stack: Stack, entry: Path, name: str) -> None:
        """The CDK would not find the user's own object among those of the layer."""
        family = aws_lambda.RuntimeFamily.PYTHON if name.startswith("python") else aws_lambda.RuntimeFamily.OTHER
        runtime = aws_lambda.Runtime(name, family)
        StreamingFunction(stack, "Chat", entry=entry, runtime=runtime)
        StreamingFunction(
            stack,
            "Inline",
            code=aws_lambda.Code.from_asset(str(entry)),
            handler="index.handler",
            runtime=runtime,
        )
        functions = Template.from_stack(stack).find_resources("AWS::Lambda::Function").values()
        assert [function["Properties"]["Runtime"] for function in functions] == [name, name]

    def test_bootstrap_in_entry_is_rejected_on_os_only_runtime(self, stack: Stack, entry: Path) -> None:
        (entry / "bootstrap").touch()
        StreamingFunction(stack, "Managed", entry=entry)
        with pytest.raises(ValueError, match=r"has a file 'bootstrap'.*on 'provided.al2023'.*Adapter.native\(\)"):
            StreamingFunction(stack, "Chat", entry=entry, runtime=Runtime.PROVIDED_AL2023)

    @pytest.mark.parametrize("how", ["variable", "layer", "variable afterwards", "layer afterwards"])
    def test_os_only_runtime_with_python_has_no_warning(self, stack: Stack, entry: Path, how: str) -> None:
        arn = "arn:aws:lambda:eu-west-1:123456789012:layer:python:1"
        layer = aws_lambda.LayerVersion.from_layer_version_arn(stack, "Python", arn)
        options: dict[str, Any] = {}
        if how == "variable":
            options = {"environment": {"LAMBDA_STREAMING_PYTHON": "/var/task/bin/python3"}}
        if how == "layer":
            options = {"layers": [layer]}
        function = StreamingFunction(stack, "Chat", entry=entry, runtime=Runtime.PROVIDED_AL2023, **options)
        if how == "variable afterwards":
            function.add_environment("LAMBDA_STREAMING_PYTHON", "/var/task/bin/python3")
        if how == "layer afterwards":
            function.add_layers(layer)
        Annotations.from_stack(stack).has_no_warning("*", Match.any_value())


def test_other_object_than_adapter_is_rejected(stack: Stack, entry: Path) -> None:
    example = re.escape("adapter must be an Adapter, such as Adapter.asgi('app.main:app')")
    with pytest.raises(TypeError, match=f"{example}, got 'native'"):
        StreamingFunction(stack, "Chat", entry=entry, adapter="native")  # type: ignore[arg-type]
    with pytest.raises(TypeError, match=f"{example}, got <class"):
        StreamingFunction(stack, "Chat", entry=entry, adapter=Adapter)  # type: ignore[arg-type]
