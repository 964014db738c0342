"""The functions that `cdk deploy --all` has made, and what they are made of, read back with AWS's own client."""

from __future__ import annotations

import pytest

from .app import DEPLOYED
from .cloud import FUNCTION, LAYER, NESTED_STACK, ROOT, Cloud

RUNTIME = ROOT / "runtime_asset"
WRAPPER = {"AWS_LAMBDA_EXEC_WRAPPER": "/opt/bootstrap"}


@pytest.mark.parametrize("stack", DEPLOYED)
def test_every_resource_of_the_template_is_there(stack: str, cloud: Cloud) -> None:
    resources = cloud.template(stack)["Resources"].items()
    # Nothing is made of the CDK's own resource; it is there or not by a condition.
    expected = {name: made["Type"] for name, made in resources if made["Type"] != "AWS::CDK::Metadata"}
    answer = cloud.client("cloudformation").describe_stack_resources(StackName=stack)
    made = {resource["LogicalResourceId"]: resource["ResourceType"] for resource in answer["StackResources"]}
    made.pop("CDKMetadata", None)
    assert made == expected
    assert all(resource["PhysicalResourceId"] for resource in answer["StackResources"])


def test_a_function_has_the_defaults_that_are_documented(cloud: Cloud) -> None:
    function = cloud.function("defaults")
    assert (function["Runtime"], function["Architectures"], function["Handler"]) == (
        "python3.14",
        ["arm64"],
        "index.handler",
    )
    assert (function["MemorySize"], function["Timeout"]) == (1024, 300)
    assert function["Environment"]["Variables"] == WRAPPER
    assert cloud.url("defaults") == {"AuthType": "AWS_IAM", "InvokeMode": "RESPONSE_STREAM"}


def test_a_function_has_what_was_asked_for(cloud: Cloud) -> None:
    function = cloud.function("every-option")
    assert (function["Runtime"], function["Architectures"]) == ("python3.14", ["x86_64"])
    assert (function["MemorySize"], function["Timeout"], function["Description"]) == (512, 90, "Streams")
    assert function["LoggingConfig"]["LogFormat"] == "JSON"
    asked = {"TABLE": "chats", "LAMBDA_STREAMING_EMPTY_BODY": "empty"}
    assert function["Environment"]["Variables"] == {**asked, **WRAPPER}


@pytest.mark.parametrize("stack", ["defaults", "attached-function", "users-alias-with-url"])
def test_a_function_has_the_stacks_layer(stack: str, cloud: Cloud) -> None:
    assert [layer["Arn"] for layer in cloud.function(stack)["Layers"]] == [cloud.only(stack, LAYER)]


def test_functions_share_their_stacks_layer(cloud: Cloud) -> None:
    client = cloud.client("lambda")
    names = cloud.resources("two-functions", FUNCTION).values()
    layers = [client.get_function_configuration(FunctionName=name)["Layers"][0]["Arn"] for name in names]
    assert layers == [cloud.only("two-functions", LAYER)] * 2


def test_a_nested_stack_has_a_function_and_a_layer_of_its_own(cloud: Cloud) -> None:
    nested = cloud.only("nested-stack", NESTED_STACK)
    assert [layer["Arn"] for layer in cloud.function(nested)["Layers"]] == [cloud.only(nested, LAYER)]
    assert cloud.function(nested)["Environment"]["Variables"] == WRAPPER


def test_the_layer_is_the_runtime(cloud: Cloud) -> None:
    """What was uploaded, to the byte; and Lambda starts a wrapper only if it may be executed."""
    files = cloud.layer(cloud.only("defaults", LAYER))
    sources = [RUNTIME / "bootstrap", *(RUNTIME / "python" / "lambda_streaming").glob("**/*.py")]
    expected = {str(source.relative_to(RUNTIME)): source.read_bytes() for source in sources}
    expected["python/lambda_streaming/py.typed"] = b""
    assert {path: file.content for path, file in files.items()} == expected
    assert files["bootstrap"].mode == 0o755
    assert {file.mode for path, file in files.items() if path != "bootstrap"} == {0o644}


def test_the_code_is_the_entry(cloud: Cloud) -> None:
    files = cloud.code(cloud.only("defaults", FUNCTION))
    expected = {path.name: path.read_bytes() for path in cloud.entry.iterdir()}
    assert {path: file.content for path, file in files.items()} == expected
    assert {path for path, file in files.items() if file.mode == 0o755} == {"bootstrap", "run.sh"}


