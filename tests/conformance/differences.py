"""What is not as under AWS's runtime, and why. The test holds this list to the facts, `docs/awslambdaric.md` shows it.

`python -m tests.conformance.differences` writes the table there anew.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

PAGE = Path(__file__).parents[2] / "docs" / "awslambdaric.md"

# The name of a part of an `Observation`, what AWS's runtime showed there and what ours did; returned is the same pair
# without this difference. A pair that is equal then is explained.
Forgive = Callable[[str, Any, Any], tuple[Any, Any]]


@dataclass(frozen=True)
class Difference:
    """One row. It must show in every case of `seen_in`; one that is `everywhere` may show in any other, too."""

    what: str
    aws: str
    ours: str
    why: str
    seen_in: tuple[str, ...]
    forgive: Forgive
    everywhere: bool = False


def ignoring(*parts: str) -> Forgive:
    """Forgive whatever is shown in some parts; a label stands for all parts of its answer."""

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
    """An error document without the frames of the import system."""
    error = json.loads(document)
    error["stackTrace"] = [entry for entry in error["stackTrace"] if "importlib" not in entry]
    return json.dumps(error, ensure_ascii=False).encode()


def _without_stack_of_runtime(part: str, aws: Any, ours: Any) -> tuple[Any, Any]:
    if part.startswith("body of ") or part == "init error":
        return tuple(json.dumps({**json.loads(value), "stackTrace": []}) for value in (aws, ours))  # type: ignore[return-value]
    if part.startswith("X-Ray cause of "):
        return None, None
    if part == "stdout":
        return aws.partition(b"Traceback")[0], ours.partition(b"Traceback")[0]
    if part == "frames":
        return tuple(value[0][1].partition(b"Stack (most")[0] for value in (aws, ours))  # type: ignore[return-value]
    return aws, ours


def _in_other_words(part: str, aws: Any, ours: Any) -> tuple[Any, Any]:
    """The same error type, sentences apart."""
    if part.startswith("body of "):
        return json.loads(aws)["errorType"], json.loads(ours)["errorType"]
    return (None, None) if part == "stdout" or part.startswith("X-Ray cause of ") else (aws, ours)


def _without_stack_of_import(part: str, aws: Any, ours: Any) -> tuple[Any, Any]:
    """AWS's runtime shows none: what ours shows more are lines of the stack, and nothing else."""
    if part == "init error" and aws and ours and not json.loads(aws)["stackTrace"]:
        return json.loads(aws), {**json.loads(ours), "stackTrace": []}
    if part == "stdout" and b"[ERROR] Runtime.ImportModuleError" in aws:
        return aws, re.sub(rb"(Traceback \(most recent call last\):)\r.*", rb"\1", ours)
    return aws, ours


def _without_origins(part: str, aws: Any, ours: Any) -> tuple[Any, Any]:
    return (aws, re.sub(rb"\rCaused by:[^\n]*", b"", ours)) if part == "stdout" else (aws, ours)


_DIES = ("event", "exit code", "stdout", "stderr")

