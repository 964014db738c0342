"""Adapter for a web server behind AWS's Lambda Web Adapter: its layer, its variables, and the script it starts.

Its contract is its README, https://github.com/aws/aws-lambda-web-adapter. The layer's /opt/bootstrap is the exec
wrapper. It runs the handler, a script that starts the web server. An extension in the same layer forwards the events.
"""

from __future__ import annotations

import dataclasses
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from aws_cdk import Aws, Stack, Token, aws_lambda

from cdk_lambda_streaming.adapters.function_adapter import (
    FunctionAdapter,
    reject_bundling_options,
    reject_handler_options,
    reject_zip_options,
)
from cdk_lambda_streaming.cdk.function_resource import layers_of, variables_of
from cdk_lambda_streaming.cdk.validation import validate_at_synth
from cdk_lambda_streaming.checks.environment import (
    WEB_ADAPTER_INVOKE_MODE,
    WEB_ADAPTER_PREFIX,
    WEB_ADAPTER_VARIABLES,
    WRAPPER_PATH,
    WRAPPER_VARIABLE,
    check_any_variable,
    misspelt_variables,
)
from cdk_lambda_streaming.checks.limits import is_number_token
from cdk_lambda_streaming.checks.managed_python import check_runtime, is_os_only, is_supported, python_version
from cdk_lambda_streaming.code.bundled_code import bundle_entry
from cdk_lambda_streaming.code.deployment_package import DeploymentPackage, package_code
from cdk_lambda_streaming.code.entry import check_script, find_entry
from cdk_lambda_streaming.code.plain_code import excluded_by_user, plain_code
from cdk_lambda_streaming.front_doors.records import FoundFrontDoors
from cdk_lambda_streaming.front_doors.watch import watch_front_doors
from cdk_lambda_streaming.options import CodeOptions
from cdk_lambda_streaming.streaming_layer import WEB_ADAPTER_LAYER

# Lambda Web Adapter 1.1.0 of 2026-09-18 (aws/aws-lambda-web-adapter#871).
LAYER_VERSION = 30
ACCOUNT = "753240598075"
# These regions have their own publishers, and no layer for arm64.
CHINA_ACCOUNTS = {"cn-north-1": "041581134020", "cn-northwest-1": "069767869989"}
# Prefixes of regions in partitions without a layer, from the CDK's region-info (`PARTITION_MAP`).
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


@dataclass(frozen=True, slots=True, kw_only=True)
class WebAdapterOptions:
    """Options of Lambda Web Adapter. Each one sets the `AWS_LWA_` variable of the same name."""

    port: float | None = None
    host: str | None = None
    readiness_check_port: float | None = None
    readiness_check_path: str | None = None
    readiness_check_protocol: str | None = None
    readiness_check_healthy_status: str | None = None
    async_init: bool | None = None
    remove_base_path: str | None = None
    pass_through_path: str | None = None
    authorization_source: str | None = None
    error_status_codes: str | None = None
    enable_compression: bool | None = None
    lambda_runtime_api_proxy: str | None = None
    snapstart_before_checkpoint_path: str | None = None
    snapstart_after_restore_path: str | None = None

    def variables(self) -> dict[str, str]:
        """Return the variables of the options that were passed."""
        values = {option.name: getattr(self, option.name) for option in dataclasses.fields(self)}
        return {
            f"{WEB_ADAPTER_PREFIX}{name.upper()}": _format_value(name, value)
            for name, value in values.items()
            if value is not None
        }


