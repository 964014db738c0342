"""An exception as Lambda wants to hear of it: error documents and trailers.

The document is that of AWS's Python runtime: `errorMessage`, `errorType`, `requestId`, `stackTrace`. Lambda keeps an
error type in its records only in the form `Function.<Name>` or `Runtime.<Name>` (protocol 1.5).
"""

from __future__ import annotations

from lambda_streaming.python_path import import_standard

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from types import TracebackType

    # Path, line number, function, source.
    Frame = tuple[str, int | None, str, str | None]

# Go's HTTP server, which the Runtime API is, refuses a trailer section of more than 4,096 bytes and with it the error
# (protocol 1.3). Both trailers together stay below it: base64 makes 4 bytes of 3, the names and the type take ~150.
MAX_TRAILER_BODY_BYTES = 3_700
_MAX_TRAILER_JSON_BYTES = MAX_TRAILER_BODY_BYTES // 4 * 3
_MAX_TRAILER_NAME_BYTES = 600

# It refuses a request head of more than 1 MiB, and with it the error (protocol 1.5). Lambda itself crops a cause of
# more than 64 KiB.
MAX_XRAY_CAUSE_BYTES = 1024 * 1024 - 16_384


class RuntimeFault(Exception):
    """An error that AWS's runtime has a name of its own for."""

    error_type: str


class ErrorReport:
    """What failed: `error_type` (a class name, or Lambda's own `Runtime.…`), `message`, and where.

    `stack_trace` are the texts for people, `frames` the same for X-Ray. `origins`, for the log only, are the exceptions
    behind this one (its cause) or in it (a group's), as Python shows them. A `RuntimeFault` has neither, as on AWS: its
    message says all, and its frames would be the runtime's.
    """

    def __init__(
        self,
        error_type: str,
        message: str,
        stack_trace: list[str] | None = None,
        *,
        frames: Sequence[Frame] = (),
        request_id: str = "",
        xray_type: str = "LambdaValidationError",
        origins: list[str] | None = None,
    ) -> None:
        self.error_type = error_type
        self.message = message
        self.stack_trace = stack_trace or []
        self.request_id = request_id
        self.origins = origins or []
        self._frames = frames
        self._xray_type = xray_type

    @classmethod
    def of_exception(cls, error: BaseException, request_id: str = "") -> ErrorReport:
        if isinstance(error, RuntimeFault):
            return cls(error.error_type, _message_of(error), request_id=request_id)
        name = type(error).__name__
        frames = _frames_of(error)
        return cls(
            name,
            _message_of(error),
            _lines_of(frames),
            frames=frames,
            request_id=request_id,
            xray_type=name,
            origins=_origins_of(error),
        )

    @property
    def runtime_api_type(self) -> str:
        """The type in the form Lambda accepts, which allows letters only behind the dot."""
        kind = "Runtime" if self.error_type.startswith("Runtime.") else "Function"
        letters = "".join(c for c in self.error_type.removeprefix("Runtime.") if c.isascii() and c.isalpha())
        return f"{kind}.{letters[:1].upper()}{letters[1:200]}" if letters else f"{kind}.Unknown"

    def document(self) -> dict[str, object]:
        return _document(self.error_type, self.message, self.request_id, self.stack_trace)

    def to_json(self) -> bytes:
        from lambda_streaming.marshaller import to_json

        return to_json(self.document()).encode()

    def to_trailer_body(self) -> str:
        """base64 of the document, cut to fit: first the stack from its outermost call on, then the message."""
        from binascii import b2a_base64

        error_type = _cut(self.error_type, _MAX_TRAILER_NAME_BYTES)
        request_id = _cut(self.request_id, _MAX_TRAILER_NAME_BYTES)
        room = _MAX_TRAILER_JSON_BYTES - len(_ascii_json(_document(error_type, "", request_id, [])))
        message = _cut(self.message, room)
        room -= _json_bytes(message)
        stack: list[str] = []
        for entry in reversed(self.stack_trace):
            room -= _json_bytes(entry) + len('"", ')
            if room < 0:
                break
            stack.append(entry)
        document = _ascii_json(_document(error_type, message, request_id, stack[::-1]))
        return b2a_base64(document, newline=False).decode("ascii")

    def to_xray_cause(self) -> str | None:
        """The error for X-Ray's trace, on one line of ASCII for a header; `None` when it is too long for one."""
        document: dict[str, object] = {
            "working_directory": _working_directory(),
            "exceptions": [
                {
                    "message": self.message,
                    "type": self._xray_type,
                    "stack": [{"label": label, "path": path, "line": line} for path, line, label, _ in self._frames],
                }
            ],
            "paths": list(dict.fromkeys(path for path, *_ in self._frames)),
        }
        cause = _ascii_json(document).decode("ascii")
        return cause if len(cause) <= MAX_XRAY_CAUSE_BYTES else None


