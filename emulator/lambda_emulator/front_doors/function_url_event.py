"""Encoder of an HTTP request as the event of a Function URL, payload format 2.0."""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl

from ..functions import FunctionUrl

_HOP_BY_HOP = {"connection", "keep-alive", "te", "trailer", "transfer-encoding", "upgrade", "expect"}

_TEXT_TYPES = {"application/json", "application/javascript", "application/xml"}


@dataclass(frozen=True, slots=True)
class HttpRequest:
    """Request to a Function URL. Header names are in lower case, the target is as sent."""

    method: str
    target: str
    http_version: str
    headers: Sequence[tuple[str, str]]
    body: bytes
    source_ip: str


def encode_event(
    url: FunctionUrl, request: HttpRequest, *, request_id: str, trace_id: str, epoch_ms: int | None = None
) -> bytes:
    """Return the event for a request. Its forwarded protocol and port are those of AWS, where URLs are always HTTPS."""
    epoch_ms = int(time.time() * 1000) if epoch_ms is None else epoch_ms
    path, _, query = request.target.partition("?")
    headers = _joined_headers(request.headers)
    headers["x-amzn-trace-id"] = trace_id
    headers["x-forwarded-for"] = ", ".join(filter(None, [headers.get("x-forwarded-for"), request.source_ip]))
    headers["x-forwarded-proto"] = "https"
    headers["x-forwarded-port"] = "443"
    event: dict[str, Any] = {
        "version": "2.0",
        "routeKey": "$default",
        "rawPath": path,
        "rawQueryString": query,
    }
    if "cookie" in headers:  # AWS passes cookies here and in the headers
        event["cookies"] = [cookie.strip() for cookie in headers["cookie"].split(";") if cookie.strip()]
    event["headers"] = headers
    if query:
        event["queryStringParameters"] = _query_parameters(query)
    event["requestContext"] = {
        "accountId": "anonymous",
        "apiId": url.url_id,
        "domainName": url.domain_name,
        "domainPrefix": url.url_id,
        "http": {
            "method": request.method,
            "path": path,
            "protocol": f"HTTP/{request.http_version}",
            "sourceIp": request.source_ip,
            "userAgent": headers.get("user-agent"),
        },
        "requestId": request_id,
        "routeKey": "$default",
        "stage": "$default",
        "time": time.strftime("%d/%b/%Y:%H:%M:%S +0000", time.gmtime(epoch_ms // 1000)),
        "timeEpoch": epoch_ms,
    }
    is_text = is_text_type(headers.get("content-type", ""))
    if request.body:
        event["body"] = _text_or_none(request.body) if is_text else None
        if event["body"] is None:
            is_text = False
            event["body"] = base64.b64encode(request.body).decode()
    event["isBase64Encoded"] = bool(request.body) and not is_text
    return json.dumps(event, ensure_ascii=False).encode()


def is_text_type(content_type: str) -> bool:
    """Return True if AWS passes a body of this type as text. It passes any other, such as form data, as base64."""
    media_type = content_type.partition(";")[0].strip().lower()
    return media_type.startswith("text/") or media_type in _TEXT_TYPES or media_type.endswith(("+json", "+xml"))


def _text_or_none(body: bytes) -> str | None:
    try:
        return body.decode()
    except UnicodeDecodeError:
        return None


def _joined_headers(headers: Sequence[tuple[str, str]]) -> dict[str, str]:
    joined: dict[str, str] = {}
    for name, value in headers:
        if name in _HOP_BY_HOP:
            continue
        separator = "; " if name == "cookie" else ","
        joined[name] = f"{joined[name]}{separator}{value}" if name in joined else value
    return joined


def _query_parameters(query: str) -> dict[str, str]:
    joined: dict[str, str] = {}
    for name, value in parse_qsl(query, keep_blank_values=True):
        joined[name] = f"{joined[name]},{value}" if name in joined else value
    return joined
