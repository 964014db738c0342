from typing import Annotated

from content import (
    BYTES_TYPE,
    COOKIES,
    DOCUMENT,
    EVENTS,
    EVENTS_TYPE,
    PIECES,
    Failure,
    async_broken_items,
    async_endless,
    async_items,
    download,
    items,
    wait,
)
from fastapi import BackgroundTasks, FastAPI, File, Form, Request, Response
from fastapi.responses import RedirectResponse, StreamingResponse

app = FastAPI()


@app.api_route("/json", methods=["GET", "HEAD"])
def json():
    return DOCUMENT


@app.get("/text")
def text(gate: str | None = None):
    return StreamingResponse(items(PIECES, gate), media_type="text/plain")


@app.get("/events")
async def events(gate: str | None = None):
    return StreamingResponse(async_items(EVENTS, gate), media_type=EVENTS_TYPE)


@app.post("/echo")
async def echo(request: Request):
    return Response(await request.body(), media_type=request.headers["content-type"])


@app.post("/form")
def form(name: Annotated[str, Form()], file: Annotated[bytes, File()]):
    return {"name": name, "size": len(file)}


@app.get("/download")
def read_download():
    return StreamingResponse(download(), media_type=BYTES_TYPE)


@app.get("/endless")
def read_endless():
    return StreamingResponse(async_endless(), media_type=BYTES_TYPE)


@app.get("/redirect")
def redirect():
    return RedirectResponse("/json", 307)


@app.get("/slash/")
@app.get("/noslash")
def slash(request: Request):
    return str(request.url)


@app.get("/items/{name}")
def item(name: str, request: Request):
    return {"name": name, "query": request.query_params.multi_items()}


@app.get("/cookies")
def cookies(request: Request, response: Response):
    for name, value in COOKIES:
        response.set_cookie(name, value, path="/", httponly=True)
    return request.cookies


@app.get("/nothing", status_code=204)
def nothing():
    return None


@app.get("/unchanged")
def unchanged():
    return Response(status_code=304, headers={"etag": '"1"'})


@app.get("/empty")
def empty():
    return Response()


@app.get("/fails")
def fails():
    raise Failure("before the first byte")


@app.get("/breaks")
def breaks(gate: str | None = None):
    return StreamingResponse(async_broken_items(gate), media_type="text/plain")


@app.get("/task")
def task(tasks: BackgroundTasks, gate: str | None = None):
    tasks.add_task(wait, gate)
    return "accepted"
