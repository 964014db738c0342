"""Command `lambda-streaming`."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import logging
import math
import os
import resource
import signal
import sys
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path

from .access import host_name, normal_name
from .assembly.assembly import AssemblyError
from .emulator import DEFAULT_HOST, Emulator
from .environments.concurrency import DEFAULT_IDLE_SECONDS, DEFAULT_MAX_CONCURRENCY
from .environments.credentials import (
    Credentials,
    CredentialsError,
    no_credentials,
    profile_credentials,
    shell_credentials,
)
from .http_server import PortTaken
from .logs import print_line
from .welcome import welcome

_OPEN_FILES = 10_240
"""Enough for 1,000 execution environments and their callers."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command and return its exit status."""
    options = _parse(arguments)
    logging.basicConfig(format="%(asctime)s.%(msecs)03d %(name)s: %(message)s", datefmt="%H:%M:%S")
    try:
        _raise_limit_of_open_files()
        asyncio.run(_serve(options))
    except (AssemblyError, CredentialsError, PortTaken, OSError) as error:
        print(_error_text(error), file=sys.stderr)
        return 1
    return 0


def _parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="lambda-streaming", description="Run a local AWS Lambda whose responses stream."
    )
    parser.add_argument("--version", action="version", version=f"%(prog)s {version('lambda-streaming-emulator')}")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    serve = commands.add_parser(
        "serve",
        help="serve the functions of a synthesized CDK app",
        description="Serve the functions of a synthesized CDK app, through their Function URLs and the Lambda API.",
    )
    serve.add_argument(
        "assembly",
        nargs="?",
        type=Path,
        default=Path("cdk.out"),
        metavar="ASSEMBLY",
        help="folder that `cdk synth` writes (default: %(default)s)",
    )
    serve.add_argument("--host", default=DEFAULT_HOST, help="address to listen on (default: %(default)s)")
    serve.add_argument(
        "--port",
        type=_port,
        default=9000,
        help="port of the Lambda API; Function URLs use the ports after it; 0 takes free ports (default: %(default)s)",
    )
    serve.add_argument(
        "--allowed-host",
        action="append",
        default=[],
        type=_name,
        metavar="NAME",
        help="name in the header Host of requests, besides the address and localhost; may be given several times",
    )
    credentials = serve.add_mutually_exclusive_group()
    credentials.add_argument(
        "--profile",
        metavar="NAME",
        help="pass the AWS credentials of this profile to the functions (default: those that the shell exports)",
    )
    credentials.add_argument("--no-credentials", action="store_true", help="pass no AWS credentials to the functions")
    serve.add_argument(
        "--max-concurrency",
        type=_count,
        default=DEFAULT_MAX_CONCURRENCY,
        metavar="COUNT",
        help="invocations that may run at once, of all functions; more are answered with 429 (default: %(default)s)",
    )
    serve.add_argument(
        "--idle-seconds",
        type=_seconds,
        default=DEFAULT_IDLE_SECONDS,
        metavar="SECONDS",
        help="time after which an idle execution environment ends, but for one of each function (default: %(default)g)",
    )
    serve.add_argument(
        "--lazy",
        action="store_true",
        help="start functions at their first invocation, not at once; failures of their init show later",
    )
    return parser.parse_args(arguments)


def _name(text: str) -> str:
    name = host_name(text)
    if not name or name != normal_name(text) or "*" in name:
        raise argparse.ArgumentTypeError(f"{text!r} is not a name; use one without scheme and port, as my.example")
    return name


def _port(text: str) -> int:
    port = int(text) if text.isdecimal() else -1
    if not 0 <= port <= 65535:
        raise argparse.ArgumentTypeError(f"{text!r} is not a port; use a number from 0 to 65535")
    return port


def _count(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a count; use a whole number from 1")
    return int(text)


def _seconds(text: str) -> float:
    with contextlib.suppress(ValueError):
        if 0 <= float(text) < math.inf:
            return float(text)
    raise argparse.ArgumentTypeError(f"{text!r} is not a number of seconds; use a number from 0")


def _credentials(options: argparse.Namespace) -> Credentials:
    if options.no_credentials:
        return no_credentials()
    return profile_credentials(options.profile) if options.profile else shell_credentials(os.environ)


def _raise_limit_of_open_files() -> None:
    """Raise the soft limit, which is 256 on macOS. Each execution environment and each caller needs some."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = _OPEN_FILES if hard == resource.RLIM_INFINITY else min(hard, _OPEN_FILES)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        with contextlib.suppress(ValueError, OSError):  # macOS has a lower limit, which it does not tell
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


async def _serve(options: argparse.Namespace) -> None:
    credentials = _credentials(options)
    stop = _stop_signal()

    def print_or_stop(line: str) -> None:
        try:
            print_line(line)
        except BrokenPipeError:  # as in `serve | head`, which reads some lines only
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            stop.set()

    async def serve() -> None:
        async with Emulator(
            options.assembly,
            host=options.host,
            port=options.port,
            allowed_hosts=options.allowed_host,
            credentials=credentials,
            max_concurrency=options.max_concurrency,
            idle_seconds=options.idle_seconds,
            print_line=print_or_stop,
        ) as emulator:
            for line in await asyncio.to_thread(lambda: list(welcome(emulator, options.host))):
                print_or_stop(line)
            if not options.lazy:
                emulator.start_environments()
            await asyncio.Event().wait()  # until this task is cancelled

    serving, stopped = asyncio.create_task(serve()), asyncio.create_task(stop.wait())
    await asyncio.wait((serving, stopped), return_when=asyncio.FIRST_COMPLETED)
    serving.cancel()  # also during the start, which takes long if functions are bundled again
    stopped.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await serving


def _stop_signal() -> asyncio.Event:
    """Return an event that a signal sets. The second signal ends the emulator at once; its processes end with it."""
    stop = asyncio.Event()

    def stop_or_exit(number: int) -> None:
        if stop.is_set():
            os._exit(128 + number)
        stop.set()

    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        asyncio.get_running_loop().add_signal_handler(number, stop_or_exit, number)
    return stop


def _error_text(error: Exception) -> str:
    if isinstance(error, PortTaken):
        return f"{error}. Stop the program that listens there, or choose another port with --port (0 takes free ports)."
    return f"lambda-streaming: {error}"


if __name__ == "__main__":
    sys.exit(main())
