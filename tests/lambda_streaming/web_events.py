"""HTTP requests as the events of each front door, shortened from AWS's pages; and applications to answer them."""

from __future__ import annotations

import base64
from typing import Any

from .conftest import RunningRuntime, RunRuntime

HOST = "abcdefghij.lambda-url.us-east-1.on.aws"


def url_event(
    path: str = "/", method: str = "GET", *, query: str = "", body: bytes = b"", **more: Any
) -> dict[str, Any]:
    """Return the event of a Function URL; `more` are keys of the event, `headers` and `cookies` among them."""
    headers = {"host": HOST, "x-forwarded-proto": "https", "x-forwarded-port": "443", **more.pop("headers", {})}
    return {
        "version": "2.0",
        "routeKey": "$default",
        "rawPath": path,
        "rawQueryString": query,
        "headers": headers,
        "requestContext": {
            "domainName": HOST,
            "http": {"method": method, "path": path, "protocol": "HTTP/1.1", "sourceIp": "192.0.2.1"},
            "stage": "$default",
        },
        **({"body": base64.b64encode(body).decode(), "isBase64Encoded": True} if body else {"isBase64Encoded": False}),
        **more,
    }


def run_app(
    run_runtime: RunRuntime, kind: str, source: str | dict[str, str], app: str = "index:app", **variables: str
) -> RunningRuntime:
    """Start the runtime with an application; variables are given without `LAMBDA_STREAMING_`."""
    environment = {f"LAMBDA_STREAMING_{name}": value for name, value in variables.items()}
    return run_runtime(
        source,
        handler=f"lambda_streaming.{kind}.handler",
        environment={"LAMBDA_STREAMING_APP": app, **environment},
    )
