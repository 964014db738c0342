"""Code of a function whose folder is deployed as it is, without the files that patterns exclude.

Only `lambda_bundling.tree` matches patterns. The CDK's matchers ignore case, and take a minute for the thousands of
paths in a `node_modules`. So if there are patterns, the CDK gets a copy of the folder.
"""

from __future__ import annotations

import atexit
import shutil
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from aws_cdk import AssetHashType, aws_lambda
from constructs import Construct
from lambda_bundling import tree
from lambda_bundling.errors import BundlingError
from lambda_bundling.ignore_file import read_ignore_file
from lambda_bundling.options import BundlingOptions

from cdk_lambda_streaming.cdk import staging
from cdk_lambda_streaming.code.entry import EXCLUDED


def excluded_by_user(entry: Path, options: BundlingOptions | None = None) -> list[str]:
    """Return the patterns of `.lambdaignore`, then those of the options. As in `.gitignore`, the last match counts."""
    try:
        ignored = read_ignore_file(entry)
    except BundlingError as error:
        raise ValueError(str(error)) from error
    return [*ignored, *(options.asset_excludes if options is not None else ())]


def plain_code(scope: Construct, entry: Path, excluded: Sequence[str]) -> aws_lambda.Code:
    """Return the folder as code, named by a hash that is equal on every machine.

    :param excluded: The user's patterns. Files that match do not change the name.
    """
    if not excluded:
        _check_size(entry, EXCLUDED)
        # The CDK's Node.js process may have another working directory.
        return aws_lambda.Code.from_asset(str(entry.absolute()), exclude=list(EXCLUDED))
    folder = make_asset_folder(scope)
    copy_entry(entry, folder, excluded)
    _check_size(folder)
    return aws_lambda.Code.from_asset(
        str(folder), asset_hash=tree.hash_folder(folder), asset_hash_type=AssetHashType.CUSTOM
    )


def _check_size(folder: Path, excluded: Sequence[str] = ()) -> None:
    """Reject a folder that is too large for a zip archive on Lambda."""
    sizes: dict[str, int] = {}
    for file in tree.files_of(folder, excluded):
        name = file.relative_to(folder).parts[0]
        sizes[name] = sizes.get(name, 0) + file.lstat().st_size
    total = sum(sizes.values())
    if total > tree.UNZIPPED_LIMIT_BYTES:
        raise ValueError(
            f"the function's files have {_megabytes(total)}, and Lambda allows {_megabytes(tree.UNZIPPED_LIMIT_BYTES)} "
            f"for a zip archive, layers included. The largest are {_list_sizes(sizes)}. "
            "List files that the function does not need in .lambdaignore in entry, or deploy a container image"
        )


def _list_sizes(sizes: Mapping[str, int]) -> str:
    largest = sorted(sizes, key=lambda name: -sizes[name])[:5]
    return ", ".join(f"{name} ({_megabytes(sizes[name])})" for name in largest)


def _megabytes(size: int) -> str:
    return f"{size / 1024 / 1024:.0f} MB"


def make_asset_folder(scope: Construct) -> Path:
    """Return an empty folder. The CDK copies its content to the cloud assembly."""
    folder = Path(tempfile.mkdtemp(prefix="lambda-streaming-"))
    if not staging.is_disabled(scope):
        # `cdk synth --no-staging` deploys this folder itself, so it must stay.
        atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder


def copy_entry(entry: Path, into: Path, excluded: Sequence[str]) -> None:
    """Copy the deployed files with the modes that Lambda needs. Links to files outside become those files."""
    into.mkdir(parents=True, exist_ok=True)
    tree.copy_files(entry, into, [*EXCLUDED, *excluded])
    tree.set_modes(into)
