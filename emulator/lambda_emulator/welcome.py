"""What `serve` prints at its start: where everything is, and what here is not as on AWS."""

from __future__ import annotations

from collections.abc import Iterator

from .emulator import Emulator
from .functions import Function
from .interpreter import find_interpreter
from .launch import reason_not_run
from .sdk import has_sdk

_LOOPBACK_HOSTS = {"127.0.0.1", "::1", "localhost"}


def welcome(emulator: Emulator, host: str) -> Iterator[str]:
    """Yield the lines of the block."""
    yield ""
    for function in emulator.functions:
        yield from _function_lines(emulator, function)
    if not emulator.functions:
        yield f"No functions: {emulator.assembly_folder.absolute()} has no resource of type AWS::Lambda::Function"
        yield "  in a template, with its code in the assembly or in the template itself. If your app has one, run"
        yield "  `cdk synth` again, or name the folder that your app writes: lambda-streaming serve FOLDER"
        yield ""
    yield f"Lambda API   {emulator.lambda_api_url}"
    yield f'  boto3.client("lambda", endpoint_url="{emulator.lambda_api_url}", region_name="{_region(emulator)}")'
    yield ""
    yield from (f"Note: {note}" for note in _notes(emulator, host))
    yield "Ready. Ctrl-C ends everything."


def _function_lines(emulator: Emulator, function: Function) -> Iterator[str]:
    yield f"{function.construct_path}   {function.name}"
    reason = reason_not_run(function)
    yield f"  {reason}" if reason else f"  {_runs_on(function)}, handler {function.handler}"
    for url, address in emulator.function_urls:
        if url.function == function:
            alias = f", alias {url.qualifier}" if url.qualifier else ""
            yield f"  Function URL {address}   ({url.invoke_mode.value}, {url.auth_type}{alias})"
            yield f"  curl -N {address}"
    yield ""


def _runs_on(function: Function) -> str:
    if function.runs_own_bootstrap:
        return f"{function.runtime}, its own bootstrap"
    interpreter = find_interpreter(function.runtime)
    return interpreter.difference(function.runtime) or f"{function.runtime} ({interpreter.path})"


def _notes(emulator: Emulator, host: str) -> Iterator[str]:
    yield "IAM is not checked yet: signatures are not verified."
    if any(url.auth_type == "AWS_IAM" for url, _ in emulator.function_urls):
        yield "A Function URL with AWS_IAM lets any caller in here; on AWS it answers 403 to unsigned requests."
    yield "Responses are not slowed down to Lambda's bandwidth; extensions are not started."
    if not has_sdk():
        yield "boto3 is not installed beside the emulator: functions lack it here, on AWS they have it."
    if host not in _LOOPBACK_HOSTS:
        yield f"Listening on {host}: whoever reaches this machine can run these functions."
    yield from emulator.assembly.notes
    for function in emulator.functions:
        for variable, missing in function.unresolved_variables.items():
            names = ", ".join(missing)
            yield f"{function.construct_path}: {variable} holds a placeholder, only a deployment knows {names}."


def _region(emulator: Emulator) -> str:
    return next((function.region for function in emulator.functions), "us-east-1")
