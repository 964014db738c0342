"""The runtime as a Lambda layer, and the requirements of the layer on a function."""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Collection, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, Protocol

from aws_cdk import AssetHashType, Stack, aws_lambda, aws_s3_assets
from constructs import Construct, IConstruct

from cdk_lambda_streaming.cdk import staging
from cdk_lambda_streaming.cdk.construct_tree import path_of, stack_of
from cdk_lambda_streaming.cdk.function_resource import (
    DEFAULT_TIMEOUT_SECONDS,
    add_warning,
    layers_of,
    resource_of,
    runtime_of,
    set_variable,
    variables_of,
)
from cdk_lambda_streaming.cdk.told_once import tell_once
from cdk_lambda_streaming.cdk.validation import validate_at_synth
from cdk_lambda_streaming.checks.application_variables import OPTIONS, find_contradictions
from cdk_lambda_streaming.checks.environment import (
    DEFAULT_FRONT_DOORS,
    EXEC_WRAPPERS_VARIABLE,
    WRAPPER_PATH,
    WRAPPER_VARIABLE,
    FrontDoor,
    check_front_doors,
    format_front_doors,
    wrong_variables,
)
from cdk_lambda_streaming.checks.managed_python import (
    COMPATIBLE,
    SUPPORTED,
    is_os_only,
    is_supported,
    name_of,
    python_version,
    runtime_warnings,
)
from cdk_lambda_streaming.checks.quotas import LAYERS
from cdk_lambda_streaming.code.application_settings import ApplicationSettings
from cdk_lambda_streaming.code.deployment_package import BYTE_CODE
from cdk_lambda_streaming.code.layer_content import (
    LayerFile,
    compile_layer_files,
    has_byte_code,
    hash_layer_files,
    read_layer_files,
    write_layer_archive,
)
from cdk_lambda_streaming.front_doors.own_address import find_own_addresses
from cdk_lambda_streaming.front_doors.records import FoundFrontDoors
from cdk_lambda_streaming.front_doors.watch import name_alias, name_front_doors, tell_runtime, watch_front_doors
from cdk_lambda_streaming.streaming_target import AttachedFunction

LAYER_ID = "LambdaStreamingRuntime"
# Part of the layer's ARN in every partition. That layer also has a /opt/bootstrap.
WEB_ADAPTER_LAYER = ":layer:LambdaAdapterLayer"


class _Implementation(Protocol):
    def attached_settings(self) -> ApplicationSettings | None: ...


class AttachableAdapter(Protocol):
    """An `Adapter`. This module does not import that class, because adapters attach the layer."""

    @property
    def implementation(self) -> _Implementation: ...


