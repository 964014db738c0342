"""Command and environment of a function's process.

The command is that of AWS's own start script, the environment is Lambda's. Nothing of the emulator's own environment
reaches the function but AWS credentials, if they are passed on.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from ..functions import EXEC_WRAPPER_VARIABLE, Function
from ..invocation import InvocationError
from .interpreters import Interpreter
from .layout import Layout

LOG_FRAMES_VARIABLE = "_LAMBDA_TELEMETRY_LOG_FD"
"""Variable with the descriptor for frames of log records."""


class CannotStart(Exception):
    """The process cannot start. `error` goes to the caller, the message to the log."""

    def __init__(self, error_type: str, message: str) -> None:
        super().__init__(message)
        self.error = InvocationError.of(error_type, message)


def reason_not_run(function: Function) -> str:
    """Return the reason why a function cannot run here, or an empty text if it can."""
    if function.runs_own_bootstrap or (function.runtime.startswith("python") and function.exec_wrapper):
        return ""
    return (
        f"{function.name} does not run here: it needs AWS's own {function.runtime or 'container image'} runtime. "
        "The emulator runs Python functions with an exec wrapper, and functions on OS-only runtimes."
    )


def writes_log_frames(function: Function) -> bool:
    """Return True for managed runtimes. Others log to stdout and stderr."""
    return not function.runs_own_bootstrap


def launch_command(function: Function, layout: Layout, interpreter: Interpreter) -> list[str]:
    """Return the command of the process. Raise `CannotStart` if Lambda would fail to start it."""
    reason = reason_not_run(function)
    if reason:
        raise CannotStart("Emulator.NotSupported", reason)
    if function.runs_own_bootstrap:
        return [str(_own_bootstrap(layout))]
    wrapper = Path(layout.local_path(function.exec_wrapper))
    if not wrapper.is_file():
        raise _exit_error(f"{function.exec_wrapper}: does not exist", exit_status=127)
    if not os.access(wrapper, os.X_OK):
        raise _exit_error(f"{function.exec_wrapper}: is not an executable", exit_status=126)
    return [str(wrapper), str(interpreter.path), str(layout.runtime / "bootstrap.py")]


def _own_bootstrap(layout: Layout) -> Path:
    candidates = [layout.task / "bootstrap", layout.opt / "bootstrap"]
    found = next((candidate for candidate in candidates if candidate.is_file()), None)
    if found is None:
        message = "Couldn't find valid bootstrap(s): [/var/task/bootstrap /opt/bootstrap]"
        raise CannotStart("Runtime.InvalidEntrypoint", message)
    return found


def _exit_error(message: str, exit_status: int) -> CannotStart:
    return CannotStart("Runtime.ExitError", f"{message} (exit status {exit_status})")


def process_variables(
    function: Function,
    layout: Layout,
    interpreter: Interpreter,
    *,
    runtime_api: str,
    local_addresses: Mapping[str, str],
    log_stream: str,
    credentials: Mapping[str, str],
) -> dict[str, str]:
    """Return the whole environment of the process.

    In the function's own variables, paths of Lambda become paths of this machine, and addresses of Function URLs become
    local ones (`local_addresses`).
    """
    own = {
        name: layout.translate(_with_local_addresses(value, local_addresses))
        for name, value in function.environment.items()
    }
    variables = {
        "LANG": "en_US.UTF-8",
        "TZ": ":UTC",
        "PATH": f"/usr/local/bin:/usr/bin:/bin:{layout.opt}/bin",
        "LD_LIBRARY_PATH": _library_path(layout, interpreter),
        "LAMBDA_TASK_ROOT": str(layout.task),
        "LAMBDA_RUNTIME_DIR": str(layout.runtime),
        "_HANDLER": function.handler,
        "AWS_LAMBDA_FUNCTION_NAME": function.name,
        "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(function.memory_size_mb),
        "AWS_LAMBDA_LOG_GROUP_NAME": f"/aws/lambda/{function.name}",
        "AWS_LAMBDA_LOG_STREAM_NAME": log_stream,
        "AWS_LAMBDA_LOG_FORMAT": function.log_format,
        "AWS_LAMBDA_INITIALIZATION_TYPE": "on-demand",
        "AWS_LAMBDA_RUNTIME_API": runtime_api,
        "AWS_REGION": function.region,
        "AWS_DEFAULT_REGION": function.region,
        "AWS_XRAY_CONTEXT_MISSING": "LOG_ERROR",
        **credentials,
        **own,
    }
    if function.application_log_level:
        variables["AWS_LAMBDA_LOG_LEVEL"] = function.application_log_level
    if not function.runs_own_bootstrap:
        variables["AWS_EXECUTION_ENV"] = f"AWS_Lambda_{function.runtime}"
    if EXEC_WRAPPER_VARIABLE in function.environment:
        variables[EXEC_WRAPPER_VARIABLE] = layout.local_path(function.environment[EXEC_WRAPPER_VARIABLE])
    return variables


def _with_local_addresses(value: str, local_addresses: Mapping[str, str]) -> str:
    for address, local_address in local_addresses.items():
        value = value.replace(address, local_address)
    return value


def _library_path(layout: Layout, interpreter: Interpreter) -> str:
    folders = [interpreter.library_path, f"{layout.task}", f"{layout.task}/lib", f"{layout.opt}/lib"]
    return ":".join(folder for folder in folders if folder)