def test_an_attached_function_has_the_wrapper(cloud: Cloud) -> None:
    assert cloud.function("attached-function")["Environment"]["Variables"] == WRAPPER
    assert cloud.url("attached-function")["InvokeMode"] == "RESPONSE_STREAM"


def test_other_wrappers_are_named_to_ours(cloud: Cloud) -> None:
    variables = cloud.function("code-as-it-is")["Environment"]["Variables"]
    assert variables == {**WRAPPER, "LAMBDA_STREAMING_EXEC_WRAPPERS": "/opt/otel-instrument"}


def test_an_os_only_runtime_has_the_layer(cloud: Cloud) -> None:
    """Whose `bootstrap` it starts by itself."""
    function = cloud.function("os-only-runtime")
    assert function["Runtime"] == "provided.al2023"
    assert [layer["Arn"] for layer in function["Layers"]] == [cloud.only("os-only-runtime", LAYER)]


@pytest.mark.parametrize(
    ("stack", "runtime", "handler"),
    [("native-node", "nodejs24.x", "index.handler"), ("native-os-only", "provided.al2023", "bootstrap")],
)
def test_nothing_is_added_to_what_streams_by_itself(stack: str, runtime: str, handler: str, cloud: Cloud) -> None:
    function = cloud.function(stack)
    assert (function["Runtime"], function["Handler"]) == (runtime, handler)
    assert function.get("Layers", []) == []
    assert function.get("Environment", {}).get("Variables", {}) == {}
    assert cloud.url(stack)["InvokeMode"] == "RESPONSE_STREAM"


def test_lambda_web_adapter_has_its_layer_and_its_variables(cloud: Cloud) -> None:
    function = cloud.function("lambda-web-adapter")
    assert function["Handler"] == "run.sh"
    arn = "arn:aws:lambda:us-east-1:753240598075:layer:LambdaAdapterLayerArm64:30"
    assert [layer["Arn"] for layer in function["Layers"]] == [arn]
    assert function["Environment"]["Variables"] == {
        **WRAPPER,
        "AWS_LWA_ASYNC_INIT": "true",
        "AWS_LWA_INVOKE_MODE": "response_stream",
        "AWS_LWA_PORT": "8000",
        "AWS_LWA_READINESS_CHECK_PATH": "/health",
    }


def test_versions_of_a_function_with_snap_start_have_it(cloud: Cloud) -> None:
    function = cloud.only("snap-start", FUNCTION)
    version = cloud.client("lambda").get_function_configuration(FunctionName=function, Qualifier="live")
    assert version["Version"] == "1"
    assert version["SnapStart"] == {"ApplyOn": "PublishedVersions", "OptimizationStatus": "On"}


def test_an_alias_has_its_provisioned_concurrency(cloud: Cloud) -> None:
    function = cloud.only("warm-alias", FUNCTION)
    answer = cloud.client("lambda").get_provisioned_concurrency_config(FunctionName=function, Qualifier="live")
    assert answer["RequestedProvisionedConcurrentExecutions"] == 2


def test_alarms_watch_the_alias(cloud: Cloud) -> None:
    """The runtime's metrics have the dimensions of Lambda's own."""
    name = cloud.only("metrics", FUNCTION)
    alarms = cloud.client("cloudwatch").describe_alarms()["MetricAlarms"]
    found = {alarm["MetricName"]: alarm for alarm in alarms if alarm["AlarmName"].startswith("metrics-")}
    assert {metric: alarm["Namespace"] for metric, alarm in found.items()} == {
        "Errors": "AWS/Lambda",
        "UrlRequestCount": "AWS/Lambda",
        "Url4xxCount": "AWS/Lambda",
        "Url5xxCount": "AWS/Lambda",
        "UrlRequestLatency": "AWS/Lambda",
        "MidstreamErrors": "LambdaStreaming",
        "TimeToFirstByte": "LambdaStreaming",
        "ResponseBytes": "LambdaStreaming",
    }
    of_the_alias = {"FunctionName": name, "Resource": f"{name}:live"}
    for alarm in found.values():
        assert {dimension["Name"]: dimension["Value"] for dimension in alarm["Dimensions"]} == of_the_alias