class StreamingLayer(aws_lambda.LayerVersion):
    """The streaming runtime as a Lambda layer. `StreamingLayer.of` finds or makes the one of a stack.

    The layer has byte code for the Pythons of its functions, if this machine has these Pythons, or the installed
    distribution `lambda-streaming` has byte code.
    """

    def __init__(self, scope: Construct, id: str, *, first_function: aws_lambda.Function | None = None) -> None:
        files = read_layer_files()
        if first_function is not None:
            files = _compiled_for(first_function, files) or files
        content_hash = hash_layer_files(files)
        with _written(files, scope) as archive:
            super().__init__(
                scope,
                id,
                # The CDK's own hash ignores modes.
                code=aws_lambda.Code.from_asset(archive, asset_hash=content_hash, asset_hash_type=AssetHashType.CUSTOM),
                description="Response streaming for Python: the lambda-streaming runtime",
                compatible_architectures=[aws_lambda.Architecture.ARM_64, aws_lambda.Architecture.X86_64],
            )
        # Not the CDK's option: the CDK refuses a function with a runtime that is not in the list or that its constants
        # do not describe, such as a newer Python.
        self._resource.compatible_runtimes = list(COMPATIBLE)
        self._files = files
        self._content_hash = content_hash
        # Paths of functions.
        self._attached: set[str] = set()

    @classmethod
    def of(cls, scope: IConstruct) -> StreamingLayer:
        """Return the layer of the scope's stack or nested stack. The first call makes it."""
        stack = stack_of(scope)
        layer = stack.node.try_find_child(LAYER_ID)
        if layer is None:
            return cls(stack, LAYER_ID, first_function=scope if isinstance(scope, aws_lambda.Function) else None)
        if not isinstance(layer, cls):
            raise ValueError(f"'{layer.node.path}' has the id of the streaming layer; give it another id")
        return layer

    @property
    def content_hash(self) -> str:
        """Hash of the layer's content, equal on every machine that has byte code for the same Pythons."""
        return self._content_hash

    def attach_to(
        self,
        function: aws_lambda.Function,
        *,
        adapter: AttachableAdapter | None = None,
        front_doors: Collection[FrontDoor] | None = None,
        alias: aws_lambda.Alias | None = None,
        function_url: aws_lambda.FunctionUrl | None = None,
    ) -> AttachedFunction:
        """Make a Python function of the app stream. The result adds front doors; you can also add them yourself.

        The library finds Function URLs and REST APIs in the app at synth. If a front door that streams is not a
        construct in the app, pass all of them in `front_doors`. A second call changes only `front_doors`. An existing
        exec wrapper of the function, such as OpenTelemetry's, keeps working.

        :param adapter: `Adapter.asgi(...)` or `Adapter.wsgi(...)` for a function that serves a web application. It
            replaces the function's handler. The library does not read the function's code. Default: the function keeps
            its handler.
        :param alias: Alias of the function that the front doors of the result call. Default: the function itself.
        :param function_url: Your Function URL, if its construct is in another place than the CDK's
            `add_function_url()` puts it. Default: the one that this method made, before or after `attach_to`.

        Raises an error for a function that cannot stream: an imported one, one in another stack, a runtime other than
        Python, a container image, one with a layer of AWS Lambda Web Adapter or with five layers already. Raises an
        error for front doors that are not members of `FrontDoor`.
        """
        if not isinstance(function, aws_lambda.Function):
            raise TypeError(
                f"function must be an aws_lambda.Function of this app, got {type(function).__name__}: "
                "imported functions, versions and aliases take neither layers nor environment variables"
            )
        if front_doors is not None:
            check_front_doors(front_doors)
        _check_target(alias, function_url)
        settings = None if adapter is None else _settings_of(adapter)
        if path_of(function) not in self._attached:
            variables = variables_of(function)
            self._check_attachable(function, variables)
            if settings is not None:
                _check_application_variables(function, variables)
            self._attach(function, variables)
            self._attached.add(path_of(function))
        elif adapter is not None:
            raise ValueError(
                f"function '{function.node.path}' has the streaming layer already, so it is too late for adapter; pass "
                "adapter in the first call of attach_to(), or to StreamingFunction"
            )
        if settings is not None:
            resource_of(function).handler = settings.handler
            settings.set_variables(function)
        if front_doors is not None:
            name_front_doors(function, front_doors)
        if alias is not None:
            name_alias(function, alias.alias_name)
        return AttachedFunction(function, alias=alias, function_url=function_url)

    def _check_attachable(self, function: aws_lambda.Function, variables: Mapping[str, Any]) -> None:
        if path_of(stack_of(function)) != path_of(stack_of(self)):
            raise ValueError(
                f"function '{function.node.path}' is not in the layer's stack '{Stack.of(self).node.path}'; "
                "use StreamingLayer.of(function).attach_to(function)"
            )
        python_version(runtime_of(function))
        if resource_of(function).durable_config is not None:
            raise ValueError(
                f"function '{function.node.path}' is durable, and the streaming runtime does not support durable "
                "functions; leave durable_config out"
            )
        layers = layers_of(function)
        if _has_web_adapter(layers):
            raise ValueError(
                f"function '{function.node.path}' has the layer of AWS Lambda Web Adapter, and both layers have a "
                f"{WRAPPER_PATH}; remove one of them"
            )
        _check_wrapper(function, variables)
        if len(layers) >= LAYERS:
            raise ValueError(
                f"function '{function.node.path}' has {len(layers)} layers already, but Lambda allows "
                f"{LAYERS}, the streaming layer included; remove one"
            )

    def _attach(self, function: aws_lambda.Function, variables: Mapping[str, Any]) -> None:
        self._add_byte_code(function)
        function.add_layers(self)
        for warning in runtime_warnings(name_of(runtime_of(function))):
            add_warning(function, *warning)
        if not is_os_only(runtime_of(function)):  # An OS-only runtime starts the layer's bootstrap by itself.
            _chain_wrapper(function, variables)
            set_variable(function, WRAPPER_VARIABLE, WRAPPER_PATH)
        # Without the feature flag recognizeLayerVersion, the CDK makes no new version if only a layer changes.
        function.invalidate_version_based_on(self.content_hash)
        validate_at_synth(function, lambda: _find_later_changes(function, self))
        watch_front_doors(function, FoundFrontDoors.contradictions)
        # A function without any variable would get an empty mapping of variables.
        tell_runtime(
            function, default=format_front_doors(DEFAULT_FRONT_DOORS) if is_os_only(runtime_of(function)) else None
        )

    def _add_byte_code(self, function: aws_lambda.Function) -> None:
        """Add byte code for a function's Python that no earlier function has."""
        files = _compiled_for(function, self._files)
        if files is None:
            _tell_of_missing_python(function)
        elif files != self._files:
            self._files, self._content_hash = files, hash_layer_files(files)
            self._replace_content()

    def _replace_content(self) -> None:
        with _written(self._files, self) as archive:
            asset = aws_s3_assets.Asset(
                self,
                f"Code{self._content_hash[:8]}",
                path=archive,
                asset_hash=self._content_hash,
                asset_hash_type=AssetHashType.CUSTOM,
            )
        self._resource.content = aws_lambda.CfnLayerVersion.ContentProperty(
            s3_bucket=asset.s3_bucket_name, s3_key=asset.s3_object_key
        )
        asset.add_resource_metadata(self._resource, "Content")

    @property
    def _resource(self) -> aws_lambda.CfnLayerVersion:
        resource = self.node.default_child
        assert isinstance(resource, aws_lambda.CfnLayerVersion)
        return resource


