"""An app that uses the API passes `mypy --strict`, and a value of the wrong type is reported.

mypy reads all of `aws_cdk`: a minute or two the first time, under a second with the cache that `make check` fills too.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
# The repository's own settings would check the repository; these are those of an app, told where the packages are.
SOURCES = [str(ROOT / folder) for folder in ("constructs_lib", "runtime_asset/python", "emulator")]
MYPY = [
    *(sys.executable, "-m", "mypy", "--config-file=", "--strict", "--python-version", "3.10"),
    *("--explicit-package-bases", "--cache-dir", str(ROOT / ".mypy_cache")),
]

APP = """
from pathlib import Path

from aws_cdk import App, CfnOutput, Duration, Stack, aws_apigateway, aws_cloudfront, aws_iam, aws_lambda
from aws_cdk.assertions import Template
from cdk_lambda_streaming import Adapter, FrontDoor, StreamingAlias, StreamingFunction, StreamingLayer
from cdk_lambda_streaming.testing import mask_template
from constructs import Construct


class Shop(Stack):
    def __init__(self, scope: Construct, id: str) -> None:
        super().__init__(scope, id)
        chat = StreamingFunction(
            self,
            "Chat",
            entry=Path("chat"),
            index="app/main.py",
            handler="answer",
            adapter=Adapter.handler(),
            runtime=aws_lambda.Runtime.PYTHON_3_13,
            architecture=aws_lambda.Architecture.X86_64,
            memory_size=512,
            timeout=Duration.minutes(1),
            auth_type=aws_lambda.FunctionUrlAuthType.AWS_IAM,
            cors=aws_lambda.FunctionUrlCorsOptions(allowed_origins=["https://app.example.com"]),
            alias_name="live",
            alias_options={"provisioned_concurrent_executions": 2},
            exec_wrappers=("/opt/otel-instrument",),
            stream_metrics_sample_rate=0.5,
            environment={"TABLE": "chats"},
            tracing=aws_lambda.Tracing.ACTIVE,
        )
        alias: StreamingAlias | None = chat.alias
        assert alias is not None
        alias.add_auto_scaling(max_capacity=5).scale_on_utilization(utilization_target=0.7)
        role = aws_iam.Role(self, "Caller", assumed_by=aws_iam.ServicePrincipal("ecs-tasks.amazonaws.com"))
        grant: aws_iam.Grant = chat.grant_invoke_url(role)
        grant.assert_success()
        api: aws_apigateway.LambdaRestApi = chat.add_streaming_rest_api("Api")
        api.root.add_resource("chat").add_method("POST", chat.streaming_integration(timeout=Duration.minutes(5)))
        site: aws_cloudfront.Distribution = chat.add_distribution("Site", sign_request_bodies=True)
        origin: aws_cloudfront.IOrigin = chat.function_url_origin(read_timeout=Duration.seconds(90))
        site.add_behavior("/other*", origin)
        chat.metric_midstream_errors(period=Duration.minutes(1)).create_alarm(
            self, "Broken", threshold=1, evaluation_periods=1
        )
        CfnOutput(self, "Url", value=chat.url)
        web = StreamingFunction(
            self,
            "Web",
            code=aws_lambda.Code.from_asset("web"),
            adapter=Adapter.lambda_web_adapter(port=8000, readiness_check_path="/health", async_init=True),
            function_url=False,
        )
        web.add_function_url(invoke_mode=aws_lambda.InvokeMode.RESPONSE_STREAM)
        plain = aws_lambda.Function(
            self,
            "Plain",
            code=aws_lambda.Code.from_asset("plain"),
            handler="index.handler",
            runtime=aws_lambda.Runtime.PYTHON_3_13,
        )
        StreamingLayer.of(self).attach_to(plain, front_doors=[FrontDoor.FUNCTION_URL])
        # Wherever an IFunction is wanted.
        aws_apigateway.LambdaIntegration(chat)
        target: aws_lambda.IFunction = chat.url_target
        target.grant_invoke(role)


def masked() -> dict[str, object]:
    return mask_template(Template.from_stack(Shop(App(), "Shop")).to_json())
"""

WRONG = {
    'entry="chat", timeout=30': 'Argument "timeout" to "StreamingFunction" has incompatible type "int"',
    'entry="chat", memory_size="512"': 'Argument "memory_size" to "StreamingFunction" has incompatible type "str"',
    'entry="chat", adapter=Adapter.native': 'Argument "adapter" to "StreamingFunction" has incompatible type',
    'entry="chat", environment={"SIZE": 5}': 'Dict entry 0 has incompatible type "str": "int"',
}


def check(folder: Path, source: str) -> subprocess.CompletedProcess[str]:
    (folder / "app.py").write_text(source)
    environment = {**os.environ, "MYPYPATH": os.pathsep.join(SOURCES)}
    return subprocess.run(
        [*MYPY, "app.py"], cwd=folder, env=environment, capture_output=True, text=True, timeout=500, check=False
    )


def test_an_app_is_free_of_errors(tmp_path: Path) -> None:
    done = check(tmp_path, APP)
    assert done.returncode == 0, done.stdout + done.stderr


def test_wrong_types_are_reported(tmp_path: Path) -> None:
    calls = "".join(
        f'StreamingFunction(stack, "Wrong{number}", {arguments})\n' for number, arguments in enumerate(WRONG)
    )
    done = check(
        tmp_path,
        "from aws_cdk import App, Stack\n"
        "from cdk_lambda_streaming import Adapter, StreamingFunction\n"
        'stack = Stack(App(), "Shop")\n' + calls,
    )
    assert done.returncode == 1, done.stdout + done.stderr
    *errors, _ = done.stdout.splitlines()
    for error, expected in zip(errors, WRONG.values(), strict=True):
        assert expected in error
