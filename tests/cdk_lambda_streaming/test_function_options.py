"""StreamingFunction accepts every option of `aws_lambda.Function`, and the option is in the template.

The tests read the options from the CDK's own signature. A new option of a later CDK has no row here and fails a test.
Then check its effect on streams.
"""

from __future__ import annotations

import inspect
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from aws_cdk import (
    App,
    Duration,
    RemovalPolicy,
    Size,
    Stack,
    aws_codeguruprofiler,
    aws_ec2,
    aws_efs,
    aws_iam,
    aws_kms,
    aws_lambda,
    aws_lambda_destinations,
    aws_lambda_event_sources,
    aws_logs,
    aws_signer,
    aws_sns,
    aws_sqs,
)
from cdk_lambda_streaming import Adapter, StreamingFunction

Row = tuple[Callable[[Stack], dict[str, Any]], str]


def vpc(stack: Stack) -> aws_ec2.Vpc:
    return aws_ec2.Vpc(stack, "Vpc", max_azs=1)


def dual_stack_vpc(stack: Stack) -> aws_ec2.Vpc:
    return aws_ec2.Vpc(stack, "Vpc", max_azs=1, ip_protocol=aws_ec2.IpProtocol.DUAL_STACK)


def access_point(stack: Stack) -> dict[str, Any]:
    network = vpc(stack)
    files = aws_efs.FileSystem(stack, "Files", vpc=network).add_access_point("Point", path="/models")
    return {"vpc": network, "filesystem": aws_lambda.FileSystem.from_efs_access_point(files, "/mnt/models")}


def role(stack: Stack) -> aws_iam.Role:
    return aws_iam.Role(stack, "Own", assumed_by=aws_iam.ServicePrincipal("lambda.amazonaws.com"))


def topic_destination(stack: Stack) -> aws_lambda.IDestination:
    return aws_lambda_destinations.SnsDestination(aws_sns.Topic(stack, "Topic"))


def secrets(stack: Stack) -> aws_lambda.ParamsAndSecretsLayerVersion:
    return aws_lambda.ParamsAndSecretsLayerVersion.from_version(
        aws_lambda.ParamsAndSecretsVersions.V1_0_103, cache_size=77
    )


def signing(stack: Stack) -> aws_lambda.CodeSigningConfig:
    profile = aws_signer.SigningProfile(stack, "Profile", platform=aws_signer.Platform.AWS_LAMBDA_SHA384_ECDSA)
    return aws_lambda.CodeSigningConfig(stack, "Signing", signing_profiles=[profile])


def queue_source(stack: Stack) -> aws_lambda.IEventSource:
    return aws_lambda_event_sources.SqsEventSource(aws_sqs.Queue(stack, "Queue"))


