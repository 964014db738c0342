"""Deployment package of a function: code, handler and runtime for Lambda."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from aws_cdk import aws_lambda

from cdk_lambda_streaming.checks.managed_python import IMAGE, check_runtime, name_of
from cdk_lambda_streaming.checks.synth_warning import SynthWarning
from cdk_lambda_streaming.options import CodeOptions

# Subject of the messages about byte code, of functions and of the layer.
BYTE_CODE = "byte code"


@dataclass(frozen=True, slots=True)
class DeploymentPackage:
    """Package for Lambda."""

    code: aws_lambda.Code
    handler: str
    runtime: aws_lambda.Runtime
    environment: Mapping[str, str] = field(default_factory=dict)
    warnings: Sequence[SynthWarning] = ()
    byte_code_infos: Sequence[SynthWarning] = ()
    """Messages about missing byte code. An app gets one, because one interpreter answers all of them."""
    is_built_image: bool = False
    """True for an image that the library builds from `entry`."""
    bundling_metadata: Mapping[str, Any] = field(default_factory=dict)

    @property
    def is_image(self) -> bool:
        return name_of(self.runtime) == IMAGE


def package_code(options: CodeOptions, *, default_handler: str | None) -> DeploymentPackage:
    """Return the package for the option `code`. The code is not read."""
    assert options.code is not None
    if options.has_image:
        return _package_image(options, options.code)
    runtime = options.runtime or aws_lambda.Runtime.PYTHON_3_14
    check_runtime(runtime)
    handler = options.handler or default_handler
    if handler is None:
        raise TypeError("handler is required with code: Lambda's own handler string, such as 'index.handler'")
    if not isinstance(handler, str):
        raise TypeError(f"handler must be Lambda's own handler string, such as 'index.handler', got {handler!r}")
    return DeploymentPackage(options.code, handler, runtime)


def _package_image(options: CodeOptions, code: aws_lambda.Code) -> DeploymentPackage:
    if options.runtime is not None and name_of(options.runtime) != IMAGE:
        raise ValueError(
            f"runtime cannot be '{options.runtime.name}' for a container image, which has its own; leave it out"
        )
    if options.handler is not None and options.handler != aws_lambda.Handler.FROM_IMAGE:
        raise ValueError(
            f"handler cannot be {options.handler!r} for a container image; pass cmd=[{options.handler!r}] to "
            "Code.from_asset_image(), or set it in the image's CMD"
        )
    return DeploymentPackage(code, aws_lambda.Handler.FROM_IMAGE, aws_lambda.Runtime.FROM_IMAGE)
