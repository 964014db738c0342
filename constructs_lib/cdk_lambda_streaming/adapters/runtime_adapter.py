"""Adapters whose code the streaming runtime runs, from a layer or inside a container image."""

from __future__ import annotations

import dataclasses
from abc import abstractmethod
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from aws_cdk import Token, aws_lambda

from cdk_lambda_streaming.adapters.function_adapter import (
    FunctionAdapter,
    reject_bundling_options,
    reject_zip_options,
)
from cdk_lambda_streaming.cdk.function_resource import add_warning, layers_of, resource_of, variables_of
from cdk_lambda_streaming.cdk.validation import validate_at_synth
from cdk_lambda_streaming.checks.environment import (
    DEFAULT_FRONT_DOORS,
    EXEC_WRAPPERS_VARIABLE,
    PYTHON_VARIABLE,
    SAMPLE_RATE_VARIABLE,
    WRAPPER_PATH,
    check_variable,
    format_front_doors,
    wrong_variables,
)
from cdk_lambda_streaming.checks.limits import format_number
from cdk_lambda_streaming.checks.managed_python import NEWEST, is_os_only, known_runtime, python_version
from cdk_lambda_streaming.checks.synth_warning import SynthWarning
from cdk_lambda_streaming.code.bundled_code import bundle_entry
from cdk_lambda_streaming.code.container_image import Image, image_code, open_image_folder, warn_of_missing_requirements
from cdk_lambda_streaming.code.deployment_package import DeploymentPackage, package_code
from cdk_lambda_streaming.code.entry import find_entry
from cdk_lambda_streaming.code.plain_code import excluded_by_user
from cdk_lambda_streaming.front_doors.own_address import find_own_addresses
from cdk_lambda_streaming.front_doors.records import FoundFrontDoors
from cdk_lambda_streaming.front_doors.watch import tell_runtime, watch_front_doors
from cdk_lambda_streaming.options import CodeOptions
from cdk_lambda_streaming.streaming_layer import StreamingLayer

_ONE_INVOCATION = (
    "Lambda Managed Instances send several invocations to one environment at once, but the streaming runtime serves one"
)


class FoundHandler(NamedTuple):
    """Handler of the code in `entry`, as Lambda's own handler string, and warnings about its source."""

    handler: str
    warnings: Sequence[SynthWarning]


class RuntimeAdapter(FunctionAdapter):
    @abstractmethod
    def find_handler(self, options: CodeOptions, entry: Path, python: tuple[int, int]) -> FoundHandler:
        """Return the handler of the code in `entry`, or reject the code. `python` is the version that runs it."""

    @property
    def default_handler(self) -> str | None:
        """Handler of the option `code`. None if the user must name it."""
        return None

    def package(self, options: CodeOptions) -> DeploymentPackage:
        package = self._package_code(options) if options.code is not None else self._package_entry(options)
        environment = {}
        if options.exec_wrappers:
            environment[EXEC_WRAPPERS_VARIABLE] = _join_wrappers(options.exec_wrappers)
        if options.stream_metrics_sample_rate:
            environment[SAMPLE_RATE_VARIABLE] = format_number(options.stream_metrics_sample_rate)
        return dataclasses.replace(package, environment=environment)

    def attach(self, function: aws_lambda.Function, package: DeploymentPackage) -> None:
        if package.is_image:
            watch_front_doors(function, lambda found: _check_image(function, found))
            tell_runtime(function, default=format_front_doors(DEFAULT_FRONT_DOORS))
        else:
            StreamingLayer.of(function).attach_to(function)
        if package.is_built_image:
            open_image_folder(function)
        if is_os_only(package.runtime):
            validate_at_synth(function, lambda: _warn_of_missing_python(function))

    def check_variable(self, key: str, value: str) -> None:
        check_variable(key, value)

    def check_function_options(self, options: Mapping[str, Any], package: DeploymentPackage) -> None:
        reject_zip_options(options, package)
        if options.get("capacity_provider") is not None:
            raise ValueError(f"capacity_provider is not supported: {_ONE_INVOCATION}; leave it out")
        if options.get("durable_config") is not None:
            raise ValueError(
                "durable_config cannot be combined with response streaming: the streaming runtime does not support "
                "durable functions; use an aws_lambda.Function for the durable part"
            )

    @property
    def writes_stream_metrics(self) -> bool:
        return True

    def _package_code(self, options: CodeOptions) -> DeploymentPackage:
        package = package_code(options, default_handler=self.default_handler)
        if package.is_image:
            return package
        python_version(package.runtime)
        return dataclasses.replace(package, runtime=known_runtime(package.runtime))

    def _package_entry(self, options: CodeOptions) -> DeploymentPackage:
        runtime = options.runtime or aws_lambda.Runtime.PYTHON_3_14
        python = NEWEST if options.base_image is not None else python_version(runtime)
        folder = find_entry(options.required_entry)
        handler, warnings = self.find_handler(options, folder, python)
        if options.base_image is not None:
            return _package_image(options, Image(folder, handler, options.base_image), warnings)
        if is_os_only(runtime) and (folder / "bootstrap").exists():
            raise ValueError(
                f"entry folder '{folder}' has a file 'bootstrap', and Lambda starts it instead of the streaming "
                f"runtime on '{runtime.name}'; rename it, or pass adapter=Adapter.native() if it is a program that "
                "streams"
            )
        bundled = bundle_entry(options, folder, python)
        return DeploymentPackage(
            bundled.code,
            handler,
            known_runtime(runtime),
            warnings=[*warnings, *bundled.warnings],
            byte_code_infos=bundled.byte_code_infos,
            bundling_metadata=bundled.metadata,
        )


