"""The front door of an event, recognised by the event's shape.

The shapes are on AWS's pages "Invoking Lambda function URLs", "Input format for proxy integration" (REST), "Payload
format version" (HTTP API) and "Lambda functions as targets" (ALB). Two are alike: a Function URL sends payload 2.0 of
an HTTP API, and only the domain name differs; payload 1.0 of an HTTP API is that of REST with a `version`. The event of
an API's Lambda authorizer is the request's with `type` and an ARN at the top, where no client can put anything.
"""

from __future__ import annotations

from lambda_streaming.process.settings import FUNCTION_URL as FUNCTION_URL
from lambda_streaming.process.settings import REST_API as REST_API

HTTP_API_1 = "http-api-1.0"
HTTP_API_2 = "http-api-2.0"
ALB = "alb"
ALB_MULTI_VALUE = "alb-multi-value"


def of_event(event: object) -> str | None:
    """Return the front door of an HTTP event; None for every other event (from a queue, a plain invoke)."""
    if not isinstance(event, dict) or _is_for_authorizer(event):
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


def _is_for_authorizer(event: dict[str, object]) -> bool:
    return event.get("type") == "REQUEST" and ("methodArn" in event or "routeArn" in event)


def streams_in_part(door: str, event: dict[str, object], function_arn: str, listed: frozenset[str]) -> bool:
    """Return True if the list has the alias or the method of an event, such as `function-url:live`."""
    if door == FUNCTION_URL:
        # arn:aws:lambda:REGION:ACCOUNT:function:NAME, and an alias or a version
        qualifier = function_arn.split(":")[7:8] or ["$LATEST"]
        return f"{door}:{qualifier[0]}" in listed
    resource = event.get("resource")
    if not isinstance(resource, str):
        return False
    return f"{door}:{method_of_event(event)} {resource}" in listed or f"{door}:ANY {resource}" in listed


def method_of_event(event: dict[str, object]) -> str:
    """Return the HTTP method of an event that has a front door."""
    context = event["requestContext"]
    assert isinstance(context, dict)
    http = context.get("http")
    method = http.get("method") if isinstance(http, dict) else event.get("httpMethod")
    # Without a method it only resembles one of AWS's events.
    return method if isinstance(method, str) else "GET"
