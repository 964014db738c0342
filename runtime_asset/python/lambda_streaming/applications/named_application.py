"""The web application that `LAMBDA_STREAMING_APP` names, such as `app.main:app` or `app.main:create_app()`.

It is imported during init. The checks find the usual mistakes: another module, another name, a factory that is not
called, an application of the other kind. Each is an error of init that says which variable to change.
"""

from __future__ import annotations

from lambda_streaming.applications.call_signature import problem_of
from lambda_streaming.applications.handler_loader import HandlerError, import_module, load_handler
from lambda_streaming.applications.slow_init import watch_init
from lambda_streaming.error_report import ErrorReport
from lambda_streaming.process.settings import APPLICATION

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any


def load_application(name: str, kind: str) -> Any:
    """Import the application `name`. Raises `HandlerError` if that fails, or if it is not of the kind."""
    module_name, colon, attribute = name.partition(":")
    is_factory = attribute.endswith("()")
    path = attribute.removesuffix("()")
    if not colon or not module_name or not path:
        raise _fault(f"{APPLICATION} is {name!r}; it must be module:name, such as app.main:app", "MalformedAppName")
    module = _import(module_name)
    found = _attribute_of(module, path, module_name)
    application = _called(found, attribute, module_name) if is_factory else found
    subject, call = (f"the result of {attribute}", "") if is_factory else (repr(attribute), f"{attribute}()")
    problem = problem_of(application, kind, subject, call)
    if problem:
        raise _fault(f"{APPLICATION} is {name!r}, but {problem}", "AppNotUsable")
    return application


def load_other_events(name: str | None) -> Callable[[Any, Any], Any] | None:
    """Import the handler for events that are no HTTP requests."""
    return None if name is None else load_handler(name.replace(":", "."))


def _import(module_name: str) -> Any:
    finish = watch_init(f"the import of {module_name!r}")
    try:
        return import_module(module_name)
    except HandlerError as error:
        cause = error.__cause__
        missing = cause.name if isinstance(cause, ModuleNotFoundError) else None
        if missing and f"{module_name}.".startswith(f"{missing}."):
            error.report.message += (
                f". {APPLICATION} names it: it must be in the deployment package, at the path that the name has from "
                "its root"
            )
        raise
    finally:
        finish()


def _attribute_of(module: Any, path: str, module_name: str) -> Any:
    found = module
    for part in path.split("."):
        try:
            found = getattr(found, part)
        except AttributeError:
            raise _fault(
                f"{APPLICATION} names {path!r} of the module {module_name!r}, which has no {part!r}"
                f"{_similar(found, part)}",
                "AppNotFound",
            ) from None
        except Exception as error:
            raise HandlerError(ErrorReport.of_exception(error)) from error
    return found


def _similar(owner: Any, name: str) -> str:
    from difflib import get_close_matches

    close = get_close_matches(name, [each for each in vars(owner) if not each.startswith("_")], n=1)
    return f"; did you mean {close[0]!r}?" if close else ""


def _called(factory: Any, attribute: str, module_name: str) -> Any:
    if not callable(factory):
        raise _fault(
            f"{APPLICATION} calls {attribute} of the module {module_name!r}, which is of type "
            f"{type(factory).__name__} and cannot be called; leave the parentheses out",
            "AppNotUsable",
        )
    try:
        return factory()
    except Exception as error:
        raise HandlerError(ErrorReport.of_exception(error)) from error


def _fault(message: str, kind: str) -> HandlerError:
    return HandlerError(ErrorReport(f"Runtime.{kind}", message, []))
