"""Results that do not stream, errors, exits, logs and the context are as under AWS's runtime, except for a list.

Each case runs under both runtimes. All that Lambda can see is compared part by part, byte for byte.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest

from .cases import CASES
from .differences import DIFFERENCES, PAGE, page_with_sections
from .runtimes import Observation, observe_aws, observe_ours

pytestmark = [
    pytest.mark.process,
    pytest.mark.skipif(sys.platform != "linux", reason="awslambdaric is for Linux"),
]


@pytest.mark.parametrize("name", CASES)
def test_both_runtimes_show_the_same(name: str, tmp_path: Path) -> None:
    aws, ours = observe_aws(CASES[name], tmp_path), observe_ours(CASES[name], tmp_path)
    shown: set[str] = set()
    for part in sorted({*aws, *ours}):
        assert_explained(name, part, aws, ours, shown)
    missing = [row.subject for row in DIFFERENCES if name in row.seen_in and row.subject not in shown]
    assert not missing, f"differences.py lists differences that no longer show: {missing}"


def assert_explained(name: str, part: str, aws: Observation, ours: Observation, shown: set[str]) -> None:
    pair: tuple[Any, Any] = (aws.get(part), ours.get(part))
    for row in DIFFERENCES:
        if pair[0] != pair[1] and (row.everywhere or name in row.seen_in):
            forgiven = row.forgive(part, *pair)
            if forgiven != pair:
                shown.add(row.subject)
            pair = forgiven
    assert pair[0] == pair[1], f"{part} differs from AWS's runtime, and differences.py does not list it"


def test_every_difference_names_cases() -> None:
    for row in DIFFERENCES:
        assert row.seen_in, row.subject
        assert set(row.seen_in) <= set(CASES), row.subject


def test_page_shows_the_list() -> None:
    """`python -m tests.conformance.differences` writes the page."""
    page = PAGE.read_text(encoding="utf-8")
    assert page == page_with_sections(page)
