"""The handler of functions with `Adapter.asgi()`: `_HANDLER` is `lambda_streaming.asgi.handler`.

`LAMBDA_STREAMING_APP` names the application. The handler has a name of its own, so that tools which wrap the handler
(OpenTelemetry, Datadog, New Relic) wrap this one and not the application.
"""

from __future__ import annotations

from lambda_streaming.applications.asgi import AsgiHandler
from lambda_streaming.applications.call_signature import ASGI
from lambda_streaming.applications.named_application import load_application, load_other_events
from lambda_streaming.process.settings import asgi_settings
from lambda_streaming.response.asyncio_driver import process_driver


async def _make_handler() -> AsgiHandler:
    # On the running loop, as web servers import it: modules may make tasks and clients at their top level.
    settings = asgi_settings()
    return AsgiHandler(
        load_application(settings.application, ASGI),
        lifespan=settings.lifespan,
        root_path=settings.root_path,
        other_events=load_other_events(settings.other_events),
        authorization_header=settings.authorization_header,
        forwarded_host=settings.forwarded_host,
        error_responses=settings.error_responses,
    )


handler = process_driver().run(_make_handler())
