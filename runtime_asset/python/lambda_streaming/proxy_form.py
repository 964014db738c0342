"""The buffered form of an HTTP response, for front doors that do not stream.

AWS's pages on proxy integrations give the keys: HTTP API 2.0 and Function URLs take `cookies` and one value a header;
REST, HTTP API 1.0 and load balancers with multi-value headers take `multiValueHeaders`; a plain load balancer takes one
value a header, and so a single cookie.
"""

from __future__ import annotations

from lambda_streaming import front_door, prelude
from lambda_streaming.python_path import import_standard

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from lambda_streaming.http_response import HttpResponse

_MULTI_VALUE = frozenset((front_door.REST_API, front_door.HTTP_API_1, front_door.ALB_MULTI_VALUE))


class CollectedBody:
    """Gathers a body; nothing leaves before the end."""

    def __init__(self, head: HttpResponse, door: str) -> None:
        self._head = head
        self._door = door
        self._items: list[bytes | memoryview] = []

    def put(self, item: bytes | memoryview) -> bool:
        self._items.append(item)
        return True

    def put_last(self, trailers: Iterable[tuple[str, str]] = ()) -> bool:
        return True

    def flush(self) -> bool:
        return True

    def to_json(self) -> bytes:
        document = encode_proxy_form(self._head, b"".join(self._items), self._door)
        return import_standard("json").dumps(document).encode("ascii")  # type: ignore[no-any-return]


def encode_proxy_form(head: HttpResponse, body: bytes, door: str) -> dict[str, object]:
    headers, cookies = prelude.validated(head)
    document: dict[str, object] = {"statusCode": head.status_code}
    if door in _MULTI_VALUE:
        document["multiValueHeaders"] = prelude.grouped(headers, cookies)
    else:
        single = prelude.joined(headers)
        if door == front_door.ALB:
            if cookies:
                single["set-cookie"] = cookies[-1]
        elif cookies:
            document["cookies"] = cookies
        document["headers"] = single
    is_compressed = any(name == "content-encoding" for name, _ in headers)
    text = None if is_compressed else _text_of(body)
    document["isBase64Encoded"] = text is None
    document["body"] = _base64_of(body) if text is None else text
    return document


def _text_of(body: bytes) -> str | None:
    try:
        return body.decode()
    except UnicodeDecodeError:
        return None


def _base64_of(body: bytes) -> str:
    from binascii import b2a_base64

    return b2a_base64(body, newline=False).decode("ascii")
