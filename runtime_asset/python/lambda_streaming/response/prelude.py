"""The prelude: the response head for front doors that stream, as JSON and eight NUL bytes before the body.

The content type `application/vnd.awslambda.http-integration-response` tells Lambda that a prelude follows. Keys:
`statusCode`, `headers`, `cookies`. REST APIs read `multiValueHeaders` for repeated headers and cookies; Function URLs
ignore that key (protocol.md 1.4). API Gateway expects the prelude within the first 16 KB of the stream, so a larger
head is rejected before anything is sent.
"""

from __future__ import annotations

from lambda_streaming.process.python_path import import_standard
from lambda_streaming.response import front_door

TYPE_CHECKING = False
if TYPE_CHECKING:
    from lambda_streaming.http_response import HttpResponse

CONTENT_TYPE = "application/vnd.awslambda.http-integration-response"
DELIMITER = b"\0" * 8
LIMIT_BYTES = 16 * 1024
# Part of a prelude with this header. In a value the quotes are escaped.
NAMES_CONTENT_ENCODING = b'"content-encoding":'

# RFC 9110, 7.6.1: these describe one connection, not the response. Lambda's front ends set the length themselves, and
# rename a `content-length` of the function.
_NOT_FORWARDED = frozenset(
    (
        "connection",
        "content-length",
        "keep-alive",
        "proxy-authenticate",
        "proxy-authorization",
        "proxy-connection",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
    )
)

# RFC 9110, 5.6.2: the characters of a header name.
_NAME_CHARACTERS = frozenset("!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ")


KNOWN_PRELUDES = 32
_known_preludes: dict[object, bytes] = {}


class HeadError(ValueError):
    """A response head that cannot be sent."""


def encode_prelude(head: HttpResponse, door: str) -> bytes:
    # Most handlers answer with one head, or few: each is encoded once.
    key = (door, head.status_code, tuple(head.headers), tuple(head.cookies))
    try:
        known = _known_preludes.get(key)
    except TypeError:
        return _encode(head, door)  # A value that cannot be hashed is no text: `_encode` rejects it.
    if known is None:
        known = _encode(head, door)
        if len(_known_preludes) >= KNOWN_PRELUDES:
            _known_preludes.clear()
        _known_preludes[key] = known
    return known


def _encode(head: HttpResponse, door: str) -> bytes:
    headers, cookies = validated(head)
    document: dict[str, object] = {"statusCode": head.status_code}
    if door == front_door.REST_API:
        multi = grouped(headers, cookies)
        document["headers"] = {name: values[0] for name, values in multi.items() if len(values) == 1}
        repeated = {name: values for name, values in multi.items() if len(values) > 1}
        if repeated:
            document["multiValueHeaders"] = repeated
    else:
        document["headers"] = joined(headers)
        if cookies:
            document["cookies"] = cookies
    json = import_standard("json")
    prelude: bytes = json.dumps(document).encode("ascii") + DELIMITER
    if len(prelude) > LIMIT_BYTES:
        raise HeadError(
            f"the response head takes {len(prelude):,} bytes as JSON; API Gateway and Function URLs take "
            f"{LIMIT_BYTES:,}: send fewer or shorter headers and cookies"
        )
    return prelude


def validated(head: HttpResponse) -> tuple[list[tuple[str, str]], list[str]]:
    """Return headers (names in lower case, without set-cookie and hop-by-hop ones) and cookies, all safe to send."""
    headers: list[tuple[str, str]] = []
    cookies = [_checked_value("set-cookie", cookie) for cookie in head.cookies]
    for name, value in head.headers:
        if not isinstance(name, str) or not name or not _NAME_CHARACTERS.issuperset(name):
            raise HeadError(f"{name!r} is not a header name: letters, digits and !#$%&'*+-.^_`|~ are allowed")
        name = name.lower()
        value = _checked_value(name, value)
        if name == "set-cookie":
            cookies.append(value)
        elif name not in _NOT_FORWARDED:
            headers.append((name, value))
    return headers, cookies


def grouped(headers: list[tuple[str, str]], cookies: list[str]) -> dict[str, list[str]]:
    """Return all values of each header, with the cookies: the form of `multiValueHeaders`."""
    multi: dict[str, list[str]] = {}
    for name, value in headers:
        multi.setdefault(name, []).append(value)
    if cookies:
        multi["set-cookie"] = cookies
    return multi


def joined(headers: list[tuple[str, str]]) -> dict[str, str]:
    """Join repeated headers into one each, values separated by commas (RFC 9110, 5.3)."""
    result: dict[str, str] = {}
    for name, value in headers:
        result[name] = f"{result[name]}, {value}" if name in result else value
    return result


def _checked_value(name: str, value: str) -> str:
    if not isinstance(value, str):
        raise HeadError(f"the header {name!r} has the value {value!r}; it must be text")
    if not value.isascii():
        raise HeadError(
            f"the header {name!r} has the value {value!r}, which is not ASCII: percent-encode it "
            "(urllib.parse.quote), or use the form of RFC 8187: filename*=UTF-8''..."
        )
    # A line break in a value would let its author add headers or a body.
    if not value.replace("\t", " ").isprintable():
        raise HeadError(f"the header {name!r} has the value {value!r}: control characters are not allowed")
    return value.strip(" \t")
