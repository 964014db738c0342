"""Functions of the user that learn of each failed invocation. Loaded at the first `on_error`."""

from __future__ import annotations

from lambda_streaming.error_report import ErrorReport

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, TypeVar

    from lambda_streaming.context import LambdaContext
    from lambda_streaming.process.logs import Log

    ErrorListener = Callable[[BaseException, LambdaContext | None], Any]
    T = TypeVar("T", bound=ErrorListener)

# `inspect` calls it CO_COROUTINE, and is slow to import.
_ASYNC = 0x80

_listeners: list[ErrorListener] = []


def on_error(listener: T) -> T:
    """Call `listener(error, context)` after each failed invocation; usable as a decorator.

    Failures after the first byte count. So do responses that did not arrive whole: then `error` is a
    `StreamClosedError`. `context` is None if the event was unreadable. The listener runs on the main thread when the
    response is over, so it delays no caller. Then Lambda may freeze the process: send what must not wait. An exception
    of the listener is logged.
    """
    code = getattr(listener, "__code__", None)
    if not callable(listener) or (code is not None and code.co_flags & _ASYNC):
        raise TypeError(f"on_error() got {listener!r}; it takes a function, not async, of an error and a context")
    _listeners.append(listener)
    return listener


def end_invocation(error: BaseException | None, context: LambdaContext | None, log: Log) -> None:
    if error is None:
        return
    for listener in _listeners:
        try:
            listener(error, context)
        except Exception as failure:  # noqa: BLE001 - of the user's code; the other listeners are called
            log.error(ErrorReport.of_exception(failure))
