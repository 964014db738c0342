"""Finds the user's handler; says what is wrong with it in the error types of AWS's Python runtime."""

from __future__ import annotations

import gc
import sys

from lambda_streaming.error_report import ErrorReport, users_lines_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    Handler = Callable[[Any, Any], Any]


class HandlerError(Exception):
    """The handler cannot be had; `report` is what Lambda and the log are told, `exit_code` how the process ends."""

    def __init__(self, report: ErrorReport, exit_code: int = 1) -> None:
        super().__init__(report.message)
        self.report = report
        self.exit_code = exit_code


def load_handler(name: str) -> Handler:
    """Import the handler `name`: Lambda's `folder/module.function`, dots allowed in the module's part."""
    try:
        module_name, attribute = name.rsplit(".", 1)
    except ValueError as error:
        raise _fault("Runtime.MalformedHandlerName", f"Bad handler '{name}': {error}") from None
    if module_name.split(".")[0] in sys.builtin_module_names:
        raise _fault("Runtime.BuiltInModuleConflict", f"Cannot use built-in module {module_name} as a handler module")
    module = _import(module_name)
    try:
        handler: Handler = getattr(module, attribute)
    except AttributeError:
        raise _fault("Runtime.HandlerNotFound", f"Handler '{attribute}' missing on module '{module_name}'") from None
    except Exception as error:
        # The module has a `__getattr__` of its own.
        raise HandlerError(ErrorReport.of_exception(error)) from error
    if not callable(handler):
        kind = type(handler).__name__
        raise _fault(
            "Runtime.HandlerNotFound",
            f"Handler '{attribute}' of module '{module_name}' is of type {kind}, which cannot be called",
        )
    return handler


def _import(name: str) -> object:
    # Imports make many objects and no garbage: collecting meanwhile costs a large application a tenth of its start.
    gc.disable()
    try:
        __import__(name.replace("/", "."))
        return sys.modules[name.replace("/", ".")]
    except ImportError as error:
        # Where in the user's code: the module that is missing may be imported in many places.
        lines = users_lines_of(error)
        raise _fault("Runtime.ImportModuleError", f"Unable to import module '{name}': {error}", lines) from error
    except SyntaxError as error:
        place = f'  File "{error.filename}" Line {error.lineno}\n    {error.text}'
        raise _fault("Runtime.UserCodeSyntaxError", f"Syntax error in module '{name}': {error}", [place]) from error
    except SystemExit as error:
        raise HandlerError(_report_of_exit(name, error), _exit_code(error)) from error
    except BaseException as error:
        # KeyboardInterrupt too: whatever ends the import, Lambda is told why before the process ends.
        raise HandlerError(ErrorReport.of_exception(error)) from error
    finally:
        gc.enable()


def _fault(error_type: str, message: str, stack_trace: list[str] | None = None) -> HandlerError:
    return HandlerError(ErrorReport(error_type, message, stack_trace))


def _report_of_exit(name: str, error: SystemExit) -> ErrorReport:
    stack_trace = ErrorReport.of_exception(error).stack_trace
    return ErrorReport("Runtime.ExitError", f"Module '{name}' exited with {error}", stack_trace)


def _exit_code(error: SystemExit) -> int:
    """The user's, as under AWS's runtime. Text counts as 1, as in Python; so does 0, for nothing has gone well."""
    return error.code if isinstance(error.code, int) and error.code else 1
