"""Environment variables, parsed once. No other module of this package reads or changes `os.environ`."""

from __future__ import annotations

import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Literal

    Lifespan = Literal["auto", "on", "off"]

FRONT_DOORS = "LAMBDA_STREAMING_FRONT_DOORS"
EMPTY_BODY = "LAMBDA_STREAMING_EMPTY_BODY"
GRACEFUL_SHUTDOWN = "LAMBDA_STREAMING_GRACEFUL_SHUTDOWN"
ERROR_EVENT = "LAMBDA_STREAMING_ERROR_EVENT"
METRICS_SAMPLE_RATE = "LAMBDA_STREAMING_METRICS_SAMPLE_RATE"
APPLICATION = "LAMBDA_STREAMING_APP"
LIFESPAN = "LAMBDA_STREAMING_LIFESPAN"
ROOT_PATH = "LAMBDA_STREAMING_ROOT_PATH"
OTHER_EVENTS = "LAMBDA_STREAMING_OTHER_EVENTS"
AUTHORIZATION_HEADER = "LAMBDA_STREAMING_AUTHORIZATION_HEADER"
FORWARDED_HOST = "LAMBDA_STREAMING_FORWARDED_HOST"
APP_ERRORS = "LAMBDA_STREAMING_APP_ERRORS"

FUNCTION_URL = "function-url"
REST_API = "rest-api"
CAN_STREAM = frozenset((FUNCTION_URL, REST_API))
"""The front doors that AWS can stream through: API Gateway's HTTP APIs and load balancers always buffer."""

_TRACE_ID = "_X_AMZN_TRACE_ID"
_TELEMETRY_LOG_FD = "_LAMBDA_TELEMETRY_LOG_FD"

# AWS's managed Python writes JSON with non-ASCII characters from 3.12 on, and escapes them before.
_UNICODE_JSON = frozenset(f"AWS_Lambda_python3.{minor}" for minor in (12, 13, 14, 15))

# The application log levels of Lambda; without one it uses INFO.
_APPLICATION_LOG_LEVELS = frozenset(("TRACE", "DEBUG", "INFO", "WARN", "ERROR", "FATAL"))


class SettingsError(Exception):
    """A variable has a value that cannot be read."""


class Settings:
    """The settings of the runtime, from AWS's variables ("Using Lambda environment variables") and from its own.

    `streaming_front_doors`: the front doors that stream, from `LAMBDA_STREAMING_FRONT_DOORS`: names separated by
    commas, or `none`. A name may be followed by a colon and the only part that streams: an alias of a Function URL
    (`function-url:live`, and `function-url:$LATEST` for the function itself), or a method of a REST API
    (`rest-api:GET /chat`, `rest-api:ANY /{proxy+}`). Default: Function URLs.

    `fills_empty_body`: an empty body becomes one newline on Function URLs, from `LAMBDA_STREAMING_EMPTY_BODY`:
    `newline` (default) or `empty`.

    `sends_error_event`: a server-sent event reports a failure to the client of an event stream, from
    `LAMBDA_STREAMING_ERROR_EVENT`: `off` (default) or `on`.

    `shuts_down_gracefully`: Lambda sends SIGTERM before the end, from `LAMBDA_STREAMING_GRACEFUL_SHUTDOWN`: `off`
    (default) or `on`.

    `metrics_sample_rate`: the share of invocations that writes stream metrics, from
    `LAMBDA_STREAMING_METRICS_SAMPLE_RATE`: a decimal number from 0 (default: none, and nothing is measured) to 1.
    """

    def __init__(self, environment: Mapping[str, str]) -> None:
        self.handler = _required(environment, "_HANDLER")
        self.task_root = environment.get("LAMBDA_TASK_ROOT", "/var/task")
        self.runtime_dir = environment.get("LAMBDA_RUNTIME_DIR", "/var/runtime")
        self.python_path_is_set = "PYTHONPATH" in environment
        self.function_name = environment.get("AWS_LAMBDA_FUNCTION_NAME")
        self.function_version = environment.get("AWS_LAMBDA_FUNCTION_VERSION")
        self.memory_limit_in_mb = environment.get("AWS_LAMBDA_FUNCTION_MEMORY_SIZE")
        self.log_group_name = environment.get("AWS_LAMBDA_LOG_GROUP_NAME")
        self.log_stream_name = environment.get("AWS_LAMBDA_LOG_STREAM_NAME")
        self.streaming_front_doors = _front_doors(environment.get(FRONT_DOORS))
        self.fills_empty_body = (
            _choice(environment, EMPTY_BODY, default="newline", allowed=("newline", "empty")) == "newline"
        )
        self.sends_error_event = _is_on(environment, ERROR_EVENT)
        self.shuts_down_gracefully = _is_on(environment, GRACEFUL_SHUTDOWN)
        self.metrics_sample_rate = _rate(environment, METRICS_SAMPLE_RATE)
        self.takes_snapshot = environment.get("AWS_LAMBDA_INITIALIZATION_TYPE") == "snap-start"
        _reject_concurrency(environment)

    @classmethod
    def from_environment(cls) -> Settings:
        return cls(os.environ)


