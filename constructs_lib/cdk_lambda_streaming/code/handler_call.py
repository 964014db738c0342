"""Check that the runtime can call the handler, from the module's source.

The runtime calls `handler(event, context)`. The check follows names to functions, lambdas and calls in the same module.
It rejects only objects that the source shows: a name bound under a condition, an import, an unknown decorator or call
may be anything, so they pass.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from cdk_lambda_streaming.checks.synth_warning import SynthWarning
from cdk_lambda_streaming.code.top_level_names import TopLevelNames
from cdk_lambda_streaming.code.web_applications import (
    Kind,
    full_name,
    imported_names,
    kind_of_call,
    kind_of_parameters,
)

_CALL = ("event", "context")
_STREAMIFIED_CALL = ("event", "response_stream", "context")
# A chain of names in a module is short. One that refers to itself has no end.
_LONGEST_CHAIN = 10

Function = ast.FunctionDef | ast.AsyncFunctionDef
Value = ast.expr | Function


def check_call(module: ast.Module, file: Path, handler: str) -> SynthWarning | None:
    """Reject a handler that the runtime cannot call. Return a warning for one that only returns whole responses."""
    found = _Search(imported_names(module.body)).find(module.body, ast.Name(handler, ast.Load()))
    if found is None:
        return None
    place = f"'{file}' line {found.line}"
    if found.kind is None:
        raise ValueError(_describe_signature(found, handler, place))
    if found.kind is Kind.BUFFERING_ADAPTER:
        return SynthWarning(
            "handlerBuffers",
            f"the handler {handler!r} in {place} is {found.source}, which returns only whole responses, so nothing "
            f"streams. {_advise(Kind.ASGI, file, found.application)}",
        )
    raise ValueError(
        f"the handler {handler!r} in {place} is {found.source}, {_KINDS[found.kind]}: the runtime calls "
        f"{handler}(event, context), so every request would fail. {_advise(found.kind, file, handler)}"
    )


_KINDS = {Kind.ASGI: "an ASGI application", Kind.WSGI: "a WSGI application", Kind.SERVER: "a web server"}


@dataclass(frozen=True, slots=True)
class _Found:
    """Handler that needs a message. `kind` is None for a function with other parameters than the call has."""

    line: int
    source: str
    kind: Kind | None = None
    call: Sequence[str] = _CALL
    application: str = "app"
    """Application that an adapter makes a handler of."""


class _Search:
    """Search for the object behind a name."""

    def __init__(self, imported: Mapping[str, str], steps: int = 0) -> None:
        self._imported = imported
        self._steps = steps

    def find(self, scope: Sequence[ast.stmt], value: Value | None) -> _Found | None:
        """Return a value that needs a message, or None. `scope` has the statements that bind its names."""
        self._steps += 1
        if self._steps > _LONGEST_CHAIN:
            return None
        match value:
            case ast.Name(id=name):
                return self.find(scope, _bound_value(scope, name))
            case ast.FunctionDef() | ast.AsyncFunctionDef():
                return self._check_function(value)
            case ast.Lambda():
                return _check_arguments(value.args, value.lineno, _CALL)
            case ast.Call():
                return self._check_made(scope, value)
        return None

    def _check_function(self, function: Function) -> _Found | None:
        if not function.decorator_list:
            return _check_arguments(function.args, function.lineno, _CALL)
        if self._streamifies(function.decorator_list[-1]):
            return _check_arguments(function.args, function.lineno, _STREAMIFIED_CALL)
        return None

    def _check_made(self, scope: Sequence[ast.stmt], call: ast.Call) -> _Found | None:
        kind = kind_of_call(call, self._imported)
        if kind is not None:
            return _Found(call.lineno, f"{ast.unparse(call.func)}(...)", kind, application=_first_name(call))
        if self._streamifies(call.func) and len(call.args) == 1:
            return self._check_streamified(scope, call.args[0])
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

    def _check_streamified(self, scope: Sequence[ast.stmt], argument: ast.expr) -> _Found | None:
        value = _bound_value(scope, argument.id) if isinstance(argument, ast.Name) else argument
        match value:
            case ast.Lambda() | ast.FunctionDef(decorator_list=[]) | ast.AsyncFunctionDef(decorator_list=[]):
                return _check_arguments(value.args, value.lineno, _STREAMIFIED_CALL)
        return None

    def _streamifies(self, expression: ast.expr) -> bool:
        name = full_name(expression, self._imported)
        return name.startswith("lambda_streaming.") and name.endswith(".streamify_response")


def _first_name(call: ast.Call) -> str:
    """Return the name of the first argument, or a usual one for another expression."""
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


def _check_arguments(arguments: ast.arguments, line: int, call: Sequence[str]) -> _Found | None:
    kind = kind_of_parameters(arguments)
    if kind is None and _accepts(arguments, len(call)):
        return None
    return _Found(line, f"a function of ({ast.unparse(arguments)})", kind, call)


def _accepts(arguments: ast.arguments, count: int) -> bool:
    """Return True if a call with so many positional arguments fits the parameters."""
    positional = len(arguments.posonlyargs) + len(arguments.args)
    needs_keyword = any(default is None for default in arguments.kw_defaults)
    is_enough = positional >= count or arguments.vararg is not None
    return positional - len(arguments.defaults) <= count and is_enough and not needs_keyword


def _describe_signature(found: _Found, handler: str, place: str) -> str:
    caller = "the runtime" if found.call is _CALL else "@streamify_response"
    return (
        f"the handler {handler!r} in {place} is {found.source}, but {caller} calls it with "
        f"({', '.join(found.call)}). Write def {handler}(event, context), or with @streamify_response "
        f"def {handler}(event, response_stream, context)"
    )


def _advise(kind: Kind, file: Path, application: str) -> str:
    command = kind.value.format(module=file.stem, application=f"{file.stem}:{application}")
    return (
        "Serve the application with a web server: pass adapter=Adapter.lambda_web_adapter(), leave index and handler "
        f"out, and write an executable run.sh into entry, such as `#!/bin/sh` and `{command}`"
    )
