"""Fixtures for bundles that are built without the construct."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest
from lambda_bundling.bundle import Bundle, make_bundle
from lambda_bundling.options import BundlingOptions, ByteCode
from lambda_bundling.plan import Plan, find_source, plan_bundle
from lambda_bundling.target import Target

THIS_MACHINE = "this machine"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark the tests in this folder. Most of them install packages."""
    for item in items:
        is_here = Path(__file__).parent in item.path.parents
        if is_here and not any(item.get_closest_marker(marker) for marker in ("pure", "process")):
            item.add_marker(pytest.mark.network)


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Give each test its own cache of bundles. uv does not retry."""
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


def plan(entry: Path, python: tuple[int, int] = (3, 14), machine: str = "aarch64", **options: Any) -> Plan:
    """Plan a bundle. Byte code is off unless a test passes the option."""
    chosen = BundlingOptions(**{"byte_code": ByteCode.OFF, **options})
    source = find_source(entry, chosen)
    interpreter = sys.executable if machine == THIS_MACHINE else None
    return plan_bundle(
        entry, source, Target(python, machine, interpreter), chosen, ["__pycache__", "*.pyc", *chosen.asset_excludes]
    )


def bundle(entry: Path, python: tuple[int, int] = (3, 14), machine: str = "aarch64", **options: Any) -> Bundle:
    return make_bundle(plan(entry, python, machine, **options))


def packages(made: Bundle) -> dict[str, str]:
    """Return the names and versions of the packages in a bundle."""
    infos = (path.name.removesuffix(".dist-info").rsplit("-", 1) for path in made.folder.glob("*.dist-info"))
    return {name.lower().replace("_", "-"): version for name, version in infos}


def ids(made: Bundle) -> list[str]:
    return [warning.id for warning in made.warnings]


def files_in(cache: Path) -> list[str]:
    return sorted(path.name for path in cache.iterdir()) if cache.is_dir() else []
