"""An exception as Lambda wants to hear of it: error documents and trailers.

The document is that of AWS's Python runtime: `errorMessage`, `errorType`, `requestId`, `stackTrace`. Lambda keeps an
error type in its records only in the form `Function.<Name>` or `Runtime.<Name>` (protocol 1.5).
"""

from __future__ import annotations

import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import TracebackType

# Go's HTTP server, which the Runtime API is, refuses a trailer section of more than 4,096 bytes and with it the error
# (protocol 1.3). Both trailers together stay below it: base64 makes 4 bytes of 3, the names and the type take ~150.
MAX_TRAILER_BODY_BYTES = 3_700
_MAX_TRAILER_JSON_BYTES = MAX_TRAILER_BODY_BYTES // 4 * 3


class ErrorReport:
    """What failed: `error_type` (a class name, or Lambda's own `Runtime.…`), `message`, `stack_trace` (lines)."""

    def __init__(self, error_type: str, message: str, stack_trace: list[str], request_id: str = "") -> None:
        self.error_type = error_type
        self.message = message
        self.stack_trace = stack_trace
        self.request_id = request_id

    @classmethod
    def of_exception(cls, error: BaseException, request_id: str = "") -> ErrorReport:
        return cls(type(error).__name__, _message_of(error), _stack_of(error), request_id)

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
    import json

    # ASCII with escapes: lone surrogates, which UTF-8 cannot hold, pass too.
    return json.dumps(document).encode("ascii")


def _message_of(error: BaseException) -> str:
    try:
        return str(error)
    except Exception as failure:  # noqa: BLE001 - a __str__ of the user's that fails must not hide the error itself
        return f"<str() of this {type(error).__name__} failed: {type(failure).__name__}>"


def _stack_of(error: BaseException) -> list[str]:
    import traceback

    return traceback.format_list(traceback.extract_tb(_first_frame_of_user(error.__traceback__)))


def _first_frame_of_user(trace: TracebackType | None) -> TracebackType | None:
    """Leave out the frames of this package that stand before the handler's."""
    package = __package__ or "lambda_streaming"
    at: TracebackType | None = trace
    while at is not None:
        module = at.tb_frame.f_globals.get("__name__", "")
        if not (module == package or module.startswith(package + ".")) and not module.startswith("importlib."):
            return at
        at = at.tb_next
    return trace


def log_error(report: ErrorReport) -> None:
    """Write the report to standard error, whole, and flush it: Lambda may freeze the process right after."""
    sys.stderr.write(report.to_log_text())
    sys.stderr.flush()
