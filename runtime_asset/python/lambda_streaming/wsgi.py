"""The handler of functions with `Adapter.wsgi()`: `_HANDLER` is `lambda_streaming.wsgi.handler`.

`LAMBDA_STREAMING_APP` names the application. The handler has a name of its own, so that tools which wrap the handler
(OpenTelemetry, Datadog, New Relic) wrap this one and not the application.
"""

from __future__ import annotations

from lambda_streaming.applications.call_signature import WSGI
from lambda_streaming.applications.named_application import load_application, load_other_events
from lambda_streaming.applications.wsgi import WsgiHandler
from lambda_streaming.process.settings import web_settings


def _make_handler() -> WsgiHandler:
    settings = web_settings()
    return WsgiHandler(
        load_application(settings.application, WSGI),
        root_path=settings.root_path,
        other_events=load_other_events(settings.other_events),
        authorization_header=settings.authorization_header,
        forwarded_host=settings.forwarded_host,
        error_responses=settings.error_responses,
    )


handler = _make_handler()
