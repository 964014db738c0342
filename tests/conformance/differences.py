"""Differences from AWS's runtime, with their reasons. A test compares this list with the runtimes.

`docs/awslambdaric.md` shows it: `python -m tests.conformance.differences` writes it there.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

PAGE = Path(__file__).parents[2] / "docs" / "awslambdaric.md"

Forgive = Callable[[str, Any, Any], tuple[Any, Any]]
"""Removes a difference from a pair of values: AWS's and ours of one part of an `Observation`.

The arguments are the name of the part and both values. A pair that is equal afterwards is explained.
"""


@dataclass(frozen=True, slots=True)
class Difference:
    """One difference. Every case of `seen_in` must show it. If it is `everywhere`, any other case may show it too."""

    subject: str
    aws: str
    ours: str
    reason: str
    seen_in: tuple[str, ...]
    forgive: Forgive
    everywhere: bool = False


def ignoring(*parts: str) -> Forgive:
    """Return a `Forgive` that ignores some parts. A label stands for all parts of its response."""

    def forgive(part: str, aws: Any, ours: Any) -> tuple[Any, Any]:
        return (None, None) if part in parts or part.partition(" of ")[2] in parts else (aws, ours)

    return forgive


def _error_type(part: str, aws: Any, ours: Any) -> tuple[Any, Any]:
    if part.startswith("error type of ") and aws is None and re.fullmatch(r"(Function|Runtime)\.[A-Z][A-Za-z]*", ours):
        return None, None
    return aws, ours


def _init_error_type(part: str, aws: Any, ours: Any) -> tuple[Any, Any]:
    return (ours, ours) if part == "init error type" and ours == f"Function.{aws}" else (aws, ours)


def _xray_in_ascii(part: str, aws: Any, ours: Any) -> tuple[Any, Any]:
    if not part.startswith("X-Ray cause of ") or aws is None or ours is None or not ours.isascii():
        return aws, ours
    return json.loads(aws.encode("latin-1")), json.loads(ours)


def _init_error_in_utf8(part: str, aws: Any, ours: Any) -> tuple[Any, Any]:
    return (aws.decode("latin-1").encode(), ours) if part == "init error" else (aws, ours)


def _without_advice(part: str, aws: Any, ours: Any) -> tuple[Any, Any]:
    if part == "frames":
        return [frame for frame in aws if b"LAMBDA_WARNING" not in frame[1]], ours
    if part == "stdout":
        return re.sub(rb"[^\n]*LAMBDA_WARNING[^\n]*\n", b"", aws), ours
    return aws, ours


def _without_import_frames(part: str, aws: Any, ours: Any) -> tuple[Any, Any]:
    if part == "stdout":
        frame = r'\r\xa0\xa0File "[^"]*importlib[^"]*", line \d+, in \w+(\r\xa0{4}[^\r\n]*)?'
        return re.sub(frame, "", aws.decode()).encode(), ours
    if part == "init error":
        return _cut(aws), ours
    if part == "frames":
        return [(kind, _cut(message)) for kind, message in aws], ours
    return aws, ours


def _cut(document: bytes) -> bytes:
    """Return an error document without the frames of the import system."""
    error = json.loads(document)
    error["stackTrace"] = [entry for entry in error["stackTrace"] if "importlib" not in entry]
    return json.dumps(error, ensure_ascii=False).encode()


def _without_stack_of_runtime(part: str, aws: Any, ours: Any) -> tuple[Any, Any]:
    if part.startswith("body of ") or part == "init error":
        return {**json.loads(aws), "stackTrace": []}, {**json.loads(ours), "stackTrace": []}
    if part.startswith("X-Ray cause of "):
        return None, None
    if part == "stdout":
        return aws.partition(b"Traceback")[0], ours.partition(b"Traceback")[0]
    if part == "frames":
        return aws[0][1].partition(b"Stack (most")[0], ours[0][1].partition(b"Stack (most")[0]
    return aws, ours


def _with_other_text(part: str, aws: Any, ours: Any) -> tuple[Any, Any]:
    """Compare the error type, and ignore the text."""
    if part.startswith("body of "):
        return json.loads(aws)["errorType"], json.loads(ours)["errorType"]
    return (None, None) if part == "stdout" or part.startswith("X-Ray cause of ") else (aws, ours)


def _without_stack_of_import(part: str, aws: Any, ours: Any) -> tuple[Any, Any]:
    """Remove our stack where AWS's runtime shows none."""
    if part == "init error" and aws and ours and not json.loads(aws)["stackTrace"]:
        return json.loads(aws), {**json.loads(ours), "stackTrace": []}
    if part == "stdout" and b"[ERROR] Runtime.ImportModuleError" in aws:
        return aws, re.sub(rb"(Traceback \(most recent call last\):)\r.*", rb"\1", ours)
    return aws, ours


def _without_origins(part: str, aws: Any, ours: Any) -> tuple[Any, Any]:
    return (aws, re.sub(rb"\rCaused by:[^\n]*", b"", ours)) if part == "stdout" else (aws, ours)


