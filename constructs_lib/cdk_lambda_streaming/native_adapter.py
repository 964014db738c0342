"""Functions whose own runtime streams: they are wired and checked as any other, and nothing is added to them."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Mapping
from pathlib import Path, PurePosixPath
from typing import Any

from aws_cdk import aws_lambda

from cdk_lambda_streaming.adapter import Adapter
from cdk_lambda_streaming.entry import check_script, find_entry
from cdk_lambda_streaming.environment import check_any_variable, misspelt_variables
from cdk_lambda_streaming.front_doors import watch_front_doors
from cdk_lambda_streaming.handler_source import Doubt
from cdk_lambda_streaming.managed_python import IMAGE, check_runtime, is_os_only
from cdk_lambda_streaming.package import (
    Package,
    Source,
    entry_of,
    has_image,
    package_code,
    refuse_options_of_python,
    refuse_options_of_zips,
)
from cdk_lambda_streaming.plain_code import excluded_by_user, plain_code

# Those whose own runtime client streams; https://docs.aws.amazon.com/lambda/latest/dg/configuration-response-streaming.html
NODE_SUFFIXES = (".mjs", ".js", ".cjs")


class NativeAdapter(Adapter):
    def package(self, source: Source) -> Package:
        refuse_options_of_python(source, "Adapter.native()")
        if source.bundling is not None:
            raise ValueError(
                "bundling installs Python packages, which Adapter.native() leaves to its user; leave it out, and name "
                "what is not the function's in the file .lambdaignore in entry"
            )
        if source.runtime is None and not has_image(source):
            raise TypeError(
                "runtime is required with Adapter.native(), such as Runtime.NODEJS_24_X or Runtime.PROVIDED_AL2023"
            )
        if source.code is not None:
            package = package_code(source, default_handler=None)
            return dataclasses.replace(package, doubts=_doubts(package.runtime))
        assert source.runtime is not None
        check_runtime(source.runtime)
        folder = find_entry(entry_of(source))
        handler = source.handler or _default_handler(source.runtime)
        if is_os_only(source.runtime):
            check_script(folder, "bootstrap", needs_shebang=False)
        elif source.runtime.family is aws_lambda.RuntimeFamily.NODEJS:
            _check_node_module(folder, handler)
        code = plain_code(source.scope, folder, excluded_by_user(folder))
        return Package(code, handler, source.runtime, doubts=_doubts(source.runtime))

    def attach(self, function: aws_lambda.Function, package: Package) -> None:
        # The application answers in one form, whoever asks; nothing is told to it.
        watch_front_doors(function, lambda found: found.contradictions() + misspelt_variables(found.variables))

    def check_function_options(self, options: Mapping[str, Any], package: Package) -> None:
        refuse_options_of_zips(options, package)

    def check_variable(self, key: str, value: str) -> None:
        check_any_variable(key, value)


def _default_handler(runtime: aws_lambda.Runtime) -> str:
    if is_os_only(runtime):
        return "bootstrap"
    if runtime.family is aws_lambda.RuntimeFamily.NODEJS:
        return "index.handler"
    raise TypeError(f"handler is required for the runtime '{runtime.name}': Lambda's own name of it")


def _check_node_module(folder: Path, handler: str) -> None:
    if not isinstance(handler, str):
        raise TypeError(f"handler must be module and function, such as 'index.handler', got {handler!r}")
    module, dot, name = handler.rpartition(".")
    if not dot or not module or not name:
        raise ValueError(f"handler must be module and function, such as 'index.handler', got {handler!r}")
    if os.fspath(module).startswith("/opt/"):  # The module is a layer's.
        return
    if PurePosixPath(module).is_absolute() or ".." in PurePosixPath(module).parts:
        raise ValueError(f"handler must name a module inside entry, such as 'dist/index.handler', got {handler!r}")
    candidates = [f"{PurePosixPath(module)}{suffix}" for suffix in NODE_SUFFIXES]
    if not any((folder / candidate).is_file() for candidate in candidates):
        raise ValueError(
            f"entry folder '{folder}' has none of {', '.join(candidates)}, which handler={handler!r} names; compile "
            "the sources before synth, and pass the folder of the result as entry"
        )


def _doubts(runtime: aws_lambda.Runtime) -> tuple[Doubt, ...]:
    # What an image has, only its owner knows.
    if is_os_only(runtime) or runtime.name == IMAGE or runtime.family is aws_lambda.RuntimeFamily.NODEJS:
        return ()
    return (
        Doubt(
            "runtimeDoesNotStream",
            f"AWS's managed runtime '{runtime.name}' does not stream by itself, and Adapter.native() adds nothing to "
            "it; use Adapter.handler() for Python, or Adapter.lambda_web_adapter()",
        ),
    )
