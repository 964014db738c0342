"""AWS's Lambda Web Adapter: its layer, its variables, and the script it starts.

Its contract is its README's, https://github.com/aws/aws-lambda-web-adapter: the layer's /opt/bootstrap is the exec
wrapper and runs the handler, a script that starts the web server; an extension of the same layer forwards the events.
"""

from __future__ import annotations

import dataclasses
import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import jsii
from aws_cdk import Aws, Stack, Token, aws_lambda
from constructs import IValidation

from cdk_lambda_streaming.adapter import Adapter
from cdk_lambda_streaming.bundled_code import bundle_entry
from cdk_lambda_streaming.entry import check_script, find_entry
from cdk_lambda_streaming.environment import (
    WEB_ADAPTER_INVOKE_MODE,
    WEB_ADAPTER_PREFIX,
    WEB_ADAPTER_VARIABLES,
    WRAPPER_PATH,
    WRAPPER_VARIABLE,
    check_any_variable,
    misspelt_variables,
)
from cdk_lambda_streaming.front_doors import FoundFrontDoors, watch_front_doors
from cdk_lambda_streaming.function_resource import layers_of
from cdk_lambda_streaming.limits import is_number_token
from cdk_lambda_streaming.managed_python import SUPPORTED, check_runtime, is_os_only, python_version
from cdk_lambda_streaming.package import (
    Package,
    Source,
    entry_of,
    package_code,
    refuse_installing,
    refuse_options_of_python,
    refuse_options_of_zips,
)
from cdk_lambda_streaming.plain_code import excluded_by_user, plain_code
from cdk_lambda_streaming.streaming_layer import WEB_ADAPTER_LAYER

# Lambda Web Adapter 1.1.0 of 2026-09-18 (aws/aws-lambda-web-adapter#871).
LAYER_VERSION = 30
ACCOUNT = "753240598075"
# These regions have publishers of their own, and no layer for arm64.
CHINA_ACCOUNTS = {"cn-north-1": "041581134020", "cn-northwest-1": "069767869989"}
# Regions of other partitions, by their prefixes in the CDK's region-info (`PARTITION_MAP`): there is no layer there.
_PREFIXES_WITHOUT_LAYER = ("us-gov-", "us-iso", "eu-iso", "eusc-")
_NAMES = {"ARM_64": "LambdaAdapterLayerArm64", "X86_64": "LambdaAdapterLayerX86"}
_PORTS = ("port", "readiness_check_port")
_CHOICES = {"readiness_check_protocol": ("http", "tcp")}
_PATHS = (
    "readiness_check_path",
    "remove_base_path",
    "pass_through_path",
    "snapstart_before_checkpoint_path",
    "snapstart_after_restore_path",
)
_SWITCHES = ("async_init", "enable_compression")
_STATUSES = ("readiness_check_healthy_status", "error_status_codes")
_STATUS_LIST = re.compile(r"\s*\d{3}\s*(-\s*\d{3}\s*)?(,\s*\d{3}\s*(-\s*\d{3}\s*)?)*")


