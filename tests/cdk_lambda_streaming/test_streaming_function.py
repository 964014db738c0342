from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import aws_cdk
import pytest
from aws_cdk import App, CfnParameter, Duration, Fn, Stack, aws_ec2, aws_iam, aws_lambda
from aws_cdk.assertions import Annotations, Match, Template
from cdk_lambda_streaming import StreamingFunction

WARNINGS = Match.string_like_regexp("cdk-lambda-streaming:")


def properties(stack: Stack, kind: str) -> dict[str, Any]:
    """Return the properties of the stack's only resource of a kind."""
    (resource,) = Template.from_stack(stack).find_resources(kind).values()
    found: dict[str, Any] = resource["Properties"]
    return found


def variables(stack: Stack) -> dict[str, Any]:
    found: dict[str, Any] = properties(stack, "AWS::Lambda::Function")["Environment"]["Variables"]
    return found


def warnings(stack: Stack) -> list[str]:
    return [str(found.entry.data) for found in Annotations.from_stack(stack).find_warning("*", WARNINGS)]


class TestFunction:
    def test_defaults_are_newest_python_on_arm(self, stack: Stack, entry: Path) -> None:
        StreamingFunction(stack, "Chat", entry=entry)
        function = properties(stack, "AWS::Lambda::Function")
        assert function["Runtime"] == "python3.14"
        assert function["Architectures"] == ["arm64"]
        assert (function["MemorySize"], function["Timeout"]) == (1024, 300)
        assert function["Handler"] == "index.handler"

    def test_function_has_one_variable_and_one_layer(self, stack: Stack, entry: Path) -> None:
        StreamingFunction(stack, "Chat", entry=entry)
        function = properties(stack, "AWS::Lambda::Function")
        assert function["Environment"]["Variables"] == {"AWS_LAMBDA_EXEC_WRAPPER": "/opt/bootstrap"}
        assert len(function["Layers"]) == 1

    def test_function_is_a_cdk_function(self, stack: Stack, entry: Path) -> None:
        function = StreamingFunction(stack, "Chat", entry=entry)
        assert isinstance(function.node.default_child, aws_lambda.CfnFunction)
        assert function.add_alias("live").lambda_ is function

    def test_entry_can_be_relative_and_index_in_a_folder(
        self, stack: Stack, make_entry: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        folder = make_entry(app__main="def stream(event, context):\n    yield 'x'\n")
        monkeypatch.chdir(folder.parent)
        StreamingFunction(stack, "Chat", entry="chat", index="app/main.py", handler="stream")
        assert properties(stack, "AWS::Lambda::Function")["Handler"] == "app.main.stream"

    @pytest.mark.parametrize(
        ("options", "error", "message"),
        [
            ({"entry": None}, TypeError, "entry is required: the folder with the function's code; or pass code"),
            ({"entry": 5}, TypeError, "entry must be the path"),
            (
                {"entry": "nowhere"},
                ValueError,
                "entry folder 'nowhere' does not exist at '/.*'; pass the folder",
            ),
            ({"index": "main.py"}, ValueError, "has no file 'main.py'"),
            ({"handler": "handle"}, ValueError, r"did you mean 'handler'\? Pass handler='handler'"),
            ({"handler": 3}, TypeError, "handler must be"),
            ({"runtime": "python3.14"}, TypeError, "runtime must be a Runtime"),
            ({"timeout": 30}, TypeError, r"timeout must be a Duration, such as Duration.minutes\(5\), got 30"),
            (
                {"timeout": Duration.minutes(91)},
                ValueError,
                "at most 5400 seconds, without fractions, got 5460 seconds",
            ),
            ({"timeout": Duration.seconds(0)}, ValueError, "at least 1 and at most 5400 seconds.*got 0 seconds"),
            ({"timeout": Duration.millis(1500)}, ValueError, "without fractions, got 1.5 seconds"),
            ({"memory_size": "512"}, TypeError, "memory_size must be a number"),
            ({"memory_size": 64}, ValueError, "between 128 and 32768 MB, without fractions, got 64"),
            ({"memory_size": 512.5}, ValueError, "without fractions, got 512.5"),
            ({"environment": {"AWS_REGION": "x"}}, ValueError, "AWS_REGION cannot be set"),
            ({"invoke_mode": "RESPONSE_STREAM"}, TypeError, "invoke_mode must be an InvokeMode"),
            ({"auth_type": "NONE"}, TypeError, "auth_type must be a FunctionUrlAuthType"),
            ({"function_url": "yes"}, TypeError, "function_url must be True or False"),
            ({"cors": True}, TypeError, "cors must be FunctionUrlCorsOptions"),
            ({"architecture": "arm64"}, TypeError, "architecture must be"),
            ({"layers": 5}, TypeError, "layers must be"),
            ({"layers": "arn:x"}, TypeError, "layers must be a list of layers, got 'arn:x'; .*from_layer_version_arn"),
            ({"layers": ["arn:x"]}, TypeError, r"layers must be a list of layers, got \['arn:x'\]"),
            ({"code": aws_lambda.Code.from_inline("x")}, TypeError, "pass either entry or code, got both: entry="),
            ({"memorysize": 128}, TypeError, "memorysize"),
        ],
    )
    def test_wrong_option_is_rejected_by_name(
        self, stack: Stack, entry: Path, options: dict[str, Any], error: type[Exception], message: str
    ) -> None:
        with pytest.raises(error, match=message):
            StreamingFunction(stack, "Chat", **{"entry": entry, **options})

    @pytest.mark.parametrize(
        ("runtime", "message"),
        [
            (aws_lambda.Runtime.NODEJS_22_X, "got 'nodejs22.x': the layer runs only Python handlers"),
            (aws_lambda.Runtime.PYTHON_3_9, "got 'python3.9': the layer needs Python 3.10 or newer"),
        ],
    )
    def test_other_runtime_is_rejected_with_reason(
        self, stack: Stack, entry: Path, runtime: aws_lambda.Runtime, message: str
    ) -> None:
        with pytest.raises(ValueError, match="one of python3.10, .*, provided.al2023, or a newer Python, " + message):
            StreamingFunction(stack, "Chat", entry=entry, runtime=runtime)

    def test_switches_are_checked_at_synth(self, stack: Stack, entry: Path) -> None:
        chat = StreamingFunction(stack, "Chat", entry=entry, environment={"LAMBDA_STREAMING_EMPTY_BODY": "no"})
        chat.add_environment("LAMBDA_STREAMING_GRACEFUL_SHUTDOWN", "yes")
        with pytest.raises(RuntimeError, match=r"(?s)Stack/Chat\].*newline, empty, got 'no'.*on, off, got 'yes'"):
            Template.from_stack(stack)

    def test_sizes_can_be_tokens(self, stack: Stack, entry: Path) -> None:
        size = CfnParameter(stack, "Size", type="Number").value_as_number
        StreamingFunction(stack, "Chat", entry=entry, memory_size=size, timeout=Duration.seconds(size))
        assert properties(stack, "AWS::Lambda::Function")["MemorySize"] == {"Ref": "Size"}

    def test_four_other_layers_are_accepted(self, stack: Stack, entry: Path) -> None:
        StreamingFunction(stack, "Chat", entry=entry, layers=tuple(other_layers(stack, 4)))
        assert len(properties(stack, "AWS::Lambda::Function")["Layers"]) == 5

    def test_sixth_layer_is_rejected(self, stack: Stack, entry: Path) -> None:
        with pytest.raises(ValueError, match="has 5 layers already, but Lambda allows 5"):
            StreamingFunction(stack, "Chat", entry=entry, layers=other_layers(stack, 5))


class TestEnvironment:
    def test_variables_are_merged(self, stack: Stack, entry: Path) -> None:
        function = StreamingFunction(stack, "Chat", entry=entry, environment={"TABLE": "chats"})
        function.add_environment("REGION", stack.region).add_environment("LATE", "yes")
        assert variables(stack) == {
            "AWS_LAMBDA_EXEC_WRAPPER": "/opt/bootstrap",
            "LATE": "yes",
            "REGION": {"Ref": "AWS::Region"},
            "TABLE": "chats",
        }

    def test_reserved_names_are_rejected_in_add_environment(self, stack: Stack, entry: Path) -> None:
        function = StreamingFunction(stack, "Chat", entry=entry)
        with pytest.raises(ValueError, match="AWS_LAMBDA_EXEC_WRAPPER cannot be set to '/opt/other'"):
            function.add_environment("AWS_LAMBDA_EXEC_WRAPPER", "/opt/other")
        with pytest.raises(TypeError, match="PORT must be a str, got int 1; pass '1'"):
            function.add_environment("PORT", 1)  # type: ignore[arg-type]

    def test_buffering_function_sets_front_doors_to_none(self, stack: Stack, entry: Path) -> None:
        StreamingFunction(stack, "Chat", entry=entry, invoke_mode=aws_lambda.InvokeMode.BUFFERED)
        assert variables(stack)["LAMBDA_STREAMING_FRONT_DOORS"] == "none"


class TestFunctionUrl:
    def test_url_streams_and_needs_iam_permission(self, stack: Stack, entry: Path) -> None:
        StreamingFunction(stack, "Chat", entry=entry)
        url = properties(stack, "AWS::Lambda::Url")
        assert (url["InvokeMode"], url["AuthType"]) == ("RESPONSE_STREAM", "AWS_IAM")
        assert "Cors" not in url

    def test_public_url_has_both_permissions(self, stack: Stack, entry: Path) -> None:
        StreamingFunction(stack, "Chat", entry=entry, auth_type=aws_lambda.FunctionUrlAuthType.NONE)
        permissions = Template.from_stack(stack).find_resources("AWS::Lambda::Permission").values()
        actions = {permission["Properties"]["Action"] for permission in permissions}
        assert actions == {"lambda:InvokeFunctionUrl", "lambda:InvokeFunction"}

    def test_url_and_host_name_are_properties(self, stack: Stack, entry: Path) -> None:
        function = StreamingFunction(stack, "Chat", entry=entry)
        assert function.function_url is not None
        assert function.function_url.node.id == "FunctionUrl"
        assert function.url == function.function_url.url
        domain_name = stack.resolve(function.url_domain_name)
        assert domain_name == stack.resolve(Fn.select(2, Fn.split("/", function.url)))

    def test_grant_has_both_actions(self, stack: Stack, entry: Path) -> None:
        role = aws_iam.Role(stack, "Caller", assumed_by=aws_iam.AccountRootPrincipal())
        StreamingFunction(stack, "Chat", entry=entry).grant_invoke_url(role)
        statements = properties(stack, "AWS::IAM::Policy")["PolicyDocument"]["Statement"]
        assert [statement["Action"] for statement in statements] == [
            "lambda:InvokeFunctionUrl",
            "lambda:InvokeFunction",
        ]

    def test_url_can_be_left_out(self, stack: Stack, entry: Path) -> None:
        function = StreamingFunction(stack, "Chat", entry=entry, function_url=False)
        assert function.function_url is None
        with pytest.raises(ValueError, match=r"'Stack/Chat' has no Function URL; .*add_function_url\(\)"):
            _ = function.url
        Template.from_stack(stack).resource_count_is("AWS::Lambda::Url", 0)

    def test_added_url_streams(self, stack: Stack, entry: Path) -> None:
        function = StreamingFunction(stack, "Chat", entry=entry, function_url=False)
        url = function.add_function_url(cors={"allowed_origins": ["https://app.example.com"]})
        assert function.function_url is url
        assert properties(stack, "AWS::Lambda::Url")["InvokeMode"] == "RESPONSE_STREAM"

    def test_added_buffered_url_sets_front_doors_to_none(self, stack: Stack, entry: Path) -> None:
        function = StreamingFunction(stack, "Chat", entry=entry, function_url=False)
        function.add_function_url(invoke_mode=aws_lambda.InvokeMode.BUFFERED)
        assert variables(stack)["LAMBDA_STREAMING_FRONT_DOORS"] == "none"

    def test_second_url_is_rejected(self, stack: Stack, entry: Path) -> None:
        function = StreamingFunction(stack, "Chat", entry=entry)
        with pytest.raises(ValueError, match="has a Function URL already"):
            function.add_function_url()

    def test_alias_can_have_its_own_url(self, stack: Stack, entry: Path) -> None:
        function = StreamingFunction(stack, "Chat", entry=entry)
        function.add_alias("live").add_function_url(invoke_mode=aws_lambda.InvokeMode.RESPONSE_STREAM)
        Template.from_stack(stack).resource_count_is("AWS::Lambda::Url", 2)

    @pytest.mark.parametrize(
        "options",
        [
            {"auth_type": aws_lambda.FunctionUrlAuthType.NONE},
            {"cors": {"allowed_origins": ["https://app.example.com"]}},
        ],
    )
    def test_url_options_without_url_are_rejected(self, stack: Stack, entry: Path, options: dict[str, Any]) -> None:
        (option,) = options
        message = rf"{option} needs .*, got {option}=.* and function_url=False; .* pass {option} to add_function_url"
        with pytest.raises(ValueError, match=message):
            StreamingFunction(stack, "Chat", entry=entry, function_url=False, **options)

    def test_tenant_isolation_with_url_is_rejected(self, stack: Stack, entry: Path) -> None:
        with pytest.raises(ValueError, match=r"tenancy_config .*; pass function_url=False"):
            StreamingFunction(stack, "Chat", entry=entry, tenancy_config=aws_lambda.TenancyConfig.PER_TENANT)

    def test_tenant_isolation_works_without_url(self, stack: Stack, entry: Path) -> None:
        StreamingFunction(
            stack,
            "Chat",
            entry=entry,
            function_url=False,
            tenancy_config=aws_lambda.TenancyConfig.PER_TENANT,
        )
        Template.from_stack(stack).resource_count_is("AWS::Lambda::Url", 0)


class TestCors:
    def test_cors_options_are_in_url(self, stack: Stack, entry: Path) -> None:
        StreamingFunction(
            stack,
            "Chat",
            entry=entry,
            cors=aws_lambda.FunctionUrlCorsOptions(
                allowed_origins=["https://app.example.com"],
                allowed_methods=[aws_lambda.HttpMethod.GET],
                allow_credentials=True,
            ),
        )
        assert properties(stack, "AWS::Lambda::Url")["Cors"] == {
            "AllowCredentials": True,
            "AllowMethods": ["GET"],
            "AllowOrigins": ["https://app.example.com"],
        }

    @pytest.mark.parametrize(
        ("cors", "message"),
        [
            ({"allowed_methods": [aws_lambda.HttpMethod.OPTIONS]}, "answer preflight requests themselves"),
            ({"allowed_origins": ["*"], "allow_credentials": True}, "list the origins"),
        ],
    )
    def test_impossible_cors_options_are_rejected(
        self, stack: Stack, entry: Path, cors: dict[str, Any], message: str
    ) -> None:
        with pytest.raises(ValueError, match=message):
            StreamingFunction(stack, "Chat", entry=entry, cors=cors)


class TestWarnings:
    def test_plain_function_has_no_warning(self, stack: Stack, entry: Path) -> None:
        StreamingFunction(stack, "Chat", entry=entry, runtime=aws_lambda.Runtime.PYTHON_3_11)
        assert warnings(stack) == []

    def test_hidden_handler_causes_warning(self, stack: Stack, make_entry: Callable[..., Path]) -> None:
        StreamingFunction(stack, "Chat", entry=make_entry(index="from app import *"))
        (warning,) = warnings(stack)
        assert "line 1 imports * from app" in warning
        assert warning.endswith("[ack: cdk-lambda-streaming:handlerUndecided]")

    def test_source_for_newer_python_causes_warning(
        self, stack: Stack, make_entry: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("sys.version_info", (3, 10, 0))
        monkeypatch.setattr("cdk_lambda_streaming.code.source_syntax.find_interpreter", lambda python: None)
        StreamingFunction(stack, "Chat", entry=make_entry(index="later import json"))
        (warning,) = warnings(stack)
        assert warning.endswith("[ack: cdk-lambda-streaming:sourceUnread]")

    def test_url_in_vpc_causes_warning(self, stack: Stack, entry: Path) -> None:
        StreamingFunction(stack, "Chat", entry=entry, vpc=aws_ec2.Vpc(stack, "Vpc"))
        (warning,) = warnings(stack)
        assert warning.endswith("[ack: cdk-lambda-streaming:vpcFunctionUrl]")

    def test_vpc_without_url_has_no_warning(self, stack: Stack, entry: Path) -> None:
        StreamingFunction(stack, "Chat", entry=entry, vpc=aws_ec2.Vpc(stack, "Vpc"), function_url=False)
        assert warnings(stack) == []

    def test_warning_can_be_acknowledged(self, stack: Stack, make_entry: Callable[..., Path]) -> None:
        function = StreamingFunction(stack, "Chat", entry=make_entry(index="from app import *"))
        aws_cdk.Annotations.of(function).acknowledge_warning("cdk-lambda-streaming:handlerUndecided", "app has it")
        assert warnings(stack) == []


class TestCode:
    def test_files_of_tools_do_not_change_asset(self, tmp_path: Path, make_entry: Callable[..., Path]) -> None:
        clean = make_entry("clean", index="handler = 1", app__main="")
        used = make_entry("used", index="handler = 1", app__main="")
        for trace in ("__pycache__/a.pyc", "app/__pycache__/a.pyc", "app/b.pyc", ".venv/lib/c.py", "cdk.out/d"):
            path = used / trace
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text("trace")
        stack = Stack(App(outdir=str(tmp_path / "cdk.out")), "Stack")
        StreamingFunction(stack, "Clean", entry=clean)
        StreamingFunction(stack, "Used", entry=used)
        functions = Template.from_stack(stack).find_resources("AWS::Lambda::Function").values()
        (key,) = {function["Properties"]["Code"]["S3Key"] for function in functions}
        asset = tmp_path / "cdk.out" / f"asset.{key.removesuffix('.zip')}"
        assert {path.relative_to(asset).as_posix() for path in asset.rglob("*")} == {
            "app",
            "app/main.py",
            "index.py",
        }


def other_layers(stack: Stack, count: int) -> list[aws_lambda.ILayerVersion]:
    return [
        aws_lambda.LayerVersion.from_layer_version_arn(
            stack, f"Layer{n}", f"arn:aws:lambda:eu-west-1:111122223333:layer:other-{n}:1"
        )
        for n in range(count)
    ]
