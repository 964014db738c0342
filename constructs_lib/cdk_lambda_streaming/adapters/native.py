"""Adapter for functions whose own runtime streams. They are checked like the others, and nothing is added to them."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Mapping
from pathlib import Path, PurePosixPath
from typing import Any

from aws_cdk import aws_lambda

from cdk_lambda_streaming.adapters.function_adapter import (
    FunctionAdapter,
    reject_handler_options,
    reject_zip_options,
)
from cdk_lambda_streaming.cdk.function_resource import variables_of
from cdk_lambda_streaming.checks.environment import check_any_variable, misspelt_variables
from cdk_lambda_streaming.checks.managed_python import IMAGE, check_runtime, is_os_only
from cdk_lambda_streaming.checks.synth_warning import SynthWarning
from cdk_lambda_streaming.code.deployment_package import DeploymentPackage, package_code
from cdk_lambda_streaming.code.entry import check_script, find_entry
from cdk_lambda_streaming.code.plain_code import excluded_by_user, plain_code
from cdk_lambda_streaming.front_doors.records import FoundFrontDoors
from cdk_lambda_streaming.front_doors.watch import watch_front_doors
from cdk_lambda_streaming.options import CodeOptions

# https://docs.aws.amazon.com/lambda/latest/dg/configuration-response-streaming.html: Node.js streams by itself.
NODE_SUFFIXES = (".mjs", ".js", ".cjs")


class NativeAdapter(FunctionAdapter):
    def package(self, options: CodeOptions) -> DeploymentPackage:
        reject_handler_options(options, "Adapter.native()")
        if options.bundling is not None:
            raise ValueError(
                "bundling installs Python packages and has no effect with Adapter.native(); leave it out, and list the "
                "files that are not deployed in .lambdaignore in entry"
            )
        if options.runtime is None and not options.has_image:
            raise TypeError(
                "runtime is required with Adapter.native(), such as Runtime.NODEJS_24_X or Runtime.PROVIDED_AL2023"
            )
        if options.code is not None:
            package = package_code(options, default_handler=None)
            return dataclasses.replace(package, warnings=_warn_of_runtime(package.runtime))
        assert options.runtime is not None
        return _package_entry(options, options.runtime)

    def attach(self, function: aws_lambda.Function, package: DeploymentPackage) -> None:
        # The function answers every front door in the same form, so it needs no variable.
        watch_front_doors(function, lambda found: _find_problems(function, found))

    def check_function_options(self, options: Mapping[str, Any], package: DeploymentPackage) -> None:
        reject_zip_options(options, package)

    def check_variable(self, key: str, value: str) -> None:
        check_any_variable(key, value)


def _package_entry(options: CodeOptions, runtime: aws_lambda.Runtime) -> DeploymentPackage:
    check_runtime(runtime)
    folder = find_entry(options.required_entry)
    handler = options.handler or _default_handler(runtime)
    if is_os_only(runtime):
        check_script(folder, "bootstrap", needs_shebang=False)
    elif runtime.family is aws_lambda.RuntimeFamily.NODEJS:
        _check_node_module(folder, handler)
    code = plain_code(options.scope, folder, excluded_by_user(folder))
    return DeploymentPackage(code, handler, runtime, warnings=_warn_of_runtime(runtime))


def _default_handler(runtime: aws_lambda.Runtime) -> str:
    if is_os_only(runtime):
        return "bootstrap"
    if runtime.family is aws_lambda.RuntimeFamily.NODEJS:
        return "index.handler"
    raise TypeError(f"handler is required for the runtime '{runtime.name}': Lambda's own handler string")


def _check_node_module(folder: Path, handler: str) -> None:
    if not isinstance(handler, str):
        raise TypeError(f"handler must be module and function, such as 'index.handler', got {handler!r}")
    module, dot, name = handler.rpartition(".")
    if not dot or not module or not name:
        raise ValueError(f"handler must be module and function, such as 'index.handler', got {handler!r}")
    if os.fspath(module).startswith("/opt/"):  # The module is in a layer.
        return
    if PurePosixPath(module).is_absolute() or ".." in PurePosixPath(module).parts:
        raise ValueError(f"handler must name a module inside entry, such as 'dist/index.handler', got {handler!r}")
    candidates = [f"{PurePosixPath(module)}{suffix}" for suffix in NODE_SUFFIXES]
    if not any((folder / candidate).is_file() for candidate in candidates):
        raise ValueError(
            f"entry folder '{folder}' has none of {', '.join(candidates)} for handler={handler!r}; compile the sources "
            "before synth, and pass the output folder as entry"
        )


def _find_problems(function: aws_lambda.Function, found: FoundFrontDoors) -> list[str]:
    return found.contradictions(has_one_form=True) + misspelt_variables(variables_of(function))


def _warn_of_runtime(runtime: aws_lambda.Runtime) -> tuple[SynthWarning, ...]:
    # The content of an image is unknown.
    if is_os_only(runtime) or runtime.name == IMAGE or runtime.family is aws_lambda.RuntimeFamily.NODEJS:
        return ()
    return (
        SynthWarning(
            "runtimeDoesNotStream",
            f"AWS's managed runtime '{runtime.name}' does not stream by itself, and Adapter.native() adds nothing to "
            "it. Use Adapter.handler() for Python, or Adapter.lambda_web_adapter().",
        ),
    )
