"""Decoder of a buffered response in the proxy form: JSON with `statusCode`, `headers`, `cookies` and `body`."""

from __future__ import annotations

import base64
import binascii
import json
from typing import Any

from ..json_text import decode_json
from .prelude import ResponseHead


def decode_proxy_response(response: bytes) -> tuple[ResponseHead, bytes]:
    """Return head and body. An object with `statusCode` is in the proxy form, anything else is a JSON body.

    Raise `ValueError` for a value that AWS does not accept.
    """
    try:
        document = decode_json(response)
    except ValueError:
        document = None
    if not isinstance(document, dict) or "statusCode" not in document:
        return ResponseHead(200, (("content-type", "application/json"),), ()), response
    return _decode_head(document), _decode_body(document)


def _decode_head(document: dict[str, Any]) -> ResponseHead:
    status = document["statusCode"]
    status = int(status) if isinstance(status, str) and status.isdigit() else status
    if not isinstance(status, int) or not 200 <= status <= 599:
        raise ValueError(f"statusCode is {status!r}; it must be a number from 200 to 599")
    headers = document.get("headers") or {}
    if not isinstance(headers, dict):
        raise ValueError(f"headers is {headers!r}; it must be an object of names and texts")
    texts = tuple((name, value if isinstance(value, str) else json.dumps(value)) for name, value in headers.items())
    if not any(name.lower() == "content-type" for name, _ in texts):
        texts = (*texts, ("content-type", "application/json"))
    return ResponseHead(status, texts, _cookies(document.get("cookies") or []))


def _cookies(value: Any) -> tuple[str, ...]:
    if not isinstance(value, list) or not all(isinstance(cookie, str) for cookie in value):
        raise ValueError(f"cookies is {value!r}; it must be a list of texts")
    return tuple(value)


def _decode_body(document: dict[str, Any]) -> bytes:
    body = document.get("body") or ""
    if not isinstance(body, str):
        raise ValueError(f"body is of type {type(body).__name__}; it must be a text")
    if not document.get("isBase64Encoded"):
        return body.encode()
    try:
        return base64.b64decode(body, validate=True)
    except binascii.Error as error:
        raise ValueError(f"isBase64Encoded is true and body is not base64: {error}") from None
