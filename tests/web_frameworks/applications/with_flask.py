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
    endless,
    items,
)
from flask import Flask, Response, jsonify, redirect, request

app = Flask("shop")


@app.get("/json")
def json():
    return DOCUMENT


@app.get("/text")
def text():
    return Response(items(PIECES, request.args.get("gate")), content_type=TEXT_TYPE)


@app.get("/events")
def events():
    return Response(items(EVENTS, request.args.get("gate")), content_type=EVENTS_TYPE)


@app.post("/echo")
def echo():
    return Response(request.get_data(), content_type=request.content_type)


@app.post("/form")
def form():
    return {"name": request.form["name"], "size": len(request.files["file"].read())}


@app.get("/download")
def read_download():
    return Response(download(), content_type=BYTES_TYPE)


@app.get("/endless")
def read_endless():
    return Response(endless(), content_type=BYTES_TYPE)


@app.get("/redirect")
def redirected():
    return redirect("/json", 307)


@app.get("/slash/")
def slash():
    return request.url


@app.get("/noslash")
def noslash():
    return request.url


@app.get("/items/<name>")
def item(name):
    return {"name": name, "query": list(request.args.items(multi=True))}


@app.get("/cookies")
def cookies():
    response = jsonify(request.cookies)
    for name, value in COOKIES:
        response.set_cookie(name, value, httponly=True)
    return response


@app.get("/nothing")
def nothing():
    return "", 204


@app.get("/unchanged")
def unchanged():
    return "", 304, {"etag": '"1"'}


@app.get("/empty")
def empty():
    return ""


@app.get("/fails")
def fails():
    raise Failure("before the first byte")


@app.get("/breaks")
def breaks():
    return Response(broken_items(request.args.get("gate")), content_type=TEXT_TYPE)
