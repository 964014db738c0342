"""Where log lines go, and the lines the runtime writes itself: both as AWS's Python runtime has them.

A managed runtime is given the descriptor of a pipe, and each record is one frame there, whatever line breaks it holds
(protocol 1.8). Anywhere else records are text on standard output, which Lambda cuts at line breaks; so an error's lines
are joined by carriage returns and indented by no-break spaces, which Lambda's console neither cuts nor strips.

What cannot be written in its place is written in the next best: a line in the wrong form can be found, a lost one not.
"""

from __future__ import annotations

import os
import sys
import time

from lambda_streaming.python_path import import_standard

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Protocol

    from lambda_streaming.error_report import ErrorReport
    from lambda_streaming.invocation import Invocation
    from lambda_streaming.settings import LogSettings

    class LogSink(Protocol):
        def log(self, message: str, frame_type: bytes | None = None) -> None:
            """Write one record, its line end included."""

        def log_lines(self, lines: list[str], frame_type: bytes) -> None:
            """Write some lines as one record."""

        def log_document(self, text: str, frame_type: bytes) -> None:
            """Write a record of one line that a machine will read: as it is, and nothing else with it."""


# A frame's first four bytes say format and level (protocol 1.8); levels are numbers as in `logging`.
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
        except Exception:  # noqa: BLE001 - it is the handler's to close, to replace and to encode
            _write_all(1, message.encode("utf-8", "backslashreplace"))

    def log_lines(self, lines: list[str], frame_type: bytes) -> None:
        self.log("\r".join(lines) + "\n")

    def log_document(self, text: str, frame_type: bytes) -> None:
        # Not through `sys.stdout`, for which the handler may have put something that adds to a line, or cuts it. One
        # system call, so that no other thread's output comes between the line and its end.
        _write_all(1, f"{text}\n".encode())


class FramedPipe:
    """Frames: type, length of the message, time in microseconds, message; numbers are big-endian."""

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
    """The log of the process: `sink` and `is_json` for its life, `request_id` and `tenant_id` for one invocation."""

    def __init__(self, settings: LogSettings) -> None:
        descriptor = settings.telemetry_descriptor
        self.sink: LogSink = StandardOutput() if descriptor is None else FramedPipe(descriptor)
        self.is_json = settings.is_json
        self.level = settings.level
        self.application_log_level = settings.application_log_level
        self.request_id = ""
        self.tenant_id: str | None = None

    def begin_invocation(self, invocation: Invocation) -> None:
        self.request_id = invocation.request_id
        self.tenant_id = invocation.tenant_id

    def error(self, report: ErrorReport) -> None:
        """Write what failed, whole, whatever level is set."""
        if self.is_json:
            document = {"timestamp": f"{_time_text(time.time_ns())}Z", "level": "ERROR", **report.document()}
            if report.origins:
                document["causedBy"] = report.origins
            self.sink.log_lines([_to_json(document)], JSON_FRAME_TYPES[ERROR])
        else:
            self.sink.log_lines(_text_lines(report), TEXT_FRAME_TYPES[ERROR])

    def warning(self, message: str) -> None:
        """Write one line of the runtime's own, as a `logging.warning` on Lambda."""
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
        """Write one line in CloudWatch's embedded metric format, which must be the whole of its record.

        It passes whatever level is set: metrics have none. A line of JSON below the application log level is dropped,
        and one that names no level counts as INFO (AWS, "Log-level filtering"); so it names the level itself.
        """
        level = self.application_log_level
        if self.is_json:
            document = {"timestamp": f"{_time_text(time.time_ns())}Z", "level": level, **document}
            frame_type = JSON_FRAME_TYPES[_LEVELS[level]]
        else:
            frame_type = TEXT_FRAME_TYPES[_LEVELS[level] if self.level else 0]
        # Without the spaces that a reader would like: each byte is paid for.
        text = import_standard("json").dumps(document, separators=(",", ":"))
        self.sink.log_document(text, frame_type)

    def message(self, text: str) -> None:
        """Write the text of `context.log`: where the root logger writes, or plainly if the user has replaced that."""
        sink = self.sink
        logging = sys.modules.get("logging")
        if logging is not None:
            sinks = [handler.log_sink for handler in logging.getLogger().handlers if hasattr(handler, "log_sink")]
            sink = sinks[0] if sinks else StandardOutput()
        sink.log(text)

    def set_up_root_logger(self) -> None:
        """Have `logging` write here; called when it has just been imported, before anybody can use it."""
        from lambda_streaming import root_logger

        root_logger.set_up(self)


def _text_lines(report: ErrorReport) -> list[str]:
    what = ": ".join(text for text in (report.error_type, report.message) if text)
    lines = [f"[ERROR] {what}", "Traceback (most recent call last):"]
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
    from lambda_streaming.marshaller import to_json

    return to_json(document)


def _write_all(descriptor: int, data: bytes) -> bool:
    """Write to a descriptor, whole; `False` if it cannot be written."""
    try:
        while data:
            data = data[os.write(descriptor, data) :]
    except OSError:
        return False
    return True
