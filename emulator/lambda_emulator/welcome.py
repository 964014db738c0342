"""Lines that `serve` prints at its start: functions, addresses, and differences from AWS."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from .emulator import Emulator
from .environments.interpreters import find_interpreter
from .environments.launch import reason_not_run
from .environments.sdk import has_sdk
from .functions import Function

_LOOPBACK_HOSTS = {"127.0.0.1", "::1", "localhost"}

_LISTED_FUNCTIONS = 3


def welcome(emulator: Emulator, host: str) -> Iterator[str]:
    """Yield the lines for an emulator that listens on `host`."""
    yield ""
    own, of_cdk = _split(emulator.functions)
    for function in own:
        yield from _function_lines(emulator, function)
    if of_cdk:
        yield f"Functions of the CDK itself, which do not run here: {_short_list(of_cdk)}"
        yield ""
    if not emulator.functions:
        yield f"No functions: {emulator.assembly_folder.absolute()} has no resource of type AWS::Lambda::Function"
        yield "  with code in the assembly or in the template. If your app has one, run `cdk synth` again, or pass"
        yield "  the folder that your app writes: lambda-streaming serve FOLDER"
        yield ""
    yield f"Lambda API   {emulator.lambda_api_url}"
    yield f'  boto3.client("lambda", endpoint_url="{emulator.lambda_api_url}", region_name="{_region(emulator)}")'
    yield f"AWS credentials: {emulator.credentials.description}"
    yield ""
    yield from (f"Warning: {warning}" for warning in _warnings(emulator, host))
    yield "Ready. Ctrl-C stops the emulator and all functions."


def _function_lines(emulator: Emulator, function: Function) -> Iterator[str]:
    yield f"{function.construct_path}   {function.name}"
    reason = reason_not_run(function)
    yield f"  {reason}" if reason else f"  {_runs_on(function)}, handler {function.handler}"
    for url, address in emulator.function_urls:
        if url.function == function:
            alias = f", alias {url.qualifier}" if url.qualifier else ""
            yield f"  Function URL {address}   ({url.invoke_mode.value}, {url.auth_type}{alias})"
            yield "  It answers each request with 502." if reason else f"  curl -N {address}"
    yield ""


def _split(functions: Iterable[Function]) -> tuple[list[Function], list[Function]]:
    """Return the functions of the app, and those of the CDK that do not run here."""
    of_cdk = [function for function in functions if function.is_made_by_cdk and reason_not_run(function)]
    return [function for function in functions if function not in of_cdk], of_cdk


def _short_list(functions: Sequence[Function]) -> str:
    shown = [function.construct_path for function in functions[:_LISTED_FUNCTIONS]]
    others = len(functions) - len(shown)
    return ", ".join([*shown, f"{others} more"] if others else shown)


def _runs_on(function: Function) -> str:
    if function.runs_own_bootstrap:
        return f"{function.runtime}, with the bootstrap of the function"
    interpreter = find_interpreter(function.runtime)
    return interpreter.difference(function.runtime) or f"{function.runtime} ({interpreter.path})"


def _warnings(emulator: Emulator, host: str) -> Iterator[str]:
    yield "IAM is not checked: signatures are not verified."
    if any(url.auth_type == "AWS_IAM" for url, _ in emulator.function_urls):
        yield "A Function URL with AWS_IAM lets any caller in here. On AWS it answers unsigned requests with 403."
    yield "Responses are not limited to Lambda's bandwidth, and extensions are not started."
    if not has_sdk():
        yield "boto3 is not installed beside the emulator. Functions can import it on AWS, but not here."
    if host not in _LOOPBACK_HOSTS:
        yield f"Listening on {host}: anyone who can reach this machine can run these functions."
    yield from emulator.assembly.warnings
    for function in _split(emulator.functions)[0]:
        yield from (f"{function.construct_path}: {warning}" for warning in function.placeholder_warnings)


def _region(emulator: Emulator) -> str:
    return next((function.region for function in emulator.functions), "us-east-1")
