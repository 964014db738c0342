"""Ports for servers that cannot choose a free one themselves.

The operating system gives ports of its own range (Linux: 32768 to 60999) to each connection and each server that asks
for any port. These are below it: between the choice and the server's start no other test gets the same one, and no
connection to the port can be answered by itself, as TCP allows within that range.
"""

from __future__ import annotations

import random
import socket
import subprocess
from contextlib import ExitStack

PORTS = range(10_000, 32_000)
SECONDS_BETWEEN_ATTEMPTS = 0.01


def free_ports(count: int = 1) -> int:
    """Return the first of `count` free ports in a row."""
    while True:
        first = random.choice(PORTS[: -count + 1 or None])
        with ExitStack() as stack:
            try:
                for port in range(first, first + count):
                    stack.enter_context(socket.create_server(("127.0.0.1", port)))
            except OSError:
                continue
            return first


def wait_until_listening(port: int, process: subprocess.Popen[str]) -> bool:
    """Return True when the port accepts a connection, False when the process ends first."""
    while True:
        try:
            socket.create_connection(("127.0.0.1", port)).close()
        except ConnectionRefusedError:
            try:
                process.wait(SECONDS_BETWEEN_ATTEMPTS)
            except subprocess.TimeoutExpired:
                continue
            return False
        return True
