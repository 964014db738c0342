"""Functions, layers and code after `cdk deploy --all`, read with AWS's own client."""

from __future__ import annotations

import pytest

from .app import DEPLOYED
from .cloud import FUNCTION, LAYER, NESTED_STACK, ROOT, Cloud

RUNTIME = ROOT / "runtime_asset"
WRAPPER = {"AWS_LAMBDA_EXEC_WRAPPER": "/opt/bootstrap"}


@pytest.mark.parametrize("stack", DEPLOYED)
def test_every_resource_is_deployed(stack: str, cloud: Cloud) -> None:
    resources = cloud.template(stack)["Resources"].items()
    # CloudFormation creates nothing for the CDK's own metadata resource.
    expected = {name: made["Type"] for name, made in resources if made["Type"] != "AWS::CDK::Metadata"}
    answer = cloud.client("cloudformation").describe_stack_resources(StackName=stack)
    made = {resource["LogicalResourceId"]: resource["ResourceType"] for resource in answer["StackResources"]}
    made.pop("CDKMetadata", None)
    assert made == expected
    assert all(resource["PhysicalResourceId"] for resource in answer["StackResources"])


def test_function_has_documented_defaults(cloud: Cloud) -> None:
    function = cloud.function("defaults")
    assert (function["Runtime"], function["Architectures"], function["Handler"]) == (
        "python3.14",
        ["arm64"],
        "index.handler",
    )
    assert (function["MemorySize"], function["Timeout"]) == (1024, 300)
    assert function["Environment"]["Variables"] == WRAPPER
    assert cloud.url("defaults") == {"AuthType": "AWS_IAM", "InvokeMode": "RESPONSE_STREAM"}


def test_function_has_given_options(cloud: Cloud) -> None:
    function = cloud.function("every-option")
    assert (function["Runtime"], function["Architectures"]) == ("python3.14", ["x86_64"])
    assert (function["MemorySize"], function["Timeout"], function["Description"]) == (512, 90, "Streams")
    assert function["LoggingConfig"]["LogFormat"] == "JSON"
    asked = {"TABLE": "chats", "LAMBDA_STREAMING_EMPTY_BODY": "empty"}
    assert function["Environment"]["Variables"] == {**asked, **WRAPPER}


@pytest.mark.parametrize("stack", ["defaults", "attached-function", "users-alias-with-url"])
def test_function_has_layer_of_stack(stack: str, cloud: Cloud) -> None:
    assert [layer["Arn"] for layer in cloud.function(stack)["Layers"]] == [cloud.only(stack, LAYER)]


def test_functions_share_layer_of_stack(cloud: Cloud) -> None:
    client = cloud.client("lambda")
    names = cloud.resources("two-functions", FUNCTION).values()
    layers = [client.get_function_configuration(FunctionName=name)["Layers"][0]["Arn"] for name in names]
    assert layers == [cloud.only("two-functions", LAYER)] * 2


def test_nested_stack_has_its_own_function_and_layer(cloud: Cloud) -> None:
    nested = cloud.only("nested-stack", NESTED_STACK)
    assert [layer["Arn"] for layer in cloud.function(nested)["Layers"]] == [cloud.only(nested, LAYER)]
    assert cloud.function(nested)["Environment"]["Variables"] == WRAPPER


def test_layer_is_runtime(cloud: Cloud) -> None:
    """The upload is equal to the byte. Lambda starts only an executable wrapper."""
    files = cloud.layer(cloud.only("defaults", LAYER))
    sources = [RUNTIME / "bootstrap", *(RUNTIME / "python" / "lambda_streaming").glob("**/*.py")]
    expected = {str(source.relative_to(RUNTIME)): source.read_bytes() for source in sources}
    expected["python/lambda_streaming/py.typed"] = b""
    # The layer does not have the library's version.
    del expected["python/lambda_streaming/version.py"]
    # Byte code too, if this machine has the function's Python.
    assert {path: file.content for path, file in files.items() if not path.endswith(".pyc")} == expected
    assert files["bootstrap"].mode == 0o755
    assert {file.mode for path, file in files.items() if path != "bootstrap"} == {0o644}


def test_code_is_entry(cloud: Cloud) -> None:
    files = cloud.code(cloud.only("defaults", FUNCTION))
    expected = {path.name: path.read_bytes() for path in cloud.entry.iterdir()}
    assert {path: file.content for path, file in files.items()} == expected
    assert {path for path, file in files.items() if file.mode == 0o755} == {"bootstrap", "run.sh"}


def test_attached_function_has_wrapper(cloud: Cloud) -> None:
    assert cloud.function("attached-function")["Environment"]["Variables"] == WRAPPER
    assert cloud.url("attached-function")["InvokeMode"] == "RESPONSE_STREAM"


def test_other_wrappers_are_in_variable(cloud: Cloud) -> None:
    variables = cloud.function("code-as-it-is")["Environment"]["Variables"]
    assert variables == {**WRAPPER, "LAMBDA_STREAMING_EXEC_WRAPPERS": "/opt/otel-instrument"}


def test_os_only_runtime_has_layer(cloud: Cloud) -> None:
    """The runtime starts the layer's `bootstrap` by itself."""
    function = cloud.function("os-only-runtime")
    assert function["Runtime"] == "provided.al2023"
    assert [layer["Arn"] for layer in function["Layers"]] == [cloud.only("os-only-runtime", LAYER)]


@pytest.mark.parametrize(
    ("stack", "runtime", "handler"),
    [("native-node", "nodejs24.x", "index.handler"), ("native-os-only", "provided.al2023", "bootstrap")],
)
def test_nothing_is_added_to_native_function(stack: str, runtime: str, handler: str, cloud: Cloud) -> None:
    function = cloud.function(stack)
    assert (function["Runtime"], function["Handler"]) == (runtime, handler)
    assert function.get("Layers", []) == []
    assert function.get("Environment", {}).get("Variables", {}) == {}
    assert cloud.url(stack)["InvokeMode"] == "RESPONSE_STREAM"


def test_lambda_web_adapter_has_layer_and_variables(cloud: Cloud) -> None:
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


def test_versions_have_snap_start(cloud: Cloud) -> None:
    function = cloud.only("snap-start", FUNCTION)
    version = cloud.client("lambda").get_function_configuration(FunctionName=function, Qualifier="live")
    assert version["Version"] == "1"
    assert version["SnapStart"] == {"ApplyOn": "PublishedVersions", "OptimizationStatus": "On"}


def test_alias_has_provisioned_concurrency(cloud: Cloud) -> None:
    function = cloud.only("warm-alias", FUNCTION)
    answer = cloud.client("lambda").get_provisioned_concurrency_config(FunctionName=function, Qualifier="live")
    assert answer["RequestedProvisionedConcurrentExecutions"] == 2


def test_alarms_watch_alias(cloud: Cloud) -> None:
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
