"""Imports the user's handler; reports failures with the error types of AWS's Python runtime."""

from __future__ import annotations

import gc
import sys

from lambda_streaming.error_report import ErrorReport, users_lines_of
from lambda_streaming.process.settings import SettingsError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    Handler = Callable[[Any, Any], Any]


# More objects than the imports of a large application make.
PAUSED_THRESHOLD = 5_000_000


class HandlerError(Exception):
    """The handler cannot be loaded. `report` goes to Lambda and the log; the process ends with `exit_code`."""

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
    module = import_module(module_name)
    try:
        handler: Handler = getattr(module, attribute)
    except AttributeError:
        raise _fault("Runtime.HandlerNotFound", f"Handler '{attribute}' missing on module '{module_name}'") from None
    except Exception as error:
        # The module's own `__getattr__` failed.
        raise HandlerError(ErrorReport.of_exception(error)) from error
    if not callable(handler):
        kind = type(handler).__name__
        raise _fault(
            "Runtime.HandlerNotFound",
            f"Handler '{attribute}' of module '{module_name}' is of type {kind}, which cannot be called",
        )
    return handler


def import_module(name: str) -> object:
    """Import a module of the user. Raises `HandlerError` if that fails."""
    thresholds = _pause_collection()
    try:
        __import__(name.replace("/", "."))
        return sys.modules[name.replace("/", ".")]
    except (HandlerError, SettingsError):
        raise  # The module was the runtime's own, and has loaded a web application.
    except ImportError as error:
        # With the user's lines: the missing module may be imported in many places.
        lines = users_lines_of(error)
        raise _fault("Runtime.ImportModuleError", f"Unable to import module '{name}': {error}", lines) from error
    except SyntaxError as error:
        place = f'  File "{error.filename}" Line {error.lineno}\n    {error.text}'
        raise _fault("Runtime.UserCodeSyntaxError", f"Syntax error in module '{name}': {error}", [place]) from error
    except SystemExit as error:
        raise HandlerError(_report_of_exit(name, error), _exit_code(error)) from error
    except BaseException as error:
        # KeyboardInterrupt too: Lambda gets the reason before the process ends.
        raise HandlerError(ErrorReport.of_exception(error)) from error
    finally:
        if gc.get_threshold() == _paused(thresholds):
            gc.set_threshold(*thresholds)


def _pause_collection() -> tuple[int, int, int]:
    """Keep the garbage collector from running; return its thresholds.

    Imports make many objects and no garbage: without collection a large application starts a tenth faster. A threshold
    does it and not `gc.disable`, so that the user's modules see the collector on, and what they set stays.
    """
    thresholds = gc.get_threshold()
    gc.set_threshold(*_paused(thresholds))
    return thresholds


def _paused(thresholds: tuple[int, int, int]) -> tuple[int, int, int]:
    # A threshold of 0 switches the collector off.
    return (max(thresholds[0], PAUSED_THRESHOLD) if thresholds[0] else 0, *thresholds[1:])


def _fault(error_type: str, message: str, stack_trace: list[str] | None = None) -> HandlerError:
    return HandlerError(ErrorReport(error_type, message, stack_trace))


def _report_of_exit(name: str, error: SystemExit) -> ErrorReport:
    stack_trace = ErrorReport.of_exception(error).stack_trace
    return ErrorReport("Runtime.ExitError", f"Module '{name}' exited with {error}", stack_trace)


def _exit_code(error: SystemExit) -> int:
    """Return the code that the user's module exited with, 1 for text or 0: an init that exits has failed."""
    return error.code if isinstance(error.code, int) and error.code else 1
