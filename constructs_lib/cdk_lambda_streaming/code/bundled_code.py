"""Code of a function whose folder names dependencies. The bundler installs them."""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from aws_cdk import AssetHashType, aws_lambda
from lambda_bundling.bundle import Bundle, make_bundle
from lambda_bundling.cache import remove_abandoned
from lambda_bundling.errors import BundlingError
from lambda_bundling.options import BundlingOptions
from lambda_bundling.plan import find_source, is_needed, plan_bundle
from lambda_bundling.sources.requirements_source import RequirementsSource
from lambda_bundling.target import Target

from cdk_lambda_streaming.cdk.construct_tree import stack_of
from cdk_lambda_streaming.cdk.staging import custom_asset_folder
from cdk_lambda_streaming.checks.synth_warning import SynthWarning
from cdk_lambda_streaming.code.entry import EXCLUDED
from cdk_lambda_streaming.code.plain_code import excluded_by_user, plain_code
from cdk_lambda_streaming.options import CodeOptions

_NO_BYTE_CODE = "noByteCode"
# Key in the template's metadata of the function. The emulator reads it.
METADATA_KEY = "lambda-streaming:bundling"


@dataclass(frozen=True, slots=True)
class BundledCode:
    """Code with its dependencies. `metadata` is for the template, and empty if nothing is installed."""

    code: aws_lambda.Code
    warnings: Sequence[SynthWarning] = ()
    byte_code_infos: Sequence[SynthWarning] = ()
    metadata: Mapping[str, Any] = field(default_factory=dict)


def bundle_entry(code_options: CodeOptions, entry: Path, python: tuple[int, int]) -> BundledCode:
    """Return the code of `entry` for a Python version and the function's processor."""
    scope, options = code_options.scope, code_options.bundling or BundlingOptions()
    excluded = excluded_by_user(entry, options)
    target = _target(code_options.architecture, python)
    try:
        source = find_source(entry, options)
        # If the user did not request the stack, the CDK needs any code, not the right code.
        if not is_needed(source, options) or not stack_of(scope).bundling_required:
            return BundledCode(plain_code(scope, entry, excluded))
        bundle = make_bundle(plan_bundle(entry, source, target, options, [*EXCLUDED, *excluded]))
    except (BundlingError, OSError, UnicodeDecodeError) as error:
        raise RuntimeError(f"entry folder '{entry}' cannot be bundled: {error}") from error
    folder = custom_asset_folder(scope, bundle.name)
    if folder is not None:
        _stage(bundle, folder)
    code = aws_lambda.Code.from_asset(str(bundle.folder), asset_hash=bundle.name, asset_hash_type=AssetHashType.CUSTOM)
    metadata = {}
    if source is not None or options.before_bundling:
        metadata = {**_requirements(entry, source), **_metadata(entry, target, excluded, options)}
    warnings = [SynthWarning(*warning) for warning in bundle.warnings]
    infos = [warning for warning in warnings if warning.id == _NO_BYTE_CODE]
    return BundledCode(code, [warning for warning in warnings if warning not in infos], infos, metadata)


def _target(architecture: aws_lambda.Architecture, python: tuple[int, int]) -> Target:
    is_arm = architecture.name == "arm64"
    return Target(python, "aarch64" if is_arm else "x86_64")


def _requirements(entry: Path, source: RequirementsSource | None) -> dict[str, str]:
    """Return the file with the requirements, relative to the entry. A hook may write it later."""
    return {} if source is None else {"requirements": Path(os.path.relpath(source.path, entry)).as_posix()}


def _metadata(entry: Path, target: Target, excluded: Sequence[str], options: BundlingOptions) -> dict[str, Any]:
    """Return the inputs from which the emulator bundles again."""
    return {
        # Relative to the app's working directory, so that every machine has the same template.
        "entry": Path(os.path.relpath(entry)).as_posix(),
        "python": target.version,
        "machine": target.machine,
        "excluded": [*EXCLUDED, *excluded],
        "options": options.to_json(),
    }


def _stage(bundle: Bundle, place: Path) -> None:
    """Copy the bundle to the cloud assembly in one step.

    The CDK copies file by file, and takes an existing folder for the complete asset. If a synth was interrupted, the
    next one would deploy a part of the function.
    """
    if place.exists():
        return
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        remove_abandoned(place.parent, ".staging-*")
        with tempfile.TemporaryDirectory(prefix=".staging-", dir=place.parent) as folder:
            copy = Path(folder, "asset")
            shutil.copytree(bundle.folder, copy, symlinks=True)
            # Another synth may have been faster. Its copy is equal.
            with contextlib.suppress(OSError):
                copy.rename(place)
    except shutil.Error as error:  # It has one entry for each file.
        file, _, cause = error.args[0][0]
        raise RuntimeError(f"'{file}' cannot be copied to '{place.parent}': {cause}") from None
    except OSError as error:
        raise RuntimeError(f"the bundle '{bundle.folder}' cannot be copied to '{place.parent}': {error}") from error
