"""The answer to a value that does not stream: what AWS's managed Python runtime sends for it."""

from __future__ import annotations

from lambda_streaming import result
from lambda_streaming.http_response import HttpResponse
from lambda_streaming.marshaller import MarshalError, marshal

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


class JsonText(str):
    """Text whose content type is JSON unless another is named."""

    __slots__ = ()

    default_headers = (("content-type", "application/json"),)

    def to_bytes(self) -> bytes:
        return self.encode()


def encode_buffered(value: Any) -> tuple[bytes, str]:
    """Body and content type for a plain invoke."""
    if isinstance(value, bytes):
        return value, "application/unknown"
    return marshal(value).encode(), "application/json"


def http_response_of(value: Any) -> HttpResponse:
    """What a buffered Function URL makes of a value: a dict with `statusCode` is a response, anything else a body.

    AWS, "Invoking Lambda function URLs", response payload format.
    """
    if isinstance(value, (bytes, bytearray)):
        return HttpResponse(body=bytes(value))
    if not (isinstance(value, dict) and "statusCode" in value):
        return HttpResponse(headers={"content-type": "application/json"}, body=marshal(value))
    try:
        status_code = int(value["statusCode"])
    except (TypeError, ValueError):
        raise MarshalError(f"the response's statusCode is {value['statusCode']!r}; it must be an integer") from None
    headers = dict(value.get("headers") or {})
    headers.update(value.get("multiValueHeaders") or {})
    body = _body_of(value)
    if not any(name.lower() == "content-type" for name in headers) and not result.streams(body):
        headers["content-type"] = "application/json"
    return HttpResponse(status_code, headers, value.get("cookies") or (), body=body)


def has_streaming_body(value: Any) -> bool:
    """Whether a value is a response whose body streams: what routers make of a route's generator."""
    return isinstance(value, dict) and "statusCode" in value and result.streams(value.get("body"))


def _body_of(value: dict[str, Any]) -> Any:
    body = value.get("body")
    if result.streams(body):
        return body
    if body is None:
        return ""
    if value.get("isBase64Encoded"):
        from binascii import a2b_base64

        return a2b_base64(body)
    return body if isinstance(body, (str, bytes)) else marshal(body)
