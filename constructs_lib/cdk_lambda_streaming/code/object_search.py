"""Search for the object that a name in a module stands for, from the module's source.

The search follows names to functions, lambdas and calls in the same module. It finds only objects that the source
shows: a name bound under a condition, an import, an unknown decorator or call may be anything.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from cdk_lambda_streaming.code.top_level_names import TopLevelNames
from cdk_lambda_streaming.code.web_applications import Kind, application_in, full_name, imported_names, kind_of_call

# A chain of names in a module is short. One that refers to itself has no end.
_LONGEST_CHAIN = 10

Function = ast.FunctionDef | ast.AsyncFunctionDef
Value = ast.expr | Function


@dataclass(frozen=True, slots=True)
class MadeObject:
    """Object that a known call makes, such as `FastAPI()`."""

    line: int
    source: str
    kind: Kind
    argument: str
    """Name of the call's first argument, or a usual one for another expression."""
    inner: tuple[Kind, str] | None = None
    """Kind of the application in a server, and its attribute or method."""


@dataclass(frozen=True, slots=True)
class DefinedFunction:
    """Function or lambda of the module that no unknown decorator changes."""

    node: Function | ast.Lambda
    is_streamified: bool = False
    """True under `@streamify_response`."""

    @property
    def line(self) -> int:
        return self.node.lineno

    @property
    def source(self) -> str:
        return f"a function of ({ast.unparse(self.node.args)})"

    def accepts(self, count: int) -> bool:
        """Return True if a call with so many positional arguments fits the parameters."""
        arguments = self.node.args
        positional = len(arguments.posonlyargs) + len(arguments.args)
        needs_keyword = any(default is None for default in arguments.kw_defaults)
        is_enough = positional >= count or arguments.vararg is not None
        return positional - len(arguments.defaults) <= count and is_enough and not needs_keyword


def find_object(module: ast.Module, expression: str) -> MadeObject | DefinedFunction | None:
    """Return the object of an expression, such as `app` or `create_app()`, or None for an unknown one."""
    return _Search(imported_names(module.body)).find(module.body, ast.parse(expression, mode="eval").body)


class _Search:
    """Search for the object behind a name."""

    def __init__(self, imported: Mapping[str, str], steps: int = 0) -> None:
        self._imported = imported
        self._steps = steps

    def find(self, scope: Sequence[ast.stmt], value: Value | None) -> MadeObject | DefinedFunction | None:
        """Return the object of a value, or None. `scope` has the statements that bind its names."""
        self._steps += 1
        if self._steps > _LONGEST_CHAIN:
            return None
        match value:
            case ast.Name(id=name):
                return self.find(scope, _bound_value(scope, name))
            case ast.FunctionDef() | ast.AsyncFunctionDef():
                return self._defined(value)
            case ast.Lambda():
                return DefinedFunction(value)
            case ast.Call():
                return self._made(scope, value)
        return None

    def _defined(self, function: Function) -> DefinedFunction | None:
        if not function.decorator_list:
            return DefinedFunction(function)
        return DefinedFunction(function, True) if self._streamifies(function.decorator_list[-1]) else None

    def _made(self, scope: Sequence[ast.stmt], call: ast.Call) -> MadeObject | DefinedFunction | None:
        kind = kind_of_call(call, self._imported)
        if kind is not None:
            inner = application_in(call, self._imported)
            return MadeObject(call.lineno, f"{ast.unparse(call.func)}(...)", kind, _first_name(call), inner)
        if self._streamifies(call.func) and len(call.args) == 1:
            return _streamified(scope, call.args[0])
        maker = _bound_value(scope, call.func.id) if isinstance(call.func, ast.Name) else None
        if isinstance(maker, ast.FunctionDef) and not maker.decorator_list:
            return self._inside(maker).find(maker.body, _returned(maker))
        return None

    def _inside(self, function: ast.FunctionDef) -> _Search:
        """Return the search for names in a function: its own hide those of the module."""
        local = TopLevelNames()
        for statement in function.body:
            local.visit(statement)
        hidden = local.bound | {argument.arg for argument in ast.walk(function.args) if isinstance(argument, ast.arg)}
        outer = {name: full for name, full in self._imported.items() if name not in hidden}
        return _Search({**outer, **imported_names(function.body)}, self._steps)

    def _streamifies(self, expression: ast.expr) -> bool:
        name = full_name(expression, self._imported)
        return name.startswith("lambda_streaming.") and name.endswith(".streamify_response")


def _streamified(scope: Sequence[ast.stmt], argument: ast.expr) -> DefinedFunction | None:
    value = _bound_value(scope, argument.id) if isinstance(argument, ast.Name) else argument
    match value:
        case ast.Lambda() | ast.FunctionDef(decorator_list=[]) | ast.AsyncFunctionDef(decorator_list=[]):
            return DefinedFunction(value, True)
    return None


def _first_name(call: ast.Call) -> str:
    return next((argument.id for argument in call.args[:1] if isinstance(argument, ast.Name)), "app")


def _bound_value(scope: Sequence[ast.stmt], name: str) -> Value | None:
    """Return the value that the last statement binds to the name, or None if a condition or an import decides."""
    value: Value | None = None
    for statement in scope:
        match statement:
            case ast.FunctionDef() | ast.AsyncFunctionDef() if statement.name == name:
                value = statement
            case ast.Assign(targets=targets) if any(_is_name(target, name) for target in targets):
                value = statement.value
            case ast.AnnAssign(target=ast.Name(id=bound), value=ast.expr()) if bound == name:
                value = statement.value
            case _ if _binds(statement, name):
                value = None
    return None if _is_global(scope, name) else value


def _is_name(target: ast.expr, name: str) -> bool:
    return isinstance(target, ast.Name) and target.id == name


def _binds(statement: ast.stmt, name: str) -> bool:
    names = TopLevelNames()
    names.visit(statement)
    return name in names.bound


def _is_global(scope: Sequence[ast.stmt], name: str) -> bool:
    """Return True if a function may bind the name when it runs."""
    declarations = (ast.Global, ast.Nonlocal)
    return any(
        isinstance(node, declarations) and name in node.names for statement in scope for node in ast.walk(statement)
    )


def _returned(function: ast.FunctionDef) -> ast.expr | None:
    """Return the value of a function's last statement, if that is its only `return` and it is no generator."""
    nodes = list(_own_nodes(function.body))
    returns = [node for node in nodes if isinstance(node, ast.Return)]
    if any(isinstance(node, (ast.Yield, ast.YieldFrom)) for node in nodes) or returns != function.body[-1:]:
        return None
    return returns[0].value


def _own_nodes(nodes: Iterable[ast.AST]) -> Iterator[ast.AST]:
    """Yield nodes and those in them, without the insides of functions and classes."""
    for node in nodes:
        yield node
        if not isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Lambda)):
            yield from _own_nodes(ast.iter_child_nodes(node))
