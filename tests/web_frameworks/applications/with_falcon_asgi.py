import falcon
import falcon.asgi
from content import (
    BYTES_TYPE,
    COOKIES,
    DOCUMENT,
    EVENTS,
    EVENTS_TYPE,
    PIECES,
    Failure,
    async_broken_items,
    async_download,
    async_endless,
    async_items,
    wait_async,
)


class Route:
    """A route with the same function for each of its methods."""

    def __init__(self, answer, *methods):
        for method in methods or ("get",):
            setattr(self, f"on_{method}", answer)


async def encoded(pieces):
    async for piece in pieces:
        yield piece.encode()


async def json(request, response):
    response.media = DOCUMENT


async def text(request, response):
    response.content_type = falcon.MEDIA_TEXT
    response.stream = encoded(async_items(PIECES, request.get_param("gate")))


async def events(request, response):
    response.content_type = EVENTS_TYPE
    response.stream = encoded(async_items(EVENTS, request.get_param("gate")))


async def echo(request, response):
    response.content_type = request.content_type
    response.data = await request.stream.read()


async def download(request, response):
    response.content_type = BYTES_TYPE
    response.stream = async_download()


async def endless(request, response):
    response.content_type = BYTES_TYPE
    response.stream = async_endless()


async def redirect(request, response):
    raise falcon.HTTPTemporaryRedirect("/json")


async def slash(request, response):
    response.text = request.url


async def item(request, response, name):
    response.media = {"name": name, "query": request.params}


async def cookies(request, response):
    for name, value in COOKIES:
        response.set_cookie(name, value, path="/", secure=False)
    response.media = request.cookies


async def nothing(request, response):
    response.status = 204


async def unchanged(request, response):
    response.status = 304
    response.etag = "1"


async def empty(request, response): ...


async def fails(request, response):
    raise Failure("before the first byte")


async def breaks(request, response):
    response.content_type = falcon.MEDIA_TEXT
    response.stream = encoded(async_broken_items(request.get_param("gate")))


async def task(request, response):
    port = request.get_param("gate")

    async def wait_at_gate():
        await wait_async(port)

    response.schedule(wait_at_gate)
    response.media = "accepted"


app = falcon.asgi.App()
app.add_route("/json", Route(json, "get", "head"))
app.add_route("/text", Route(text, "get", "head"))
app.add_route("/events", Route(events))
app.add_route("/echo", Route(echo, "post"))
app.add_route("/download", Route(download))
app.add_route("/endless", Route(endless))
app.add_route("/redirect", Route(redirect))
app.add_route("/slash/", Route(slash))
app.add_route("/noslash", Route(slash))
app.add_route("/items/{name}", Route(item))
app.add_route("/cookies", Route(cookies))
app.add_route("/nothing", Route(nothing))
app.add_route("/unchanged", Route(unchanged))
app.add_route("/empty", Route(empty))
app.add_route("/fails", Route(fails))
app.add_route("/breaks", Route(breaks))
app.add_route("/task", Route(task))