class LambdaWebAdapter(FunctionAdapter):
    def __init__(
        self, options: WebAdapterOptions, *, layer_version: float | None, layer: aws_lambda.ILayerVersion | None
    ) -> None:
        if layer is not None and layer_version is not None:
            raise TypeError("layer_version names a version of AWS's layer; pass either it or your own layer")
        _check_layer(layer)
        self._layer = layer
        self._layer_version = _format_layer_version(layer_version)
        self._variables = options.variables()

    def package(self, options: CodeOptions) -> DeploymentPackage:
        reject_handler_options(options, "Adapter.lambda_web_adapter()")
        streams = options.invoke_mode is aws_lambda.InvokeMode.RESPONSE_STREAM
        environment = {**self._variables, WEB_ADAPTER_INVOKE_MODE: "response_stream" if streams else "buffered"}
        if options.code is not None:
            package = package_code(options, default_handler="run.sh")
        else:
            package = _package_entry(options)
        if not package.is_image:
            _check_not_os_only(package.runtime)
            environment[WRAPPER_VARIABLE] = WRAPPER_PATH
        elif self._layer is not None:
            raise ValueError("a container image has no layers; copy Lambda Web Adapter into the image instead")
        return dataclasses.replace(package, environment=environment)

    def attach(self, function: aws_lambda.Function, package: DeploymentPackage) -> None:
        if not package.is_image:
            layer = self._layer or self._aws_layer(function)
            function.add_layers(layer)
            validate_at_synth(function, lambda: _find_other_web_adapters(function, layer))
        watch_front_doors(function, lambda found: _contradictions(function, found, package))

    def check_variable(self, key: str, value: str) -> None:
        check_any_variable(key, value)
        if key == WRAPPER_VARIABLE:
            raise ValueError(
                f"environment variable {key} cannot be set to {value!r}: Lambda starts Lambda Web Adapter from it "
                f"({WRAPPER_PATH}); leave the variable out, and start other tools in the script that starts the server"
            )
        if key == WEB_ADAPTER_INVOKE_MODE:
            raise ValueError(
                f"environment variable {key} cannot be set to {value!r}: the option invoke_mode sets it, so that the "
                "Function URL and the adapter agree; pass invoke_mode"
            )
        if key in self._variables:
            option = key.removeprefix(WEB_ADAPTER_PREFIX).lower()
            raise ValueError(
                f"environment variable {key} cannot be set to {value!r}: the option {option} of "
                f"Adapter.lambda_web_adapter() has set it to {self._variables[key]!r}"
            )
        if key in WEB_ADAPTER_VARIABLES:
            _check_text(key, value)

    def check_function_options(self, options: Mapping[str, Any], package: DeploymentPackage) -> None:
        reject_zip_options(options, package)
        if options.get("adot_instrumentation") is not None:
            raise ValueError(
                "adot_instrumentation cannot be combined with Adapter.lambda_web_adapter(), because Lambda has one "
                "wrapper slot and Lambda Web Adapter starts no other wrapper; instrument the web application in its "
                "script"
            )

    def _aws_layer(self, function: aws_lambda.Function) -> aws_lambda.ILayerVersion:
        arn = layer_arn(Stack.of(function).region, function.architecture, self._layer_version)
        return aws_lambda.LayerVersion.from_layer_version_arn(function, "LambdaWebAdapter", arn)


def _check_layer(layer: object) -> None:
    if layer is not None and not hasattr(layer, "layer_version_arn"):
        raise TypeError(
            f"layer must be a layer, got {layer!r}; make a layer from an ARN with "
            "LayerVersion.from_layer_version_arn(scope, id, arn)"
        )


def _format_layer_version(version: float | None) -> str:
    if version is None:
        return str(LAYER_VERSION)
    if is_number_token(version):
        return Token.as_string(version)
    if not isinstance(version, int) or isinstance(version, bool) or version < 1:
        raise ValueError(f"layer_version must be the number of a version, such as {LAYER_VERSION}, got {version!r}")
    return str(version)


def _find_other_web_adapters(function: aws_lambda.Function, layer: aws_lambda.ILayerVersion) -> list[str]:
    """Return the problem of other layers with Lambda Web Adapter."""
    own = Stack.of(function).resolve(layer.layer_version_arn)
    others = [json.dumps(each) for each in layers_of(function) if each != own]
    return [
        f"the layer {other} has Lambda Web Adapter too, like that of Adapter.lambda_web_adapter(); leave it out, and "
        "choose another one with layer_version or layer"
        for other in others
        if WEB_ADAPTER_LAYER in other
    ]


def _check_not_os_only(runtime: aws_lambda.Runtime) -> None:
    if is_os_only(runtime):
        raise ValueError(
            f"runtime cannot be '{runtime.name}' with Adapter.lambda_web_adapter(), because OS-only runtimes ignore "
            f"{WRAPPER_VARIABLE}; pass a managed runtime, such as Runtime.NODEJS_24_X, for a server in any language, "
            "or a container image: code=Code.from_asset_image('folder')"
        )


def _package_entry(options: CodeOptions) -> DeploymentPackage:
    runtime = options.runtime or aws_lambda.Runtime.PYTHON_3_14
    check_runtime(runtime)
    folder = find_entry(options.required_entry)
    handler = options.handler or "run.sh"
    check_script(folder, handler, needs_shebang=True)
    if not is_supported(runtime.name):
        return _package_other_language(options, folder, handler, runtime)
    bundled = bundle_entry(options, folder, python_version(runtime))
    return DeploymentPackage(
        bundled.code,
        handler,
        runtime,
        warnings=bundled.warnings,
        byte_code_infos=bundled.byte_code_infos,
        bundling_metadata=bundled.metadata,
    )


def _package_other_language(
    options: CodeOptions, folder: Path, handler: str, runtime: aws_lambda.Runtime
) -> DeploymentPackage:
    reject_bundling_options(options.bundling, f"with the runtime '{runtime.name}', because nothing is installed for it")
    code = plain_code(options.scope, folder, excluded_by_user(folder, options.bundling))
    return DeploymentPackage(code, handler, runtime)


