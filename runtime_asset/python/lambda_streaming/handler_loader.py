"""Finds the user's handler; says what is wrong with it in the error types of AWS's Python runtime."""

from __future__ import annotations

import gc
import sys

from lambda_streaming.error_report import ErrorReport

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    Handler = Callable[[Any, Any], Any]


class HandlerError(Exception):
    """The handler cannot be had; `report` is what Lambda and the log are told."""

    def __init__(self, report: ErrorReport) -> None:
        super().__init__(report.message)
        self.report = report


def load_handler(name: str) -> Handler:
    """Import the handler `name`: Lambda's `folder/module.function`, dots allowed in the module's part."""
    module_name, dot, attribute = name.rpartition(".")
    if not dot or not module_name or not attribute:
        raise HandlerError(
            ErrorReport(
                "Runtime.MalformedHandlerName",
                f"Bad handler '{name}': it must be module.function, such as index.handler",
                [],
            )
        )
    module_name = module_name.replace("/", ".")
    if module_name.split(".")[0] in sys.builtin_module_names:
        raise HandlerError(
            ErrorReport(
                "Runtime.BuiltInModuleConflict",
                f"Cannot use built-in module {module_name} as a handler module",
                [],
            )
        )
    module = _import(module_name)
    if not hasattr(module, attribute):
        raise HandlerError(
            ErrorReport("Runtime.HandlerNotFound", f"Handler '{attribute}' missing on module '{module_name}'", [])
        )
    handler: Handler = getattr(module, attribute)
    if not callable(handler):
        kind = type(handler).__name__
        raise HandlerError(
            ErrorReport(
                "Runtime.HandlerNotFound",
                f"Handler '{attribute}' of module '{module_name}' is of type {kind}, which cannot be called",
                [],
            )
        )
    return handler


def _import(module_name: str) -> object:
    # Imports make many objects and no garbage: collecting meanwhile costs a large application a tenth of its start.
    gc.disable()
    try:
        __import__(module_name)
        return sys.modules[module_name]
    except ImportError as error:
        raise HandlerError(
            _report("Runtime.ImportModuleError", f"Unable to import module '{module_name}': {error}", error)
        ) from error
    except SyntaxError as error:
        place = f'  File "{error.filename}" Line {error.lineno}\n    {(error.text or "").rstrip()}\n'
        raise HandlerError(
            ErrorReport("Runtime.UserCodeSyntaxError", f"Syntax error in module '{module_name}': {error}", [place])
        ) from error
    except BaseException as error:
        # SystemExit and KeyboardInterrupt too: whatever ends the import, Lambda is told why before the process ends.
        kind = "Runtime.ExitError" if isinstance(error, SystemExit) else type(error).__name__
        message = f"Module '{module_name}' exited with {error}" if isinstance(error, SystemExit) else str(error)
        raise HandlerError(_report(kind, message, error)) from error
    finally:
        gc.enable()


def _report(error_type: str, message: str, error: BaseException) -> ErrorReport:
    return ErrorReport(error_type, message, ErrorReport.of_exception(error).stack_trace)
