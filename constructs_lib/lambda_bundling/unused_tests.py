"""Test folders in packages that no other module imports.

NumPy, SciPy and scikit-learn keep helpers in their test folders, and `django.test` is public API. An import counts
anywhere in a module, even inside a function, because it may run at any time.
"""

from __future__ import annotations

import ast
import re
import warnings
from collections.abc import Iterable, Iterator
from pathlib import Path

Name = tuple[str, ...]
_NAMES_TESTS = re.compile(rb"\btests?\b")
_STATEMENT = re.compile(r"^[ \t]*(from[ \t][^\n]*?[ \t]import[ \t]*(?:\([^)]*\)|[^\n;#]*)|import[ \t][^\n;#]*)", re.M)


def unused_tests(folder: Path, own: Iterable[Path] = ()) -> set[Path]:
    """Return the folders `test` and `tests` in packages that no remaining module imports.

    `own` are the function's own modules. They import packages by their full names.
    """
    # A top-level folder of that name is a package.
    found = {path for path in folder.glob("*/**/*") if path.name in ("test", "tests") and path.is_dir()}
    # A test folder inside another goes or stays with it.
    unused = {path.relative_to(folder).parts: path for path in found if not found & set(path.parents)}
    inside: dict[Name, list[Path]] = {name: [] for name in unused}
    reading: list[Path] = []
    for module in folder.rglob("*.py"):
        tests = _prefix_in(module.relative_to(folder).parts, inside)
        (reading if tests is None else inside[tests]).append(module)
    imported = [*_entry_points(folder), *(name for path in own if path.suffix == ".py" for name in _imports(path, ()))]
    while imported or reading:
        names = [*imported, *(name for path in reading for name in _imports(path, path.relative_to(folder).parts[:-1]))]
        needed = {tests for name in names if (tests := _prefix_in(name, unused)) is not None}
        # A folder that stays may import from another one.
        imported, reading = [], [path for tests in needed for path in inside[tests]]
        for tests in needed:
            del unused[tests]
    return set(unused.values())


def _prefix_in(name: Name, folders: Iterable[Name]) -> Name | None:
    return next((name[:end] for end in range(2, len(name) + 1) if name[:end] in folders), None)


def _entry_points(folder: Path) -> Iterator[Name]:
    for file in folder.glob("*.dist-info/entry_points.txt"):
        for module in re.findall(r"=\s*([\w.]+)", file.read_text("utf-8", "replace")):
            yield tuple(module.split("."))


def _imports(module: Path, package: Name) -> Iterator[Name]:
    """Yield the names that a module imports: modules, and names in them that may be modules."""
    text = module.read_bytes()
    if not _NAMES_TESTS.search(text):
        return
    for node in _statements(text):
        if isinstance(node, ast.Import):
            for each in node.names:
                yield tuple(each.name.split("."))
        elif node.level <= len(package):
            above = package[: len(package) + 1 - node.level] if node.level else ()
            start = (*above, *(node.module.split(".") if node.module else ()))
            for each in node.names:
                yield (*start, each.name)


def _statements(text: bytes) -> Iterator[ast.Import | ast.ImportFrom]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            parsed = [ast.parse(text)]
        except (SyntaxError, ValueError):
            # The module is for a later Python, or is a template. The result must not depend on this Python.
            parsed = [_parse(each) for each in _STATEMENT.findall(text.decode("utf-8", "replace"))]
    for module in parsed:
        yield from _imports_in(module)


def _imports_in(node: ast.AST) -> Iterator[ast.Import | ast.ImportFrom]:
    """Yield the imports below a node. Only statements can import, so skip expressions, which are most of a module."""
    for block in ("body", "handlers", "cases", "orelse", "finalbody"):
        for each in getattr(node, block, ()):
            if isinstance(each, (ast.Import, ast.ImportFrom)):
                yield each
            else:
                yield from _imports_in(each)


def _parse(statement: str) -> ast.Module:
    try:
        return ast.parse(statement.strip())
    except SyntaxError:
        return ast.Module([], [])
