"""Copies of bundles in the cloud assembly are complete or missing."""

from __future__ import annotations

import errno
import functools
import os
import shutil
import time
from pathlib import Path
from typing import Any

import pytest
from aws_cdk import App, Stack
from cdk_lambda_streaming import BundlingOptions, ByteCode, StreamingFunction

pytestmark = pytest.mark.network

OPTIONS = BundlingOptions(byte_code=ByteCode.OFF, after_bundling=["echo done > done.txt"])


@pytest.fixture(autouse=True)
def _own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CDK_LAMBDA_STREAMING_CACHE", str(tmp_path / "cache"))


def add_function(outdir: Path, entry: Path) -> App:
    app = App(outdir=str(outdir))
    StreamingFunction(Stack(app, "Stack"), "Chat", entry=entry, bundling=OPTIONS)
    return app


def assets(outdir: Path) -> list[Path]:
    return [path.parent for path in outdir.glob("asset.*/done.txt")]


@pytest.fixture
def bundled(entry: Path) -> Path:
    """Return a folder that is bundled without packages."""
    (entry / "requirements.txt").write_text("# none\n")
    return entry


def test_interrupted_copy_is_not_an_asset(bundled: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    copy = shutil.copytree

    class Ended(BaseException):
        pass

    def end_in_the_middle(source: Any, target: Any, **options: Any) -> None:
        copy(source, target, **options)
        Path(target, "done.txt").unlink()
        raise Ended

    outdir = tmp_path / "cdk.out"
    with monkeypatch.context() as patched:
        patched.setattr(shutil, "copytree", end_in_the_middle)
        with pytest.raises(Ended):
            add_function(outdir, bundled)
    add_function(outdir, bundled).synth()
    (asset,) = assets(outdir)
    assert sorted(path.name for path in asset.iterdir()) == ["done.txt", "index.py", "requirements.txt"]


def test_cdk_uses_existing_copy(bundled: Path, tmp_path: Path) -> None:
    """The copy has the CDK's name. With another name there would be two copies."""
    outdir = tmp_path / "cdk.out"
    add_function(outdir, bundled).synth()
    assert len(assets(outdir)) == 1
    assert not list(outdir.glob(".staging-*"))


def test_full_disk_is_one_error(bundled: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(source: Any, target: Any, **_: Any) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    outdir = tmp_path / "cdk.out"
    with monkeypatch.context() as patched:
        patched.setattr(shutil, "copytree", functools.partial(shutil.copytree, copy_function=full))
        with pytest.raises(RuntimeError, match=r"cannot be copied to '.*cdk.out': \[Errno 28\] No space") as raised:
            add_function(outdir, bundled)
    assert len(str(raised.value)) < 500
    assert list(outdir.glob("*staging*")) == []


def test_folder_of_killed_synth_is_removed_after_a_day(bundled: Path, tmp_path: Path) -> None:
    outdir = tmp_path / "cdk.out"
    for name, age in (("old", 2 * 24 * 60 * 60), ("now", 0)):
        (outdir / f".staging-{name}").mkdir(parents=True)
        os.utime(outdir / f".staging-{name}", (time.time() - age,) * 2)
    add_function(outdir, bundled)
    assert [path.name for path in outdir.glob(".staging-*")] == [".staging-now"]


def test_no_staging_copies_nothing(bundled: Path, tmp_path: Path) -> None:
    app = App(outdir=str(tmp_path / "cdk.out"), context={"aws:cdk:disable-asset-staging": True})
    StreamingFunction(Stack(app, "Stack"), "Chat", entry=bundled, bundling=OPTIONS)
    app.synth()
    assert not assets(tmp_path / "cdk.out")
