"""The function's environment variables: which ones are ours, which are Lambda's, which are the user's.

The runtime works without any variable but the wrapper. The one it may need is which front doors stream,
because the event does not say so; what it takes for granted without being told is `DEFAULT_FRONT_DOORS`.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from enum import Enum

WRAPPER_VARIABLE = "AWS_LAMBDA_EXEC_WRAPPER"
WRAPPER_PATH = "/opt/bootstrap"
SETTINGS_PREFIX = "LAMBDA_STREAMING_"
FRONT_DOORS_VARIABLE = "LAMBDA_STREAMING_FRONT_DOORS"
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
    """Where a request enters; only these can stream a response."""

    FUNCTION_URL = "function-url"
    REST_API = "rest-api"


def _one_of(*allowed: str) -> Callable[[str], str]:
    return lambda value: "" if value in allowed else f"must be one of {', '.join(allowed)}"


def _wrapper_list(value: str) -> str:
    wrappers = value.split(":") if value else []
    if not all(wrapper.startswith("/") for wrapper in wrappers):
        return "must be absolute paths separated by colons, such as /opt/otel-instrument"
    if WRAPPER_PATH in wrappers:
        return f"must not hold {WRAPPER_PATH}, the streaming runtime itself, which is started after them"
    return ""


def _interpreter(value: str) -> str:
    is_name_or_path = value != "" and ("/" not in value or value.startswith("/"))
    return (
        "" if is_name_or_path else "must be the name of a Python on PATH or its absolute path, such as /opt/bin/python3"
    )


SWITCHES: Mapping[str, Callable[[str], str]] = {
    "LAMBDA_STREAMING_EMPTY_BODY": _one_of("newline", "empty"),
    "LAMBDA_STREAMING_EXEC_WRAPPERS": _wrapper_list,
    "LAMBDA_STREAMING_GRACEFUL_SHUTDOWN": _one_of("on", "off"),
    "LAMBDA_STREAMING_PYTHON": _interpreter,
}
"""The runtime's switches that are the user's to set, and what is wrong with a value: an empty text if nothing is."""

DEFAULT_FRONT_DOORS = frozenset({FrontDoor.FUNCTION_URL})


def format_front_doors(front_doors: Collection[FrontDoor]) -> str:
    """Return the value of `FRONT_DOORS_VARIABLE` that tells the runtime which front doors stream."""
    return ",".join(sorted(door.value for door in front_doors)) or "none"


def check_front_doors(front_doors: object) -> None:
    """Refuse anything but a collection of front doors."""
    if not isinstance(front_doors, Collection) or not all(isinstance(door, FrontDoor) for door in front_doors):
        members = ", ".join(str(door) for door in FrontDoor)
        raise TypeError(f"front_doors must be a list of members of FrontDoor ({members}), got {front_doors!r}")


def check_environment(environment: Mapping[str, str]) -> None:
    """Refuse variables that the function cannot have, each with the reason and the way out."""
    if not isinstance(environment, Mapping):
        raise TypeError(f"environment must be a mapping of str to str, got {environment!r}")
    for key, value in environment.items():
        check_variable(key, value)


def check_variable(key: str, value: str) -> None:
    """Refuse one variable that the function cannot have."""
    if not isinstance(key, str):
        raise TypeError(f"the name of an environment variable must be a str, got {key!r}")
    if key == WRAPPER_VARIABLE:
        raise ValueError(
            f"environment variable {key} cannot be set to {value!r}: Lambda has one wrapper slot, and the "
            f"streaming runtime is started from it ({WRAPPER_PATH}); leave the variable out, and name other wrappers "
            "in LAMBDA_STREAMING_EXEC_WRAPPERS"
        )
    if key.startswith(SETTINGS_PREFIX) and key not in SWITCHES:
        raise ValueError(
            f"environment variable {key} cannot be set to {value!r}: names that start with {SETTINGS_PREFIX} "
            "are how the construct tells the runtime what it wired; use the construct's options, such as "
            "invoke_mode, or choose another name"
        )
    if key in RESERVED_BY_LAMBDA:
        raise ValueError(
            f"environment variable {key} cannot be set to {value!r}: Lambda reserves the name and sets it "
            "itself; choose another name"
        )
    if not isinstance(value, str):
        raise TypeError(
            f"environment variable {key} must be a str, got {type(value).__name__} {value!r}; {_advise(value)}"
        )


def check_switch(key: str, value: str) -> None:
    """Refuse a value that the runtime would refuse at its start, if the variable is one of its switches."""
    wrong = SWITCHES[key](value) if key in SWITCHES else ""
    if wrong:
        raise ValueError(f"environment variable {key} {wrong}, got {value!r}")


def _advise(value: object) -> str:
    if value is None:
        return "leave the variable out or pass ''"
    if hasattr(value, "resolve"):
        return "pass Token.as_string(value)"
    return f"pass {str(value)!r}"