DIFFERENCES = (
    Difference(
        "A value that streams: a generator, an iterator, an async iterator, a file, a coroutine",
        "`Runtime.MarshalError`",
        "it is streamed, or awaited",
        "What this runtime is for.",
        ("a generator", "a coroutine"),
        ignoring("event", "stdout", "stderr"),
    ),
    Difference(
        "`Lambda-Runtime-Function-Error-Type` of `/error`",
        "not sent",
        "`Function.<Name>`, or the error's own `Runtime.<Name>`",
        "Lambda then knows the type; without it, it records `Runtime.Unknown` (protocol 1.5).",
        ("errors, escaped", "refused events"),
        _error_type,
        everywhere=True,
    ),
    Difference(
        "The same header of `/init/error`, for an error of the user's",
        "the bare name of the class",
        "`Function.<Name>`",
        "Lambda accepts only this form and records `Runtime.Unknown` for another.",
        ("an error while importing",),
        _init_error_type,
        everywhere=True,
    ),
    Difference(
        "`Lambda-Runtime-Function-XRay-Error-Cause` with characters beyond ASCII, on Python 3.12 and newer",
        "raw UTF-8",
        "the same JSON in ASCII, with escapes",
        "A header is sure to arrive only in ASCII.",
        ("errors, unicode",),
        _xray_in_ascii,
    ),
    Difference(
        "The log before an error of init",
        "begins with a paragraph of advice, `LAMBDA_WARNING`",
        "the error alone",
        "The advice is on updates of AWS's own runtime, and hides the error.",
        ("no module", "a syntax error", "an error while importing", "an error while importing, JSON"),
        _without_advice,
        everywhere=True,
    ),
    Difference(
        "The document of `/init/error` with characters beyond ASCII, on Python 3.12 and newer",
        "ISO-8859-1",
        "UTF-8",
        "JSON is UTF-8, and an error report is never lost.",
        ("an import that fails, unicode", "an error while importing, JSON"),
        _init_error_in_utf8,
    ),
    Difference(
        "The same where ISO-8859-1 does not do",
        "the process ends without a report",
        "UTF-8",
        "As above.",
        ("an import that fails, emoji",),
        ignoring("stdout", "stderr", "init error", "init error type"),
    ),
    Difference(
        "The stack of an error while the handler's module is imported",
        "begins with frames of `importlib`",
        "begins with the user's line",
        "They are the same for every error, and differ between Python versions.",
        ("an error while importing", "an error while importing, JSON"),
        _without_import_frames,
    ),
    Difference(
        "The stack of an import that fails in the user's code",
        "empty",
        "the user's frames",
        "A module that is missing may be imported in many places.",
        (
            "an import that fails",
            "an import of a name that fails",
            "an import that fails deeper",
            "an ImportError of the user's",
            "an import that fails, unicode",
        ),
        _without_stack_of_import,
    ),
    Difference(
        "The log of an error with a cause, or of an exception group",
        "the last exception only",
        "the others, too, behind `Caused by:` (`causedBy` in JSON)",
        "They are what went wrong.",
        ("errors, escaped", "errors, unicode"),
        _without_origins,
    ),
    Difference(
        "The stack of an error without a frame of the user's, and `stack_info=True`",
        "shows the frames of AWS's runtime",
        "shows those of ours",
        "They are those that ran.",
        ("a handler of one argument", "a name of a dot", "a name without module", "logs with stack_info"),
        _without_stack_of_runtime,
    ),
    Difference(
        "A handler that cannot be called",
        "a `TypeError` at each invocation",
        "`Runtime.HandlerNotFound` at init, with the type",
        "Said once and early, in words that name the mistake.",
        ("a handler that is no function",),
        ignoring("event", "exit code", "stdout", "init error", "init error type"),
    ),
    Difference(
        "A handler's name that begins with dots",
        "`TypeError` of `importlib`",
        "`Runtime.ImportModuleError`",
        "It names the handler.",
        ("a relative name",),
        ignoring("stdout", "init error", "init error type"),
    ),
    Difference(
        "`sys.exit`, `KeyboardInterrupt` in a handler",
        "the process ends without a word; Lambda makes it `Runtime.ExitError`",
        "reported to `/error` and logged, then the process ends with the same exit code",
        "The caller and the log learn what ended it and where.",
        ("sys.exit", "sys.exit with text", "KeyboardInterrupt"),
        ignoring("event", "stdout", "stderr"),
    ),
    Difference(
        "`sys.exit` while the handler's module is imported",
        "the process ends without a word",
        "`Runtime.ExitError` to `/init/error`, then the same exit code, 1 in place of 0",
        "As above; and a start that has not come to a handler has not succeeded.",
        ("exit while importing", "exit 0 while importing", "exit with text while importing"),
        ignoring("exit code", "stdout", "stderr", "init error", "init error type"),
    ),
    Difference(
        "`KeyboardInterrupt` while the handler's module is imported",
        "the process ends with a traceback",
        "reported to `/init/error`, then exit code 1",
        "As above.",
        ("KeyboardInterrupt while importing",),
        ignoring("exit code", "stdout", "stderr", "init error", "init error type"),
    ),
    Difference(
        "A result with a lone surrogate, on Python 3.12 and newer",
        "the process ends without an answer",
        "the answer in ASCII, with escapes",
        "JSON can hold what UTF-8 cannot.",
        ("a lone surrogate, unicode",),
        ignoring(*_DIES),
    ),
    Difference(
        "An error whose message cannot be had, printed or written: a failing `__str__`, a lone surrogate, a closed "
        "`sys.stdout`, a working directory that is gone",
        "the process ends, and nobody learns of the error",
        "reported and logged as far as can be; the next invocation is served",
        "An error report is never lost.",
        (
            "an error that cannot be told",
            "an error of a lone surrogate",
            "stdout closed",
            "an error without a folder",
        ),
        ignoring(*_DIES),
    ),
    Difference(
        "A response that Lambda refuses with 400, 410 or 413: too large, or too late",
        "the process ends; the next invocation is a cold start",
        "logged; the next invocation is served",
        "The environment is sound (protocol 1.3).",
        ("a response that Lambda refuses",),
        ignoring("exit code", "stdout", "stderr"),
    ),
    Difference(
        "A log line with a lone surrogate; `exc_info=True` without an exception, in JSON",
        "the call of `logging` raises into the handler",
        "logged: the surrogate as an escape, no error where there is none",
        "A log line is never lost, and never an error.",
        ("a log line of a lone surrogate", "exc_info without an error, JSON"),
        ignoring("event", "stdout", "frames"),
    ),
    Difference(
        "Output that a `sys.stdout` of the handler's own still holds when the invocation ends",
        "waits for a later one, or is lost",
        "flushed",
        "Lambda may freeze or end the process there.",
        ("logs with stdout replaced, text", "logs with stdout replaced, JSON"),
        ignoring("stdout"),
    ),
    Difference(
        "A client context, or its `client`, that is JSON but not an object",
        "`AttributeError` of AWS's runtime",
        "taken as absent; the handler is called",
        "The caller chooses it, and should not be able to fail a handler that does not look.",
        ("context of no object",),
        ignoring("a client context that is no object", "a client that is no object", "stdout"),
    ),
    Difference(
        "The sentence of a `Runtime.UnmarshalError`",
        "simplejson's",
        "that of Python's `json`",
        "The same events are refused. Lambda itself lets only JSON through.",
        ("malformed events",),
        _in_other_words,
    ),
)


def table() -> str:
    lines = ["| what | AWS's runtime | ours | why | case |", "|---|---|---|---|---|"]
    for row in DIFFERENCES:
        cells = (row.what, row.aws, row.ours, row.why, "; ".join(row.seen_in))
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n"


BEGIN, END = "<!-- table: python -m tests.conformance.differences -->\n", "<!-- end of table -->\n"


def page_with_table(page: str) -> str:
    before, _, rest = page.partition(BEGIN)
    return before + BEGIN + table() + END + rest.partition(END)[2]


if __name__ == "__main__":
    PAGE.write_text(page_with_table(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
