"""The table of docs/frameworks.md has the frameworks and versions of these tests."""

from __future__ import annotations

from .table import generated, parts_of_page


def test_page_is_current() -> None:
    assert parts_of_page()[1] == generated(), "run `python -m tests.web_frameworks.table --write`"
