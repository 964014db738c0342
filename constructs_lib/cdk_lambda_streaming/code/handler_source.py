"""Check of the handler in a module's source.

The kind of object matters only if the runtime cannot call it, see `handler_call`: the result of the call decides.
"""

from __future__ import annotations

import ast

from cdk_lambda_streaming.checks.synth_warning import SynthWarning
from cdk_lambda_streaming.code.handler_call import check_call
from cdk_lambda_streaming.code.late_return import find_late_return
from cdk_lambda_streaming.code.module_source import SoughtName


def find_handler(sought: SoughtName, python: tuple[int, int]) -> SynthWarning | None:
    """Raise `ValueError` if the module does not bind the handler. Return a warning if its source does not tell.

    `python` is the version that runs the module.
    """
    module = sought.read(python)
    if isinstance(module, SynthWarning):
        return module
    hidden = sought.find_hidden_binding(module)
    if hidden is not None:
        return SynthWarning(
            "handlerUndecided",
            f"{hidden}. Define or import the name at the top level, or acknowledge this warning.",
        )
    return check_call(module, sought) or _check_returns(module, sought)


def _check_returns(module: ast.Module, sought: SoughtName) -> SynthWarning | None:
    late = find_late_return(module, sought.name)
    if late is None:
        return None
    return SynthWarning(
        "lateReturn",
        f"the generator {sought.name!r} can return a value after an item, in '{sought.file}' line {late.lineno}. That "
        "is an error at run time, because the response has begun. Return the value before the first yield, yield it, "
        "or write `return` alone.",
    )
