"""Options of `StreamingFunction` and their checks."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from aws_cdk import aws_lambda
from constructs import Construct
from lambda_bundling.options import BundlingOptions

from cdk_lambda_streaming.cdk.interfaces import has_member
from cdk_lambda_streaming.cdk.structs import options_by_name
from cdk_lambda_streaming.checks.limits import check_alias_name, check_cors, check_provisioned
from cdk_lambda_streaming.option_names import struct_of


@dataclass(frozen=True, slots=True, kw_only=True)
class CodeOptions:
    """Options about the code and the program that runs it. None stands for an option that the user left out."""

    scope: Construct
    entry: str | os.PathLike[str] | None
    index: str | None
    handler: str | None
    code: aws_lambda.Code | None
    base_image: str | None
    runtime: aws_lambda.Runtime | None
    architecture: aws_lambda.Architecture
    invoke_mode: aws_lambda.InvokeMode
    exec_wrappers: Sequence[str]
    stream_metrics_sample_rate: float
    bundling: BundlingOptions | None

    @property
    def required_entry(self) -> str | os.PathLike[str]:
        """Entry of checked options without `code`."""
        assert self.entry is not None
        return self.entry

    @property
    def has_image(self) -> bool:
        """True if `code` is the user's own container image."""
        return isinstance(self.code, (aws_lambda.AssetImageCode, aws_lambda.EcrImageCode))


def check_code_options(options: CodeOptions) -> None:
    """Reject a function without code or with two kinds of code."""
    if options.entry is None and options.code is None:
        raise TypeError("entry is required: the folder with the function's code; or pass code, any aws_lambda.Code")
    if options.bundling is not None and not isinstance(options.bundling, BundlingOptions):
        raise TypeError(
            f"bundling must be BundlingOptions, such as BundlingOptions(extras=['fast']), got {options.bundling!r}"
        )
    if options.code is None:
        return
    if not isinstance(options.code, aws_lambda.Code):
        raise TypeError(f"code must be a Code, such as Code.from_asset('build'), got {options.code!r}")
    for option in ("entry", "index", "base_image", "bundling"):
        value = getattr(options, option)
        if value is not None:
            raise TypeError(f"pass either {option} or code, got both: {option}={value!r}. code is deployed as it is")


def check_layers(layers: object) -> None:
    """Reject ARNs and single layers in the place of a list of layers."""
    if layers is None:
        return
    if has_member(layers, "layer_version_arn"):
        raise TypeError(f"layers must be a list of layers, got one layer; pass layers=[layer]: {layers!r}")
    # A str is a sequence of str too.
    if not isinstance(layers, Sequence) or not all(has_member(layer, "layer_version_arn") for layer in layers):
        raise TypeError(
            f"layers must be a list of layers, got {layers!r}; make a layer from an ARN with "
            "LayerVersion.from_layer_version_arn(scope, id, arn)"
        )


def check_url_options(
    *,
    function_url: bool,
    auth_type: aws_lambda.FunctionUrlAuthType | None,
    cors: aws_lambda.FunctionUrlCorsOptions | Mapping[str, Any] | None,
    invoke_mode: aws_lambda.InvokeMode,
    function_options: Mapping[str, Any],
) -> None:
    """Reject options of the Function URL that have a wrong type or contradict each other."""
    if not isinstance(invoke_mode, aws_lambda.InvokeMode):
        raise TypeError(f"invoke_mode must be an InvokeMode, such as InvokeMode.BUFFERED, got {invoke_mode!r}")
    if not isinstance(function_url, bool):
        raise TypeError(f"function_url must be True or False, got {function_url!r}")
    if auth_type is not None and not isinstance(auth_type, aws_lambda.FunctionUrlAuthType):
        raise TypeError(f"auth_type must be a FunctionUrlAuthType, such as FunctionUrlAuthType.NONE, got {auth_type!r}")
    if cors is not None:
        check_cors(cors)
    if function_url and function_options.get("tenancy_config") is not None:
        raise ValueError(
            "tenancy_config cannot be combined with a Function URL, because Lambda does not support Function URLs for "
            "functions with tenant isolation; pass function_url=False, and use add_streaming_rest_api()"
        )
    for option, value in (("auth_type", auth_type), ("cors", cors)):
        if not function_url and value is not None:
            raise ValueError(
                f"{option} needs a Function URL, got {option}={value} and function_url=False; remove "
                f"function_url=False, or pass {option} to add_function_url()"
            )


def alias_options_by_name(options: object) -> dict[str, Any]:
    """Return the options of an alias by name, from a mapping or from `AliasOptions`."""
    if isinstance(options, Mapping):
        return options_by_name(struct_of(aws_lambda.AliasOptions, "alias_options", options))
    if options is None or isinstance(options, aws_lambda.AliasOptions):
        return options_by_name(options)
    raise TypeError(
        f"alias_options must be AliasOptions, such as AliasOptions(provisioned_concurrent_executions=2), "
        f"got {options!r}"
    )


def check_alias_options(
    *, alias_name: str | None, alias_options: object, function_url: bool, function_options: Mapping[str, Any]
) -> None:
    """Reject options that affect only published versions if the Function URL calls the unpublished function."""
    if alias_name is not None:
        check_alias_name(alias_name)
    check_provisioned(
        alias_options_by_name(alias_options).get("provisioned_concurrent_executions"),
        function_options.get("reserved_concurrent_executions"),
    )
    if alias_options_by_name(alias_options) and alias_name is None:
        raise ValueError(f"alias_options needs an alias; {alias_advice('alias_options')}")
    if function_options.get("snap_start") is None:
        return
    if alias_name is None and function_url:
        raise ValueError(snap_start_message())
    version_options = function_options.get("current_version_options")
    is_struct = isinstance(version_options, (Mapping, aws_lambda.VersionOptions))
    if is_struct and options_by_name(version_options).get("provisioned_concurrent_executions"):
        raise ValueError(
            "current_version_options.provisioned_concurrent_executions cannot be combined with snap_start, because a "
            "version has one or the other; leave one of them out"
        )


def snap_start_message() -> str:
    """Return the error for `snap_start` without an alias."""
    return (
        "snap_start affects only published versions, but callers reach the unpublished function; "
        f"{alias_advice('snap_start')}"
    )


def alias_advice(option: str) -> str:
    """Return the fix for an option that needs an alias."""
    return (
        "pass alias_name='live'. Front doors then belong to the alias, so a deployed Function URL gets another "
        f"address. To keep the address, leave {option} out"
    )
