"""Names that a module binds at its top level, from its source."""

from __future__ import annotations

import ast


class TopLevelNames(ast.NodeVisitor):
    """Collector of the names that the module's own statements bind, without those in functions and classes."""

    def __init__(self) -> None:
        self.bound: set[str] = set()
        self.functions: set[str] = set()

    def visit_FunctionDef(self, node: ast.FunctionDef | ast.AsyncFunctionDef) -> None:
        self.bound.add(node.name)
        self.functions.add(node.name)

    def visit_AsyncFunctionDef(self, node: ast.AsyncFunctionDef) -> None:
        self.visit_FunctionDef(node)

    def visit_ClassDef(self, node: ast.ClassDef) -> None:
        self.bound.add(node.name)

    def visit_Lambda(self, node: ast.Lambda) -> None:
        pass

    def visit_comprehension(self, node: ast.comprehension) -> None:
        # The loop variable belongs to the comprehension. A name bound by `:=` inside it belongs to the module.
        self.visit(node.iter)
        for condition in node.ifs:
            self.visit(condition)

    def visit_Name(self, node: ast.Name) -> None:
        if isinstance(node.ctx, ast.Store):
            self.bound.add(node.id)

    def visit_AnnAssign(self, node: ast.AnnAssign) -> None:
        if node.value is not None:  # `handler: Callable` without a value binds nothing
            self.generic_visit(node)

    def visit_alias(self, node: ast.alias) -> None:
        self.bound.add(node.asname or node.name.partition(".")[0])

    def visit_MatchAs(self, node: ast.MatchAs) -> None:
        self._bind_pattern(node, node.name)

    def visit_MatchStar(self, node: ast.MatchStar) -> None:
        self._bind_pattern(node, node.name)

    def visit_MatchMapping(self, node: ast.MatchMapping) -> None:
        self._bind_pattern(node, node.rest)

    def _bind_pattern(self, node: ast.pattern, name: str | None) -> None:
        if name is not None:
            self.bound.add(name)
        self.generic_visit(node)
