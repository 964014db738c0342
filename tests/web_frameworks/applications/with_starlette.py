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
from starlette.applications import Starlette
from starlette.background import BackgroundTask
from starlette.responses import JSONResponse, RedirectResponse, Response, StreamingResponse
from starlette.routing import Route


async def json(request):
    return JSONResponse(DOCUMENT)


async def text(request):
    return StreamingResponse(async_items(PIECES, request.query_params.get("gate")), media_type="text/plain")


async def events(request):
    return StreamingResponse(async_items(EVENTS, request.query_params.get("gate")), media_type=EVENTS_TYPE)


async def echo(request):
    return Response(await request.body(), media_type=request.headers["content-type"])


async def download(request):
    return StreamingResponse(async_download(), media_type=BYTES_TYPE)


async def endless(request):
    return StreamingResponse(async_endless(), media_type=BYTES_TYPE)


async def redirect(request):
    return RedirectResponse("/json", 307)


async def slash(request):
    return JSONResponse(str(request.url))


async def item(request):
    return JSONResponse({"name": request.path_params["name"], "query": request.query_params.multi_items()})


async def cookies(request):
    response = JSONResponse(request.cookies)
    for name, value in COOKIES:
        response.set_cookie(name, value, path="/", httponly=True)
    return response


async def nothing(request):
    return Response(status_code=204)


async def unchanged(request):
    return Response(status_code=304, headers={"etag": '"1"'})


async def empty(request):
    return Response()


async def fails(request):
    raise Failure("before the first byte")


async def breaks(request):
    return StreamingResponse(async_broken_items(request.query_params.get("gate")), media_type="text/plain")


async def task(request):
    return JSONResponse("accepted", background=BackgroundTask(wait_async, request.query_params.get("gate")))


app = Starlette(
    routes=[
        Route("/json", json),
        Route("/text", text),
        Route("/events", events),
        Route("/echo", echo, methods=["POST", "PUT"]),
        Route("/download", download),
        Route("/endless", endless),
        Route("/redirect", redirect),
        Route("/slash/", slash),
        Route("/noslash", slash),
        Route("/items/{name}", item),
        Route("/cookies", cookies),
        Route("/nothing", nothing),
        Route("/unchanged", unchanged),
        Route("/empty", empty),
        Route("/fails", fails),
        Route("/breaks", breaks),
        Route("/task", task),
    ]
)
