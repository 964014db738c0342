"""Which front door an event came through, told by its shape.

AWS's pages "Invoking Lambda function URLs", "Input format for proxy integration" (REST), "Payload format version"
(HTTP API) and "Lambda functions as targets" (ALB) give the shapes. Two look alike: a Function URL sends the payload
2.0 of an HTTP API, and only its domain name tells; payload 1.0 of an HTTP API is REST's with a `version`.
"""

from __future__ import annotations

FUNCTION_URL = "function-url"
REST_API = "rest-api"
HTTP_API_1 = "http-api-1.0"
HTTP_API_2 = "http-api-2.0"
ALB = "alb"
ALB_MULTI_VALUE = "alb-multi-value"

CAN_STREAM = frozenset((FUNCTION_URL, REST_API))
"""The front doors that AWS can stream through: API Gateway's HTTP APIs and load balancers always buffer."""


def of_event(event: object) -> str | None:
    """Name the front door of an HTTP event; `None` for every other event (a queue's, a plain invoke's)."""
    if not isinstance(event, dict):
        return None
    context = event.get("requestContext")
    if not isinstance(context, dict):
        return None
    if "elb" in context:
        return ALB_MULTI_VALUE if "multiValueHeaders" in event else ALB
    version = event.get("version")
    if version == "2.0" and isinstance(context.get("http"), dict):
        domain_name = context.get("domainName")
        return FUNCTION_URL if isinstance(domain_name, str) and ".lambda-url." in domain_name else HTTP_API_2
    if "httpMethod" in event:
        return HTTP_API_1 if version == "1.0" else REST_API
    return None


def method_of_event(event: dict[str, object]) -> str:
    """The HTTP method of an event for which `of_event` named a front door."""
    context = event["requestContext"]
    assert isinstance(context, dict)
    http = context.get("http")
    method = http.get("method") if isinstance(http, dict) else event.get("httpMethod")
    # Not one of AWS's events then, though it looks like one.
    return method if isinstance(method, str) else "GET"
