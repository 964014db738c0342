"""The web application that `LAMBDA_STREAMING_APP` names, such as `app.main:app` or `app.main:create_app()`.

It is imported during init. The checks find the usual mistakes: another module, another name, a factory that is not
called, an application of the other kind. Each is an error of init that says which variable to change.
"""

from __future__ import annotations

from _thread import allocate_lock, start_new_thread

from lambda_streaming.applications.handler_loader import HandlerError, import_module, load_handler
from lambda_streaming.applications.returned import unwrapped
from lambda_streaming.error_report import ErrorReport
from lambda_streaming.process.settings import APPLICATION

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

# `inspect` calls it CO_COROUTINE and CO_VARARGS, and is slow to import.
_COROUTINE, _VARIABLE = 0x80, 0x04
ASGI, WSGI = "ASGI", "WSGI"
# AWS, "Understanding the Lambda execution environment lifecycle".
INIT_LIMIT_S = 10
_ADAPTERS = {ASGI: "Adapter.asgi()", WSGI: "Adapter.wsgi()"}


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
    problem = _problem_of(application, kind, attribute, is_factory=is_factory)
    if problem:
        raise _fault(f"{APPLICATION} is {name!r}, but {problem}", "AppNotUsable")
    return application


def load_other_events(name: str | None) -> Callable[[Any, Any], Any] | None:
    """Import the handler for events that are no HTTP requests."""
    return None if name is None else load_handler(name.replace(":", "."))


def _import(module_name: str) -> Any:
    finished = allocate_lock()
    finished.acquire()
    start_new_thread(_warn_of_slow_import, (finished, module_name))
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
        finished.release()


def _warn_of_slow_import(finished: Any, module_name: str) -> None:
    if not finished.acquire(timeout=INIT_LIMIT_S - 1):
        print(
            f"lambda_streaming: the import of {module_name!r} has taken {INIT_LIMIT_S - 1} s. Lambda gives init "
            f"{INIT_LIMIT_S} s, and then starts it again in the first invocation, within the function's timeout. "
            "Import less at the start, or pass more memory_size: it also brings CPU",
            flush=True,
        )


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


def _problem_of(application: Any, kind: str, attribute: str, *, is_factory: bool) -> str:
    """Return the reason why an object is no application of the kind; empty if it may be one."""
    subject = f"the result of {attribute}" if is_factory else f"{attribute!r}"
    if not callable(application):
        return f"{subject} is of type {type(application).__name__}, which is no {kind} application"
    found = kind_of(application)
    if found in (ASGI, WSGI) and found != kind:
        return f"{subject} is a{'n' if found == ASGI else ''} {found} application; use {_ADAPTERS[found]}"
    if found == "factory" and not is_factory:
        return f"{attribute!r} takes no parameters, as a factory does; call it: {attribute}()"
    return ""


def kind_of(application: Any) -> str:
    """Return `ASGI`, `WSGI`, `factory` for a function without parameters, or an empty text if unknown."""
    code, names = _signature_of(application)
    if code is None or code.co_flags & _VARIABLE:
        return ""
    if names == ("scope", "receive", "send") or (code.co_flags & _COROUTINE and len(names) == 3):
        return ASGI
    if len(names) == 2 and not code.co_flags & _COROUTINE and names[0] not in ("scope", "receive"):
        return WSGI
    return "factory" if not names and type(application).__name__ == "function" else ""


def _signature_of(application: Any) -> tuple[Any, tuple[str, ...]]:
    """Return the code of a call, and the names of the parameters that a caller passes by position."""
    called = unwrapped(application)
    is_function = hasattr(called, "__code__") or hasattr(called, "__func__")
    if not is_function:
        called = unwrapped(type(called).__call__)
    is_method = hasattr(called, "__func__") or not is_function
    code = getattr(getattr(called, "__func__", called), "__code__", None)
    return code, code.co_varnames[is_method : code.co_argcount] if code is not None else ()


def _fault(message: str, kind: str) -> HandlerError:
    return HandlerError(ErrorReport(f"Runtime.{kind}", message, []))
