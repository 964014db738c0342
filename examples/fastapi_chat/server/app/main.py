"""A chat with FastAPI. Nothing in it is made for Lambda."""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from fastapi import BackgroundTasks, FastAPI
from fastapi.responses import HTMLResponse
from fastapi.sse import EventSourceResponse, ServerSentEvent

PAGE = Path(__file__).with_name("page.html").read_text(encoding="utf-8")
logger = logging.getLogger(__name__)
logger.setLevel(logging.INFO)


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[None]:
    """Open and close here what all requests share, such as a pool of connections."""
    logger.info("The chat starts")
    yield
    logger.info("The chat ends")


app = FastAPI(lifespan=lifespan)


@app.get("/", response_class=HTMLResponse)
async def page() -> str:
    return PAGE


@app.get("/chat", response_class=EventSourceResponse)
async def chat(message: str, tasks: BackgroundTasks) -> AsyncIterator[ServerSentEvent]:
    """Send each word as an event."""
    tasks.add_task(log_question, message)
    async for word in answer(message):
        yield ServerSentEvent(data={"token": word})
    yield ServerSentEvent(data="", event="done")


async def answer(message: str) -> AsyncIterator[str]:
    """Yield the words of an answer. Call a language model here."""
    for word in f"You asked: {message} A language model would now answer, one word after the other.".split():
        yield word + " "
        await asyncio.sleep(0.1)


def log_question(message: str) -> None:
    """Run after the response: the client does not wait for this."""
    logger.info("Answered %r", message)
