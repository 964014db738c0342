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
from litestar import Litestar, Request, Response, get, head, post
from litestar.background_tasks import BackgroundTask
from litestar.datastructures import Cookie
from litestar.response import Redirect, Stream


@get("/json")
async def json() -> dict:
    return DOCUMENT


@head("/json")
async def json_head() -> None:
    return None


@get("/text")
async def text(gate: str | None = None) -> Stream:
    return Stream(async_items(PIECES, gate), media_type="text/plain")


@get("/events")
async def events(gate: str | None = None) -> Stream:
    return Stream(async_items(EVENTS, gate), media_type=EVENTS_TYPE)


@post("/echo", status_code=200)
async def echo(request: Request) -> Response[bytes]:
    return Response(await request.body(), media_type=request.headers["content-type"])


@get("/download")
async def download() -> Stream:
    return Stream(async_download(), media_type=BYTES_TYPE)


@get("/endless")
async def endless() -> Stream:
    return Stream(async_endless(), media_type=BYTES_TYPE)


@get("/redirect", status_code=307)
async def redirect() -> Redirect:
    return Redirect("/json", status_code=307)


@get("/slash/")
async def slash(request: Request) -> str:
    return str(request.url)


@get("/noslash")
async def noslash(request: Request) -> str:
    return str(request.url)


@get("/items/{name:str}")
async def item(name: str, request: Request) -> dict:
    return {"name": name, "query": list(request.query_params.multi_items())}


@get("/cookies", response_cookies=[Cookie(name, value=value, httponly=True) for name, value in COOKIES])
async def cookies(request: Request) -> dict:
    return request.cookies


@get("/nothing", status_code=204)
async def nothing() -> None:
    return None


@get("/unchanged", status_code=304)
async def unchanged() -> Response[None]:
    return Response(None, headers={"etag": '"1"'})


@get("/empty")
async def empty() -> Response[bytes]:
    return Response(b"", media_type="text/plain")


@get("/fails")
async def fails() -> None:
    raise Failure("before the first byte")


@get("/breaks")
async def breaks(gate: str | None = None) -> Stream:
    return Stream(async_broken_items(gate), media_type="text/plain")


@get("/task")
async def task(gate: str | None = None) -> Response[str]:
    return Response("accepted", background=BackgroundTask(wait_async, gate))


app = Litestar(
    [
        *(json, json_head, text, events, echo, download, endless, redirect, slash, noslash, item, cookies),
        *(nothing, unchanged, empty, fails, breaks, task),
    ]
)