class WebSettings:
    """The settings of a web application that the function serves.

    `application`: `module:name`, or `module:factory()`, from `LAMBDA_STREAMING_APP`.

    `root_path`: the path at which it is mounted, from `LAMBDA_STREAMING_ROOT_PATH`. Default None: the stage of an API.

    `other_events`: `module:name` of a handler for events that are no HTTP requests, from
    `LAMBDA_STREAMING_OTHER_EVENTS`. Default: none.

    `authorization_header`: the header whose value becomes `authorization`, from
    `LAMBDA_STREAMING_AUTHORIZATION_HEADER`. Default: none.

    `forwarded_host`: `x-forwarded-host` replaces `host`, from `LAMBDA_STREAMING_FORWARDED_HOST`: `off` (default) or
    `on`.

    `error_responses`: an exception before the first byte becomes a response with status 500, from
    `LAMBDA_STREAMING_APP_ERRORS`: `response` (default), or `error` for an error of the invocation.
    """

    def __init__(self, environment: Mapping[str, str]) -> None:
        self.application = environment.get(APPLICATION, "")
        if not self.application:
            raise SettingsError(f"{APPLICATION} is not set; it names the web application, such as app.main:app")
        self.root_path = environment.get(ROOT_PATH)
        if self.root_path and not self.root_path.startswith("/"):
            raise SettingsError(f"{ROOT_PATH} is {self.root_path!r}; it must begin with a slash, such as /api")
        self.other_events = environment.get(OTHER_EVENTS) or None
        self.authorization_header = environment.get(AUTHORIZATION_HEADER) or None
        self.forwarded_host = _is_on(environment, FORWARDED_HOST)
        self.error_responses = (
            _choice(environment, APP_ERRORS, default="response", allowed=("response", "error")) == "response"
        )


class AsgiSettings(WebSettings):
    """The settings of an ASGI application.

    `lifespan`: from `LAMBDA_STREAMING_LIFESPAN`: `auto` (default) runs the lifespan if the application has one, `on`
    requires one, `off` runs none.
    """

    def __init__(self, environment: Mapping[str, str]) -> None:
        super().__init__(environment)
        self.lifespan: Lifespan = _choice(  # type: ignore[assignment] # one of the allowed values
            environment, LIFESPAN, default="auto", allowed=("auto", "on", "off")
        )


