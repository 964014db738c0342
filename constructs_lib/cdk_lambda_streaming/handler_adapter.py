"""A Lambda handler in Python, run by the streaming runtime: as a layer, or inside a container image."""

from __future__ import annotations

import dataclasses
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

import jsii
from aws_cdk import Annotations, Token, aws_lambda
from constructs import IValidation

from cdk_lambda_streaming.adapter import Adapter
from cdk_lambda_streaming.bundled_code import bundle_entry
from cdk_lambda_streaming.container_image import find_not_installed, image_code, open_folders
from cdk_lambda_streaming.entry import find_entry, find_index, handler_string
from cdk_lambda_streaming.environment import (
    EXEC_WRAPPERS_VARIABLE,
    PYTHON_VARIABLE,
    SAMPLE_RATE_VARIABLE,
    WRAPPER_PATH,
    check_variable,
    wrong_variables,
)
from cdk_lambda_streaming.front_doors import FoundFrontDoors, watch_front_doors
from cdk_lambda_streaming.function_resource import layers_of, resource_of, variables_of
from cdk_lambda_streaming.handler_source import Doubt, find_handler
from cdk_lambda_streaming.limits import format_number
from cdk_lambda_streaming.managed_python import NEWEST, as_layer_runtime, is_os_only, python_version
from cdk_lambda_streaming.package import (
    Package,
    Source,
    entry_of,
    package_code,
    refuse_installing,
    refuse_options_of_zips,
)
from cdk_lambda_streaming.plain_code import excluded_by_user
from cdk_lambda_streaming.streaming_layer import StreamingLayer, tell_front_doors

_ONE_AT_A_TIME = (
    "Lambda Managed Instances give one environment several invocations at once, and the streaming runtime serves one"
)


class HandlerAdapter(Adapter):
    def package(self, source: Source) -> Package:
        package = self._package_code(source) if source.code is not None else self._package_entry(source)
        environment = {}
        if source.exec_wrappers:
            environment[EXEC_WRAPPERS_VARIABLE] = _join_wrappers(source.exec_wrappers)
        if source.stream_metrics_sample_rate:
            environment[SAMPLE_RATE_VARIABLE] = format_number(source.stream_metrics_sample_rate)
        return dataclasses.replace(package, environment=environment)

    def attach(self, function: aws_lambda.Function, package: Package) -> None:
        if package.is_image:
            watch_front_doors(function, lambda found: _tell_image(function, found))
        else:
            StreamingLayer.of(function).attach_to(function)
        if package.is_written_here:
            open_folders(function)
        if is_os_only(package.runtime):
            function.node.add_validation(_HasPython(function))

    def check_variable(self, key: str, value: str) -> None:
        check_variable(key, value)

    def check_function_options(self, options: Mapping[str, Any], package: Package) -> None:
        refuse_options_of_zips(options, package)
        if options.get("capacity_provider") is not None:
            raise ValueError(f"capacity_provider is not supported yet: {_ONE_AT_A_TIME}; leave it out")
        if options.get("durable_config") is not None:
            raise ValueError(
                "durable_config cannot be combined with response streaming: the streaming runtime does not speak the "
                "protocol of durable functions; use an aws_lambda.Function for the durable part"
            )

    @property
    def writes_stream_metrics(self) -> bool:
        return True

    def _package_code(self, source: Source) -> Package:
        package = package_code(source, default_handler=None)
        if package.is_image:
            return package
        python_version(package.runtime)
        return dataclasses.replace(package, runtime=as_layer_runtime(package.runtime))

    def _package_entry(self, source: Source) -> Package:
        index = "index.py" if source.index is None else source.index
        name = "handler" if source.handler is None else source.handler
        runtime = source.runtime or aws_lambda.Runtime.PYTHON_3_14
        python = NEWEST if source.base_image is not None else python_version(runtime)
        folder = find_entry(entry_of(source))
        module = find_index(folder, index)
        handler = handler_string(index, name)
        doubt = find_handler(module, name, python)
        doubts = [] if doubt is None else [doubt]
        if source.base_image is not None:
            return self._package_image(source, source.base_image, folder, handler, doubts)
        if is_os_only(runtime) and (folder / "bootstrap").exists():
            raise ValueError(
                f"entry folder '{folder}' has a file 'bootstrap', which Lambda starts before the streaming runtime's "
                f"on '{runtime.name}'; rename it, or pass adapter=Adapter.native() if it is a program that streams"
            )
        bundled = bundle_entry(source, folder, python)
        return Package(
            bundled.code,
            handler,
            as_layer_runtime(runtime),
            doubts=[*doubts, *bundled.doubts],
            bundling_metadata=bundled.metadata,
        )

    def _package_image(
        self, source: Source, base_image: str, folder: Path, handler: str, doubts: list[Doubt]
    ) -> Package:
        if source.runtime is not None:
            raise ValueError(
                f"runtime cannot be '{source.runtime.name}' with base_image, which brings the interpreter; leave it out"
            )
        refuse_installing(source.bundling, "with base_image, whose Dockerfile has pip install requirements.txt")
        excluded = excluded_by_user(folder, source.bundling)
        code = image_code(source.scope, folder, handler, base_image, source.architecture, excluded)
        doubt = find_not_installed(folder)
        return Package(
            code,
            aws_lambda.Handler.FROM_IMAGE,
            aws_lambda.Runtime.FROM_IMAGE,
            doubts=doubts if doubt is None else [*doubts, doubt],
            is_written_here=True,
        )


def _tell_image(function: aws_lambda.Function, found: FoundFrontDoors) -> list[str]:
    problems = tell_front_doors(function, found) + wrong_variables(found.variables)
    if layers_of(function):
        problems.append("layers cannot be added to a container image; put their content into the image")
    if resource_of(function).capacity_provider_config is not None:
        problems.append(f"it was added to a capacity provider: {_ONE_AT_A_TIME}; leave it out of the capacity provider")
    return problems


@jsii.implements(IValidation)
class _HasPython:
    """Warns at synth of an OS-only runtime to which nothing visible brings an interpreter."""

    def __init__(self, function: aws_lambda.Function) -> None:
        self._function = function

    def validate(self) -> list[str]:
        # One layer is the streaming runtime's.
        if len(layers_of(self._function)) == 1 and PYTHON_VARIABLE not in variables_of(self._function):
            Annotations.of(self._function).add_warning_v2(
                "cdk-lambda-streaming:osOnlyNeedsPython",
                "an OS-only runtime has no Python: a layer or the code has to bring one, as python3 on PATH (/opt/bin "
                f"is on it) or named by the environment variable {PYTHON_VARIABLE}; without it every invocation fails",
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
                f"{WRAPPER_PATH}, the streaming runtime itself; got {wrapper!r}"
            )
    return ":".join(wrappers)
