"""Interface between `StreamingFunction` and an adapter, and checks that several adapters share."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import fields
from typing import Any

from aws_cdk import aws_lambda
from lambda_bundling.options import BundlingOptions

from cdk_lambda_streaming.code.application_settings import ApplicationSettings
from cdk_lambda_streaming.code.deployment_package import DeploymentPackage
from cdk_lambda_streaming.options import CodeOptions

_WITH_RUNTIME = "Adapter.handler(), Adapter.asgi() and Adapter.wsgi()"


class FunctionAdapter(ABC):
    """Adapter of one function."""

    @abstractmethod
    def package(self, options: CodeOptions) -> DeploymentPackage:
        """Return the deployment package, or reject the options."""

    @abstractmethod
    def attach(self, function: aws_lambda.Function, package: DeploymentPackage) -> None:
        """Add the adapter to the function, and the checks at synth."""

    @abstractmethod
    def check_variable(self, key: str, value: str) -> None:
        """Reject an environment variable that users cannot set."""

    @abstractmethod
    def check_function_options(self, options: Mapping[str, Any], package: DeploymentPackage) -> None:
        """Reject options of `aws_lambda.Function` that do not work with the adapter."""

    def attached_settings(self) -> ApplicationSettings | None:
        """Return the settings of the adapter for `StreamingLayer.attach_to`, or None if it needs none."""
        raise TypeError(
            "adapter of attach_to() must be Adapter.handler(), Adapter.asgi(...) or Adapter.wsgi(...), got an adapter "
            "without the streaming runtime; for the others make a StreamingFunction"
        )

    @property
    def writes_stream_metrics(self) -> bool:
        return False


def reject_zip_options(options: Mapping[str, Any], package: DeploymentPackage) -> None:
    """Reject options for zip archives if the package is a container image."""
    if not package.is_image:
        return
    if options.get("layers"):
        raise ValueError("layers cannot be added to a container image; copy their content into the image")


def reject_bundling_options(bundling: BundlingOptions | None, where: str) -> None:
    """Reject bundling options other than `asset_excludes` if the library installs nothing."""
    for option in fields(BundlingOptions):
        value = getattr(bundling, option.name, option.default)
        if option.name != "asset_excludes" and value not in (option.default, []):
            raise ValueError(
                f"bundling.{option.name} cannot be {value!r} {where}; leave it out: only bundling.asset_excludes has "
                "an effect here"
            )


def reject_handler_options(options: CodeOptions, adapter: str) -> None:
    """Reject options of adapters with the streaming runtime for another adapter."""
    if options.index is not None:
        raise TypeError(
            f"index is an option of Adapter.handler(), got {options.index!r}; with {adapter} pass Lambda's own handler "
            "string: handler='index.handler'"
        )
    if options.base_image is not None:
        raise TypeError(
            f"base_image is an option of {_WITH_RUNTIME}, got {options.base_image!r}; with {adapter} pass your own "
            "image: code=Code.from_asset_image('folder')"
        )
    if options.exec_wrappers:
        raise ValueError(
            f"exec_wrappers work only with {_WITH_RUNTIME}, not with {adapter}, got "
            f"{list(options.exec_wrappers)!r}; set AWS_LAMBDA_EXEC_WRAPPER in environment if the runtime supports it"
        )
    if options.stream_metrics_sample_rate:
        raise ValueError(
            f"stream_metrics_sample_rate works only with {_WITH_RUNTIME}, not with {adapter}, got "
            f"{options.stream_metrics_sample_rate!r}; leave it out"
        )
