"""What the user says a function is made of, and what Lambda is given of it."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import Any

from aws_cdk import aws_lambda
from constructs import Construct

from cdk_lambda_streaming.bundling.options import BundlingOptions
from cdk_lambda_streaming.handler_source import Doubt
from cdk_lambda_streaming.managed_python import IMAGE, check_runtime


@dataclass(frozen=True, slots=True)
class Source:
    """Where the code is and what runs it, as the user has said it; None is what was left out."""

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


@dataclass(frozen=True, slots=True)
class Package:
    """What Lambda is given; `doubts` become warnings. `is_written_here`: an image of a folder that we wrote."""

    code: aws_lambda.Code
    handler: str
    runtime: aws_lambda.Runtime
    environment: Mapping[str, str] = field(default_factory=dict)
    doubts: Sequence[Doubt] = ()
    is_written_here: bool = False
    bundling_metadata: Mapping[str, Any] = field(default_factory=dict)

    @property
    def is_image(self) -> bool:
        return self.runtime.name == IMAGE


def entry_of(source: Source) -> str | os.PathLike[str]:
    """Return the entry of a source that was checked and has no code."""
    assert source.entry is not None
    return source.entry


def check_source(source: Source) -> None:
    """Refuse a function without code, or with two."""
    if source.entry is None and source.code is None:
        raise TypeError("entry is required: the folder with the function's code; or pass code, any aws_lambda.Code")
    if source.bundling is not None and not isinstance(source.bundling, BundlingOptions):
        raise TypeError(
            f"bundling must be BundlingOptions, such as BundlingOptions(extras=['fast']), got {source.bundling!r}"
        )
    if source.code is None:
        return
    if not isinstance(source.code, aws_lambda.Code):
        raise TypeError(f"code must be a Code, such as Code.from_asset('build'), got {source.code!r}")
    for option in ("entry", "index", "base_image", "bundling"):
        value = getattr(source, option)
        if value is not None:
            raise TypeError(
                f"{option} cannot be combined with code, which is taken as it is, got {option}={value!r}; leave one out"
            )


def has_image(source: Source) -> bool:
    """Whether the code is a container image of the user's."""
    return isinstance(source.code, (aws_lambda.AssetImageCode, aws_lambda.EcrImageCode))


def package_code(source: Source, *, default_handler: str | None) -> Package:
    """Return the package of a function that was given `code`, which nobody here looks into."""
    assert source.code is not None
    if has_image(source):
        if source.runtime is not None and source.runtime.name != IMAGE:
            raise ValueError(
                f"runtime cannot be '{source.runtime.name}' for a container image, which has its own; leave it out"
            )
        if source.handler is not None and source.handler != aws_lambda.Handler.FROM_IMAGE:
            raise ValueError(
                f"handler cannot be {source.handler!r} for a container image; pass cmd=[{source.handler!r}] to "
                "Code.from_asset_image(), or have it in the image's CMD"
            )
        return Package(source.code, aws_lambda.Handler.FROM_IMAGE, aws_lambda.Runtime.FROM_IMAGE)
    runtime = source.runtime or aws_lambda.Runtime.PYTHON_3_14
    check_runtime(runtime)
    handler = source.handler or default_handler
    if handler is None:
        raise TypeError("handler is required with code: Lambda's own name of it, such as 'index.handler'")
    if not isinstance(handler, str):
        raise TypeError(f"handler must be Lambda's own name of it, such as 'index.handler', got {handler!r}")
    return Package(source.code, handler, runtime)


def refuse_options_of_zips(options: Mapping[str, Any], package: Package) -> None:
    """Refuse, for a container image, the options that Lambda has for zip archives alone."""
    if not package.is_image:
        return
    if options.get("layers"):
        raise ValueError("layers cannot be added to a container image; put their content into the image")
    if options.get("snap_start") is not None:
        raise ValueError(
            "snap_start cannot be combined with a container image, because Lambda has SnapStart for zip archives "
            "only; leave it out, or pass entry without base_image"
        )


def refuse_installing(bundling: BundlingOptions | None, where: str) -> None:
    """Refuse the options of bundling but `asset_excludes`, where this library installs nothing."""
    for option in fields(BundlingOptions):
        value = getattr(bundling, option.name, option.default)
        if option.name != "asset_excludes" and value not in (option.default, []):
            raise ValueError(
                f"bundling.{option.name} cannot be {value!r} {where}; leave it out: of bundling only asset_excludes "
                "counts here"
            )


def refuse_options_of_python(source: Source, adapter: str) -> None:
    """Refuse, for an adapter that runs no Python handler of ours, the options that only such a one has."""
    if source.index is not None:
        raise TypeError(
            f"index is an option of Adapter.handler(), got {source.index!r}; with {adapter} name the handler as Lambda "
            "does: handler='index.handler'"
        )
    if source.base_image is not None:
        raise TypeError(
            f"base_image is an option of Adapter.handler(), got {source.base_image!r}; with {adapter} pass an image of "
            "your own: code=Code.from_asset_image('folder')"
        )
    if source.exec_wrappers:
        raise ValueError(
            f"exec_wrappers are chained by the streaming runtime, which {adapter} does not use, got "
            f"{list(source.exec_wrappers)!r}; set AWS_LAMBDA_EXEC_WRAPPER in environment, where the runtime starts one"
        )
    if source.stream_metrics_sample_rate:
        raise ValueError(
            f"stream_metrics_sample_rate is of the streaming runtime, which {adapter} does not use, got "
            f"{source.stream_metrics_sample_rate!r}; leave it out"
        )
