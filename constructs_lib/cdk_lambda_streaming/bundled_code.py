"""A function's folder as Lambda code, with its dependencies where it names any."""

from __future__ import annotations

import contextlib
import hashlib
import os
import shutil
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from aws_cdk import AssetHashType, Stack, Stage, aws_lambda
from constructs import Construct

from cdk_lambda_streaming.bundling.bundle import Bundle, make_bundle
from cdk_lambda_streaming.bundling.cache import remove_abandoned
from cdk_lambda_streaming.bundling.errors import BundlingError
from cdk_lambda_streaming.bundling.options import BundlingOptions
from cdk_lambda_streaming.bundling.plan import is_needed, plan_bundle, source_of
from cdk_lambda_streaming.bundling.requirements_source import RequirementsSource
from cdk_lambda_streaming.bundling.target import Target
from cdk_lambda_streaming.entry import EXCLUDED
from cdk_lambda_streaming.handler_source import Doubt
from cdk_lambda_streaming.package import Source
from cdk_lambda_streaming.plain_code import excluded_by_user, plain_code

# In the template's metadata of the function; the emulator reads it.
METADATA_KEY = "lambda-streaming:bundling"


@dataclass(frozen=True)
class BundledCode:
    """Code of a folder. `metadata` is for the function in the template, and empty where nothing is installed."""

    code: aws_lambda.Code
    doubts: Sequence[Doubt] = ()
    metadata: Mapping[str, Any] = field(default_factory=dict)


def bundle_entry(source: Source, entry: Path, python: tuple[int, int]) -> BundledCode:
    """Return the code of `entry` for a Python and the function's processor."""
    options = source.bundling or BundlingOptions()
    excluded = excluded_by_user(entry, options)
    try:
        requirements = source_of(entry, options)
        # Of a stack that is not asked for, the CDK wants some code and not the right one.
        if not is_needed(requirements, options) or not Stack.of(source.scope).bundling_required:
            return BundledCode(plain_code(source.scope, entry, excluded))
        is_arm = source.architecture.name == aws_lambda.Architecture.ARM_64.name
        target = Target(python, "aarch64" if is_arm else "x86_64")
        bundle = make_bundle(plan_bundle(entry, requirements, target, options, [*EXCLUDED, *excluded]))
    except (BundlingError, OSError, UnicodeDecodeError) as error:
        raise RuntimeError(f"entry folder '{entry}' cannot be bundled: {error}") from error
    _stage(source.scope, bundle)
    code = aws_lambda.Code.from_asset(str(bundle.folder), asset_hash=bundle.name, asset_hash_type=AssetHashType.CUSTOM)
    is_told = requirements is not None or bool(options.before_bundling)
    metadata = _metadata(entry, requirements, target, excluded, options) if is_told else {}
    return BundledCode(code, [Doubt(*notice) for notice in bundle.notices], metadata)


def _metadata(
    entry: Path,
    requirements: RequirementsSource | None,
    target: Target,
    excluded: Sequence[str],
    options: BundlingOptions,
) -> dict[str, Any]:
    """Return what the emulator bundles the same again from; without requirements where a hook writes them."""
    # As seen from where the app runs: the same on every machine that has the project.
    told = {} if requirements is None else {"requirements": Path(os.path.relpath(requirements.path, entry)).as_posix()}
    return {
        **told,
        "entry": Path(os.path.relpath(entry)).as_posix(),
        "python": target.version,
        "machine": target.machine,
        "excluded": [*EXCLUDED, *excluded],
        "options": options.to_json(),
    }


def _stage(scope: Construct, bundle: Bundle) -> None:
    """Copy the bundle to the cloud assembly as the CDK would, but at once.

    The CDK copies file by file and takes whatever is in an asset's folder for all of it, so that a synthesis that was
    ended in the middle would leave a part of the function to be deployed by the next.
    """
    stage = Stage.of(scope)
    if stage is None or scope.node.try_get_context("aws:cdk:disable-asset-staging"):
        return
    place = Path(stage.asset_outdir, f"asset.{hashlib.sha256(bundle.name.encode()).hexdigest()}")
    if place.exists():
        return
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        remove_abandoned(place.parent, ".staging-*")
        with tempfile.TemporaryDirectory(prefix=".staging-", dir=place.parent) as folder:
            copy = Path(folder, "asset")
            shutil.copytree(bundle.folder, copy, symlinks=True)
            # Another synthesis may have been quicker; its copy is as good.
            with contextlib.suppress(OSError):
                copy.rename(place)
    except shutil.Error as error:  # One for each file.
        source, _, cause = error.args[0][0]
        raise RuntimeError(f"'{source}' cannot be copied to '{place.parent}': {cause}") from None
    except OSError as error:
        raise RuntimeError(f"the bundle '{bundle.folder}' cannot be copied to '{place.parent}': {error}") from error
