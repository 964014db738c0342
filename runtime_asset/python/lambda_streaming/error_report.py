"""Errors in the form that Lambda expects: error documents, trailers and X-Ray causes.

The document is that of AWS's Python runtime: `errorMessage`, `errorType`, `requestId`, `stackTrace`. Lambda records an
error type only in the form `Function.<Name>` or `Runtime.<Name>` (protocol.md 1.5).
"""

from __future__ import annotations

from lambda_streaming.process.aws_json import RuntimeFault, to_json
from lambda_streaming.process.python_path import import_standard

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from types import TracebackType

    # Path, line number, function, source.
    Frame = tuple[str, int | None, str, str | None]

# The Runtime API is a Go HTTP server. It refuses a trailer section of more than 4,096 bytes, and the error with it
# (protocol.md 1.3). Both trailers together stay below that: base64 makes 4 bytes of 3, names and type take ~150.
MAX_TRAILER_BODY_BYTES = 3_700
_MAX_TRAILER_JSON_BYTES = MAX_TRAILER_BODY_BYTES // 4 * 3
_MAX_TRAILER_NAME_BYTES = 600

# The same server refuses a request head of more than 1 MiB (protocol.md 1.5). Lambda crops a cause of more than 64 KiB.
MAX_XRAY_CAUSE_BYTES = 1024 * 1024 - 16_384