OPTIONS: dict[str, Row] = {
    "adot_instrumentation": (
        lambda stack: {
            "adot_instrumentation": aws_lambda.AdotInstrumentationConfig(
                exec_wrapper=aws_lambda.AdotLambdaExecWrapper.INSTRUMENT_HANDLER,
                layer_version=aws_lambda.AdotLayerVersion.from_python_sdk_layer_version(
                    aws_lambda.AdotLambdaLayerPythonSdkVersion.LATEST
                ),
            )
        },
        '"LAMBDA_STREAMING_EXEC_WRAPPERS": "/opt/otel-instrument"',
    ),
    "allow_all_ipv6_outbound": (
        lambda stack: {"vpc": dual_stack_vpc(stack), "allow_all_ipv6_outbound": True},
        '"CidrIpv6": "::/0", "Description": "Allow all outbound ipv6 traffic by default"',
    ),
    "allow_all_outbound": (lambda stack: {"vpc": vpc(stack), "allow_all_outbound": False}, "Disallow all traffic"),
    "allow_public_subnet": (
        lambda stack: {
            "vpc": vpc(stack),
            "vpc_subnets": aws_ec2.SubnetSelection(subnet_type=aws_ec2.SubnetType.PUBLIC),
            "allow_public_subnet": True,
        },
        '"SubnetIds": [{"Ref": "VpcPublicSubnet1',
    ),
    "application_log_level": (
        lambda stack: {"application_log_level": "WARN", "log_format": "JSON"},
        '"ApplicationLogLevel": "WARN"',
    ),
    "application_log_level_v2": (
        lambda stack: {
            "application_log_level_v2": aws_lambda.ApplicationLogLevel.WARN,
            "logging_format": aws_lambda.LoggingFormat.JSON,
        },
        '"ApplicationLogLevel": "WARN"',
    ),
    "architecture": (lambda stack: {"architecture": aws_lambda.Architecture.X86_64}, '"Architectures": ["x86_64"]'),
    "code_signing_config": (lambda stack: {"code_signing_config": signing(stack)}, '"CodeSigningConfigArn"'),
    "current_version_options": (
        lambda stack: {"alias_name": "live", "current_version_options": {"description": "the version"}},
        '"Description": "the version"',
    ),
    "dead_letter_queue": (lambda stack: {"dead_letter_queue": aws_sqs.Queue(stack, "Queue")}, '"DeadLetterConfig"'),
    "dead_letter_queue_enabled": (lambda stack: {"dead_letter_queue_enabled": True}, '"DeadLetterConfig"'),
    "dead_letter_topic": (lambda stack: {"dead_letter_topic": aws_sns.Topic(stack, "Topic")}, '"DeadLetterConfig"'),
    "description": (lambda stack: {"description": "Streams words"}, '"Description": "Streams words"'),
    "durable_config": (
        # Adapter.handler() rejects it, see the test below.
        lambda stack: {
            "adapter": Adapter.native(),
            "runtime": aws_lambda.Runtime.PYTHON_3_14,
            "handler": "index.handler",
            "durable_config": aws_lambda.DurableConfig(execution_timeout=Duration.hours(1)),
        },
        '"DurableConfig": {"ExecutionTimeout": 3600}',
    ),
    "environment": (lambda stack: {"environment": {"TABLE": "chats"}}, '"TABLE": "chats"'),
    "environment_encryption": (lambda stack: {"environment_encryption": aws_kms.Key(stack, "Key")}, '"KmsKeyArn"'),
    "ephemeral_storage_size": (lambda stack: {"ephemeral_storage_size": Size.gibibytes(2)}, '{"Size": 2048}'),
    "events": (lambda stack: {"events": [queue_source(stack)]}, "AWS::Lambda::EventSourceMapping"),
    "filesystem": (access_point, '"LocalMountPath": "/mnt/models"'),
    "function_name": (lambda stack: {"function_name": "chat"}, '"FunctionName": "chat"'),
    "initial_policy": (
        lambda stack: {"initial_policy": [aws_iam.PolicyStatement(actions=["s3:GetObject"], resources=["*"])]},
        '"Action": "s3:GetObject"',
    ),
    "insights_version": (
        lambda stack: {"insights_version": aws_lambda.LambdaInsightsVersion.VERSION_1_0_498_0},
        "CloudWatchLambdaInsightsExecutionRolePolicy",
    ),
    "ipv6_allowed_for_dual_stack": (
        lambda stack: {"vpc": dual_stack_vpc(stack), "ipv6_allowed_for_dual_stack": True},
        '"Ipv6AllowedForDualStack": true',
    ),
    "layers": (
        lambda stack: {
            "layers": [
                aws_lambda.LayerVersion.from_layer_version_arn(
                    stack, "Other", "arn:aws:lambda:eu-west-1:123456789012:layer:other:1"
                )
            ]
        },
        '"Layers": ["arn:aws:lambda:eu-west-1:123456789012:layer:other:1", {"Ref": "LambdaStreamingRuntime',
    ),
    "log_format": (lambda stack: {"log_format": "JSON"}, '"LogFormat": "JSON"'),
    "log_group": (lambda stack: {"log_group": aws_logs.LogGroup(stack, "Logs")}, '"LogGroup": {"Ref": "Logs'),
    "log_removal_policy": (
        lambda stack: {
            "log_retention": aws_logs.RetentionDays.ONE_DAY,
            "log_removal_policy": RemovalPolicy.DESTROY,
        },
        '"RemovalPolicy": "destroy"',
    ),
    "log_retention": (lambda stack: {"log_retention": aws_logs.RetentionDays.ONE_DAY}, '"RetentionInDays": 1'),
    "log_retention_retry_options": (
        lambda stack: {
            "log_retention": aws_logs.RetentionDays.ONE_DAY,
            "log_retention_retry_options": aws_lambda.LogRetentionRetryOptions(max_retries=7),
        },
        '"maxRetries": 7',
    ),
    "log_retention_role": (
        lambda stack: {"log_retention": aws_logs.RetentionDays.ONE_DAY, "log_retention_role": role(stack)},
        '"Role": {"Fn::GetAtt": ["Own',
    ),
    "logging_format": (lambda stack: {"logging_format": aws_lambda.LoggingFormat.JSON}, '"LogFormat": "JSON"'),
    "max_event_age": (lambda stack: {"max_event_age": Duration.hours(1)}, '"MaximumEventAgeInSeconds": 3600'),
    "memory_size": (lambda stack: {"memory_size": 512}, '"MemorySize": 512'),
    "on_failure": (lambda stack: {"on_failure": topic_destination(stack)}, '"OnFailure"'),
    "on_success": (lambda stack: {"on_success": topic_destination(stack)}, '"OnSuccess"'),
    "params_and_secrets": (
        lambda stack: {"params_and_secrets": secrets(stack)},
        '"PARAMETERS_SECRETS_EXTENSION_CACHE_SIZE": "77"',
    ),
    "profiling": (lambda stack: {"profiling": True}, "AWS::CodeGuruProfiler::ProfilingGroup"),
    "profiling_group": (
        lambda stack: {"profiling_group": aws_codeguruprofiler.ProfilingGroup(stack, "Profiles")},
        '"AWS_CODEGURU_PROFILER_GROUP_ARN"',
    ),
    "recursive_loop": (lambda stack: {"recursive_loop": aws_lambda.RecursiveLoop.ALLOW}, '"RecursiveLoop": "Allow"'),
    "reserved_concurrent_executions": (
        lambda stack: {"reserved_concurrent_executions": 7},
        '"ReservedConcurrentExecutions": 7',
    ),
    "retry_attempts": (lambda stack: {"retry_attempts": 1}, '"MaximumRetryAttempts": 1'),
    "role": (lambda stack: {"role": role(stack)}, '"Role": {"Fn::GetAtt": ["Own'),
    "runtime_management_mode": (
        lambda stack: {"runtime_management_mode": aws_lambda.RuntimeManagementMode.FUNCTION_UPDATE},
        '"UpdateRuntimeOn": "FunctionUpdate"',
    ),
    "security_groups": (
        lambda stack: {
            "vpc": (network := vpc(stack)),
            "security_groups": [aws_ec2.SecurityGroup(stack, "Own", vpc=network)],
        },
        '"SecurityGroupIds": [{"Fn::GetAtt": ["Own',
    ),
    "snap_start": (
        lambda stack: {"alias_name": "live", "snap_start": aws_lambda.SnapStartConf.ON_PUBLISHED_VERSIONS},
        '"SnapStart": {"ApplyOn": "PublishedVersions"}',
    ),
    "system_log_level": (
        lambda stack: {"system_log_level": "WARN", "log_format": "JSON"},
        '"SystemLogLevel": "WARN"',
    ),
    "system_log_level_v2": (
        lambda stack: {
            "system_log_level_v2": aws_lambda.SystemLogLevel.WARN,
            "logging_format": aws_lambda.LoggingFormat.JSON,
        },
        '"SystemLogLevel": "WARN"',
    ),
    "tenancy_config": (
        lambda stack: {"function_url": False, "tenancy_config": aws_lambda.TenancyConfig.PER_TENANT},
        '"TenancyConfig": {"TenantIsolationMode": "PER_TENANT"}',
    ),
    "timeout": (lambda stack: {"timeout": Duration.seconds(37)}, '"Timeout": 37'),
    "tracing": (lambda stack: {"tracing": aws_lambda.Tracing.ACTIVE}, '"TracingConfig": {"Mode": "Active"}'),
    "vpc": (lambda stack: {"vpc": vpc(stack)}, '"VpcConfig"'),
    "vpc_subnets": (
        lambda stack: {
            "vpc": (network := vpc(stack)),
            "vpc_subnets": aws_ec2.SubnetSelection(subnets=[network.private_subnets[0]]),
        },
        '"SubnetIds": [{"Ref": "VpcPrivateSubnet1',
    ),
}


