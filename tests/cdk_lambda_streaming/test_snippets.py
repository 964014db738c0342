"""Python snippets in the documentation: those with constructs are synthesized, the others are compiled.

A snippet that makes an app stands alone. Any other snippet continues the first snippet of its page and all earlier
snippets that make no app. A line `<!-- not run: the reason -->` precedes a snippet that cannot run.
"""

from __future__ import annotations

import ast
import re
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import aws_cdk
import pytest
from aws_cdk import App

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md")), *sorted((ROOT / "examples").glob("*/README.md"))]
MODULES = sorted((ROOT / "constructs_lib" / "cdk_lambda_streaming").rglob("*.py"))

# The least number of snippets on a page, so that none gets lost.
SYNTHESIZED = {"README.md": 2, "docs/construct.md": 15, "docs/recipes.md": 26}
COMPILED = {"README.md": 2, "docs/recipes.md": 3, "docs/wrappers.md": 4}
NOT_RUN: dict[str, int] = {}

# Imports of the CDK or of this library, or a stack from an earlier snippet.
MAKES_CONSTRUCTS = re.compile(r"\bcdk_lambda_streaming\b|\baws_cdk\b|\bstack\b|\bStreamingLayer\b")
MAKES_APP = re.compile(r"\bApp\(\)")
APPLICATION = "from fastapi import FastAPI\n\napp = FastAPI()\n"
WSGI_APPLICATION = "from django.core.wsgi import get_wsgi_application\n\napplication = get_wsgi_application()\n"
# Folders in snippets: entry="chat", and Path(__file__).parent / "chat".
FOLDER = re.compile(r"""(?:entry=|Path\(__file__\)\.parent / )"(\w+)\"""")


class Snippet(NamedTuple):
    source: str
    line: int
    text: str
    reason_not_run: str

    @property
    def makes_constructs(self) -> bool:
        return bool(MAKES_CONSTRUCTS.search(self.text))


def snippets_of_page(page: Path) -> Iterator[Snippet]:
    text = page.read_text(encoding="utf-8")
    for match in re.finditer(r"^(?:<!-- not run: (.+) -->\n)?```python\n(.*?)^```", text, re.DOTALL | re.MULTILINE):
        line = text.count("\n", 0, match.start()) + 1
        yield Snippet(str(page.relative_to(ROOT)), line, match[2], match[1] or "")


def snippets_of_docstrings(module: Path) -> Iterator[Snippet]:
    for node in ast.walk(ast.parse(module.read_text(encoding="utf-8"))):
        if isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)):
            docstring = ast.get_docstring(node) or ""
            for text in re.findall(r"^```python\n(.*?)^```", docstring, re.DOTALL | re.MULTILINE):
                yield Snippet(str(module.relative_to(ROOT)), getattr(node, "lineno", 1), text, "")


SNIPPETS = [
    *(snippet for page in PAGES for snippet in snippets_of_page(page)),
    *(snippet for module in MODULES for snippet in snippets_of_docstrings(module)),
]


def name_of(snippet: Snippet) -> str:
    return f"{snippet.source}:{snippet.line}"


def counted(snippets: list[Snippet]) -> Counter[str]:
    return Counter(snippet.source for snippet in snippets)


def test_no_snippet_is_lost() -> None:
    run = [snippet for snippet in SNIPPETS if not snippet.reason_not_run]
    assert counted([snippet for snippet in run if snippet.makes_constructs]) >= Counter(SYNTHESIZED)
    assert counted([snippet for snippet in run if not snippet.makes_constructs]) >= Counter(COMPILED)
    assert counted([snippet for snippet in SNIPPETS if snippet.reason_not_run]) == Counter(NOT_RUN)


def test_every_snippet_names_its_language() -> None:
    """The tests would miss a snippet without a language."""
    for page in PAGES:
        opened = re.findall(r"^ *```(\w*)$", page.read_text(encoding="utf-8"), re.MULTILINE)[::2]
        assert set(opened) <= {"python", "console", "dockerfile", "json"}, page


@pytest.mark.parametrize("snippet", SNIPPETS, ids=name_of)
def test_snippet_compiles(snippet: Snippet) -> None:
    compile(snippet.text, name_of(snippet), "exec")


@pytest.fixture
def make_folder(tmp_path: Path) -> Callable[[str], None]:
    """Return a function that writes a folder with code for every adapter."""

    def make(name: str) -> None:
        folder = tmp_path / name
        (folder / "app").mkdir(parents=True)
        (folder / "index.py").write_text("def handler(event, context):\n    yield 'hello'\n")
        (folder / "app/main.py").write_text(f"{APPLICATION}\ndef search(event, context):\n    yield 'found'\n")
        (folder / "shop").mkdir()
        (folder / "shop/wsgi.py").write_text(WSGI_APPLICATION)
        (folder / "index.mjs").write_text("export const handler = awslambda.streamifyResponse(async () => {});\n")
        if name == "image":
            (folder / "Dockerfile").write_text("FROM public.ecr.aws/lambda/python:3.14\n")
        # On an OS-only runtime Lambda starts a `bootstrap` in entry, so only the Rust example has one.
        for program in ("run.sh", "bootstrap") if name == "rust" else ("run.sh",):
            (folder / program).write_text("#!/bin/sh\n")
            (folder / program).chmod(0o755)

    return make


@pytest.fixture
def apps(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[App]:
    """Collect the apps that a snippet makes. Their output is in the test's folder, without bundling."""
    made: list[App] = []

    def make(**options: Any) -> App:
        context = {"aws:cdk:bundling-stacks": [], **options.pop("context", {})}
        made.append(App(outdir=str(tmp_path / f"cdk.out.{len(made)}"), context=context, **options))
        return made[-1]

    monkeypatch.setattr(aws_cdk, "App", make)
    return made


def setup_of(snippet: Snippet) -> str:
    """Return the earlier snippets that a snippet continues, or nothing if it stands alone.

    A snippet adds to the app of the first one, so that is not synthesized yet.
    """
    if MAKES_APP.search(snippet.text):
        return ""
    first, *others = (each for each in SNIPPETS if each.source == snippet.source and each.line < snippet.line)
    continued = (each.text for each in others if not MAKES_APP.search(each.text))
    return first.text.replace("app.synth()\n", "") + "".join(continued)


@pytest.mark.parametrize(
    "snippet", [each for each in SNIPPETS if each.makes_constructs and not each.reason_not_run], ids=name_of
)
def test_snippet_synthesizes(
    snippet: Snippet,
    apps: list[App],
    make_folder: Callable[[str], None],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    setup = setup_of(snippet)
    for folder in set(FOLDER.findall(setup + snippet.text)):
        make_folder(folder)
    names: dict[str, Any] = {"__name__": "__main__", "__file__": str(tmp_path / "app.py")}
    exec(compile(setup, f"before {name_of(snippet)}", "exec"), names)
    exec(compile(snippet.text, name_of(snippet), "exec"), names)
    for name, test in list(names.items()):
        if name.startswith("test_"):
            test()
    assert apps, "the snippet makes no app"
    for app in apps:
        stacks = app.synth().stacks_recursively
        assert stacks
        if snippet.source == "docs/recipes.md":  # Recipes are for copying, so they have no warnings.
            assert [message.entry.data for stack in stacks for message in stack.messages] == []
