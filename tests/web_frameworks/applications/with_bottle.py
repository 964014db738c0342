from bottle import Bottle, HTTPResponse, redirect, request, response
from content import (
    BYTES_TYPE,
    COOKIES,
    DOCUMENT,
    EVENTS,
    EVENTS_TYPE,
    PIECES,
    TEXT_TYPE,
    Failure,
    broken_items,
    download,
    encoded_items,
    endless,
)

app = Bottle()


@app.get("/json")
def json():
    return DOCUMENT


@app.get("/text")
def text():
    response.content_type = TEXT_TYPE
    return encoded_items(PIECES, request.query.get("gate"))


@app.get("/events")
def events():
    response.content_type = EVENTS_TYPE
    return encoded_items(EVENTS, request.query.get("gate"))


@app.post("/echo")
def echo():
    response.content_type = request.content_type
    return request.body


@app.get("/download")
def read_download():
    response.content_type = BYTES_TYPE
    return download()


@app.get("/endless")
def read_endless():
    response.content_type = BYTES_TYPE
    return endless()


@app.get("/redirect")
def redirected():
    redirect("/json", 307)


@app.get("/slash/")
@app.get("/noslash")
def slash():
    return request.url


@app.get("/items/<name>")
def item(name):
    return {"name": name, "query": list(request.query.allitems())}


@app.get("/cookies")
def cookies():
    for name, value in COOKIES:
        response.set_cookie(name, value, path="/", httponly=True)
    return dict(request.cookies)


@app.get("/nothing")
def nothing():
    return HTTPResponse(status=204)


@app.get("/unchanged")
def unchanged():
    return HTTPResponse(status=304, etag='"1"')


@app.get("/empty")
def empty():
    return ""


@app.get("/fails")
def fails():
    raise Failure("before the first byte")


@app.get("/breaks")
def breaks():
    response.content_type = TEXT_TYPE
    return (item.encode() for item in broken_items(request.query.get("gate")))
