"""ASGI and WSGI applications of a few lines. Each waits at a gate of the test before its last words."""

import asyncio
import socket
from urllib.parse import parse_qs


def create_app():
    async def app(scope, receive, send):
        if scope["type"] == "lifespan":
            await answer_lifespan(receive, send)
            return
        await send({"type": "http.response.start", "status": 201, "headers": [(b"x-path", scope["path"].encode())]})
        await send({"type": "http.response.body", "body": b"one,", "more_body": True})
        await asyncio.to_thread(wait_at_gate, scope["query_string"].decode())
        await send({"type": "http.response.body", "body": b"two"})

    return app


async def answer_lifespan(receive, send):
    while True:
        message = await receive()
        await send({"type": f"{message['type']}.complete"})
        if message["type"] == "lifespan.shutdown":
            return


def application(environ, start_response):
    start_response("201 Created", [("x-path", environ["PATH_INFO"])])
    yield b"one,"
    wait_at_gate(environ["QUERY_STRING"])
    yield b"two"


def wait_at_gate(query):
    with socket.create_connection(("127.0.0.1", int(parse_qs(query)["port"][0])), timeout=20) as gate:
        gate.recv(1)
