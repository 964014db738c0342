"""The log: its destination and the lines that the runtime writes, both as in AWS's Python runtime.

A managed runtime gets the descriptor of a pipe. Each record is one frame there, with any line breaks it holds
(protocol.md 1.8). Elsewhere records are text on standard output, which Lambda splits at line breaks; so the lines of an
error are joined by carriage returns and indented by no-break spaces, which Lambda's console neither splits nor strips.

A record that cannot be written to its destination goes to standard output: it is not lost.
"""

from __future__ import annotations

import os
import sys
import time

from lambda_streaming.process.python_path import import_standard

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Protocol

    from lambda_streaming.process.settings import LogSettings

    class Report(Protocol):
        """A failure; see `ErrorReport`."""

        error_type: str
        message: str
        stack_trace: list[str]
        origins: list[str]

        def document(self) -> dict[str, object]: ...

    class LogSink(Protocol):
        def log(self, message: str, frame_type: bytes | None = None) -> None:
            """Write one record, its line end included."""

        def log_lines(self, lines: list[str], frame_type: bytes) -> None:
            """Write some lines as one record."""

        def log_document(self, text: str, frame_type: bytes) -> None:
            """Write a record of one line for machines, exactly as given."""


# The first four bytes of a frame hold format and level (protocol.md 1.8); levels are numbers as in `logging`.
WARNING, ERROR = 30, 40
_LEVELS = {"TRACE": 10, "DEBUG": 10, "INFO": 20, "WARN": WARNING, "ERROR": ERROR, "FATAL": 50}
_LAST_BYTES_OF_TEXT = {0: 0x03, 10: 0x0B, 20: 0x0F, WARNING: 0x13, ERROR: 0x17, 50: 0x1B}
TEXT_FRAME_TYPES = {level: bytes((0xA5, 0x5A, 0, last)) for level, last in _LAST_BYTES_OF_TEXT.items()}
JSON_FRAME_TYPES = {level: bytes((0xA5, 0x5A, 0, last - 1)) for level, last in _LAST_BYTES_OF_TEXT.items()}

TIME_FORMAT = "%Y-%m-%dT%H:%M:%S"


class StandardOutput:
    def log(self, message: str, frame_type: bytes | None = None) -> None:
        try:
            sys.stdout.write(message)  # Unbuffered: `bootstrap` starts Python with -u.
        except Exception:  # noqa: BLE001 - the handler may have closed or replaced sys.stdout
            _write_all(1, message.encode("utf-8", "backslashreplace"))

    def log_lines(self, lines: list[str], frame_type: bytes) -> None:
        self.log("\r".join(lines) + "\n")

    def log_document(self, text: str, frame_type: bytes) -> None:
        # Not through `sys.stdout`: a replacement may change the line. In one system call, so that the output of other
        # threads cannot come between the line and its end.
        _write_all(1, f"{text}\n".encode())