class LogSettings:
    """The settings of the log. Reading them never fails, so every other failure can be logged.

    `level` is a name that `logging` may know, or empty. Lambda drops lines of JSON below `application_log_level`, a
    level by AWS's name.
    """

    def __init__(self, environment: Mapping[str, str]) -> None:
        self.is_json = environment.get("AWS_LAMBDA_LOG_FORMAT", "").upper() == "JSON"
        level = environment.get("AWS_LAMBDA_LOG_LEVEL", "")
        self.level = "DEBUG" if level == "TRACE" else level.upper()
        self.application_log_level = level.upper() if level.upper() in _APPLICATION_LOG_LEVELS else "INFO"
        descriptor = environment.get(_TELEMETRY_LOG_FD, "")
        self.telemetry_descriptor = int(descriptor) if descriptor.isdecimal() else None

    @classmethod
    def from_environment(cls) -> LogSettings:
        """Read the environment, and remove the log descriptor from it: child processes must not use it."""
        settings = cls(os.environ)
        os.environ.pop(_TELEMETRY_LOG_FD, None)
        return settings


def web_settings() -> WebSettings:
    return WebSettings(os.environ)


def asgi_settings() -> AsgiSettings:
    return AsgiSettings(os.environ)


def json_is_unicode() -> bool:
    """Return True if JSON has non-ASCII characters as they are, False if it has escapes."""
    return os.environ.get("AWS_EXECUTION_ENV") in _UNICODE_JSON


def runtime_api_address() -> str:
    """Return host and port of the Runtime API. Every other error can be reported there."""
    return _required(os.environ, "AWS_LAMBDA_RUNTIME_API")


def publish_trace_id(trace_id: str | None) -> None:
    """Set `_X_AMZN_TRACE_ID` for one invocation; the X-Ray SDK and botocore read it (protocol.md 1.8)."""
    if trace_id:
        os.environ[_TRACE_ID] = trace_id
    else:
        os.environ.pop(_TRACE_ID, None)


def publish_python_path(value: str) -> None:
    os.environ["PYTHONPATH"] = value


def _required(environment: Mapping[str, str], name: str) -> str:
    value = environment.get(name)
    if not value:
        raise SettingsError(
            f"{name} is not set: this program runs inside AWS Lambda, or in lambda-streaming's emulator"
        )
    return value


def _reject_concurrency(environment: Mapping[str, str]) -> None:
    """Reject Lambda Managed Instances, which run several invocations at once in one environment (protocol.md 1.7)."""
    name = "AWS_LAMBDA_MAX_CONCURRENCY"
    value = environment.get(name, "1")
    if value != "1":
        raise SettingsError(
            f"{name} is {value!r}: this runtime serves one invocation at a time; use a function without a capacity "
            "provider, or set its concurrency per execution environment to 1"
        )


def _choice(environment: Mapping[str, str], name: str, *, default: str, allowed: tuple[str, ...]) -> str:
    value = environment.get(name, default)
    if value not in allowed:
        raise SettingsError(f"{name} is {value!r}; allowed are {', '.join(allowed)}")
    return value


def _is_on(environment: Mapping[str, str], name: str) -> bool:
    return _choice(environment, name, default="off", allowed=("on", "off")) == "on"


def _rate(environment: Mapping[str, str], name: str) -> float:
    value = environment.get(name, "0")
    # Stricter than `float`, which takes nan, 1e-1 and 1_0.
    is_decimal = value.isascii() and value.replace(".", "", 1).isdecimal()
    rate = float(value) if is_decimal else -1.0
    if not 0 <= rate <= 1:
        raise SettingsError(f"{name} is {value!r}; allowed are decimal numbers from 0 to 1, such as 0, 0.1 and 1")
    return rate


def _front_doors(value: str | None) -> frozenset[str]:
    if value is None:
        return frozenset((FUNCTION_URL,))
    if value == "none":
        return frozenset()
    names = frozenset(name.strip() for name in value.split(","))
    if not all(_can_stream(*name.partition(":")) for name in names):
        raise SettingsError(
            f"{FRONT_DOORS} is {value!r}; allowed are none, or one or more of {', '.join(sorted(CAN_STREAM))}, "
            "separated by commas, each alone or with a part: function-url:live, rest-api:GET /chat"
        )
    return names


def _can_stream(door: str, colon: str, part: str) -> bool:
    return door in CAN_STREAM and bool(colon) == bool(part)