def test_every_option_of_the_cdk_has_a_row() -> None:
    options = set(inspect.signature(aws_lambda.FunctionOptions.__init__).parameters) - {"self"}
    assert set(OPTIONS) == options


@pytest.fixture(scope="module")
def default_template(tmp_path_factory: pytest.TempPathFactory) -> str:
    folder = tmp_path_factory.mktemp("defaults")
    (folder / "index.py").write_text("def handler(event, context):\n    yield 'x'\n")
    return template(folder, folder / "cdk.out", lambda stack: {})


def template(entry: Path, outdir: Path, options: Callable[[Stack], dict[str, Any]]) -> str:
    app = App(outdir=str(outdir))
    stack = Stack(app, "Stack")
    StreamingFunction(stack, "Chat", entry=entry, **options(stack))
    return json.dumps(app.synth().get_stack_by_name("Stack").template)


@pytest.mark.parametrize("option", OPTIONS)
def test_option_is_in_template(option: str, entry: Path, tmp_path: Path, default_template: str) -> None:
    options, evidence = OPTIONS[option]
    assert evidence in template(entry, tmp_path / "cdk.out", options)
    assert evidence not in default_template


def test_durable_function_is_rejected(stack: Stack, entry: Path) -> None:
    with pytest.raises(ValueError, match="durable_config cannot be combined with response streaming"):
        StreamingFunction(
            stack,
            "Chat",
            entry=entry,
            durable_config=aws_lambda.DurableConfig(execution_timeout=Duration.hours(1)),
        )


class Reached(Exception):
    """Ends the construction before the CDK's own starts."""

    def __init__(self, options: dict[str, Any]) -> None:
        self.options = options


def test_option_of_later_cdk_is_passed_on(stack: Stack, entry: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def stop(self: aws_lambda.Function, scope: object, id: str, **options: Any) -> None:
        raise Reached(options)

    monkeypatch.setattr(aws_lambda.Function, "__init__", stop)
    with pytest.raises(Reached) as reached:
        StreamingFunction(stack, "Chat", entry=entry, option_of_a_later_cdk=1)  # type: ignore[call-arg]
    assert reached.value.options["option_of_a_later_cdk"] == 1