class ErrorReport:
    """One failure: `error_type` (a class name, or Lambda's own `Runtime.…`), `message`, and its place in the code.

    `stack_trace` holds the lines for people, `frames` the same for X-Ray. `origins` is for the log only: the cause of
    the exception, or the members of a group, as Python shows them. A `RuntimeFault` has neither, as on AWS: its frames
    would be the runtime's own.
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
            _message_of(error) + _place_text(error),
            _lines_of(frames),
            frames=frames,
            request_id=request_id,
            xray_type=name,
            origins=_origins_of(error),
        )

    @property
    def runtime_api_type(self) -> str:
        """The type in the form that Lambda accepts: only letters after the dot."""
        kind = "Runtime" if self.error_type.startswith("Runtime.") else "Function"
        letters = "".join(c for c in self.error_type.removeprefix("Runtime.") if c.isascii() and c.isalpha())
        return f"{kind}.{letters[:1].upper()}{letters[1:200]}" if letters else f"{kind}.Unknown"

    def document(self) -> dict[str, object]:
        return _document(self.error_type, self.message, self.request_id, self.stack_trace)

    def to_json(self) -> bytes:
        return to_json(self.document()).encode()

    def to_trailer_body(self) -> str:
        """Return the document as base64, shortened to fit: first the outer stack entries, then the message's end."""
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
        """Return the error for X-Ray's trace as one line of ASCII; None if it is too long for a header."""
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
    """Return the start of `text` that takes at most `limit_bytes` in JSON; an ellipsis replaces the rest."""
    if len(text) <= limit_bytes and _json_bytes(text) <= limit_bytes:
        return text
    # Cut between characters, so never inside an escape.
    start = text[:limit_bytes]
    while (size := _json_bytes(start + "…")) > limit_bytes:
        start = start[: len(start) * limit_bytes // size]
    return start + "…"


def _json_bytes(text: str) -> int:
    return len(_ascii_json(text)) - len('""')


def _ascii_json(document: dict[str, object] | str) -> bytes:
    # ASCII with escapes can hold lone surrogates; UTF-8 cannot.
    return import_standard("json").dumps(document).encode("ascii")  # type: ignore[no-any-return]


def _message_of(error: BaseException) -> str:
    try:
        return str(error)
    except BaseException as failure:  # noqa: BLE001 - a __str__ that fails must not hide the error itself
        return f"<str() of this {type(error).__name__} failed: {type(failure).__name__}>"


def set_place(error: BaseException, verb: str, path: str, line: int, function: str) -> None:
    """Record the place in the user's code that an error of the runtime is about; the first place counts."""
    if _place_of(error) is None:
        error.__dict__[_PLACE] = (verb, path, line, function)


def _place_of(error: BaseException) -> tuple[str, str, int, str] | None:
    return getattr(error, "__dict__", {}).get(_PLACE)


def _frames_of(error: BaseException) -> list[Frame]:
    """Return the frames of the user's code and of what it called, without the runtime's own."""
    place = _place_of(error)
    if place is not None:
        _, path, line, function = place
        return [(path, line, function, import_standard("linecache").getline(path, line).strip())]
    own, trace = [], _first_frame_of_user(error.__traceback__)
    at = trace
    while at is not None:
        own.append(_is_own(at))
        at = at.tb_next
    if all(own):
        own = []  # An error inside the runtime: its frames are all there is.
    return [frame for number, frame in enumerate(_all_frames(trace)) if not (own and own[number])]


def _all_frames(first: TracebackType | None) -> list[Frame]:
    try:
        trace = import_standard("traceback").extract_tb(first)
        return [(frame.filename, frame.lineno, frame.name, frame.line) for frame in trace]
    except Exception:  # noqa: BLE001 - a loader of the user's may fail; the report then goes without source lines
        return list(_frames_without_source(first))


def _frames_without_source(trace: TracebackType | None) -> Iterator[Frame]:
    while trace is not None:
        code = trace.tb_frame.f_code
        yield code.co_filename, trace.tb_lineno, code.co_name, ""
        trace = trace.tb_next


def _place_text(error: BaseException) -> str:
    place = _place_of(error)
    if place is None:
        return ""
    verb, path, line, _ = place
    # The working directory is the root of the function's code.
    return f" ({verb} at {path.removeprefix(_working_directory() + '/')}:{line})"


def _lines_of(frames: list[Frame]) -> list[str]:
    # As AWS's runtime does: frames reduced to four values have no markers under the source line.
    return import_standard("traceback").format_list(frames)  # type: ignore[no-any-return]


def users_lines_of(error: BaseException) -> list[str]:
    """Return the lines of the user's frames; none for an error that arose before any of them."""
    return _lines_of(_frames_of(error)) if has_frame_of_user(error) else []


def _origins_of(error: BaseException) -> list[str]:
    cause = error.__cause__
    if cause is None and not error.__suppress_context__:
        cause = error.__context__
    try:
        if hasattr(error, "exceptions") and hasattr(error, "split"):  # An exception group; Python 3.10 has none.
            cause = error
        if cause is None:
            return []
        return "".join(import_standard("traceback").format_exception(cause)).splitlines()
    except BaseException:  # noqa: BLE001 - user code that fails here must not hide the error itself
        return []


def _working_directory() -> str:
    from os import getcwd

    try:
        return getcwd()
    except OSError:
        return ""  # The handler has removed it.


def _first_frame_of_user(trace: TracebackType | None) -> TracebackType | None:
    """Skip the frames before the handler's: the runtime's, the event loop's, the import system's."""
    at = trace
    while at is not None and _is_not_of_user(at):
        at = at.tb_next
    return at or trace


def has_frame_of_user(error: BaseException) -> bool:
    trace = error.__traceback__
    while trace is not None and _is_not_of_user(trace):
        trace = trace.tb_next
    return trace is not None


def _is_not_of_user(trace: TracebackType) -> bool:
    return _package_of(trace) in _NOT_OF_USER


def _is_own(trace: TracebackType) -> bool:
    return _package_of(trace) == "lambda_streaming"


def _package_of(trace: TracebackType) -> str:
    # `str`: a module may set its `__name__` to anything.
    return str(trace.tb_frame.f_globals.get("__name__")).partition(".")[0]


_PLACE = "__lambda_streaming_place__"
_NOT_OF_USER = frozenset(("lambda_streaming", "asyncio", "importlib"))
