"""A Lambda handler in Python, run by the streaming runtime: as a layer, or inside a container image."""

from __future__ import annotations

import dataclasses
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

from aws_cdk import Token, aws_lambda

from cdk_lambda_streaming.adapter import Adapter
from cdk_lambda_streaming.container_image import image_code
from cdk_lambda_streaming.entry import entry_code, find_entry, find_index, handler_string
from cdk_lambda_streaming.environment import (
    DEFAULT_FRONT_DOORS,
    EXEC_WRAPPERS_VARIABLE,
    FRONT_DOORS_VARIABLE,
    PYTHON_VARIABLE,
    SAMPLE_RATE_VARIABLE,
    WRAPPER_PATH,
    check_variable,
    format_front_doors,
    misspelt_variables,
)
from cdk_lambda_streaming.front_doors import FoundFrontDoors, watch_front_doors
from cdk_lambda_streaming.function_resource import set_variable
from cdk_lambda_streaming.handler_source import Doubt, find_handler
from cdk_lambda_streaming.limits import format_number
from cdk_lambda_streaming.managed_python import NEWEST, is_os_only, python_version
from cdk_lambda_streaming.package import Package, Source, entry_of, package_code
from cdk_lambda_streaming.streaming_layer import StreamingLayer


class HandlerAdapter(Adapter):
    def package(self, source: Source) -> Package:
        package = self._package_code(source) if source.code is not None else self._package_entry(source)
        environment = {}
        if source.exec_wrappers:
            environment[EXEC_WRAPPERS_VARIABLE] = _join_wrappers(source.exec_wrappers)
        if source.stream_metrics_sample_rate:
            environment[SAMPLE_RATE_VARIABLE] = format_number(source.stream_metrics_sample_rate)
        return Package(package.code, package.handler, package.runtime, environment, package.doubts)

    def attach(self, function: aws_lambda.Function, package: Package) -> None:
        if package.is_image:
            watch_front_doors(function, lambda found: _tell_image(function, found))
        else:
            StreamingLayer.of(function).attach_to(function)

    def check_variable(self, key: str, value: str) -> None:
        check_variable(key, value)

    def check_function_options(self, options: Mapping[str, Any], package: Package) -> None:
        if package.is_image and options.get("layers"):
            raise ValueError("layers cannot be added to a container image; put their content into the image")
        if options.get("capacity_provider") is not None:
            raise ValueError(
                "capacity_provider is not supported yet: Lambda Managed Instances give one environment several "
                "invocations at once, and the streaming runtime serves one; leave it out"
            )
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
        if not package.is_image:
            python_version(package.runtime)
        doubts = [_os_only_needs_python()] if is_os_only(package.runtime) else []
        return dataclasses.replace(package, doubts=doubts)

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
        if is_os_only(runtime):
            doubts.append(_os_only_needs_python())
        return Package(entry_code(folder), handler, runtime, doubts=doubts)

    def _package_image(
        self, source: Source, base_image: str, folder: Path, handler: str, doubts: list[Doubt]
    ) -> Package:
        if source.runtime is not None:
            raise ValueError(
                f"runtime cannot be '{source.runtime.name}' with base_image, which brings the interpreter; leave it out"
            )
        code = image_code(source.scope, folder, handler, base_image, source.architecture)
        return Package(code, aws_lambda.Handler.FROM_IMAGE, aws_lambda.Runtime.FROM_IMAGE, doubts=doubts)


def _tell_image(function: aws_lambda.Function, found: FoundFrontDoors) -> list[str]:
    streaming = found.streaming()
    if streaming != DEFAULT_FRONT_DOORS:
        set_variable(function, FRONT_DOORS_VARIABLE, format_front_doors(streaming))
    return found.contradictions() + misspelt_variables(found.variables)


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


def _os_only_needs_python() -> Doubt:
    return Doubt(
        "osOnlyNeedsPython",
        "an OS-only runtime has no Python: a layer or the code has to bring one, as python3 on PATH (/opt/bin is on "
        f"it) or named by the environment variable {PYTHON_VARIABLE}; without it every invocation fails",
    )
