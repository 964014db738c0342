"""Starlette application with middleware, files, a mounted application and a request that asks for the disconnect."""

from pathlib import Path

import starlette
from content import PIECES, async_items
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.base import BaseHTTPMiddleware
from starlette.middleware.cors import CORSMiddleware
from starlette.middleware.gzip import GZipMiddleware
from starlette.middleware.sessions import SessionMiddleware
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.responses import FileResponse, JSONResponse, StreamingResponse
from starlette.routing import Mount, Route, WebSocketRoute
from starlette.staticfiles import StaticFiles

# Files at the same place in Lambda and on the server, so that their times are the same.
FILES = Path(starlette.__file__).parent


class Named(BaseHTTPMiddleware):
    async def dispatch(self, request, call_next):
        response = await call_next(request)
        response.headers["x-middleware"] = request.url.path
        return response


async def text(request):
    return StreamingResponse(async_items(PIECES, request.query_params.get("gate")), media_type="text/plain")


async def file(request):
    return FileResponse(FILES / "types.py", filename="contenu é.py")


async def connected(request):
    body = await request.body()
    return JSONResponse({"length": len(body), "is_disconnected": await request.is_disconnected()})


async def pieces_of_body(request):
    return JSONResponse(sum([len(piece) async for piece in request.stream()]))


async def address(request):
    return JSONResponse({"url": str(request.url_for("mounted:address")), "root_path": request.scope["root_path"]})


async def session(request):
    request.session.setdefault("count", 1)
    return JSONResponse(request.session)


async def headers(request):
    response = JSONResponse("repeated")
    for value in ("<a>; rel=preload", "<b>; rel=preload"):
        response.headers.append("link", value)
    for value in ("Accept", "Origin"):
        response.headers.append("vary", value)
    return response


async def socket(websocket):
    await websocket.accept()


app = Starlette(
    routes=[
        Route("/text", text),
        Route("/file", file),
        Route("/connected", connected, methods=["POST"]),
        Route("/pieces", pieces_of_body, methods=["POST"]),
        Route("/session", session),
        Route("/headers", headers),
        WebSocketRoute("/socket", socket),
        Mount("/static", StaticFiles(directory=FILES)),
        Mount("/mounted", routes=[Route("/address/", address, name="address")], name="mounted"),
    ],
    middleware=[
        Middleware(TrustedHostMiddleware, allowed_hosts=["*.lambda-url.us-east-1.on.aws"]),
        Middleware(CORSMiddleware, allow_origins=["https://shop.example"], allow_credentials=True),
        Middleware(SessionMiddleware, secret_key="secret", max_age=None),
        Middleware(GZipMiddleware),
        Middleware(Named),
    ],
)