def _settings_of(adapter: AttachableAdapter) -> ApplicationSettings | None:
    if not hasattr(adapter, "implementation"):
        raise TypeError(f"adapter must be an Adapter, such as Adapter.asgi('app.main:app'), got {adapter!r}")
    return adapter.implementation.attached_settings()


def _check_application_variables(function: aws_lambda.Function, variables: Mapping[str, Any]) -> None:
    """Reject variables of a web application beside an adapter, which sets them."""
    for variable, option in OPTIONS.items():
        if variable in variables:
            raise ValueError(
                f"function '{function.node.path}' has {variable} set to {variables[variable]!r}, but attach_to() got "
                f"an adapter, which sets it; remove the variable, and pass {option}"
            )


def _check_target(alias: object, function_url: object) -> None:
    if alias is not None and not isinstance(alias, aws_lambda.Alias):
        raise TypeError(f"alias must be an Alias, such as function.add_alias('live'), got {alias!r}")
    if function_url is not None and not isinstance(function_url, aws_lambda.FunctionUrl):
        raise TypeError(
            f"function_url must be a FunctionUrl, such as function.add_function_url(), got {function_url!r}"
        )


def _compiled_for(function: aws_lambda.Function, files: tuple[LayerFile, ...]) -> tuple[LayerFile, ...] | None:
    """Return the files with byte code for the function's Python, None if this machine cannot compile it."""
    # The Python of an OS-only runtime is unknown, and a newer one may change while AWS previews it.
    if name_of(runtime_of(function)) not in SUPPORTED or has_byte_code(files, python_version(runtime_of(function))):
        return files
    return compile_layer_files(files, python_version(runtime_of(function)))


def _tell_of_missing_python(function: aws_lambda.Function) -> None:
    """Say once an app that cold starts are slower without byte code."""
    version = name_of(runtime_of(function)).removeprefix("python")
    tell_once(
        function,
        BYTE_CODE,
        "layerWithoutByteCode",
        f"This machine cannot compile byte code for Python {version}, so every cold start compiles the runtime and "
        f"takes about 50 ms longer. Install that Python, for example with `uv python install {version}`, or install a "
        "released lambda-streaming, which has byte code for every Python.",
    )


