"""Handler that shows that a piece leaves before the next one is made.

Between two pieces it waits for a byte from a port of its own machine. The demo and the tests only send the byte after
they have received the first piece.
"""

import socket


def handler(event, context):
    port = int(event["queryStringParameters"]["port"])
    yield "first\n"
    with socket.create_connection(("127.0.0.1", port), timeout=30) as signal:
        signal.recv(1)
    yield "second\n"
