"""Measured FastAPI application: the same for both ways to run it."""

from fastapi import FastAPI
from fastapi.responses import StreamingResponse

app = FastAPI()
EVENT = b'data: {"token": "word"}\n\n'
PIECE = bytes(64 * 1024)


@app.get("/json")
async def json():
    return {"hello": "world"}


@app.get("/one")
async def one():
    async def items():
        yield EVENT

    return StreamingResponse(items(), media_type="text/event-stream")


@app.get("/events")
async def events():
    async def items():
        for _ in range(10_000):
            yield EVENT

    return StreamingResponse(items(), media_type="text/event-stream")


@app.get("/sync-events")
def sync_events():
    return StreamingResponse((EVENT for _ in range(2_000)), media_type="text/event-stream")


@app.get("/large")
async def large():
    async def items():
        for _ in range(1_600):
            yield PIECE

    return StreamingResponse(items(), media_type="application/octet-stream")