class LambdaWebAdapter(Adapter):
    def __init__(
        self, *, layer_version: float | None, layer: aws_lambda.ILayerVersion | None, options: Mapping[str, Any]
    ) -> None:
        if layer is not None and not hasattr(layer, "layer_version_arn"):
            raise TypeError(
                f"layer must be a layer, got {layer!r}; make one of an ARN with "
                "LayerVersion.from_layer_version_arn(scope, id, arn)"
            )
        if layer is not None and layer_version is not None:
            raise TypeError("layer_version names a version of AWS's layer; pass either it or a layer of your own")
        is_token = layer_version is not None and is_number_token(layer_version)
        is_version = isinstance(layer_version, int) and not isinstance(layer_version, bool) and layer_version >= 1
        if layer_version is not None and not is_token and not is_version:
            raise ValueError(
                f"layer_version must be the number of a version, such as {LAYER_VERSION}, got {layer_version!r}"
            )
        self._layer = layer
        version = LAYER_VERSION if layer_version is None else layer_version
        self._layer_version = Token.as_string(version) if is_token else str(version)
        self._variables = {
            f"{WEB_ADAPTER_PREFIX}{name.upper()}": _variable(name, value)
            for name, value in options.items()
            if value is not None
        }

    def package(self, source: Source) -> Package:
        refuse_options_of_python(source, "Adapter.lambda_web_adapter()")
        streams = source.invoke_mode is aws_lambda.InvokeMode.RESPONSE_STREAM
        environment = {**self._variables, WEB_ADAPTER_INVOKE_MODE: "response_stream" if streams else "buffered"}
        if source.code is not None:
            package = package_code(source, default_handler="run.sh")
        else:
            runtime = source.runtime or aws_lambda.Runtime.PYTHON_3_14
            check_runtime(runtime)
            folder = find_entry(entry_of(source))
            handler = source.handler or "run.sh"
            check_script(folder, handler, needs_shebang=True)
            package = _package_entry(source, folder, handler, runtime)
        if package.is_image:
            if self._layer is not None:
                raise ValueError("a container image takes no layers; copy Lambda Web Adapter into the image instead")
        elif is_os_only(package.runtime):
            raise ValueError(
                f"runtime cannot be '{package.runtime.name}' with Adapter.lambda_web_adapter(), which is started by "
                f"{WRAPPER_VARIABLE}, and OS-only runtimes ignore that; pass a managed runtime, such as "
                "Runtime.NODEJS_24_X, whatever the server is written in, or a container image: "
                "code=Code.from_asset_image('folder')"
            )
        else:
            environment[WRAPPER_VARIABLE] = WRAPPER_PATH
        return dataclasses.replace(package, environment=environment)

    def attach(self, function: aws_lambda.Function, package: Package) -> None:
        if not package.is_image:
            layer = self._layer or self._aws_layer(function)
            function.add_layers(layer)
            function.node.add_validation(_OneWebAdapter(function, layer))
        watch_front_doors(function, lambda found: _contradictions(found, package))

    def check_variable(self, key: str, value: str) -> None:
        check_any_variable(key, value)
        if key == WRAPPER_VARIABLE:
            raise ValueError(
                f"environment variable {key} cannot be set to {value!r}: Lambda Web Adapter is started from it "
                f"({WRAPPER_PATH}); leave the variable out, and start other tools in the script that starts the server"
            )
        if key == WEB_ADAPTER_INVOKE_MODE:
            raise ValueError(
                f"environment variable {key} cannot be set to {value!r}: it follows the option invoke_mode, so that "
                "the Function URL and the adapter agree; pass invoke_mode"
            )
        if key in self._variables:
            option = key.removeprefix(WEB_ADAPTER_PREFIX).lower()
            raise ValueError(
                f"environment variable {key} cannot be set to {value!r}: the option {option} of "
                f"Adapter.lambda_web_adapter() has set it to {self._variables[key]!r}"
            )
        if key in WEB_ADAPTER_VARIABLES:
            _check_text(key, value)

    def check_function_options(self, options: Mapping[str, Any], package: Package) -> None:
        refuse_options_of_zips(options, package)
        if options.get("adot_instrumentation") is not None:
            raise ValueError(
                "adot_instrumentation cannot be combined with Adapter.lambda_web_adapter(), because Lambda has one "
                "wrapper slot and Lambda Web Adapter chains no other; instrument the web application in its script"
            )

    def _aws_layer(self, function: aws_lambda.Function) -> aws_lambda.ILayerVersion:
        arn = layer_arn(Stack.of(function).region, function.architecture, self._layer_version)
        return aws_lambda.LayerVersion.from_layer_version_arn(function, "LambdaWebAdapter", arn)


@jsii.implements(IValidation)
class _OneWebAdapter:
    """Sees at synth whether another layer brings an adapter too."""

    def __init__(self, function: aws_lambda.Function, layer: aws_lambda.ILayerVersion) -> None:
        self._function = function
        self._layer = layer

    def validate(self) -> list[str]:
        own = Stack.of(self._function).resolve(self._layer.layer_version_arn)
        others = [json.dumps(layer) for layer in layers_of(self._function) if layer != own]
        return [
            f"the layer {layer} has an AWS Lambda Web Adapter too, besides that of Adapter.lambda_web_adapter(); leave "
            "it out, and choose another one by layer_version or layer"
            for layer in others
            if WEB_ADAPTER_LAYER in layer
        ]


def _package_entry(source: Source, folder: Path, handler: str, runtime: aws_lambda.Runtime) -> Package:
    if runtime.name not in SUPPORTED:
        refuse_installing(source.bundling, f"with the runtime '{runtime.name}', for which nothing is installed")
        code = plain_code(source.scope, folder, excluded_by_user(folder, source.bundling))
        return Package(code, handler, runtime)
    bundled = bundle_entry(source, folder, python_version(runtime))
    return Package(bundled.code, handler, runtime, doubts=bundled.doubts, bundling_metadata=bundled.metadata)