def _package_image(options: CodeOptions, image: Image, warnings: Sequence[SynthWarning]) -> DeploymentPackage:
    if options.runtime is not None:
        raise ValueError(
            f"runtime cannot be '{options.runtime.name}' with base_image, which has the interpreter; leave it out"
        )
    reject_bundling_options(options.bundling, "with base_image, because its Dockerfile runs pip")
    excluded = excluded_by_user(image.entry, options.bundling)
    code = image_code(options.scope, dataclasses.replace(image, excluded=excluded), options.architecture)
    warning = warn_of_missing_requirements(image.entry)
    return DeploymentPackage(
        code,
        aws_lambda.Handler.FROM_IMAGE,
        aws_lambda.Runtime.FROM_IMAGE,
        warnings=[*warnings, *([] if warning is None else [warning])],
        is_built_image=True,
    )


def _check_image(function: aws_lambda.Function, found: FoundFrontDoors) -> list[str]:
    """Return the problems of a container image."""
    variables = variables_of(function)
    problems = [*found.contradictions(), *wrong_variables(variables), *find_own_addresses(function, variables)]
    if layers_of(function):
        problems.append("layers cannot be added to a container image; copy their content into the image")
    if resource_of(function).capacity_provider_config is not None:
        problems.append(
            f"it was added to a capacity provider: {_ONE_INVOCATION}; leave it out of the capacity provider"
        )
    return problems


def _warn_of_missing_python(function: aws_lambda.Function) -> list[str]:
    """Warn if an OS-only runtime has neither another layer nor a variable for an interpreter."""
    # One layer is the streaming runtime's.
    if len(layers_of(function)) == 1 and PYTHON_VARIABLE not in variables_of(function):
        add_warning(
            function,
            "osOnlyNeedsPython",
            "an OS-only runtime has no Python, so every invocation fails without one. Add a layer or code with python3 "
            f"on PATH (/opt/bin is on it), or name the interpreter in the environment variable {PYTHON_VARIABLE}.",
        )
    return []


def _join_wrappers(wrappers: object) -> str:
    if isinstance(wrappers, str) or not isinstance(wrappers, Collection):
        raise TypeError(f"exec_wrappers must be a list of paths, such as ['/opt/otel-instrument'], got {wrappers!r}")
    for wrapper in wrappers:
        if not isinstance(wrapper, str):
            raise TypeError(f"exec_wrappers must hold paths as str, got {wrapper!r}")
        if Token.is_unresolved(wrapper):
            continue
        if not wrapper.startswith("/") or ":" in wrapper or wrapper == WRAPPER_PATH:
            raise ValueError(
                "exec_wrappers must be absolute paths without a colon, such as '/opt/otel-instrument', and not "
                f"{WRAPPER_PATH}, which is the streaming runtime itself; got {wrapper!r}"
            )
    return ":".join(wrappers)