def _chain_wrapper(function: aws_lambda.Function, variables: Mapping[str, Any]) -> None:
    """Add the function's existing exec wrapper to the wrappers that the runtime starts."""
    wrapper = variables.get(WRAPPER_VARIABLE)
    if wrapper is not None:
        chained = variables.get(EXEC_WRAPPERS_VARIABLE)
        set_variable(function, EXEC_WRAPPERS_VARIABLE, f"{chained}:{wrapper}" if chained else wrapper)


def _check_wrapper(function: aws_lambda.Function, variables: Mapping[str, Any]) -> None:
    wrapper = variables.get(WRAPPER_VARIABLE)
    if wrapper is not None and (not isinstance(wrapper, str) or not wrapper.startswith("/")):
        raise ValueError(
            f"function '{function.node.path}' has {WRAPPER_VARIABLE} set to {wrapper!r}, which the streaming runtime "
            "cannot start; remove the variable, and pass the wrapper's path in LAMBDA_STREAMING_EXEC_WRAPPERS"
        )
    if wrapper == WRAPPER_PATH:
        raise ValueError(
            f"function '{function.node.path}' has {WRAPPER_VARIABLE} set to {wrapper!r} already, and the streaming "
            "layer needs that path; remove the variable, and the layer that has that file"
        )


def _find_later_changes(function: aws_lambda.Function, layer: StreamingLayer) -> list[str]:
    """Return the problems of changes after the layer was attached."""
    resource, layers = resource_of(function), layers_of(function)
    if resource.timeout is None:
        _warn_of_stock_timeout(function)
    variables = variables_of(function)
    problems = [
        *wrong_variables(variables),
        *find_contradictions(resource.handler, variables),
        *find_own_addresses(function, variables),
        *_find_wrapper_change(function, variables),
    ]
    if _has_web_adapter(layers):
        problems.append(
            f"the layer of AWS Lambda Web Adapter was added, and both layers have a {WRAPPER_PATH}; remove one of them"
        )
    if stack_of(function).resolve(layer.layer_version_arn) not in layers:
        problems.append(
            f"the streaming layer was removed, so the function cannot start without {WRAPPER_PATH}; add layers instead "
            "of replacing them"
        )
    if resource.runtime is not None and not is_supported(resource.runtime):
        problems.append(f"its runtime was changed to '{resource.runtime}', which the streaming layer does not support")
    if len(layers) > LAYERS:
        problems.append(f"it has {len(layers)} layers, the streaming layer included; Lambda allows {LAYERS}")
    if resource.capacity_provider_config is not None:
        problems.append(
            "it was added to a capacity provider: Lambda Managed Instances send several invocations to one environment "
            "at once, but the streaming runtime serves one; remove it from the provider"
        )
    return problems


def _warn_of_stock_timeout(function: aws_lambda.Function) -> None:
    add_warning(
        function,
        "stockTimeout",
        f"the function has Lambda's default timeout of {DEFAULT_TIMEOUT_SECONDS} s, which ends a longer stream. "
        "Pass the function a timeout.",
    )


def _find_wrapper_change(function: aws_lambda.Function, variables: Mapping[str, Any]) -> list[str]:
    wrapper = variables.get(WRAPPER_VARIABLE)
    if wrapper == WRAPPER_PATH or is_os_only(runtime_of(function)):
        return []
    return [
        f"{WRAPPER_VARIABLE} was set to {wrapper!r} after the streaming layer was attached, so the function would not "
        f"stream; leave the variable out, and name the wrapper in exec_wrappers or {EXEC_WRAPPERS_VARIABLE}"
    ]


@contextmanager
def _written(files: Collection[LayerFile], scope: IConstruct) -> Iterator[str]:
    """Write the files to an archive that exists as long as the CDK needs it.

    The archive keeps the modes: on Windows files have none, and Lambda starts only an executable wrapper.
    """
    with ExitStack() as stack:
        folder = tempfile.mkdtemp(prefix="lambda-streaming-")
        if not staging.is_disabled(scope):  # `cdk synth --no-staging` deploys this file itself, so it must stay.
            stack.callback(shutil.rmtree, folder, ignore_errors=True)
        archive = Path(folder, "layer.zip")
        write_layer_archive(files, archive)
        yield str(archive)


def _has_web_adapter(layers: list[Any]) -> bool:
    # An ARN without a known region or partition is an Fn::Join, so search its text.
    return WEB_ADAPTER_LAYER in json.dumps(layers)