def _contradictions(function: aws_lambda.Function, found: FoundFrontDoors, package: DeploymentPackage) -> list[str]:
    """Return the changes to the function and its front doors that Lambda Web Adapter cannot serve."""
    variables = variables_of(function)
    problems = found.contradictions(has_one_form=True) + misspelt_variables(variables)
    wrapper = variables.get(WRAPPER_VARIABLE)
    if wrapper != WRAPPER_PATH and not package.is_image:
        problems.append(
            f"{WRAPPER_VARIABLE} was set to {wrapper!r}, so Lambda would not start Lambda Web Adapter; leave it out"
        )
    mode = variables.get(WEB_ADAPTER_INVOKE_MODE)
    streams = mode == "response_stream"
    for door in found.doors_that_buffer if streams else found.doors_that_stream:
        problems.append(
            f"'{door.path}' {'buffers' if streams else 'streams'}, but {WEB_ADAPTER_INVOKE_MODE} is {mode!r}, and "
            "decides the form of every response; pass the function "
            f"invoke_mode=InvokeMode.{'BUFFERED' if streams else 'RESPONSE_STREAM'}, or change that front door"
        )
    return problems


def layer_arn(region: str, architecture: aws_lambda.Architecture, version: str) -> str:
    """Return the ARN of AWS's layer. A region that is known only at deployment counts as one outside China."""
    is_arm = architecture.name == aws_lambda.Architecture.ARM_64.name
    name = _NAMES["ARM_64" if is_arm else "X86_64"]
    if Token.is_unresolved(region):
        return f"arn:{Aws.PARTITION}:lambda:{Aws.REGION}:{ACCOUNT}:layer:{name}:{version}"
    if region in CHINA_ACCOUNTS:
        if is_arm:
            raise ValueError(
                f"AWS publishes Lambda Web Adapter for x86_64 only in {region}, got architecture arm64; pass "
                "architecture=Architecture.X86_64, or your own layer"
            )
        return f"arn:aws-cn:lambda:{region}:{CHINA_ACCOUNTS[region]}:layer:{name}:{version}"
    if region.startswith(_PREFIXES_WITHOUT_LAYER):
        raise ValueError(f"AWS publishes no layer of Lambda Web Adapter in {region}; pass your own layer: layer=...")
    return f"arn:aws:lambda:{region}:{ACCOUNT}:layer:{name}:{version}"


def _format_value(name: str, value: Any) -> str:
    """Return an option's value as the text of its variable."""
    if name in _SWITCHES:
        if not isinstance(value, bool):
            raise TypeError(f"{name} must be True or False, got {value!r}")
        return "true" if value else "false"
    if name in _PORTS:
        return _format_port(name, value)
    if not isinstance(value, str):
        raise TypeError(f"{name} must be a str, got {value!r}")
    _check_text(name, value)
    return value


def _format_port(name: str, value: Any) -> str:
    if isinstance(value, float) and is_number_token(value):
        return Token.as_string(value)
    if not isinstance(value, int) or isinstance(value, bool):
        raise TypeError(f"{name} must be a port number, such as 8000, got {value!r}")
    _check_text(name, str(value))
    return str(value)


def _check_text(option_or_variable: str, value: str) -> None:
    """Reject a value that the adapter cannot use, of an option or of its variable."""
    name = option_or_variable.removeprefix(WEB_ADAPTER_PREFIX).lower()
    if Token.is_unresolved(value):
        return
    if name in _PORTS:
        _check_port(option_or_variable, value)
    wrong = _find_mistake(name, value)
    if wrong:
        raise ValueError(f"{option_or_variable} {wrong}, got {value!r}")


def _find_mistake(name: str, value: str) -> str:
    """Return the rule that a value breaks, or nothing."""
    if name in _SWITCHES and value not in ("true", "false"):
        return "must be one of true, false"
    if name in _PATHS and not value.startswith("/"):
        return "must start with '/'"
    if name in _CHOICES and value.lower() not in _CHOICES[name]:
        return f"must be one of {', '.join(_CHOICES[name])}"
    if name in _STATUSES and not _STATUS_LIST.fullmatch(value):
        return "must be statuses and ranges of them, such as '200-399,404'"
    if name == "host" and "/" in value:
        return "must be a name or an address without scheme, such as 'localhost'"
    return ""


def _check_port(option_or_variable: str, value: str) -> None:
    port = int(value) if value.isascii() and value.isdecimal() and len(value) < 6 else 0
    if not 1 <= port <= 65535:
        raise ValueError(f"{option_or_variable} must be between 1 and 65535, got {value}")
    if port in (3000, 9001):
        raise ValueError(
            f"{option_or_variable} cannot be {value}, because Lambda uses that port; choose another one, such as 8080"
        )
