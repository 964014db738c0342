"""Search for a `return value` that a generator can reach after a `yield`.

The runtime takes the value of a generator as its response only before the first item. After an item it is an error. The
search follows branches: a `return` in one branch of an `if` is right although the other branch yields.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator

_SCOPES = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Lambda)
_LEAVES = (ast.Return, ast.Raise, ast.Continue, ast.Break)


def find_late_return(module: ast.Module, name: str) -> ast.Return | None:
    """Return the first such statement of the module's function `name`, or None."""
    for statement in _own_statements(module.body):
        if isinstance(statement, ast.FunctionDef) and statement.name == name and _yields(statement.body):
            late = next(_Flow().follow(statement.body, False), None)
            if late is not None:
                return late
    return None


class _Flow:
    """Walk through the statements of one function; `has_yielded` is true where an item may have left before."""

    def __init__(self) -> None:
        self.has_yielded = False

    def follow(self, body: list[ast.stmt], has_yielded: bool) -> Iterator[ast.Return]:
        self.has_yielded = has_yielded
        for statement in body:
            yield from self._statement(statement)
            if _is_endless(statement):
                return

    def _statement(self, statement: ast.stmt) -> Iterator[ast.Return]:
        if isinstance(statement, _SCOPES):
            return
        branches = list(_branches(statement))
        if not branches:
            self.has_yielded = self.has_yielded or _yields([statement])
            if isinstance(statement, ast.Return) and self.has_yielded and not _is_none(statement.value):
                yield statement
            return
        yield from self._branches(statement, branches)

    def _branches(self, statement: ast.stmt, branches: list[list[ast.stmt]]) -> Iterator[ast.Return]:
        # A loop comes back to its start, and an `except` clause may follow any statement of the `try`.
        repeats = isinstance(statement, (ast.For, ast.While, ast.Try)) and _yields(branches[0])
        before = self.has_yielded or _yields(_heads(statement))
        after = before
        for number, branch in enumerate(branches):
            is_first_of_try = isinstance(statement, ast.Try) and number == 0
            yield from self.follow(branch, before or (repeats and not is_first_of_try))
            goes_on = not (branch and _leaves(branch[-1])) or isinstance(statement, (ast.For, ast.While))
            after = after or (self.has_yielded and goes_on)
        self.has_yielded = after


def _leaves(statement: ast.stmt) -> bool:
    """Return True if no statement after this one runs."""
    return isinstance(statement, _LEAVES) or _is_endless(statement)


def _is_endless(statement: ast.stmt) -> bool:
    """Return True for `while True` without `break`."""
    is_loop = isinstance(statement, ast.While) and isinstance(statement.test, ast.Constant) and statement.test.value
    return bool(is_loop) and not any(isinstance(each, ast.Break) for each in _own_statements([statement]))


def _branches(statement: ast.stmt) -> Iterator[list[ast.stmt]]:
    for field in ("body", "orelse", "finalbody"):
        if branch := getattr(statement, field, None):
            yield branch
    for clause in (*getattr(statement, "handlers", ()), *getattr(statement, "cases", ())):
        yield clause.body


def _heads(statement: ast.stmt) -> list[ast.AST]:
    """Return the expressions of a compound statement, such as the condition of an `if`."""
    return [child for child in ast.iter_child_nodes(statement) if isinstance(child, (ast.expr, ast.withitem))]


def _own_statements(body: Iterable[ast.stmt]) -> Iterator[ast.stmt]:
    """Return statements and those in their branches, without the insides of functions and classes."""
    for statement in body:
        yield statement
        if not isinstance(statement, _SCOPES):
            for branch in _branches(statement):
                yield from _own_statements(branch)


def _yields(nodes: Iterable[ast.AST]) -> bool:
    return any(
        isinstance(node, (ast.Yield, ast.YieldFrom))
        or (not isinstance(node, _SCOPES) and _yields(ast.iter_child_nodes(node)))
        for node in nodes
    )


def _is_none(value: ast.expr | None) -> bool:
    return value is None or (isinstance(value, ast.Constant) and value.value is None)
