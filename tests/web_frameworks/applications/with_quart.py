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
from quart import Quart, Response, jsonify, redirect, request

app = Quart("shop")


async def encoded(pieces):
    async for piece in pieces:
        yield piece.encode()


@app.get("/json")
async def json():
    return DOCUMENT


@app.get("/text")
async def text():
    return Response(encoded(async_items(PIECES, request.args.get("gate"))), content_type=TEXT_TYPE)


@app.get("/events")
async def events():
    response = Response(encoded(async_items(EVENTS, request.args.get("gate"))), content_type=EVENTS_TYPE)
    response.timeout = None
    return response


@app.post("/echo")
async def echo():
    return Response(await request.get_data(), content_type=request.content_type)


@app.get("/download")
async def download():
    return Response(async_download(), content_type=BYTES_TYPE)


@app.get("/endless")
async def endless():
    response = Response(async_endless(), content_type=BYTES_TYPE)
    response.timeout = None
    return response


@app.get("/redirect")
async def redirected():
    return redirect("/json", 307)


@app.get("/slash/")
async def slash():
    return request.url


@app.get("/noslash")
async def noslash():
    return request.url


@app.get("/items/<name>")
async def item(name):
    return {"name": name, "query": list(request.args.items(multi=True))}


@app.get("/cookies")
async def cookies():
    response = jsonify(request.cookies)
    for name, value in COOKIES:
        response.set_cookie(name, value, httponly=True)
    return response


@app.get("/nothing")
async def nothing():
    return "", 204


@app.get("/unchanged")
async def unchanged():
    return "", 304, {"etag": '"1"'}


@app.get("/empty")
async def empty():
    return ""


@app.get("/fails")
async def fails():
    raise Failure("before the first byte")


@app.get("/breaks")
async def breaks():
    return Response(encoded(async_broken_items(request.args.get("gate"))), content_type=TEXT_TYPE)


@app.get("/task")
async def task():
    app.add_background_task(wait_async, request.args.get("gate"))
    return "accepted"
