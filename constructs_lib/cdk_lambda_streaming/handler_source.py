"""What a module's source says about a name in it. It is read and never run: its imports are Lambda's.

Reading gives three answers: the name is bound at the module's top level; it is not; or only running the
module would tell (a star import, a module `__getattr__`, names made by `exec` or through `globals()`). A
name bound under a condition counts as bound. How the bound object looks is never judged: what the call
returns decides, in Lambda.
"""

from __future__ import annotations

import ast
import difflib
import sys
import warnings
from pathlib import Path
from typing import NamedTuple

# By these a module can bind names that reading does not see.
_NAME_MAKERS = frozenset({"exec", "eval", "globals", "locals", "vars", "setattr"})
_NAMESPACES = frozenset({"__dict__", "modules"})


class Doubt(NamedTuple):
    """Why reading could not decide; `id` is stable, so that the warning can be acknowledged."""

    id: str
    message: str


def find_handler(source: Path, handler: str, python: tuple[int, int]) -> Doubt | None:
    """Raise `ValueError` when the module does not bind `handler`; return a doubt when reading cannot tell.

    `python` is the version that will run the module. Where it is newer than the one that reads, a syntax
    error is a doubt: the source may well be right.
    """
    try:
        module = _parse(source.read_bytes(), python)
    except SyntaxError as error:
        message = _describe(error, source)
        if python > sys.version_info[:2]:
            return Doubt(
                "sourceUnread",
                f"the handler {handler!r} could not be looked for: Python {_dotted(sys.version_info[:2])} "
                f"cannot read what may be valid Python {_dotted(python)}, {message}",
            )
        raise ValueError(f"the handler's source is not valid Python {_dotted(python)}, {message}") from error
    except (RecursionError, MemoryError):
        return Doubt(
            "sourceUnread",
            f"the handler {handler!r} could not be looked for: '{source}' is nested too deeply",
        )

    names = _TopLevelNames()
    names.visit(module)
    if handler in names.bound:
        return None
    reason = _find_hidden_binding(module, handler)
    if reason is not None:
        return Doubt("handlerUndecided", f"whether '{source}' has a name {handler!r} cannot be read from it: {reason}")
    raise ValueError(f"'{source}' has no {handler!r} at its top level; {_suggest(handler, names)}")


def _parse(source: bytes, python: tuple[int, int]) -> ast.Module:
    with warnings.catch_warnings():
        # A dubious escape in a string is for the user's linter to find, and no SyntaxError under `-W error`.
        warnings.simplefilter("ignore")
        try:
            return ast.parse(source, feature_version=min(python, sys.version_info[:2]))
        except SyntaxError:
            raise
        except ValueError as error:  # a NUL byte, before Python 3.12
            raise SyntaxError(str(error)) from error


class _TopLevelNames(ast.NodeVisitor):
    """Collects the names that the module's own statements bind, not those inside functions and classes."""

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
        # The loop variable is the comprehension's own; a name bound by `:=` inside it is the module's.
        self.visit(node.iter)
        for condition in node.ifs:
            self.visit(condition)

    def visit_Name(self, node: ast.Name) -> None:
        if isinstance(node.ctx, ast.Store):
            self.bound.add(node.id)

    def visit_AnnAssign(self, node: ast.AnnAssign) -> None:
        if node.value is not None:  # `handler: Callable` alone declares and binds nothing
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


def _find_hidden_binding(module: ast.Module, name: str) -> str | None:
    """Return what in the module may bind `name` without reading showing it, or None."""
    for node in ast.walk(module):
        match node:
            case ast.ImportFrom(names=[ast.alias(name="*")]):
                return f"line {node.lineno} imports * from {'.' * node.level}{node.module or ''}"
            case ast.Global(names=names) if name in names:
                return f"line {node.lineno} declares it global"
            case ast.Call(func=ast.Name(id=maker)) if maker in _NAME_MAKERS:
                return f"line {node.lineno} calls {maker}()"
            case ast.Attribute(attr=namespace) if namespace in _NAMESPACES:
                return f"line {node.lineno} uses .{namespace}"
    if any(isinstance(node, ast.FunctionDef) and node.name == "__getattr__" for node in module.body):
        return "it has a __getattr__"
    return None


def _suggest(handler: str, names: _TopLevelNames) -> str:
    close = difflib.get_close_matches(handler, sorted(names.bound))
    if close:
        return f"did you mean {_listed(close)}?"
    if names.functions:
        return f"its functions are {_listed(sorted(names.functions))}"
    return "it defines no function"


def _listed(names: list[str]) -> str:
    return ", ".join(repr(name) for name in names)


def _describe(error: SyntaxError, source: Path) -> str:
    where = f"'{source}'" if error.lineno is None else f"'{source}' line {error.lineno}"
    what = f"{where}: {error.msg}"
    return f"{what}: {error.text.strip()}" if error.text else what


def _dotted(version: tuple[int, ...]) -> str:
    return ".".join(str(part) for part in version)
