"""Bundles without the construct: the package is imported by its own folder, as the emulator does it."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest

sys.path.append(str(Path(__file__).parents[2] / "constructs_lib" / "cdk_lambda_streaming"))

from bundling.bundle import Bundle, make_bundle
from bundling.options import BundlingOptions, ByteCode
from bundling.plan import plan_bundle, source_of
from bundling.target import Target


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cache of the test's own, and no second attempts at what cannot be reached."""
    folder = tmp_path / "cache"
    monkeypatch.setenv("CDK_LAMBDA_STREAMING_CACHE", str(folder))
    monkeypatch.setenv("UV_HTTP_RETRIES", "0")
    monkeypatch.setenv("UV_PYTHON_DOWNLOADS", "never")
    monkeypatch.setenv("CI", "1")
    return folder


@pytest.fixture
def entry(tmp_path: Path) -> Path:
    folder = tmp_path / "chat"
    folder.mkdir()
    (folder / "index.py").write_text("def handler(event, context):\n    yield 'hello'\n")
    return folder


def plan(entry: Path, python: tuple[int, int] = (3, 14), machine: str = "aarch64", **options: Any) -> Any:
    """Plan a bundle; without byte code unless it is asked for."""
    chosen = BundlingOptions(**{"byte_code": ByteCode.OFF, **options})
    source = source_of(entry, chosen)
    interpreter = sys.executable if machine == "desk" else None
    return plan_bundle(
        entry, source, Target(python, machine, interpreter), chosen, ["__pycache__", "*.pyc", *chosen.asset_excludes]
    )


def bundle(entry: Path, python: tuple[int, int] = (3, 14), machine: str = "aarch64", **options: Any) -> Bundle:
    return make_bundle(plan(entry, python, machine, **options))


def packages(made: Bundle) -> dict[str, str]:
    """Return names and versions of the distributions in a bundle."""
    infos = (path.name.removesuffix(".dist-info").rsplit("-", 1) for path in made.folder.glob("*.dist-info"))
    return {name.lower().replace("_", "-"): version for name, version in infos}


def ids(made: Bundle) -> list[str]:
    return [notice.id for notice in made.notices]


def left_in(cache: Path) -> list[str]:
    return sorted(path.name for path in cache.iterdir()) if cache.is_dir() else []
