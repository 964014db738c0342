"""The content of every application, so that each module has only its framework's own code.

`/text`, `/events` and `/breaks` take the port of a gate in the query string. Between the first piece and the second
they wait until the test opens it.
"""

from __future__ import annotations

import asyncio
import socket

DOCUMENT = {"text": "café", "numbers": [1, 2.5, None], "nested": {"is": True}}
TEXT_TYPE = "text/plain; charset=utf-8"
EVENTS_TYPE = "text/event-stream"
BYTES_TYPE = "application/octet-stream"
PIECES = ("first\n", "second: ü\n", "third\n")
EVENTS = ("event: token\ndata: first\n\n", "data: second\nid: 2\n\n", ": comment\n\ndata: [DONE]\n\n")
COOKIES = (("session", "abc123"), ("theme", "dark"))

# Larger than the 6 MB of a buffered response.
DOWNLOAD_PIECE = bytes(range(256)) * 256
DOWNLOAD_COUNT = 110


class Failure(Exception):
    """Raised by the routes that fail."""


def wait(port: str | None) -> None:
    if port:
        with socket.create_connection(("127.0.0.1", int(port))) as gate:
            gate.recv(1)


async def wait_async(port: str | None) -> None:
    if port:
        await asyncio.to_thread(wait, port)


def items(values, port):
    for number, value in enumerate(values):
        if number == 1:
            wait(port)
        yield value


async def async_items(values, port):
    for number, value in enumerate(values):
        if number == 1:
            await wait_async(port)
        yield value


def encoded_items(values, port):
    return (value.encode() for value in items(values, port))


def broken_items(port):
    yield PIECES[0]
    wait(port)
    raise Failure("after the first byte")


async def async_broken_items(port):
    yield PIECES[0]
    await wait_async(port)
    raise Failure("after the first byte")


def download():
    for _ in range(DOWNLOAD_COUNT):
        yield DOWNLOAD_PIECE


async def async_download():
    for _ in range(DOWNLOAD_COUNT):
        yield DOWNLOAD_PIECE


def endless():
    while True:
        yield DOWNLOAD_PIECE


async def async_endless():
    while True:
        yield DOWNLOAD_PIECE
