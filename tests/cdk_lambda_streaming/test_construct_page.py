"""docs/construct.md lists all options, members and warnings of the construct, and cdk-nag's findings."""

from __future__ import annotations

import ast
import inspect
import re
from collections.abc import Callable, Collection
from pathlib import Path
from typing import Any

from aws_cdk import Stack
from cdk_lambda_streaming import Adapter, FrontDoor, StreamingFunction, StreamingLayer
from cdk_lambda_streaming.streaming_target import StreamingTarget

from .test_cdk_nag import SUPPRESSED

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "construct.md").read_text(encoding="utf-8")
MODULES = sorted((ROOT / "constructs_lib").rglob("*.py"))
# Calls with a warning's id as first or second argument, and the table whose values start with one.
WARNERS = ("add_warning", "SynthWarning", "BundlingWarning")
BUFFERING = "_BUFFERING"
WARNING_ID = re.compile(r"(?:cdk-lambda-streaming:)?([a-z]+(?:[A-Z][a-z]*)+)")


def section(title: str, page: str = PAGE) -> str:
    _, _, rest = page.partition(f"\n{title}\n")
    assert rest, title
    return re.split(r"^## ", rest, maxsplit=1, flags=re.MULTILINE)[0]


def names_in_rows(text: str) -> list[str]:
    """Return the code in the first column of the tables."""
    rows = re.findall(r"^\| (`.*?) \|", text, re.MULTILINE)
    return [name for row in rows for name in re.findall(r"`([\w.]+)[^`]*`", row)]


def options_of(function: Callable[..., Any]) -> set[str]:
    kinds = (inspect.Parameter.KEYWORD_ONLY,)
    return {name for name, parameter in inspect.signature(function).parameters.items() if parameter.kind in kinds}


def assert_same(found: Collection[str], expected: Collection[str]) -> None:
    assert sorted(found) == sorted(expected)


def test_every_option_has_a_row() -> None:
    assert_same(names_in_rows(section("## Options")), options_of(StreamingFunction.__init__))


def test_every_member_has_a_row() -> None:
    members = {name for kind in (StreamingFunction, StreamingTarget) for name in vars(kind) if not name.startswith("_")}
    named = {name.removeprefix("StreamingFunction.") for name in names_in_rows(section("## Members"))}
    assert_same(named, members)


def test_every_adapter_and_option_has_a_row() -> None:
    adapters, _, options = section("## Adapters").partition("The options of `Adapter.lambda_web_adapter`")
    made = {f"Adapter.{name}" for name, made in vars(Adapter).items() if isinstance(made, staticmethod)}
    assert_same(names_in_rows(adapters), made)
    assert_same(names_in_rows(options), options_of(Adapter.lambda_web_adapter))


def test_every_option_of_web_applications_has_a_row() -> None:
    assert_same(names_in_rows(section("## Web applications")), options_of(Adapter.asgi))
    assert options_of(Adapter.wsgi) == options_of(Adapter.asgi) - {"lifespan"}


def test_every_option_of_attach_to_has_a_row() -> None:
    table = section("## Other functions: `StreamingLayer`").partition("| option of `attach_to`")[2]
    assert_same(names_in_rows(table), options_of(StreamingLayer.attach_to))


def test_every_front_door_is_documented() -> None:
    assert all(f"`{door.name}`" in section("## Other functions: `StreamingLayer`") for door in FrontDoor)


def test_documented_default_runtime_is_that_of_a_function(stack: Stack, entry: Path) -> None:
    runtime = StreamingFunction(stack, "Chat", entry=entry).runtime.name
    assert f"| `runtime` | `{runtime}`," in PAGE
    assert f"**The default of `runtime`** is `{runtime}`" in PAGE


def warning_ids() -> set[str]:
    """Return the ids of all warnings in the source."""
    found = set()
    for module in MODULES:
        for node in ast.walk(ast.parse(module.read_text(encoding="utf-8"))):
            match node:
                case ast.Call(func=ast.Name(id=name) | ast.Attribute(attr=name), args=arguments) if name in WARNERS:
                    found |= {str(each.value) for each in arguments[:2] if isinstance(each, ast.Constant)}
                case ast.Assign(targets=[ast.Name(id=name)], value=ast.Dict(values=values)) if name == BUFFERING:
                    found |= {str(ast.literal_eval(value)[0]) for value in values}
    return {match[1] for text in found if (match := WARNING_ID.fullmatch(text))}


def test_every_warning_has_a_row() -> None:
    ids = warning_ids()
    assert {"longTimeout", "osOnlyNeedsPython", "httpApiBuffers", "originTimeout", "sourceUnread"} <= ids
    # This one is a message, described beside that about the layer's byte code.
    assert_same(names_in_rows(section("## Warnings")), ids - {"noByteCode"})


def test_documented_nag_findings_are_tested() -> None:
    assert_same(re.findall(r"^\| `(.+?)` \|", section("## cdk-nag"), re.MULTILINE), SUPPRESSED)


def test_every_recipe_is_listed() -> None:
    recipes = (ROOT / "docs" / "recipes.md").read_text(encoding="utf-8")
    titles = re.findall(r"^## (.+)$", recipes, re.MULTILINE)
    anchors = [re.sub(r"[^\w -]", "", title.lower()).replace(" ", "-") for title in titles]
    links = re.findall(r"\]\(#([\w-]+)\)", recipes.partition("\n## ")[0])
    assert_same(links, anchors)
