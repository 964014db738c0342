import falcon
from content import (
    BYTES_TYPE,
    COOKIES,
    DOCUMENT,
    EVENTS,
    EVENTS_TYPE,
    PIECES,
    Failure,
    broken_items,
    download,
    encoded_items,
    endless,
)


class Route:
    """A route with the same function for each of its methods."""

    def __init__(self, answer, *methods):
        for method in methods or ("get",):
            setattr(self, f"on_{method}", answer)


def json(request, response):
    response.media = DOCUMENT


def text(request, response):
    response.content_type = falcon.MEDIA_TEXT
    response.stream = encoded_items(PIECES, request.get_param("gate"))


def events(request, response):
    response.content_type = EVENTS_TYPE
    response.stream = encoded_items(EVENTS, request.get_param("gate"))


def echo(request, response):
    response.content_type = request.content_type
    response.data = request.bounded_stream.read()


def read_download(request, response):
    response.content_type = BYTES_TYPE
    response.stream = download()


def read_endless(request, response):
    response.content_type = BYTES_TYPE
    response.stream = endless()


def redirect(request, response):
    raise falcon.HTTPTemporaryRedirect("/json")


def slash(request, response):
    response.text = request.url


def item(request, response, name):
    response.media = {"name": name, "query": request.params}


def cookies(request, response):
    for name, value in COOKIES:
        response.set_cookie(name, value, path="/", secure=False)
    response.media = request.cookies


def nothing(request, response):
    response.status = 204


def unchanged(request, response):
    response.status = 304
    response.etag = "1"


def empty(request, response): ...


def fails(request, response):
    raise Failure("before the first byte")


def breaks(request, response):
    response.content_type = falcon.MEDIA_TEXT
    response.stream = (item.encode() for item in broken_items(request.get_param("gate")))


app = falcon.App()
app.add_route("/json", Route(json, "get", "head"))
app.add_route("/text", Route(text, "get", "head"))
app.add_route("/events", Route(events))
app.add_route("/echo", Route(echo, "post"))
app.add_route("/download", Route(read_download))
app.add_route("/endless", Route(read_endless))
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
