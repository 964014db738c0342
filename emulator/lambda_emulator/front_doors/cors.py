"""CORS rules of a Function URL, applied in front of the function as on AWS."""

from __future__ import annotations

from ..functions import Cors
from ..http_server import Headers


def is_preflight(cors: Cors | None, method: str, headers: Headers) -> bool:
    """Return True for a preflight request, which the Function URL answers itself."""
    names = {name for name, _ in headers}
    return cors is not None and method == "OPTIONS" and {"origin", "access-control-request-method"} <= names


def preflight_headers(cors: Cors, origin: str) -> list[tuple[str, str]]:
    """Return the headers of the answer to a preflight request, or none if the origin is not allowed."""
    headers = response_headers(cors, origin)
    if not headers:
        return []
    if cors.allow_methods:
        headers.append(("access-control-allow-methods", ",".join(cors.allow_methods)))
    if cors.allow_headers:
        headers.append(("access-control-allow-headers", ",".join(cors.allow_headers)))
    if cors.max_age_seconds is not None:
        headers.append(("access-control-max-age", str(cors.max_age_seconds)))
    return headers


def response_headers(cors: Cors | None, origin: str) -> list[tuple[str, str]]:
    """Return the headers that let a page of `origin` read a response, or none if it is not allowed."""
    if cors is None or not origin or not _allows(cors, origin):
        return []
    is_any = "*" in cors.allow_origins and not cors.allow_credentials
    headers = [("access-control-allow-origin", "*" if is_any else origin)]
    if not is_any:
        headers.append(("vary", "Origin"))
    if cors.allow_credentials:
        headers.append(("access-control-allow-credentials", "true"))
    if cors.expose_headers:
        headers.append(("access-control-expose-headers", ",".join(cors.expose_headers)))
    return headers


def _allows(cors: Cors, origin: str) -> bool:
    return any(_matches(allowed, origin) for allowed in cors.allow_origins)


def _matches(allowed: str, origin: str) -> bool:
    """Match a rule with at most one `*`: `https://*`, `https://*.example.com`, `http://localhost:*`."""
    start, star, end = allowed.partition("*")
    if not star:
        return allowed == origin
    return origin.startswith(start) and origin.endswith(end) and len(origin) >= len(start) + len(end)
