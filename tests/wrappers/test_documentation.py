"""The tables of docs/wrappers.md name the tests that show what they say."""

from __future__ import annotations

import re
from pathlib import Path

from . import tools

HERE = Path(__file__).parent
PAGE = (HERE.parents[1] / "docs" / "wrappers.md").read_text(encoding="utf-8")


def test_each_test_that_the_page_names_exists_and_each_one_is_named() -> None:
    sources = "\n".join(path.read_text(encoding="utf-8") for path in HERE.glob("test_*.py") if path != Path(__file__))
    exempt = {name for name in re.findall(r"def (test_\w+)", sources) if "buffered_handler" in name}
    assert set(re.findall(r"`(test_\w+)`", PAGE)) == set(re.findall(r"def (test_\w+)", sources)) - exempt


def test_the_versions_on_the_page_are_those_tested() -> None:
    for pin in (*tools.OPENTELEMETRY[:1], *tools.ADOT, *tools.DATADOG, *tools.NEW_RELIC, *tools.POWERTOOLS[:1]):
        name, _, version = pin.replace("[tracer]", "").partition("==")
        assert f"`{name}` {version}" in PAGE
