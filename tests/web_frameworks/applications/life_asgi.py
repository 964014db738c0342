"""FastAPI application that shows its life: tasks at import, lifespan, state, and the resources of the process."""

import asyncio
import os
from contextlib import asynccontextmanager

from content import DOCUMENT, PIECES, async_items, wait_async
from fastapi import FastAPI, Request
from fastapi.responses import StreamingResponse
from resources import resources

ticks = 0


async def tick():
    global ticks
    while True:
        ticks += 1
        await asyncio.sleep(0)


# A module may start tasks while it is imported: the loop runs.
ticker = asyncio.get_running_loop().create_task(tick()) if os.environ.get("TICKS") else None


@asynccontextmanager
async def lifespan(app):
    print("startup", flush=True)
    if os.environ.get("FAILS_AT_STARTUP"):
        raise ValueError("no database")
    yield {"loop": id(asyncio.get_running_loop())}
    print("shutdown", flush=True)
    if os.environ.get("FAILS_AT_SHUTDOWN"):
        raise ValueError("no database")


app = FastAPI(lifespan=lifespan)


@app.get("/loops")
async def loops(request: Request):
    return {"lifespan": request.state.loop, "request": id(asyncio.get_running_loop()), "ticks": ticks > 0}


@app.get("/json")
async def json():
    return DOCUMENT


@app.get("/text")
async def text(gate: str | None = None):
    return StreamingResponse(async_items(PIECES, gate), media_type="text/plain")


@app.get("/waits")
async def waits(gate: str):
    await wait_async(gate)
    print("waited", flush=True)
    return "done"


@app.get("/resources")
async def read_resources():
    return {**resources(), "tasks": len(asyncio.all_tasks())}
