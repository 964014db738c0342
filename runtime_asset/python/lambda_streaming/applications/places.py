"""The place in the user's code that an error of the runtime is about. Loaded when there is such an error.

An error about an item arises in the runtime's own frames. The generator that yielded the item is suspended, and knows
its line. `ErrorReport` shows that line in place of the runtime's.
"""

from __future__ import annotations

from lambda_streaming.applications.returned import unwrapped
from lambda_streaming.error_report import has_frame_of_user, set_place

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import CodeType
    from typing import Any


def add_yield(error: Exception, items: Any) -> None:
    """Add the line at which `items`, a generator of any kind, has yielded; nothing if the user's code has raised."""
    if has_frame_of_user(error):
        return
    frame = None
    while items is not None:
        frame = getattr(items, "gi_frame", None) or getattr(items, "ag_frame", None) or frame
        items = getattr(items, "gi_yieldfrom", None)
    if frame is not None:
        set_place(error, "yielded", frame.f_code.co_filename, frame.f_lineno, frame.f_code.co_name)


def add_definition(error: Exception, handler: Any) -> None:
    """Add the line of the handler's definition, if no other place is known."""
    code = getattr(unwrapped(handler), "__code__", None)
    if code is not None and not has_frame_of_user(error):
        set_place(error, "returned by the handler", code.co_filename, code.co_firstlineno, code.co_name)


def late_result(value: Any, items: Any) -> TypeError:
    """Return the error for a generator that returned a value after its first item."""
    return _lost_result(
        value,
        items,
        "after its first item, and the value would be lost. A generator may return a response only before it yields: "
        "yield HttpResponse(...) first, or write `return` without a value",
    )


def result_of_body(value: Any, items: Any) -> TypeError:
    """Return the error for a generator that is the body of a response, and returned a value."""
    return _lost_result(
        value,
        items,
        "and is the body of a response, so the value would be lost: yield it, or write `return` without a value",
    )


def _lost_result(value: Any, items: Any, reason: str) -> TypeError:
    code = getattr(items, "gi_code", None)
    name = getattr(items, "__name__", type(items).__name__)
    kind = "generator" if code is not None else "iterator"
    error = TypeError(f"the {kind} {name!r} returned a value of type {type(value).__name__} {reason}")
    if code is not None:
        lines = list(_lines_of_returns(code))
        set_place(error, "returned", code.co_filename, lines[-1] if lines else code.co_firstlineno, code.co_name)
    return error


def _lines_of_returns(code: CodeType) -> Iterator[int]:
    """Give the lines of `return value` in a function, if its source can be read."""
    import ast
    import linecache

    try:
        tree = ast.parse("".join(linecache.getlines(code.co_filename)))
    except SyntaxError:
        return
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef) and node.name == code.co_name:
            first = min(node.lineno, *(decorator.lineno for decorator in node.decorator_list), node.lineno)
            if first == code.co_firstlineno:
                yield from (statement.lineno for statement in _returns(node) if statement.value is not None)


def _returns(node: Any) -> Iterator[Any]:
    import ast

    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.Return):
            yield child
        elif not isinstance(child, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda, ast.ClassDef)):
            yield from _returns(child)
