"""Bundling options for a folder without dependencies."""

from __future__ import annotations

from pathlib import Path

import pytest
from aws_cdk import Stack
from cdk_lambda_streaming import BundlingOptions, ByteCode, Installer, StreamingFunction

from .test_bundling import WITHOUT_BYTE_CODE, asset_of, cache, metadata_of

pytestmark = pytest.mark.network

__all__ = ["cache"]


def test_hooks_run_and_metadata_is_empty(stack: Stack, entry: Path) -> None:
    """The files of hooks fit every developer machine."""
    options = BundlingOptions(installer=Installer.NONE, byte_code=ByteCode.OFF, after_bundling=["echo 1 > built.txt"])
    function = StreamingFunction(stack, "Chat", entry=entry, bundling=options)
    assert (asset_of(stack, function) / "built.txt").read_text() == "1\n"
    assert "lambda-streaming:bundling" not in metadata_of(stack, function)


def test_metadata_has_hook_that_writes_requirements(stack: Stack, entry: Path) -> None:
    options = BundlingOptions(byte_code=ByteCode.OFF, before_bundling=["echo six==1.16.0 > requirements.txt"])
    function = StreamingFunction(stack, "Chat", entry=entry, bundling=options)
    assert (asset_of(stack, function) / "six.py").exists()
    metadata = metadata_of(stack, function)["lambda-streaming:bundling"]
    assert "requirements" not in metadata
    assert metadata["options"]["before_bundling"] == ["echo six==1.16.0 > requirements.txt"]


def test_extras_without_dependencies_are_rejected(stack: Stack, entry: Path) -> None:
    with pytest.raises(RuntimeError, match=r"cannot be bundled: bundling.extras is \['fast'\], but .* has no depend"):
        StreamingFunction(stack, "Chat", entry=entry, bundling=BundlingOptions(extras=["fast"]))


def test_file_with_password_is_not_in_asset(stack: Stack, entry: Path) -> None:
    (entry / "requirements.txt").write_text("--extra-index-url http://me:sesame@127.0.0.1:9/simple\n# nothing\n")
    function = StreamingFunction(stack, "Chat", entry=entry, bundling=WITHOUT_BYTE_CODE)
    assert not (asset_of(stack, function) / "requirements.txt").exists()
    assert "sesame" not in str(metadata_of(stack, function))
