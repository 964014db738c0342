"""Response headers that identify an invocation or its rejection. All front doors send them."""

from __future__ import annotations

from ..http_server import Headers
from ..invocation import Invocation


def invocation_headers(invocation: Invocation) -> Headers:
    """Return the request id and the trace id of an invocation as headers."""
    return [("x-amzn-requestid", invocation.request_id), ("x-amzn-trace-id", invocation.trace_id)]


def throttled_headers() -> Headers:
    """Return the headers of an answer with status 429. The connection closes: descriptors may be scarce."""
    return [("x-amzn-errortype", "TooManyRequestsException"), ("connection", "close")]
