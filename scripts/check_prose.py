"""Check the English of docstrings, comments, messages and pages: `python scripts/check_prose.py [FILE ...]`.

Two rules, both from the glossary in ARCHITECTURE.md: a docstring opens with a verb or a noun, never with a question
word; and a word that the glossary has replaced is not used again, neither in prose nor in a name.
"""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[1]
CHECKED_SUFFIXES = {".py", ".md", ".sh", ".toml", ".js", ".mjs", ".html", ""}
# This list itself, a licence, and texts of others.
SKIPPED = {"scripts/check_prose.py", "tests/test_prose.py", "LICENSE", "examples/chat/opticks.txt"}

OPENINGS = re.compile(r"(What|Whether|Whoever|Whatever|How|Where|Who|Which|That which)\b")
REPLACED = {
    r"doubts?": "warning",
    r"(?<!--no-)notices?": "warning (noun), detect (verb)",  # `--no-notices` is an option of the CDK
    r"complaints?": "warning",
    r"outlets?": "destination",
    r"desks?": "this machine, developer machine",
    r"whoever": "the caller, the user, code that",
    r"nobody": "no caller, no one reads it; or name who",
    r"everybody": "anyone, all users; or name who",
    r"that which": "the thing itself",
}
# As a word, or as a part of a name: `desk_bundle`, `DeskBundler`.
_WORDS = re.compile(
    "|".join(rf"(?<![a-z])(?P<w{number}>{word})(?![a-z])" for number, word in enumerate(REPLACED)), re.IGNORECASE
)
_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")


class Problem(NamedTuple):
    line: int
    text: str


def main(arguments: list[str]) -> int:
    files = [Path(argument) for argument in arguments] or tracked_files()
    problems = [(file, problem) for file in files for problem in check(file.read_text("utf-8"), file.suffix)]
    for file, problem in problems:
        print(f"{file}:{problem.line}: {problem.text}")
    if problems:
        print(f"{len(problems)} problems in {len({file for file, _ in problems})} of {len(files)} files.")
    return 1 if problems else 0


def tracked_files() -> list[Path]:
    """Return the text files of the project that people read."""
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    paths = [Path(name) for name in listed.split("\0") if name and name not in SKIPPED]
    return [
        ROOT / path
        for path in paths
        if path.suffix in CHECKED_SUFFIXES and path.name not in SKIPPED and (ROOT / path).is_file()
    ]


def check(text: str, suffix: str) -> Iterator[Problem]:
    """Yield the problems of one file, by its suffix."""
    yield from _replaced_words(text)
    if suffix == ".py":
        yield from _openings(text)


def _replaced_words(text: str) -> Iterator[Problem]:
    for number, line in enumerate(text.splitlines(), 1):
        for match in _WORDS.finditer(_CAMEL.sub(" ", line)):
            word = list(REPLACED)[int((match.lastgroup or "w0")[1:])]
            yield Problem(number, f"{match.group()!r} is a replaced word; write: {REPLACED[word]}")


def _openings(text: str) -> Iterator[Problem]:
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)):
            docstring = ast.get_docstring(node)
            opening = OPENINGS.match(docstring or "")
            if opening is not None:
                line = node.body[0].lineno
                yield Problem(line, f"a docstring opens with {opening.group()!r}; open with a verb or a noun")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