_PROCESS_ENDS = ("event", "exit code", "stdout", "stderr")

DIFFERENCES = (
    Difference(
        "A result that streams: a generator, an iterator, an async iterator, a file or a coroutine",
        aws="`Runtime.MarshalError`.",
        ours="The result is streamed, or awaited.",
        reason="This is the purpose of this runtime.",
        seen_in=("a generator", "a coroutine"),
        forgive=ignoring("event", "stdout", "stderr"),
    ),
    Difference(
        "A function, a method or an awaitable in a result",
        aws="`Runtime.MarshalError`.",
        ours="The same error, and its text says the fix: call it, or await it.",
        reason="A missing call or `await` is a common mistake in handlers that stream.",
        seen_in=("a function as result",),
        forgive=_with_other_text,
    ),
    Difference(
        "The error type header of `/error`",
        aws="No `Lambda-Runtime-Function-Error-Type`.",
        ours="`Function.<Name>`, or the error's own `Runtime.<Name>`.",
        reason=(
            "Lambda records a type of these forms, and `Runtime.Unknown` without one: see "
            "`GetValidRuntimeOrFunctionErrorType` in AWS's [Runtime Interface Emulator]"
            "(https://github.com/aws/aws-lambda-runtime-interface-emulator)."
        ),
        seen_in=("errors, escaped", "rejected events"),
        forgive=_error_type,
        everywhere=True,
    ),
    Difference(
        "The error type header of `/init/error`, for an error of the user's code",
        aws="The name of the class.",
        ours="`Function.<Name>`.",
        reason="Lambda only accepts this form, and records `Runtime.Unknown` for another.",
        seen_in=("an error while importing",),
        forgive=_init_error_type,
        everywhere=True,
    ),
    Difference(
        "The X-Ray cause with characters beyond ASCII, on Python 3.12 and newer",
        aws="UTF-8 in `Lambda-Runtime-Function-XRay-Error-Cause`.",
        ours="The same JSON in ASCII, with escapes.",
        reason="Only ASCII is safe in a header.",
        seen_in=("errors, unicode",),
        forgive=_xray_in_ascii,
    ),
    Difference(
        "The log before an error of init",
        aws="A paragraph of advice, `LAMBDA_WARNING`, then the error.",
        ours="The error.",
        reason="The advice is about updates of AWS's own runtime, and hides the error.",
        seen_in=("no module", "a syntax error", "an error while importing", "an error while importing, JSON"),
        forgive=_without_advice,
        everywhere=True,
    ),
    Difference(
        "The document of `/init/error` with characters beyond ASCII, on Python 3.12 and newer",
        aws="ISO-8859-1.",
        ours="UTF-8.",
        reason="JSON is UTF-8.",
        seen_in=("an import that fails, unicode", "an error while importing, JSON"),
        forgive=_init_error_in_utf8,
    ),
    Difference(
        "The same document with characters that ISO-8859-1 does not have",
        aws="The process ends without a report.",
        ours="UTF-8.",
        reason="An error report is never lost.",
        seen_in=("an import that fails, emoji",),
        forgive=ignoring("stdout", "stderr", "init error", "init error type"),
    ),
    Difference(
        "The stack of an error while the handler's module is imported",
        aws="It begins with frames of `importlib`.",
        ours="It begins with the user's line.",
        reason="The frames of `importlib` are the same for every error, and differ between Python versions.",
        seen_in=("an error while importing", "an error while importing, JSON"),
        forgive=_without_import_frames,
    ),
    Difference(
        "The stack of an import that fails in the user's code",
        aws="Empty.",
        ours="The user's frames.",
        reason="Several places may import the missing module.",
        seen_in=(
            "an import that fails",
            "an import of a name that fails",
            "an import that fails deeper",
            "an ImportError raised by the module",
            "an import that fails, unicode",
        ),
        forgive=_without_stack_of_import,
    ),
    Difference(
        "The log of an error with a cause, or of an exception group",
        aws="The last exception.",
        ours="All exceptions. The others follow `Caused by:` (`causedBy` in JSON).",
        reason="The first exception is the reason of the last.",
        seen_in=("errors, escaped", "errors, unicode"),
        forgive=_without_origins,
    ),
    Difference(
        "The stack of an error without a frame of the user's code, and `stack_info=True`",
        aws="Frames of AWS's runtime.",
        ours="Frames of this runtime.",
        reason="These frames ran.",
        seen_in=(
            "a handler with one argument",
            "a name that is only a dot",
            "a name without module",
            "logs with stack_info",
        ),
        forgive=_without_stack_of_runtime,
    ),
    Difference(
        "A handler that cannot be called",
        aws="A `TypeError` at each invocation.",
        ours="`Runtime.HandlerNotFound` at init, with the type of the handler.",
        reason="The error comes once and early, and names the mistake.",
        seen_in=("a handler that is not a function",),
        forgive=ignoring("event", "exit code", "stdout", "init error", "init error type"),
    ),
    Difference(
        "A handler name that begins with dots",
        aws="A `TypeError` of `importlib`.",
        ours="`Runtime.ImportModuleError`.",
        reason="The error names the handler.",
        seen_in=("a relative name",),
        forgive=ignoring("stdout", "init error", "init error type"),
    ),
    Difference(
        "`sys.exit` or `KeyboardInterrupt` in a handler",
        aws="The process ends without a report. Lambda reports `Runtime.ExitError`.",
        ours="The error is reported to `/error` and logged. Then the process ends with the same exit code.",
        reason="The caller and the log show where it ended.",
        seen_in=("sys.exit", "sys.exit with text", "KeyboardInterrupt"),
        forgive=ignoring("event", "stdout", "stderr"),
    ),
    Difference(
        "`sys.exit` while the handler's module is imported",
        aws="The process ends without a report.",
        ours="`Runtime.ExitError` is reported to `/init/error`. The exit code is the same, except that 0 becomes 1.",
        reason="An init that does not reach a handler has failed.",
        seen_in=("exit while importing", "exit 0 while importing", "exit with text while importing"),
        forgive=ignoring("exit code", "stdout", "stderr", "init error", "init error type"),
    ),
    Difference(
        "`KeyboardInterrupt` while the handler's module is imported",
        aws="The process ends with a traceback.",
        ours="The error is reported to `/init/error`. The exit code is 1.",
        reason="An init that does not reach a handler has failed.",
        seen_in=("KeyboardInterrupt while importing",),
        forgive=ignoring("exit code", "stdout", "stderr", "init error", "init error type"),
    ),
    Difference(
        "A result with a lone surrogate, on Python 3.12 and newer",
        aws="The process ends without a response.",
        ours="The response is in ASCII, with escapes.",
        reason="JSON can carry a lone surrogate, UTF-8 cannot.",
        seen_in=("a result with a lone surrogate, unicode",),
        forgive=ignoring(*_PROCESS_ENDS),
    ),
    Difference(
        "An error report that fails",
        aws="The process ends, and the error is lost.",
        ours="The error is reported and logged as far as possible. The next invocation is served.",
        reason=(
            "An error report is never lost. It fails if `__str__` raises, if the message has a lone surrogate, if "
            "`sys.stdout` is closed, or if the current folder was removed."
        ),
        seen_in=(
            "an error whose __str__ fails",
            "an error message with a lone surrogate",
            "stdout closed",
            "an error after the folder was removed",
        ),
        forgive=ignoring(*_PROCESS_ENDS),
    ),
    Difference(
        "A response that Lambda refuses with 400, 410 or 413",
        aws="The process ends. The next invocation is a cold start.",
        ours="Lambda's reply is logged. The next invocation is served.",
        reason="The response was too large or too late. The execution environment still works.",
        seen_in=("a response that Lambda refuses",),
        forgive=ignoring("exit code", "stdout", "stderr"),
    ),
    Difference(
        "A log line with a lone surrogate, or with `exc_info=True` and no exception in JSON",
        aws="The call of `logging` raises in the handler.",
        ours="The line is logged: the surrogate is escaped, and a missing exception is left out.",
        reason="A log line is never lost, and never raises.",
        seen_in=("a log line with a lone surrogate", "exc_info without an error, JSON"),
        forgive=ignoring("event", "stdout", "frames"),
    ),
    Difference(
        "Output in the buffer of a `sys.stdout` that the handler has replaced",
        aws="It is written during a later invocation, or lost.",
        ours="It is flushed at the end of the invocation.",
        reason="Lambda may freeze or end the process then.",
        seen_in=("logs with stdout replaced, text", "logs with stdout replaced, JSON"),
        forgive=ignoring("stdout"),
    ),
    Difference(
        "A client context, or its `client`, that is JSON but not an object",
        aws="An `AttributeError` of AWS's runtime.",
        ours="It counts as absent, and the handler is called.",
        reason="The caller chooses it, and must not be able to fail a handler that does not read it.",
        seen_in=("context that is not an object",),
        forgive=ignoring("a client context that is not an object", "a client that is not an object", "stdout"),
    ),
    Difference(
        "The text of a `Runtime.UnmarshalError`",
        aws="The text of simplejson.",
        ours="The text of Python's `json`.",
        reason="Both reject the same events. Lambda itself only accepts JSON.",
        seen_in=("malformed events",),
        forgive=_with_other_text,
    ),
)


def sections() -> str:
    return "\n".join(_section(row) for row in DIFFERENCES)


def _section(row: Difference) -> str:
    cases = "; ".join(row.seen_in)
    return (
        f"### {row.subject}\n\n- AWS's runtime: {row.aws}\n- This runtime: {row.ours}\n- Reason: {row.reason}\n"
        f"- Test cases: {cases}\n"
    )


BEGIN, END = "<!-- list: python -m tests.conformance.differences -->\n", "<!-- end of list -->\n"


def page_with_sections(page: str) -> str:
    before, _, rest = page.partition(BEGIN)
    return f"{before}{BEGIN}\n{sections()}\n{END}{rest.partition(END)[2]}"


if __name__ == "__main__":
    PAGE.write_text(page_with_sections(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
