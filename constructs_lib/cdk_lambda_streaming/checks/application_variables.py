"""Variables and handlers with which the runtime serves a web application in its own process.

Lambda's handler is a module of the runtime, and a variable names the application. So tools that wrap the handler wrap
the runtime's module, and never the application.
"""

from __future__ import annotations

import keyword
import re
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from cdk_lambda_streaming.cdk.reference_text import is_token

ASGI_HANDLER = "lambda_streaming.asgi.handler"
WSGI_HANDLER = "lambda_streaming.wsgi.handler"
APPLICATION_HANDLERS = (ASGI_HANDLER, WSGI_HANDLER)

APP_VARIABLE = "LAMBDA_STREAMING_APP"
LIFESPAN_VARIABLE = "LAMBDA_STREAMING_LIFESPAN"
ROOT_PATH_VARIABLE = "LAMBDA_STREAMING_ROOT_PATH"
OTHER_EVENTS_VARIABLE = "LAMBDA_STREAMING_OTHER_EVENTS"
AUTHORIZATION_VARIABLE = "LAMBDA_STREAMING_AUTHORIZATION_HEADER"
FORWARDED_HOST_VARIABLE = "LAMBDA_STREAMING_FORWARDED_HOST"
ERRORS_VARIABLE = "LAMBDA_STREAMING_APP_ERRORS"

LIFESPANS = ("auto", "on", "off")

# Modules that have an application by convention, and are never its name: `app.main` is a module.
_USUAL_MODULES = {"main": "app", "asgi": "application", "wsgi": "application", "index": "app", "server": "app"}
# https://www.rfc-editor.org/rfc/rfc9110#name-tokens
_HEADER = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")


class ObjectName(NamedTuple):
    """Name of an object in a module, such as `app.main:app`. `is_factory` is True for `app.main:create_app()`."""

    module: str
    path: str
    """Name at the top level, with the names of attributes after dots."""
    is_factory: bool = False

    @property
    def top_level(self) -> str:
        return self.path.partition(".")[0]

    def __str__(self) -> str:
        return f"{self.module}:{self.path}{'()' if self.is_factory else ''}"


def parse_application(text: str) -> ObjectName | None:
    """Return the parts of an application's name, or None for another text."""
    name = _parse(text.removesuffix("()"))
    return name._replace(is_factory=True) if name is not None and text.endswith("()") else name


def parse_handler(text: str) -> ObjectName | None:
    """Return the parts of a handler's name, which has no attributes, or None for another text."""
    name = _parse(text)
    return name if name is not None and name.top_level == name.path else None


def _parse(text: str) -> ObjectName | None:
    module, _, path = text.partition(":")
    return ObjectName(module, path) if _is_dotted_name(module) and _is_dotted_name(path) else None


def _is_dotted_name(text: str) -> bool:
    return all(part.isidentifier() and not keyword.iskeyword(part) for part in text.split("."))


def suggest_name(text: str) -> str:
    """Return the question for the name that a wrong one resembles, or nothing."""
    meant = _find_meant(text)
    return f"; did you mean {meant!r}?" if meant else ""


def _find_meant(text: str) -> str:
    file, has_suffix, rest = text.partition(".py")
    if has_suffix or "/" in text or "\\" in text:
        module, _, path = file.partition(":")
        module = module.replace("\\", "/").strip("./").replace("/", ".")
        found = f"{module}:{rest.lstrip(':.') or path or _USUAL_MODULES.get(module.rpartition('.')[2], 'app')}"
    else:
        found = _with_colon(text)
    return found if parse_application(found) is not None else ""


def _with_colon(text: str) -> str:
    module, dot, last = text.rpartition(".")
    if ":" in text:
        return ""
    if not dot or last in _USUAL_MODULES:
        return f"{text}:{_USUAL_MODULES.get(last, 'app')}"
    return f"{module}:{last}"


def _application(value: str) -> str:
    rule = "must be module and name of the application, such as app.main:app, or of a factory, such as app.main:make()"
    return "" if parse_application(value) else f"{rule}{suggest_name(value)}"


def _handler(value: str) -> str:
    rule = "must be module and name of a function of (event, context), such as app.jobs:handle"
    return "" if parse_handler(value) else f"{rule}{suggest_name(value.removesuffix('()'))}"


def _root_path(value: str) -> str:
    is_path = value.startswith("/") and not value.endswith("/") and not re.search(r"[^!-~]|[?#]", value)
    rule = "must be empty, or a path in ASCII that starts with / and does not end with it"
    return "" if is_path or value == "" else rule


def _header(value: str) -> str:
    if value.lower() == "authorization":
        return "must be another header than authorization, whose value it replaces, such as x-authorization"
    return "" if _HEADER.fullmatch(value) else "must be the name of a header, such as x-authorization"


def one_of(*allowed: str) -> Callable[[str], str]:
    """Return the check of a variable with these values."""
    return lambda value: "" if value in allowed else f"must be one of {', '.join(allowed)}"


CHECKS: Mapping[str, Callable[[str], str]] = {
    APP_VARIABLE: _application,
    LIFESPAN_VARIABLE: one_of(*LIFESPANS),
    ROOT_PATH_VARIABLE: _root_path,
    OTHER_EVENTS_VARIABLE: _handler,
    AUTHORIZATION_VARIABLE: _header,
    FORWARDED_HOST_VARIABLE: one_of("on", "off"),
    ERRORS_VARIABLE: one_of("response", "error"),
}
"""A check returns the rule that a value breaks, or an empty text."""

_BOTH = "Adapter.asgi() or Adapter.wsgi()"
OPTIONS: Mapping[str, str] = {
    APP_VARIABLE: "adapter=Adapter.asgi('module:name') or Adapter.wsgi('module:name')",
    LIFESPAN_VARIABLE: "lifespan to Adapter.asgi()",
    ROOT_PATH_VARIABLE: f"root_path to {_BOTH}",
    OTHER_EVENTS_VARIABLE: f"other_events to {_BOTH}",
    AUTHORIZATION_VARIABLE: f"authorization_header to {_BOTH}",
    FORWARDED_HOST_VARIABLE: f"forwarded_host to {_BOTH}",
    ERRORS_VARIABLE: f"error_responses to {_BOTH}",
}
"""Options of the construct for the variables."""
_PASS_ADAPTER = "pass attach_to() or StreamingFunction adapter=Adapter.asgi('app.main:app') or Adapter.wsgi(...)"


def find_contradictions(handler: Any, variables: Mapping[str, Any]) -> list[str]:
    """Return the problems of a function whose handler and variables do not fit. A handler may be a token."""
    given = [variable for variable in CHECKS if variable in variables]
    if handler in APPLICATION_HANDLERS and APP_VARIABLE not in variables:
        return [
            f"its handler is {handler!r}, which serves the web application that the variable {APP_VARIABLE} names, but "
            f"the function has no such variable; {_PASS_ADAPTER}, or set the variable, such as to 'app.main:app'"
        ]
    if given and isinstance(handler, str) and not is_token(handler) and handler not in APPLICATION_HANDLERS:
        return [
            f"the variable {given[0]} has no effect, because its handler is {handler!r}; {_PASS_ADAPTER}, or set the "
            f"handler to one of {', '.join(APPLICATION_HANDLERS)}"
        ]
    return []
