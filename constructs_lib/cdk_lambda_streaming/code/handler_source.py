"""Search for the handler in a module's source. The module is parsed, never imported: its imports need Lambda.

The search has one of three results:

- The module binds the name at its top level. A name bound under a condition counts as bound.
- The module does not bind the name.
- The source does not show it: a star import, a module `__getattr__`, names made with `exec` or `globals()`.

The kind of object matters only if the runtime cannot call it, see `handler_call`: the result of the call decides.
"""

from __future__ import annotations

import ast
import difflib
import sys
from pathlib import Path

from cdk_lambda_streaming.checks.synth_warning import SynthWarning
from cdk_lambda_streaming.code.handler_call import check_call
from cdk_lambda_streaming.code.late_return import find_late_return
from cdk_lambda_streaming.code.source_syntax import error_in, parse_source
from cdk_lambda_streaming.code.top_level_names import TopLevelNames

# With these a module can bind names that its source does not show.
_NAME_MAKERS = frozenset({"exec", "eval", "globals", "locals", "vars", "setattr"})
_NAMESPACES = frozenset({"__dict__", "modules"})


def find_handler(file: Path, handler: str, python: tuple[int, int]) -> SynthWarning | None:
    """Raise `ValueError` if the module does not bind `handler`. Return a warning if its source does not tell.

    `python` is the version that runs the module. If it is newer than this Python, syntax that this Python does not know
    is only a warning.
    """
    source = file.read_bytes()
    try:
        module = parse_source(source, python)
    except SyntaxError as own_error:
        error = error_in(source, python, own_error)
        if error is not None:
            message = _describe(error, file)
            raise ValueError(f"the handler's source is not valid Python {_dotted(python)}, {message}") from own_error
        return SynthWarning(
            "sourceUnread",
            f"the handler {handler!r} was not checked, because Python {_dotted(sys.version_info[:2])} cannot parse "
            f"{_describe(own_error, file)}. It may be valid in Python {_dotted(python)}. Run the synth with Python "
            f"{_dotted(python)} to check it.",
        )
    except (RecursionError, MemoryError):
        return SynthWarning(
            "sourceUnread",
            f"the handler {handler!r} was not checked, because '{file}' is nested too deeply. Define the handler in "
            "another module, or acknowledge this warning.",
        )
    return _look_up(module, file, handler)


def _look_up(module: ast.Module, file: Path, handler: str) -> SynthWarning | None:
    names = TopLevelNames()
    names.visit(module)
    if handler in names.bound:
        return check_call(module, file, handler) or _check_returns(module, file, handler)
    reason = _find_hidden_binding(module, handler)
    if reason is not None:
        return SynthWarning(
            "handlerUndecided",
            f"the source of '{file}' does not show whether it has a name {handler!r}: {reason}. Define or import the "
            "name at the top level, or acknowledge this warning.",
        )
    raise ValueError(f"'{file}' has no {handler!r} at its top level; {_suggest(handler, names)}")


def _check_returns(module: ast.Module, file: Path, handler: str) -> SynthWarning | None:
    late = find_late_return(module, handler)
    if late is None:
        return None
    return SynthWarning(
        "lateReturn",
        f"the generator {handler!r} can return a value after an item, in '{file}' line {late.lineno}. That is an error "
        "at run time, because the response has begun. Return the value before the first yield, yield it, or write "
        "`return` alone.",
    )


def _find_hidden_binding(module: ast.Module, name: str) -> str | None:
    """Return the construct that may bind `name` at run time, or None."""
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


def _suggest(handler: str, names: TopLevelNames) -> str:
    close = difflib.get_close_matches(handler, sorted(names.bound))
    if close:
        return f"did you mean {_listed(close)}? Pass handler={close[0]!r}"
    if names.functions:
        functions = sorted(names.functions)
        return f"its functions are {_listed(functions)}; pass one of them, such as handler={functions[0]!r}"
    return "it defines no function"


def _listed(names: list[str]) -> str:
    return ", ".join(repr(name) for name in names)


def _describe(error: SyntaxError, file: Path) -> str:
    place = f"'{file}'" if error.lineno is None else f"'{file}' line {error.lineno}"
    message = f"{place}: {error.msg}"
    return f"{message}: {error.text.strip()}" if error.text else message


def _dotted(version: tuple[int, ...]) -> str:
    return ".".join(str(part) for part in version)
