"""An exception as Lambda wants to hear of it: error documents and trailers.

The document is that of AWS's Python runtime: `errorMessage`, `errorType`, `requestId`, `stackTrace`. Lambda keeps an
error type in its records only in the form `Function.<Name>` or `Runtime.<Name>` (protocol 1.5).
"""

from __future__ import annotations

import sys

from lambda_streaming.python_path import import_standard

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import TracebackType

# Go's HTTP server, which the Runtime API is, refuses a trailer section of more than 4,096 bytes and with it the error
# (protocol 1.3). Both trailers together stay below it: base64 makes 4 bytes of 3, the names and the type take ~150.
MAX_TRAILER_BODY_BYTES = 3_700
_MAX_TRAILER_JSON_BYTES = MAX_TRAILER_BODY_BYTES // 4 * 3


class RuntimeFault(Exception):
    """An error that AWS's runtime has a name of its own for."""

    error_type: str


class ErrorReport:
    """What failed: `error_type` (a class name, or Lambda's own `Runtime.…`), `message`, `stack_trace` (lines)."""

    def __init__(self, error_type: str, message: str, stack_trace: list[str], request_id: str = "") -> None:
        self.error_type = error_type
        self.message = message
        self.stack_trace = stack_trace
        self.request_id = request_id

    @classmethod
    def of_exception(cls, error: BaseException, request_id: str = "") -> ErrorReport:
        error_type = error.error_type if isinstance(error, RuntimeFault) else type(error).__name__
        return cls(error_type, _message_of(error), _stack_of(error), request_id)

    @property
    def runtime_api_type(self) -> str:
        """The type in the form Lambda accepts, which allows letters only behind the dot."""
        if self.error_type.startswith("Runtime."):
            return self.error_type
        letters = "".join(c for c in self.error_type if c.isascii() and c.isalpha())
        return f"Function.{letters[:1].upper()}{letters[1:200]}" if letters else "Function.Unknown"

    def to_json(self) -> bytes:
        return _dumps(self._document(self.message, self.stack_trace))

    def to_trailer_body(self) -> str:
        """base64 of the document, cut to fit: first the stack from its outermost call on, then the message."""
        from binascii import b2a_base64

        stack = list(self.stack_trace)
        document = _dumps(self._document(self.message, stack))
        while len(document) > _MAX_TRAILER_JSON_BYTES and stack:
            del stack[0]
            document = _dumps(self._document(self.message, stack))
        message = self.message
        while len(document) > _MAX_TRAILER_JSON_BYTES:
            # A character takes up to 12 bytes in JSON (a pair of \uXXXX); halving ends soon and never cuts an escape.
            message = message[: len(message) // 2]
            document = _dumps(self._document(message + "…", stack))
        return b2a_base64(document, newline=False).decode("ascii")

    def to_log_text(self) -> str:
        trace = "".join(self.stack_trace)
        heading = f"[ERROR] {self.error_type}: {self.message}"
        return f"{heading}\nTraceback (most recent call last):\n{trace}" if trace else f"{heading}\n"

    def _document(self, message: str, stack_trace: list[str]) -> dict[str, object]:
        return {
            "errorMessage": message,
            "errorType": self.error_type[:300],
            "requestId": self.request_id,
            "stackTrace": stack_trace,
        }


def _dumps(document: dict[str, object]) -> bytes:
    # ASCII with escapes: lone surrogates, which UTF-8 cannot hold, pass too.
    return import_standard("json").dumps(document).encode("ascii")  # type: ignore[no-any-return]


def _message_of(error: BaseException) -> str:
    try:
        return str(error)
    except Exception as failure:  # noqa: BLE001 - a __str__ of the user's that fails must not hide the error itself
        return f"<str() of this {type(error).__name__} failed: {type(failure).__name__}>"


def _stack_of(error: BaseException) -> list[str]:
    traceback = import_standard("traceback")
    return traceback.format_list(traceback.extract_tb(_first_frame_of_user(error.__traceback__)))  # type: ignore[no-any-return]


def _first_frame_of_user(trace: TracebackType | None) -> TracebackType | None:
    """Leave out the frames that stand before the handler's: ours, the event loop's, the import system's."""
    at = trace
    while at is not None:
        if at.tb_frame.f_globals.get("__name__", "").partition(".")[0] not in _NOT_OF_USER:
            return at
        at = at.tb_next
    return trace


_NOT_OF_USER = frozenset(("lambda_streaming", "asyncio", "importlib"))


def log_error(report: ErrorReport) -> None:
    """Write the report to standard error, whole, and flush it: Lambda may freeze the process right after."""
    sys.stderr.write(report.to_log_text())
    sys.stderr.flush()
