"""Proof that a piece leaves before the next one is made.

Between two pieces the handler waits until somebody connects it to a port of its own machine; the demo and the tests
listen there only after they have seen the first piece.
"""

import socket


def handler(event, context):
    port = int(event["queryStringParameters"]["port"])
    yield "first\n"
    with socket.create_connection(("127.0.0.1", port), timeout=30) as signal:
        signal.recv(1)
    yield "second\n"
