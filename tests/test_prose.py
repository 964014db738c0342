"""The check of the project's English finds each kind of problem."""

from __future__ import annotations

import pytest

from scripts.check_prose import REPLACED, check


@pytest.mark.parametrize("opening", ["What", "Whether", "Whoever", "How", "Where", "Who", "Which", "That which"])
@pytest.mark.parametrize(
    "source",
    ['"""{} x."""', 'class A:\n    """{} x."""', 'def f():\n    """{} x."""', 'async def f():\n    """{} x."""'],
)
def test_docstring_that_opens_with_a_question_word_is_found(source: str, opening: str) -> None:
    assert any("opens with" in problem.text for problem in check(source.format(opening), ".py"))


def test_docstring_that_opens_with_a_verb_or_a_noun_passes() -> None:
    assert list(check('"""The thing."""\ndef f():\n    """Return what is there."""\n', ".py")) == []


@pytest.mark.parametrize(
    "line", ["at the desk", "desk_bundle = 1", "class DeskBundler:", "# Nobody reads it", "three doubts"]
)
def test_replaced_word_is_found_in_prose_and_names(line: str) -> None:
    assert [problem.line for problem in check(f"x = 1\n{line}\n", ".md")] == [2]


@pytest.mark.parametrize("line", ["a desktop", "it is noticed", "undoubtedly"])
def test_longer_word_passes(line: str) -> None:
    assert list(check(line, ".md")) == []


def test_each_replaced_word_has_a_replacement() -> None:
    assert all(REPLACED.values())