class FramedPipe:
    """A pipe of frames: type, length of the message, time in microseconds, message. Numbers are big-endian."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor

    def log(self, message: str, frame_type: bytes | None = None) -> None:
        if not self._write(message, frame_type or TEXT_FRAME_TYPES[0]):
            StandardOutput().log(message)

    def log_lines(self, lines: list[str], frame_type: bytes) -> None:
        self.log("\n".join(lines), frame_type)

    def log_document(self, text: str, frame_type: bytes) -> None:
        if not self._write(text, frame_type):
            StandardOutput().log_document(text, frame_type)

    def _write(self, message: str, frame_type: bytes) -> bool:
        payload = message.encode("utf-8", "backslashreplace")
        head = frame_type + len(payload).to_bytes(4, "big") + (time.time_ns() // 1000).to_bytes(8, "big")
        return _write_all(self._descriptor, head + payload)


class Log:
    """The log of the process. `sink` and `is_json` never change; `request_id` and `tenant_id` are the invocation's."""

    def __init__(self, settings: LogSettings) -> None:
        descriptor = settings.telemetry_descriptor
        self.sink: LogSink = StandardOutput() if descriptor is None else FramedPipe(descriptor)
        self.is_json = settings.is_json
        self.level = settings.level
        self.application_log_level = settings.application_log_level
        self.request_id = ""
        self.tenant_id: str | None = None

    def begin_invocation(self, request_id: str, tenant_id: str | None) -> None:
        self.request_id = request_id
        self.tenant_id = tenant_id

    def error(self, report: Report, remark: str = "") -> None:
        """Write a failure with its whole traceback, at any log level. Text has the remark after the message."""
        if self.is_json:
            document = {"timestamp": f"{_time_text(time.time_ns())}Z", "level": "ERROR", **report.document()}
            if report.origins:
                document["causedBy"] = report.origins
            self.sink.log_lines([_to_json(document)], JSON_FRAME_TYPES[ERROR])
        else:
            self.sink.log_lines(_text_lines(report, remark), TEXT_FRAME_TYPES[ERROR])

    def warning(self, message: str) -> None:
        """Write one line of the runtime itself, in the form of `logging.warning` on Lambda."""
        if self.level in ("ERROR", "CRITICAL", "FATAL"):
            return
        now_ns = time.time_ns()
        if self.is_json:
            document: dict[str, object] = {
                "timestamp": f"{_time_text(now_ns)}Z",
                "level": "WARNING",
                "message": message,
                "logger": "lambda_streaming",
                "requestId": self.request_id,
            }
            self.sink.log(_to_json(document) + "\n", JSON_FRAME_TYPES[WARNING])
        else:
            when = f"{_time_text(now_ns)}.{now_ns // 1_000_000 % 1000:03}Z"
            line = f"[WARNING]\t{when}\t{self.request_id}\tlambda_streaming: {message}\n"
            self.sink.log(line, TEXT_FRAME_TYPES[WARNING] if self.level else None)

    def metrics(self, document: dict[str, object]) -> None:
        """Write one line in CloudWatch's embedded metric format, as a record of its own.

        Lambda drops lines of JSON below the application log level, and counts a line without a level as INFO (AWS,
        "Log-level filtering"). Metrics have no level, so the line names the application log level itself.
        """
        level = self.application_log_level
        if self.is_json:
            document = {"timestamp": f"{_time_text(time.time_ns())}Z", "level": level, **document}
            frame_type = JSON_FRAME_TYPES[_LEVELS[level]]
        else:
            frame_type = TEXT_FRAME_TYPES[_LEVELS[level] if self.level else 0]
        # Without spaces: CloudWatch charges by the byte.
        text = import_standard("json").dumps(document, separators=(",", ":"))
        self.sink.log_document(text, frame_type)

    def message(self, text: str) -> None:
        """Write the text of `context.log` to the root logger's sink; to standard output if the user replaced that."""
        sink = self.sink
        logging = sys.modules.get("logging")
        if logging is not None:
            sinks = [handler.log_sink for handler in logging.getLogger().handlers if hasattr(handler, "log_sink")]
            sink = sinks[0] if sinks else StandardOutput()
        sink.log(text)


def _text_lines(report: Report, remark: str) -> list[str]:
    title = ": ".join(text for text in (report.error_type, report.message) if text) + remark
    lines = [f"[ERROR] {title}", "Traceback (most recent call last):"]
    for entry in report.stack_trace:
        lines += [_indented(line) for line in entry.splitlines()]
    if report.origins:
        lines += ["Caused by:", *map(_indented, report.origins)]
    return lines


def _indented(line: str) -> str:
    text = line.lstrip(" ")
    return "\N{NO-BREAK SPACE}" * (len(line) - len(text)) + text


def _time_text(when_ns: int) -> str:
    return time.strftime(TIME_FORMAT, time.gmtime(when_ns // 1_000_000_000))


def _to_json(document: dict[str, object]) -> str:
    from lambda_streaming.process.aws_json import to_json

    return to_json(document)


def _write_all(descriptor: int, data: bytes) -> bool:
    """Write all of `data` to a descriptor; return False on failure."""
    try:
        while data:
            data = data[os.write(descriptor, data) :]
    except OSError:
        return False
    return True
