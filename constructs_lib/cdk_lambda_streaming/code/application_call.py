"""Check that the runtime can serve an application, from its module's source.

Only objects that the source shows are rejected, see `object_search`.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

from cdk_lambda_streaming.checks.application_variables import ObjectName
from cdk_lambda_streaming.code.object_search import DefinedFunction, MadeObject, find_object
from cdk_lambda_streaming.code.serving_advice import advise, advise_made
from cdk_lambda_streaming.code.web_applications import (
    DESCRIPTIONS,
    IN_HANDLER,
    PARAMETERS,
    Kind,
    adapter_of,
    kind_of_parameters,
)


def check_application(module: ast.Module, file: Path, name: ObjectName, kind: Kind) -> None:
    """Reject an object that is no application of this kind."""
    found = find_object(module, name.path)
    if name.is_factory:
        _check_factory(found, file, name)
        found = find_object(module, f"{name.path}()")
    if isinstance(found, MadeObject) and found.kind is not kind:
        raise ValueError(f"{_describe(found, file, name)}, {_mismatch(found.kind, kind)}. {_advise(found, name)}")
    if isinstance(found, DefinedFunction) and not name.is_factory:
        _check_function(module, found, file, name, kind)


def find_applications(module: ast.Module, module_name: str) -> Iterator[tuple[Kind, str]]:
    """Yield kind and name of the applications and factories that a module shows."""
    for statement in module.body:
        match statement:
            case ast.Assign(targets=[ast.Name(id=path)]) | ast.AnnAssign(target=ast.Name(id=path)):
                found = find_object(module, path)
            case ast.FunctionDef(name=path) if DefinedFunction(statement).accepts(0):
                path = f"{path}()"
                found = find_object(module, path)
            case _:
                continue
        if isinstance(found, MadeObject) and found.kind in (Kind.ASGI, Kind.WSGI):
            yield found.kind, f"{module_name}:{path}"


def _check_factory(found: MadeObject | DefinedFunction | None, file: Path, name: ObjectName) -> None:
    kind = kind_of_parameters(found.node.args) if isinstance(found, DefinedFunction) else found and found.kind
    if found is not None and kind in DESCRIPTIONS:
        raise ValueError(
            f"{_describe(found, file, name)}, {DESCRIPTIONS[kind]} and no factory; name it without (): "
            f"'{name._replace(is_factory=False)}'"
        )
    if isinstance(found, DefinedFunction) and not found.accepts(0):
        raise ValueError(
            f"{_describe(found, file, name)}, but the runtime calls a factory without arguments; write a function "
            "without parameters that calls it, and name that function"
        )


def _check_function(module: ast.Module, found: DefinedFunction, file: Path, name: ObjectName, kind: Kind) -> None:
    described = _describe(found, file, name)
    other = kind_of_parameters(found.node.args)
    if other is not None and other is not kind:
        raise ValueError(f"{described}, {_mismatch(other, kind)}. {advise(other, name.module, name.path)}")
    made = find_object(module, f"{name.path}()")
    if isinstance(made, MadeObject) and made.kind in DESCRIPTIONS:
        raise ValueError(
            f"{described}, which returns {made.source}, {DESCRIPTIONS[made.kind]}, so it is a factory. "
            f"{_call(found, name)}"
        )
    if _is_handler(found):
        raise ValueError(
            f"{described}, a handler and no application; pass adapter=Adapter.handler() with index and handler, or "
            "name an application. A function for events that are no HTTP requests belongs in other_events"
        )
    if not found.accepts(len(PARAMETERS[kind])):
        raise ValueError(
            f"{described}, but the runtime calls {DESCRIPTIONS[kind]} with ({', '.join(PARAMETERS[kind])}). If it "
            f"returns the application, it is a factory. {_call(found, name)}"
        )


def _is_handler(function: DefinedFunction) -> bool:
    """Return True for a function with the usual parameters of a Lambda handler."""
    return [argument.arg for argument in function.node.args.args] == ["event", "context"]


def _call(factory: DefinedFunction, name: ObjectName) -> str:
    if factory.accepts(0):
        return f"Name it with (): '{name._replace(is_factory=True)}'"
    return "Write a function without parameters that calls it, and name that function with ()"


def _mismatch(found: Kind, kind: Kind) -> str:
    if found in IN_HANDLER:
        return "a handler around the application, which returns only whole responses"
    return f"{DESCRIPTIONS[found]}, and {adapter_of(kind)}() runs {DESCRIPTIONS[kind]}"


def _advise(found: MadeObject, name: ObjectName) -> str:
    return advise_made(found, name.module, f"{name.path}()" if name.is_factory else name.path)


def _describe(found: MadeObject | DefinedFunction, file: Path, name: ObjectName) -> str:
    return f"the application '{name}' in '{file}' line {found.line} is {found.source}"
