"""The root logger, set up as in AWS's Python runtime (AWS, "Using the Python logging library with Lambda").

Loaded when the user's code, or a library, has imported `logging`. The names of the classes and of the attribute
`log_sink` are AWS's: libraries look for them.
"""

from __future__ import annotations

import logging
import time
import traceback

from lambda_streaming.process.logs import JSON_FRAME_TYPES, TEXT_FRAME_TYPES, TIME_FORMAT
from lambda_streaming.process.python_path import import_standard

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from lambda_streaming.process.logs import Log, LogSink


def set_up(log: Log) -> None:
    # For every formatter of the process, as on AWS: formatters of users have UTC too.
    logging.Formatter.converter = time.gmtime
    kind = LambdaLoggerHandlerWithFrameType if log.is_json or log.level else LambdaLoggerHandler
    handler = kind(log.sink)
    handler.setFormatter(JsonFormatter() if log.is_json else logging.Formatter(_TEXT_FORMAT, TIME_FORMAT))
    handler.addFilter(LambdaLoggerFilter(log))
    root = logging.getLogger()
    if log.level in logging._nameToLevel:
        root.setLevel(log.level)
    root.addHandler(handler)


_TEXT_FORMAT = "[%(levelname)s]\t%(asctime)s.%(msecs)03dZ\t%(aws_request_id)s\t%(message)s\n"


class LambdaLoggerHandler(logging.Handler):
    def __init__(self, log_sink: LogSink) -> None:
        super().__init__()
        self.log_sink = log_sink

    def emit(self, record: logging.LogRecord) -> None:
        self.log_sink.log(self.format(record))


class LambdaLoggerHandlerWithFrameType(LambdaLoggerHandler):
    """Passes the level of each record to Lambda, which filters by it."""

    def emit(self, record: logging.LogRecord) -> None:
        message = self.format(record)  # The formatter may set `_frame_type`.
        self.log_sink.log(message, getattr(record, "_frame_type", None) or TEXT_FRAME_TYPES[_level_of(record)])


class LambdaLoggerFilter(logging.Filter):
    """Accepts every record, and adds the ids of the current invocation."""

    def __init__(self, log: Log) -> None:
        super().__init__()
        self._log = log

    def filter(self, record: logging.LogRecord) -> bool:
        record.aws_request_id = self._log.request_id
        record.tenant_id = self._log.tenant_id
        return True


class JsonFormatter(logging.Formatter):
    """One line of JSON for a record. Keys of `extra` stand beside the standard keys."""

    def __init__(self) -> None:
        super().__init__(datefmt=f"{TIME_FORMAT}Z")
        # Values that JSON cannot hold become text, so that the record is not lost.
        self._encoder = import_standard("json").JSONEncoder(ensure_ascii=False, default=str)

    def format(self, record: logging.LogRecord) -> str:
        # A level between two of Lambda's counts as the lower one; later handlers see the changed record, as on AWS.
        record.levelno = _level_of(record)
        record.levelname = logging.getLevelName(record.levelno)
        record._frame_type = JSON_FRAME_TYPES[record.levelno]
        is_document = isinstance(record.msg, dict) and not record.args
        document = {
            "timestamp": self.formatTime(record, self.datefmt),
            "level": record.levelname,
            "message": record.msg if is_document else record.getMessage(),
            "logger": record.name,
            **_error_members(record),
            "requestId": getattr(record, "aws_request_id", None),
            "location": f"{record.pathname}:{record.funcName}:{record.lineno}" if record.exc_info else None,
        }
        if getattr(record, "tenant_id", None) is not None:
            document["tenantId"] = record.tenant_id  # type: ignore[attr-defined]
        for name, value in record.__dict__.items():
            if name not in _STANDARD_ATTRIBUTES:
                document.setdefault(name, value)
        text: str = self._encoder.encode({name: value for name, value in document.items() if value is not None})
        return text + "\n"


def _error_members(record: logging.LogRecord) -> dict[str, Any]:
    kind, error, trace = record.exc_info or (None, None, None)
    if kind is None:
        return {"stackTrace": None, "errorType": None, "errorMessage": None}
    return {"stackTrace": traceback.format_tb(trace), "errorType": kind.__name__, "errorMessage": str(error)}


# The standard attributes of a record (Python, "LogRecord attributes"). `message` and `asctime`, left by an earlier
# formatter, and `taskName` are shown, as on AWS.
_STANDARD_ATTRIBUTES = frozenset(
    (
        *("name", "msg", "args", "levelname", "levelno", "pathname", "filename", "module", "exc_info", "exc_text"),
        *("stack_info", "lineno", "funcName", "created", "msecs", "relativeCreated", "thread", "threadName"),
        *("processName", "process", "aws_request_id", "tenant_id", "_frame_type"),
    )
)


def _level_of(record: logging.LogRecord) -> int:
    return min(50, max(0, record.levelno)) // 10 * 10
