"""Environment variables of the function: the library's, Lambda's and the user's.

The runtime needs only the wrapper's variable. Another variable lists the front doors that stream, because the event
does not say so. Without it the runtime assumes `DEFAULT_FRONT_DOORS`.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Collection, Mapping
from enum import Enum
from typing import Any

from cdk_lambda_streaming.cdk.reference_text import is_token
from cdk_lambda_streaming.checks import application_variables
from cdk_lambda_streaming.checks.application_variables import one_of
from cdk_lambda_streaming.checks.quotas import ENVIRONMENT_BYTES, VARIABLE_NAME

WRAPPER_VARIABLE = "AWS_LAMBDA_EXEC_WRAPPER"
WRAPPER_PATH = "/opt/bootstrap"
SETTINGS_PREFIX = "LAMBDA_STREAMING_"
FRONT_DOORS_VARIABLE = "LAMBDA_STREAMING_FRONT_DOORS"
EXEC_WRAPPERS_VARIABLE = "LAMBDA_STREAMING_EXEC_WRAPPERS"
SAMPLE_RATE_VARIABLE = "LAMBDA_STREAMING_METRICS_SAMPLE_RATE"
PYTHON_VARIABLE = "LAMBDA_STREAMING_PYTHON"
GRACEFUL_SHUTDOWN_VARIABLE = "LAMBDA_STREAMING_GRACEFUL_SHUTDOWN"
WEB_ADAPTER_PREFIX = "AWS_LWA_"
WEB_ADAPTER_INVOKE_MODE = "AWS_LWA_INVOKE_MODE"
# https://github.com/aws/aws-lambda-web-adapter, version 1.1.0. It ignores misspelt variables silently.
WEB_ADAPTER_VARIABLES = frozenset(
    WEB_ADAPTER_PREFIX + name
    for name in (
        "ASYNC_INIT",
        "AUTHORIZATION_SOURCE",
        "ENABLE_COMPRESSION",
        "ERROR_STATUS_CODES",
        "EXTENSION_REGISTER_BASE_MS",
        "HOST",
        "INVOKE_MODE",
        "LAMBDA_RUNTIME_API_PROXY",
        "PASS_THROUGH_PATH",
        "POOL_IDLE_TIMEOUT_SECONDS",
        "PORT",
        "READINESS_CHECK_HEALTHY_STATUS",
        "READINESS_CHECK_MIN_UNHEALTHY_STATUS",
        "READINESS_CHECK_PATH",
        "READINESS_CHECK_PORT",
        "READINESS_CHECK_PROTOCOL",
        "READINESS_CHECK_TIMEOUT_SECONDS",
        "REMOVE_BASE_PATH",
        "SNAPSTART_AFTER_RESTORE_PATH",
        "SNAPSTART_BEFORE_CHECKPOINT_PATH",
    )
)
# https://docs.aws.amazon.com/lambda/latest/dg/configuration-envvars.html#configuration-envvars-runtime
RESERVED_BY_LAMBDA = frozenset(
    {
        "AWS_ACCESS_KEY",
        "AWS_ACCESS_KEY_ID",
        "AWS_DEFAULT_REGION",
        "AWS_EXECUTION_ENV",
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE",
        "AWS_LAMBDA_FUNCTION_NAME",
        "AWS_LAMBDA_FUNCTION_VERSION",
        "AWS_LAMBDA_INITIALIZATION_TYPE",
        "AWS_LAMBDA_LOG_GROUP_NAME",
        "AWS_LAMBDA_LOG_STREAM_NAME",
        "AWS_LAMBDA_MAX_CONCURRENCY",
        "AWS_LAMBDA_RUNTIME_API",
        "AWS_REGION",
        "AWS_SECRET_ACCESS_KEY",
        "AWS_SESSION_TOKEN",
        "LAMBDA_RUNTIME_DIR",
        "LAMBDA_TASK_ROOT",
        "_HANDLER",
        "_X_AMZN_TRACE_ID",
    }
)


class FrontDoor(Enum):
    """Front door that can stream a response."""

    FUNCTION_URL = "function-url"
    REST_API = "rest-api"


def _wrapper_list(value: str) -> str:
    wrappers = value.split(":") if value else []
    if not all(wrapper.startswith("/") for wrapper in wrappers):
        return "must be absolute paths separated by colons, such as /opt/otel-instrument"
    if WRAPPER_PATH in wrappers:
        return f"must not contain {WRAPPER_PATH}, the streaming runtime itself, which starts after them"
    return ""


def _interpreter(value: str) -> str:
    is_name_or_path = value != "" and ("/" not in value or value.startswith("/"))
    rule = "must be the name of a Python on PATH or its absolute path, such as /opt/bin/python3"
    return "" if is_name_or_path else rule


def _sample_rate(value: str) -> str:
    is_decimal = value.isascii() and value.replace(".", "", 1).isdecimal()
    return "" if is_decimal and float(value) <= 1 else "must be a decimal number from 0 to 1"


SWITCHES: Mapping[str, Callable[[str], str]] = {
    "LAMBDA_STREAMING_EMPTY_BODY": one_of("newline", "empty"),
    "LAMBDA_STREAMING_ERROR_EVENT": one_of("on", "off"),
    EXEC_WRAPPERS_VARIABLE: _wrapper_list,
    GRACEFUL_SHUTDOWN_VARIABLE: one_of("on", "off"),
    PYTHON_VARIABLE: _interpreter,
}
"""Variables of the runtime that users can set. A check returns the rule that a value breaks, or an empty text."""

# Variables that options of the construct set. On an attached function the user sets them.
_CHECKS: Mapping[str, Callable[[str], str]] = {
    **SWITCHES,
    SAMPLE_RATE_VARIABLE: _sample_rate,
    **application_variables.CHECKS,
}

_WRAPPER_VARIABLES = (WRAPPER_VARIABLE, EXEC_WRAPPERS_VARIABLE)

_RUNTIME_VARIABLES = (*_CHECKS, FRONT_DOORS_VARIABLE)

# Options of the construct for the variables that users cannot set.
_OPTIONS = {
    FRONT_DOORS_VARIABLE: "front_doors",
    SAMPLE_RATE_VARIABLE: "stream_metrics_sample_rate",
    **application_variables.OPTIONS,
}

DEFAULT_FRONT_DOORS = frozenset({FrontDoor.FUNCTION_URL})


def format_front_doors(front_doors: Collection[FrontDoor]) -> str:
    """Return the value of `FRONT_DOORS_VARIABLE` for the front doors that stream."""
    return ",".join(sorted(door.value for door in front_doors)) or "none"


def check_front_doors(front_doors: object) -> None:
    """Reject a value that is not a collection of front doors."""
    if not isinstance(front_doors, Collection) or not all(isinstance(door, FrontDoor) for door in front_doors):
        members = ", ".join(str(door) for door in FrontDoor)
        raise TypeError(f"front_doors must be a list of members of FrontDoor ({members}), got {front_doors!r}")


def check_variable(key: str, value: str) -> None:
    """Reject a variable that a function with the streaming runtime cannot have."""
    check_any_variable(key, value)
    if key == WRAPPER_VARIABLE:
        raise ValueError(
            f"environment variable {key} cannot be set to {value!r}: Lambda has one wrapper slot, and the streaming "
            f"runtime uses it ({WRAPPER_PATH}); OS-only runtimes and images ignore the variable. Leave it out, and "
            "name other wrappers in exec_wrappers, which works everywhere"
        )
    if key.startswith(SETTINGS_PREFIX) and key not in SWITCHES:
        way_out = f"pass {_OPTIONS[key]}" if key in _OPTIONS else "choose another name"
        raise ValueError(
            f"environment variable {key} cannot be set to {value!r}: the library reserves names that start with "
            f"{SETTINGS_PREFIX}; {way_out}"
        )


def check_environment(environment: Mapping[str, str], check: Callable[[str, str], None] = check_variable) -> None:
    """Reject variables that the function cannot have."""
    if not isinstance(environment, Mapping):
        raise TypeError(f"environment must be a mapping of str to str, got {environment!r}")
    for key, value in environment.items():
        check(key, value)
    _check_size(environment)


def _check_size(environment: Mapping[str, str]) -> None:
    text = "".join(f"{key}{value}" for key, value in environment.items())
    size = len(text.encode())
    if size > ENVIRONMENT_BYTES and not is_token(text):
        largest = max(environment, key=lambda key: len(environment[key]))
        raise ValueError(
            f"environment must have at most 4 KB of names and values, got {size} bytes; the largest variable is "
            f"{largest}. Keep long values in Systems Manager or in a file beside the code"
        )


def check_any_variable(key: str, value: str) -> None:
    """Reject a variable that no function can have, or whose name is misspelt."""
    if not isinstance(key, str):
        raise TypeError(f"the name of an environment variable must be a str, got {key!r}")
    if key in RESERVED_BY_LAMBDA:
        raise ValueError(
            f"environment variable {key} cannot be set to {value!r}: Lambda reserves the name and sets it; choose "
            "another name"
        )
    if not VARIABLE_NAME.fullmatch(key) and not is_token(key):
        raise ValueError(
            "the name of an environment variable must be two characters or more, letters, digits and _, the first a "
            f"letter, got {key!r}"
        )
    meant = find_misspelt(key)
    if meant:
        raise ValueError(_unknown_variable(key, meant))
    if not isinstance(value, str):
        raise TypeError(
            f"environment variable {key} must be a str, got {type(value).__name__} {value!r}; {_advise(value)}"
        )


def find_misspelt(key: str) -> str:
    """Return the name that a misspelt variable resembles, or nothing if the name may be right."""
    if key.startswith("AWS_LAMBDA_EX") or key.endswith("EXEC_WRAPPER"):
        close = [] if key == WRAPPER_VARIABLE else difflib.get_close_matches(key, _WRAPPER_VARIABLES, n=1, cutoff=0.8)
    elif key.startswith("AWS_LWA") and key not in WEB_ADAPTER_VARIABLES:
        # A name that resembles none of them may belong to a later version.
        close = difflib.get_close_matches(key, WEB_ADAPTER_VARIABLES, n=1, cutoff=0.8)
    elif key not in _RUNTIME_VARIABLES:
        close = difflib.get_close_matches(key, _RUNTIME_VARIABLES, n=1, cutoff=0.9)
    else:
        return ""
    return close[0] if close else ""


def wrong_variables(variables: Mapping[str, Any]) -> list[str]:
    """Return the problems of all variables of a function with the streaming runtime."""
    problems = misspelt_variables(variables)
    for key, value in variables.items():
        if isinstance(value, str):  # A token is not a str here.
            try:
                check_switch(key, value)
            except ValueError as error:
                problems.append(str(error))
    return problems


def misspelt_variables(variables: Mapping[str, Any]) -> list[str]:
    """Return the problems of the names of a function's variables."""
    return [_unknown_variable(key, find_misspelt(key)) for key in variables if find_misspelt(key)]


def _unknown_variable(key: str, meant: str) -> str:
    return f"unknown environment variable {key}; did you mean {meant}?"


def check_switch(key: str, value: str) -> None:
    """Reject a value that the runtime would reject at its start."""
    wrong = _CHECKS[key](value) if key in _CHECKS else ""
    if wrong:
        raise ValueError(f"environment variable {key} {wrong}, got {value!r}")


def _advise(value: object) -> str:
    if value is None:
        return "leave the variable out or pass ''"
    if hasattr(value, "resolve"):
        return "pass Token.as_string(value)"
    return f"pass {str(value)!r}"
