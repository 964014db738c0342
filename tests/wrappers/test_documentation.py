"""docs/wrappers.md names the tests of this folder."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from . import tools

pytestmark = pytest.mark.pure

HERE = Path(__file__).parent
PAGE = (HERE.parents[1] / "docs" / "wrappers.md").read_text(encoding="utf-8")


def test_page_names_exactly_the_tests_of_this_folder() -> None:
    sources = "\n".join(path.read_text(encoding="utf-8") for path in HERE.glob("test_*.py") if path != Path(__file__))
    exempt = {name for name in re.findall(r"def (test_\w+)", sources) if "buffered_handler" in name}
    assert set(re.findall(r"`(test_\w+)`", PAGE)) == set(re.findall(r"def (test_\w+)", sources)) - exempt


def test_versions_on_the_page_are_the_tested_ones() -> None:
    for pin in (
        *tools.OPENTELEMETRY[:1],
        *tools.ADOT,
        *tools.DATADOG,
        *tools.NEW_RELIC,
        *tools.SENTRY,
        *tools.POWERTOOLS[:1],
    ):
        name, _, version = pin.replace("[tracer]", "").partition("==")
        assert f"`{name}` {version}" in PAGE
