"""The command `lambda-streaming`."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import logging
import os
import signal
import sys
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path

from .assembly import AssemblyError
from .emulator import DEFAULT_HOST, Emulator
from .http_server import PortTaken
from .logs import print_line
from .welcome import welcome


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; return its exit status."""
    options = _parse(arguments)
    logging.basicConfig(format="%(name)s: %(message)s")
    try:
        asyncio.run(_serve(options.assembly, options.host, options.port))
    except (AssemblyError, PortTaken, OSError) as error:
        print(_sentence(error), file=sys.stderr)
        return 1
    return 0


def _parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="lambda-streaming", description="A local AWS Lambda whose responses really stream."
    )
    parser.add_argument("--version", action="version", version=f"%(prog)s {version('lambda-streaming-emulator')}")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    serve = commands.add_parser(
        "serve",
        help="serve the functions of a synthesized CDK app",
        description="Serve the functions of a synthesized CDK app: their Function URLs and the Lambda API.",
    )
    serve.add_argument(
        "assembly", nargs="?", type=Path, default=Path("cdk.out"), metavar="ASSEMBLY", help="default: cdk.out"
    )
    serve.add_argument("--host", default=DEFAULT_HOST, help="address to listen on (default: %(default)s)")
    serve.add_argument(
        "--port",
        type=_port,
        default=9000,
        help="port of the Lambda API, Function URLs follow; 0 takes any free ports (default: %(default)s)",
    )
    return parser.parse_args(arguments)


def _port(text: str) -> int:
    port = int(text) if text.isdecimal() else -1
    if not 0 <= port <= 65535:
        raise argparse.ArgumentTypeError(f"{text!r} is not a port; allowed is a number from 0 to 65535")
    return port


async def _serve(assembly: Path, host: str, port: int) -> None:
    stop = _stop_signal()

    def print_or_stop(line: str) -> None:
        try:
            print_line(line)
        except BrokenPipeError:  # as in `serve | head`: nobody reads on
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            stop.set()

    async def serve() -> None:
        async with Emulator(assembly, host=host, port=port, print_line=print_or_stop) as emulator:
            for line in await asyncio.to_thread(lambda: list(welcome(emulator, host))):
                print_or_stop(line)
            await asyncio.Event().wait()  # until it is cancelled

    serving, stopped = asyncio.create_task(serve()), asyncio.create_task(stop.wait())
    await asyncio.wait((serving, stopped), return_when=asyncio.FIRST_COMPLETED)
    serving.cancel()  # also at its start, which takes long where functions are bundled again
    stopped.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await serving


def _stop_signal() -> asyncio.Event:
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    return stop


def _sentence(error: Exception) -> str:
    if isinstance(error, PortTaken):
        return f"{error}: end what listens there, or choose others with --port (0 takes any free ones)."
    return f"lambda-streaming: {error}"


if __name__ == "__main__":
    sys.exit(main())
