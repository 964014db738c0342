"""Values that do not stream, errors, exits, logs and the context are those of AWS's runtime, but for a list.

Each case runs under both. What Lambda could see of them is compared part by part, byte for byte.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest

from .cases import CASES
from .differences import DIFFERENCES, PAGE, page_with_table
from .runtimes import Observation, observe_aws, observe_ours

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="awslambdaric is for Linux")


@pytest.mark.parametrize("name", CASES)
def test_both_runtimes_show_the_same(name: str, tmp_path: Path) -> None:
    aws, ours = observe_aws(CASES[name], tmp_path), observe_ours(CASES[name], tmp_path)
    shown: set[str] = set()
    for part in sorted({*aws, *ours}):
        assert_explained(name, part, aws, ours, shown)
    gone = [row.what for row in DIFFERENCES if name in row.seen_in and row.what not in shown]
    assert not gone, f"listed in differences.py and not seen any more: {gone}"


def assert_explained(name: str, part: str, aws: Observation, ours: Observation, shown: set[str]) -> None:
    pair: tuple[Any, Any] = (aws.get(part), ours.get(part))
    for row in DIFFERENCES:
        if pair[0] != pair[1] and (row.everywhere or name in row.seen_in):
            forgiven = row.forgive(part, *pair)
            if forgiven != pair:
                shown.add(row.what)
            pair = forgiven
    assert pair[0] == pair[1], f"{part} is not as under AWS's runtime, and differences.py does not say why"


def test_every_difference_names_cases() -> None:
    for row in DIFFERENCES:
        assert row.seen_in, row.what
        assert set(row.seen_in) <= set(CASES), row.what


def test_the_page_shows_the_list() -> None:
    """`python -m tests.conformance.differences` writes it."""
    page = PAGE.read_text(encoding="utf-8")
    assert page == page_with_table(page)