def _contradictions(found: FoundFrontDoors, package: Package) -> list[str]:
    """Return what was done to the function, or wired to it, that Lambda Web Adapter would not do."""
    problems = found.contradictions() + misspelt_variables(found.variables)
    wrapper = found.variables.get(WRAPPER_VARIABLE)
    if wrapper != WRAPPER_PATH and not package.is_image:
        problems.append(
            f"{WRAPPER_VARIABLE} was set to {wrapper!r}, and Lambda Web Adapter would not be started; leave it out"
        )
    mode = found.variables.get(WEB_ADAPTER_INVOKE_MODE)
    streams = mode == "response_stream"
    for door in found.doors_that_buffer if streams else found.doors_that_stream:
        problems.append(
            f"'{door.path}' {'buffers' if streams else 'streams'} while {WEB_ADAPTER_INVOKE_MODE} is {mode!r}, which "
            "decides the form of every response; pass the function "
            f"invoke_mode=InvokeMode.{'BUFFERED' if streams else 'RESPONSE_STREAM'}, or change that front door"
        )
    return problems


def layer_arn(region: str, architecture: aws_lambda.Architecture, version: str) -> str:
    """Return the ARN of AWS's layer. A region that only deployment knows is taken for one outside of China."""
    is_arm = architecture.name == aws_lambda.Architecture.ARM_64.name
    name = _NAMES["ARM_64" if is_arm else "X86_64"]
    if Token.is_unresolved(region):
        return f"arn:{Aws.PARTITION}:lambda:{Aws.REGION}:{ACCOUNT}:layer:{name}:{version}"
    if region in CHINA_ACCOUNTS:
        if is_arm:
            raise ValueError(
                f"AWS publishes Lambda Web Adapter for x86_64 only in {region}, got architecture arm64; pass "
                "architecture=Architecture.X86_64, or a layer of your own"
            )
        return f"arn:aws-cn:lambda:{region}:{CHINA_ACCOUNTS[region]}:layer:{name}:{version}"
    if region.startswith(_PREFIXES_WITHOUT_LAYER):
        raise ValueError(
            f"AWS publishes no layer of Lambda Web Adapter in {region}; pass a layer of your own: layer=..."
        )
    return f"arn:aws:lambda:{region}:{ACCOUNT}:layer:{name}:{version}"


def _variable(name: str, value: Any) -> str:
    """Return an option's value as the adapter reads it."""
    if name in _SWITCHES:
        if not isinstance(value, bool):
            raise TypeError(f"{name} must be True or False, got {value!r}")
        return "true" if value else "false"
    if name in _PORTS:
        if isinstance(value, float) and is_number_token(value):
            return Token.as_string(value)
        if not isinstance(value, int) or isinstance(value, bool):
            raise TypeError(f"{name} must be a port number, such as 8000, got {value!r}")
        _check_text(name, str(value))
        return str(value)
    if not isinstance(value, str):
        raise TypeError(f"{name} must be a str, got {value!r}")
    _check_text(name, value)
    return value


def _check_text(said: str, value: str) -> None:
    """Refuse a value that the adapter could not use, whether given by an option or by its variable."""
    name = said.removeprefix(WEB_ADAPTER_PREFIX).lower()
    if Token.is_unresolved(value):
        return
    if name in _PORTS:
        _check_port(said, value)
    if name in _SWITCHES and value not in ("true", "false"):
        raise ValueError(f"{said} must be one of true, false, got {value!r}")
    if name in _PATHS and not value.startswith("/"):
        raise ValueError(f"{said} must start with '/', got {value!r}")
    if name in _CHOICES and value.lower() not in _CHOICES[name]:
        raise ValueError(f"{said} must be one of {', '.join(_CHOICES[name])}, got {value!r}")
    if name in _STATUSES and not _STATUS_LIST.fullmatch(value):
        raise ValueError(f"{said} must be statuses and ranges of them, such as '200-399,404', got {value!r}")
    if name == "host" and "/" in value:
        raise ValueError(f"{said} must be a name or an address without scheme, such as 'localhost', got {value!r}")


def _check_port(said: str, value: str) -> None:
    port = int(value) if value.isascii() and value.isdecimal() and len(value) < 6 else 0
    if not 1 <= port <= 65535:
        raise ValueError(f"{said} must be between 1 and 65535, got {value}")
    if port in (3000, 9001):
        raise ValueError(f"{said} cannot be {value}, which Lambda uses itself; choose another, such as 8080")
