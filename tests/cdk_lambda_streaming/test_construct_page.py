"""docs/construct.md names all that the construct has: options, members, warnings; and what cdk-nag finds."""

from __future__ import annotations

import ast
import inspect
import re
from collections.abc import Callable, Collection
from pathlib import Path
from typing import Any

from aws_cdk import aws_lambda
from cdk_lambda_streaming import Adapter, FrontDoor, StreamingFunction

from .test_cdk_nag import SUPPRESSED

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "construct.md").read_text(encoding="utf-8")
PACKAGE = ROOT / "constructs_lib" / "cdk_lambda_streaming"
MODULES = sorted([*PACKAGE.glob("*.py"), *PACKAGE.glob("bundling/*.py")])
# Calls that have a warning's id as first or second argument, and the table whose values begin with one.
WARNERS = ("_warn", "note", "Doubt", "Notice", "add_warning_v2")
WAYS_OUT = "_WAYS_OUT"
WARNING_ID = re.compile(r"(?:cdk-lambda-streaming:)?([a-z]+(?:[A-Z][a-z]*)+)")


def section(title: str, page: str = PAGE) -> str:
    _, _, rest = page.partition(f"\n{title}\n")
    assert rest, title
    return re.split(r"^## ", rest, maxsplit=1, flags=re.MULTILINE)[0]


def names_in_rows(text: str) -> list[str]:
    """Return what stands in code in the first column of the tables."""
    rows = re.findall(r"^\| (`.*?) \|", text, re.MULTILINE)
    return [name for row in rows for name in re.findall(r"`([\w.]+)[^`]*`", row)]


def options_of(function: Callable[..., Any]) -> set[str]:
    kinds = (inspect.Parameter.KEYWORD_ONLY,)
    return {name for name, parameter in inspect.signature(function).parameters.items() if parameter.kind in kinds}


def assert_same(found: Collection[str], expected: Collection[str]) -> None:
    assert sorted(found) == sorted(expected)


def test_every_option_has_its_row() -> None:
    assert_same(names_in_rows(section("## Options")), options_of(StreamingFunction.__init__))


def test_every_member_has_its_row() -> None:
    members = {name for name in vars(StreamingFunction) if not name.startswith("_")}
    named = {name.removeprefix("StreamingFunction.") for name in names_in_rows(section("## Members"))}
    assert_same(named, members)


def test_every_adapter_and_its_options_have_their_row() -> None:
    adapters, _, options = section("## Adapters").partition("The options of `Adapter.lambda_web_adapter`")
    made = {f"Adapter.{name}" for name, made in vars(Adapter).items() if isinstance(made, staticmethod)}
    assert_same(names_in_rows(adapters), made)
    assert_same(names_in_rows(options), options_of(Adapter.lambda_web_adapter))


def test_every_front_door_is_named() -> None:
    assert all(f"`{door.name}`" in section("## Other functions: `StreamingLayer`") for door in FrontDoor)


def test_the_newest_runtime_is_the_one_that_is_named() -> None:
    assert f"the newest managed Python, `{aws_lambda.Runtime.PYTHON_3_14.name}`" in PAGE


def warning_ids() -> set[str]:
    """Return the ids of all warnings that the source has, however it comes to give them."""
    found = set()
    for module in MODULES:
        for node in ast.walk(ast.parse(module.read_text(encoding="utf-8"))):
            match node:
                case ast.Call(func=ast.Name(id=name) | ast.Attribute(attr=name), args=arguments) if name in WARNERS:
                    found |= {str(each.value) for each in arguments[:2] if isinstance(each, ast.Constant)}
                case ast.Assign(targets=[ast.Name(id=name)], value=ast.Dict(values=values)) if name == WAYS_OUT:
                    found |= {str(ast.literal_eval(value)[0]) for value in values}
    return {match[1] for text in found if (match := WARNING_ID.fullmatch(text))}


def test_every_warning_has_its_row() -> None:
    ids = warning_ids()
    assert {"longTimeout", "osOnlyNeedsPython", "httpApiBuffers", "originTimeout", "sourceUnread"} <= ids
    assert_same(names_in_rows(section("## Warnings")), ids)


def test_cdk_nag_s_findings_are_those_that_are_tested() -> None:
    assert_same(re.findall(r"^\| `(.+?)` \|", section("## cdk-nag"), re.MULTILINE), SUPPRESSED)


def test_every_recipe_is_in_the_list() -> None:
    recipes = (ROOT / "docs" / "recipes.md").read_text(encoding="utf-8")
    titles = re.findall(r"^## (.+)$", recipes, re.MULTILINE)
    anchors = [re.sub(r"[^\w -]", "", title.lower()).replace(" ", "-") for title in titles]
    links = re.findall(r"\]\(#([\w-]+)\)", recipes.partition("\n## ")[0])
    assert_same(links, anchors)
