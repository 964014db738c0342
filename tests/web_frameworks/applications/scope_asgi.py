"""Answers each request with its scope and body, as JSON."""

import json


async def app(scope, receive, send):
    if scope["type"] == "lifespan":
        await run_lifespan(scope, receive, send)
        return
    body = b""
    is_more = True
    while is_more:
        message = await receive()
        body += message["body"]
        is_more = message["more_body"]
    fields = {name: plain(value) for name, value in scope.items() if not name.startswith("aws.")}
    answer = json.dumps({**fields, "body": plain(body)}).encode()
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"application/json")]})
    await send({"type": "http.response.body", "body": answer})


async def run_lifespan(scope, receive, send):
    scope["state"]["ready"] = True
    for kind in ("startup", "shutdown"):
        await receive()
        await send({"type": f"lifespan.{kind}.complete"})


def plain(value):
    if isinstance(value, bytes):
        return value.decode("latin-1")
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    return value
