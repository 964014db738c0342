"""Python handlers on AWS Lambda that stream.

What a handler may import stands in `__all__`. Names are loaded when they are first used: the runtime itself starts
from this package, and a cold start pays for every import.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from lambda_streaming.context import LambdaContext
    from lambda_streaming.http_response import HttpResponse, HttpResponseStream
    from lambda_streaming.ndjson import json_lines
    from lambda_streaming.response_stream import ResponseStream, StreamClosedError
    from lambda_streaming.server_sent_event import ServerSentEvent
    from lambda_streaming.streamify import streamify_response

__all__ = [
    "HttpResponse",
    "HttpResponseStream",
    "LambdaContext",
    "ResponseStream",
    "ServerSentEvent",
    "StreamClosedError",
    "json_lines",
    "streamify_response",
]
__version__ = "0.1.0"

_HOMES = {
    "HttpResponse": "http_response",
    "HttpResponseStream": "http_response",
    "LambdaContext": "context",
    "ResponseStream": "response_stream",
    "ServerSentEvent": "server_sent_event",
    "StreamClosedError": "response_stream",
    "json_lines": "ndjson",
    "streamify_response": "streamify",
}


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(f"module 'lambda_streaming' has no attribute {name!r}; it has {', '.join(__all__)}")
    home = __import__(f"lambda_streaming.{_HOMES[name]}", fromlist=[name])
    value = globals()[name] = getattr(home, name)
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
