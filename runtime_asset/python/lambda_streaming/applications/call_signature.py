"""The kind of a web application, read from its code: the mistakes that would make every request fail."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

# `inspect` calls them CO_COROUTINE and CO_VARARGS, and is slow to import.
_COROUTINE, _VARIABLE = 0x80, 0x04
ASGI, WSGI = "ASGI", "WSGI"
_PARAMETERS = {ASGI: "scope, receive and send", WSGI: "environ and start_response"}
_COUNTS = {ASGI: 3, WSGI: 2}
_WAYS = {ASGI: "Adapter.asgi() or AsgiHandler", WSGI: "Adapter.wsgi() or WsgiHandler"}


def problem_of(application: Any, kind: str, subject: str, call: str = "") -> str:
    """Return the reason why an object is no application of the kind; empty if it may be one.

    `subject` names the object in the text. `call` is the way to name the result of its call, empty if there is none.
    """
    if not callable(application):
        return f"{subject} is of type {type(application).__name__}, which is no {kind} application"
    signature = CallSignature.of(application)
    if signature is None or signature.takes(kind):
        return ""
    other = WSGI if kind == ASGI else ASGI
    if signature.is_of(other):
        return f"{subject} is a{'n' if other == ASGI else ''} {other} application; use {_WAYS[other]}"
    if call and not signature.required:
        return f"{subject} takes no parameters, as a factory or a class does; call it: {call}"
    return (
        f"{subject} takes {signature.text}; a{'n' if kind == ASGI else ''} {kind} application takes {_PARAMETERS[kind]}"
    )


class CallSignature:
    """The parameters that a call takes by position."""

    __slots__ = ("has_more", "is_async", "names", "required")

    def __init__(self, names: tuple[str, ...], required: int, *, has_more: bool, is_async: bool) -> None:
        self.names = names
        self.required = required
        self.has_more = has_more
        self.is_async = is_async

    @classmethod
    def of(cls, application: Any) -> CallSignature | None:
        """Return the signature of an object's call; None if its code does not tell.

        Decorators are not looked through: one may have changed the parameters.
        """
        try:
            function, has_self = _function_of(application)
            code = function.__code__
            names = code.co_varnames[has_self : code.co_argcount]
            defaults = len(function.__defaults__ or ())
        except Exception:  # noqa: BLE001 - an object of the user may fail for any attribute, or have them all
            return None
        return cls(
            names,
            max(0, len(names) - defaults),
            has_more=bool(code.co_flags & _VARIABLE),
            is_async=bool(code.co_flags & _COROUTINE),
        )

    @property
    def text(self) -> str:
        return f"the parameters {', '.join(self.names)}" if self.names else "no parameters"

    def takes(self, kind: str) -> bool:
        """Return True if a call as an application of the kind is possible, and no sign speaks for the other kind."""
        count = _COUNTS[kind]
        if kind == WSGI and self.is_async:
            return False
        return self.required <= count and (count <= len(self.names) or self.has_more)

    def is_of(self, kind: str) -> bool:
        """Return True if the parameters are those of an application of the kind."""
        return self.required == _COUNTS[kind] == len(self.names) and (kind == ASGI or not self.is_async)


def _function_of(application: Any) -> tuple[Any, bool]:
    """Return the function that a call of the object runs, and True if it gets the object as its first argument."""
    if isinstance(application, _FUNCTION):
        return application, False
    if isinstance(application, _METHOD):
        return application.__func__, True
    if not isinstance(application, type):
        return type(application).__call__, True
    maker: Any = application
    if maker.__init__ is object.__init__ and maker.__new__ is object.__new__:
        return _without_parameters, False
    return maker.__init__, True


def _without_parameters() -> None: ...


_FUNCTION: Any = type(_without_parameters)
_METHOD: Any = type(CallSignature.of)
