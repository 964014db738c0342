"""`mask_template` hides changes of assets, and nothing else."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from aws_cdk import App, Stack
from aws_cdk.assertions import Template
from cdk_lambda_streaming import StreamingFunction
from cdk_lambda_streaming.testing import mask_template

from .conftest import MakeEntry


def template(entry: Path, outdir: Path, **options: Any) -> dict[str, Any]:
    stack = Stack(App(outdir=str(outdir)), "Stack")
    StreamingFunction(stack, "Chat", entry=entry, alias_name="live", **options)
    return dict(Template.from_stack(stack).to_json())


def test_change_of_code_does_not_change_masked_template(make_entry: MakeEntry, tmp_path: Path) -> None:
    one = template(make_entry("one"), tmp_path / "one.out")
    two = template(make_entry("two", index="def handler(event, context):\n    yield 'bye'\n"), tmp_path / "two.out")
    assert one != two
    assert mask_template(one) == mask_template(two)


def test_change_of_option_changes_masked_template(entry: Path, tmp_path: Path) -> None:
    one = template(entry, tmp_path / "one.out")
    two = template(entry, tmp_path / "two.out", memory_size=512)
    assert mask_template(one) != mask_template(two)


def test_given_template_is_not_changed(entry: Path, tmp_path: Path) -> None:
    found = template(entry, tmp_path / "cdk.out")
    before = repr(found)
    mask_template(found)
    assert repr(found) == before
