"""A chat that answers token by token, with a page and server-sent events."""

import time
from pathlib import Path

from lambda_streaming import HttpResponse, ServerSentEvent
from newton import Newton

PAGE = Path(__file__).with_name("page.html").read_text(encoding="utf-8")
NEWTON = Newton(Path(__file__).with_name("opticks.txt").read_text(encoding="utf-8"))


def handler(event, context):
    query = event.get("queryStringParameters") or {}
    if "message" not in query:
        yield HttpResponse(headers={"content-type": "text/html; charset=utf-8"})
        yield PAGE
        return
    for token in NEWTON.answer(query["message"]):
        yield ServerSentEvent({"token": token})
        time.sleep(0.04)
    yield ServerSentEvent("", event="done")
