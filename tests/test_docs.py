"""The tests, files and variables that the pages name exist."""

from __future__ import annotations

import ast
import re
from collections import Counter
from pathlib import Path

import pytest

from .conformance.test_node_client import DIFFERENCES

ROOT = Path(__file__).parents[1]
DOCS = sorted((ROOT / "docs").glob("*.md"))
PAGES = [
    *sorted(ROOT.glob("*.md")),
    *DOCS,
    *sorted(ROOT.glob("*/README.md")),
    *sorted(ROOT.glob("examples/*/README.md")),
]
CONFORMANCE = ROOT / "docs" / "conformance.md"
RUNTIME = ROOT / "runtime_asset"


def name_of(page: Path) -> str:
    return str(page.relative_to(ROOT))


def without_code_blocks(page: Path) -> str:
    return re.sub(r"^```.*?^```", "", page.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL)


def links_of(page: Path) -> list[str]:
    """Return the targets of the links inside the repository."""
    targets = re.findall(r"\]\(([^)\s]+)\)", without_code_blocks(page))
    return [target for target in targets if not re.match(r"[a-z]+:", target)]


def anchors_of(page: Path) -> list[str]:
    """Return the anchors that GitHub gives the titles: words and hyphens, and a number for repeated ones."""
    anchors: list[str] = []
    seen: Counter[str] = Counter()
    for title in re.findall(r"^#+ (.+?)\s*$", without_code_blocks(page), re.MULTILINE):
        text = re.sub(r"\[(.*?)\]\(.*?\)", r"\1", title)
        anchor = re.sub(r"[^\w -]", "", text.lower()).replace(" ", "-")
        anchors.append(f"{anchor}-{seen[anchor]}" if seen[anchor] else anchor)
        seen[anchor] += 1
    return anchors


@pytest.mark.parametrize("page", DOCS, ids=name_of)
def test_every_test_named_in_a_page_exists(page: Path) -> None:
    for file, name in re.findall(r"(tests/[\w/]+\.py)(?:::(\w+))?", page.read_text(encoding="utf-8")):
        assert (ROOT / file).is_file(), file
        if name:
            tree = ast.parse((ROOT / file).read_text(encoding="utf-8"))
            tests = {node.name for node in tree.body if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))}
            assert name in tests, f"{file}::{name}"


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_every_relative_link_leads_to_a_file(page: Path) -> None:
    for target in links_of(page):
        path, _, _ = target.partition("#")
        assert (page.parent / path).exists(), target


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_every_link_to_a_section_leads_to_one(page: Path) -> None:
    for target in links_of(page):
        path, _, anchor = target.partition("#")
        if anchor:
            assert anchor in anchors_of(page.parent / path if path else page), target


def test_anchors_are_those_of_github(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("# A page, `x_y()`\n## cdk-nag\n```sh\n# no title\n```\n### [Link](a.md#b) & more\n## cdk-nag\n")
    assert anchors_of(page) == ["a-page-x_y", "cdk-nag", "link--more", "cdk-nag-1"]


def test_every_runtime_variable_is_documented() -> None:
    sources = [RUNTIME / "bootstrap", *RUNTIME.rglob("*.py")]
    read = {name for file in sources for name in re.findall(r"\bLAMBDA_STREAMING_[A-Z_]+\b", file.read_text("utf-8"))}
    page = (ROOT / "docs" / "runtime.md").read_text(encoding="utf-8")
    assert read == set(re.findall(r"^\| `(LAMBDA_STREAMING_[A-Z_]+)` \|", page, re.MULTILINE))


def test_every_edge_case_has_an_item_with_a_test() -> None:
    """The page has 32 edge cases, numbered without gaps."""
    page = CONFORMANCE.read_text(encoding="utf-8")
    items = re.findall(r"^(\d+)\. .+\n((?: +- .+\n)*)", page, re.MULTILINE)
    assert [int(number) for number, _ in items] == list(range(1, 33))
    assert all("::test_" in tests for _, tests in items)


def test_page_lists_the_differences_from_node() -> None:
    page = CONFORMANCE.read_text(encoding="utf-8")
    _, _, section = page.partition("\n## Compared with AWS's Node.js client\n")
    rows = re.findall(r"^\| .+$", section.partition("\n## ")[0], re.MULTILINE)
    assert rows[1:] == [
        f"| {script} | {', '.join(reasons)} | {' '.join(why for why in reasons.values() if why)} |"
        for script, reasons in DIFFERENCES.items()
    ]