def _document(error_type: str, message: str, request_id: str, stack_trace: list[str]) -> dict[str, object]:
    return {"errorMessage": message, "errorType": error_type, "requestId": request_id, "stackTrace": stack_trace}


def _cut(text: str, limit_bytes: int) -> str:
    """The start of `text` that takes at most `limit_bytes` in JSON; an ellipsis stands for the rest."""
    if len(text) <= limit_bytes and _json_bytes(text) <= limit_bytes:
        return text
    # Cut between characters, and so never within an escape.
    start = text[:limit_bytes]
    while (size := _json_bytes(start + "…")) > limit_bytes:
        start = start[: len(start) * limit_bytes // size]
    return start + "…"


def _json_bytes(text: str) -> int:
    return len(_ascii_json(text)) - len('""')


def _ascii_json(document: dict[str, object] | str) -> bytes:
    # ASCII with escapes: lone surrogates, which UTF-8 cannot hold, pass too.
    return import_standard("json").dumps(document).encode("ascii")  # type: ignore[no-any-return]


def _message_of(error: BaseException) -> str:
    try:
        return str(error)
    except BaseException as failure:  # noqa: BLE001 - a __str__ of the user's that fails must not hide the error itself
        return f"<str() of this {type(error).__name__} failed: {type(failure).__name__}>"


def _frames_of(error: BaseException) -> list[Frame]:
    first = _first_frame_of_user(error.__traceback__)
    try:
        trace = import_standard("traceback").extract_tb(first)
        return [(frame.filename, frame.lineno, frame.name, frame.line) for frame in trace]
    except Exception:  # noqa: BLE001 - the source is the user's to name and to load; without it the rest is still told
        return list(_frames_without_source(first))


def _frames_without_source(trace: TracebackType | None) -> Iterator[Frame]:
    while trace is not None:
        code = trace.tb_frame.f_code
        yield code.co_filename, trace.tb_lineno, code.co_name, ""
        trace = trace.tb_next


def _lines_of(frames: list[Frame]) -> list[str]:
    # Of frames reduced to four values, as AWS's runtime does: without the markers under a part of the source line.
    return import_standard("traceback").format_list(frames)  # type: ignore[no-any-return]


def users_lines_of(error: BaseException) -> list[str]:
    """The lines of the user's frames; none for an error that arose before any of them."""
    return _lines_of(_frames_of(error)) if _has_frame_of_user(error.__traceback__) else []


def _origins_of(error: BaseException) -> list[str]:
    cause = error.__cause__
    if cause is None and not error.__suppress_context__:
        cause = error.__context__
    try:
        if hasattr(error, "exceptions") and hasattr(error, "split"):  # An exception group, which 3.10 does not know.
            cause = error
        if cause is None:
            return []
        return "".join(import_standard("traceback").format_exception(cause)).splitlines()
    except BaseException:  # noqa: BLE001 - code of the user's that fails here must not hide the error itself
        return []


def _working_directory() -> str:
    from os import getcwd

    try:
        return getcwd()
    except OSError:
        return ""  # The handler has removed it.


def _first_frame_of_user(trace: TracebackType | None) -> TracebackType | None:
    """Leave out the frames that stand before the handler's: ours, the event loop's, the import system's."""
    at = trace
    while at is not None and _is_not_of_user(at):
        at = at.tb_next
    return at or trace


def _has_frame_of_user(trace: TracebackType | None) -> bool:
    while trace is not None and _is_not_of_user(trace):
        trace = trace.tb_next
    return trace is not None


def _is_not_of_user(trace: TracebackType) -> bool:
    # Text, unless the user has put something else there.
    return str(trace.tb_frame.f_globals.get("__name__")).partition(".")[0] in _NOT_OF_USER


_NOT_OF_USER = frozenset(("lambda_streaming", "asyncio", "importlib"))
