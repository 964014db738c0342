import json
from urllib.parse import parse_qs

from content import (
    BYTES_TYPE,
    COOKIES,
    DOCUMENT,
    EVENTS,
    EVENTS_TYPE,
    PIECES,
    TEXT_TYPE,
    Failure,
    async_broken_items,
    async_download,
    async_endless,
    async_items,
    wait_async,
)


async def app(scope, receive, send):
    if scope["type"] != "http":
        raise NotImplementedError(scope["type"])
    request = Request(scope, receive, send)
    await ROUTES.get(scope["path"], missing)(request)


class Request:
    def __init__(self, scope, receive, send):
        self.scope = scope
        self.receive = receive
        self.send = send

    @property
    def gate(self):
        return parse_qs(self.scope["query_string"].decode()).get("gate", [None])[0]

    def header(self, name):
        return next((value for key, value in self.scope["headers"] if key == name), b"")

    async def body(self):
        body = b""
        is_more = True
        while is_more:
            message = await self.receive()
            body += message["body"]
            is_more = message["more_body"]
        return body

    async def start(self, status, *headers):
        encoded = [(name.encode(), value.encode()) for name, value in headers]
        await self.send({"type": "http.response.start", "status": status, "headers": encoded})

    async def end(self, body=b""):
        await self.send({"type": "http.response.body", "body": body})

    async def stream(self, content_type, pieces):
        await self.start(200, ("content-type", content_type))
        async for piece in pieces:
            body = piece if isinstance(piece, bytes) else piece.encode()
            await self.send({"type": "http.response.body", "body": body, "more_body": True})
        await self.end()


async def missing(request):
    await request.start(404)
    await request.end()


async def read_json(request):
    body = json.dumps(DOCUMENT).encode()
    await request.start(200, ("content-type", "application/json"), ("content-length", str(len(body))))
    await request.end(body)


async def text(request):
    await request.stream(TEXT_TYPE, async_items(PIECES, request.gate))


async def events(request):
    await request.stream(EVENTS_TYPE, async_items(EVENTS, request.gate))


async def echo(request):
    body = await request.body()
    await request.start(200, ("content-type", request.header(b"content-type").decode()))
    await request.end(body)


async def download(request):
    await request.stream(BYTES_TYPE, async_download())


async def endless(request):
    await request.stream(BYTES_TYPE, async_endless())


async def redirect(request):
    await request.start(307, ("location", "/json"))
    await request.end()


async def cookies(request):
    headers = [("set-cookie", f"{name}={value}; Path=/") for name, value in COOKIES]
    await request.start(200, ("content-type", TEXT_TYPE), *headers)
    await request.end(request.header(b"cookie"))


async def nothing(request):
    await request.start(204)
    await request.end()


async def unchanged(request):
    await request.start(304, ("etag", '"1"'))
    await request.end()


async def empty(request):
    await request.start(200, ("content-type", TEXT_TYPE))
    await request.end()


async def fails(request):
    raise Failure("before the first byte")


async def breaks(request):
    await request.stream(TEXT_TYPE, async_broken_items(request.gate))


async def task(request):
    await request.start(200, ("content-type", TEXT_TYPE))
    await request.end(b"accepted")
    await wait_async(request.gate)


ROUTES = {
    "/json": read_json,
    "/text": text,
    "/events": events,
    "/echo": echo,
    "/download": download,
    "/endless": endless,
    "/redirect": redirect,
    "/cookies": cookies,
    "/nothing": nothing,
    "/unchanged": unchanged,
    "/empty": empty,
    "/fails": fails,
    "/breaks": breaks,
    "/task": task,
}
