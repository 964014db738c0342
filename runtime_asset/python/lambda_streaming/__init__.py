"""Python handlers on AWS Lambda that stream.

`__all__` lists the names for handlers. Each is loaded when it is first used: the runtime itself starts from this
package, and every import lengthens a cold start.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from lambda_streaming.applications.asgi import AsgiHandler
    from lambda_streaming.applications.wsgi import WsgiHandler
    from lambda_streaming.context import LambdaContext
    from lambda_streaming.http_response import HttpResponse
    from lambda_streaming.ndjson import json_lines
    from lambda_streaming.optional.error_listeners import on_error
    from lambda_streaming.response.body_writer import StreamClosedError
    from lambda_streaming.response_stream import HttpResponseStream, ResponseStream
    from lambda_streaming.server_sent_event import ServerSentEvent
    from lambda_streaming.streamify import streamify_response
    from lambda_streaming.version import __version__ as __version__

__all__ = [
    "AsgiHandler",
    "HttpResponse",
    "HttpResponseStream",
    "LambdaContext",
    "ResponseStream",
    "ServerSentEvent",
    "StreamClosedError",
    "WsgiHandler",
    "json_lines",
    "on_error",
    "streamify_response",
]

_HOMES = {
    "AsgiHandler": "applications.asgi",
    "HttpResponse": "http_response",
    "HttpResponseStream": "response_stream",
    "LambdaContext": "context",
    "ResponseStream": "response_stream",
    "ServerSentEvent": "server_sent_event",
    "StreamClosedError": "response.body_writer",
    "WsgiHandler": "applications.wsgi",
    "json_lines": "ndjson",
    "on_error": "optional.error_listeners",
    "streamify_response": "streamify",
    "__version__": "version",
}


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(f"module 'lambda_streaming' has no attribute {name!r}; it has {', '.join(__all__)}")
    try:
        home = __import__(f"lambda_streaming.{_HOMES[name]}", fromlist=[name])
    except ModuleNotFoundError:
        if name != "__version__":
            raise
        raise AttributeError("the layer has no __version__; the installed distribution has one") from None
    value = globals()[name] = getattr(home, name)
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
