"""A function's folder as Lambda code: as it is, but for what its user says is not the function's.

What a pattern means `bundling.tree` decides alone. To the CDK's matchers `Data` and `data` are one, and thousands of
paths to leave out, as `node_modules` may have, take a minute; so where there are patterns, the CDK is given a copy.
"""

from __future__ import annotations

import atexit
import shutil
import tempfile
from collections.abc import Sequence
from pathlib import Path

from aws_cdk import AssetHashType, aws_lambda
from constructs import Construct

from cdk_lambda_streaming.bundling import tree
from cdk_lambda_streaming.bundling.errors import BundlingError
from cdk_lambda_streaming.bundling.ignore_file import read_ignore_file
from cdk_lambda_streaming.bundling.options import BundlingOptions
from cdk_lambda_streaming.entry import EXCLUDED


def excluded_by_user(entry: Path, options: BundlingOptions | None = None) -> list[str]:
    """Return the patterns of `.lambdaignore` and of the options, which have the last word; as in `.gitignore`."""
    try:
        ignored = read_ignore_file(entry)
    except BundlingError as error:
        raise ValueError(str(error)) from error
    return [*ignored, *(options.asset_excludes if options is not None else ())]


def plain_code(scope: Construct, entry: Path, excluded: Sequence[str]) -> aws_lambda.Code:
    """Return the folder as Lambda code, named by a hash that is the same on every machine.

    :param excluded: What else of it is not the function's; whether it is there does not change the name.
    """
    if not excluded:
        # The CDK's Node process may have another working directory than this one.
        return aws_lambda.Code.from_asset(str(entry.absolute()), exclude=list(EXCLUDED))
    folder = make_asset_folder(scope)
    copy_entry(entry, folder, excluded)
    return aws_lambda.Code.from_asset(
        str(folder), asset_hash=tree.hash_of(folder), asset_hash_type=AssetHashType.CUSTOM
    )


def make_asset_folder(scope: Construct) -> Path:
    """Return an empty folder, of which the CDK copies to the cloud assembly what is written to it."""
    folder = Path(tempfile.mkdtemp(prefix="lambda-streaming-"))
    if not scope.node.try_get_context("aws:cdk:disable-asset-staging"):
        # The copy is made when the function is; `cdk synth --no-staging` makes none, and names this folder itself.
        atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder


def copy_entry(entry: Path, into: Path, excluded: Sequence[str]) -> None:
    """Copy what is the function's, with the modes that Lambda needs. Links out of the folder become what is there."""
    into.mkdir(parents=True, exist_ok=True)
    tree.copy_files(entry, into, [*EXCLUDED, *excluded])
    tree.set_modes(into)
