"""Folders of assets in the cloud assembly, named as the CDK names them."""

from __future__ import annotations

import hashlib
from pathlib import Path

from aws_cdk import Stage, aws_ecr_assets, aws_lambda
from constructs import IConstruct


def is_disabled(scope: IConstruct) -> bool:
    """Return True for `cdk synth --no-staging`, which copies no assets."""
    return bool(scope.node.try_get_context("aws:cdk:disable-asset-staging"))


def custom_asset_folder(scope: IConstruct, asset_hash: str) -> Path | None:
    """Return the folder of an asset with a hash of its own, or None if the CDK copies no assets."""
    stage = Stage.of(scope)
    if stage is None or is_disabled(scope):
        return None
    return Path(stage.asset_outdir, f"asset.{hashlib.sha256(asset_hash.encode()).hexdigest()}")


def image_asset_folder(function: aws_lambda.Function) -> Path | None:
    """Return the folder that a function's image is built from, or None if the CDK copies no assets."""
    asset = function.node.try_find_child("AssetImage")
    stage = Stage.of(function)
    if not isinstance(asset, aws_ecr_assets.DockerImageAsset) or stage is None:
        return None
    folder = Path(stage.asset_outdir, f"asset.{asset.asset_hash}")
    return folder if folder.is_dir() else None
