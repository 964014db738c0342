"""The buffered form of an HTTP response, for front doors that do not stream.

AWS's pages on proxy integrations give the keys: HTTP API 2.0 and Function URLs take `cookies` and one value a header;
REST, HTTP API 1.0 and load balancers with multi-value headers take `multiValueHeaders`. A plain load balancer takes one
value a header; names that differ in case only are several headers to it, so each cookie has a spelling of its own.
"""

from __future__ import annotations

from lambda_streaming.process.python_path import import_standard
from lambda_streaming.response import front_door, prelude

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from lambda_streaming.http_response import HttpResponse

_MULTI_VALUE = frozenset((front_door.REST_API, front_door.HTTP_API_1, front_door.ALB_MULTI_VALUE))


def proxy_json(head: HttpResponse, body: bytes, door: str) -> bytes:
    document = encode_proxy_form(head, body, door)
    return import_standard("json").dumps(document).encode("ascii")  # type: ignore[no-any-return]


def encode_proxy_form(head: HttpResponse, body: bytes, door: str) -> dict[str, object]:
    headers, cookies = prelude.validated(head)
    document: dict[str, object] = {"statusCode": head.status_code}
    if door in _MULTI_VALUE:
        document["multiValueHeaders"] = prelude.grouped(headers, cookies)
    else:
        single = prelude.joined(headers)
        if door == front_door.ALB:
            single.update(zip(_spellings("set-cookie"), cookies, strict=False))
        elif cookies:
            document["cookies"] = cookies
        document["headers"] = single
    is_compressed = any(name == "content-encoding" for name, _ in headers)
    text = None if is_compressed else _text_of(body)
    document["isBase64Encoded"] = text is None
    document["body"] = _base64_of(body) if text is None else text
    return document


def _spellings(name: str) -> Iterator[str]:
    """Give the spellings of a name in upper and lower case, the name itself first."""
    letters = [index for index, letter in enumerate(name) if letter.isalpha()]
    for number in range(2 ** len(letters)):
        upper = {index for bit, index in enumerate(letters) if number >> bit & 1}
        yield "".join(letter.upper() if index in upper else letter for index, letter in enumerate(name))


def _text_of(body: bytes) -> str | None:
    try:
        return body.decode()
    except UnicodeDecodeError:
        return None


def _base64_of(body: bytes) -> str:
    from binascii import b2a_base64

    return b2a_base64(body, newline=False).decode("ascii")
