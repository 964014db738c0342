"""The HTTP request of an event, in the same form for every front door. Web applications get it as ASGI or WSGI.

The forms of events are on the AWS pages that `response/front_door.py` names. They differ in what is decoded already:

- Function URL: path and query string are those of the client.
- HTTP API: the path is decoded. The query string of payload 2.0 is raw; that of 1.0 is decoded.
- REST API: path and query are decoded.
- ALB: path and query are those of the client, the query as a mapping.
"""

from __future__ import annotations

from urllib.parse import quote, quote_plus, unquote_to_bytes

from lambda_streaming.response import front_door

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

# The context headers of AWS's Lambda Web Adapter. Applications trust them, and a client could send them here.
_CONTEXT_HEADERS = frozenset(("x-amzn-request-context", "x-amzn-lambda-context", "x-amz-tenant-id"))
# RFC 3986, 3.3: the characters of a path that need no encoding.
_PATH_CHARACTERS = "/:@!$&'()*+,;=~-._"
_DECODED_PATHS = (front_door.HTTP_API_1, front_door.HTTP_API_2, front_door.REST_API)
_DECODED_QUERIES = (front_door.HTTP_API_1, front_door.REST_API)
_PORTS = {"http": 80, "https": 443}


class RequestOptions:
    """The options of a web application about its requests.

    `root_path`: the path at which the application is mounted, such as `/api`. The stage of an API comes before it,
    where the client's path has it. It counts even if a proxy has removed it from the request. Default None: the stage
    alone. Empty: none, and the stage is removed from the path.

    `authorization_header`: the header whose value becomes `authorization`, which IAM uses for its signature.

    `trusts_forwarded_host`: `x-forwarded-host` replaces `host`. Only for functions that clients cannot reach directly.
    """

    __slots__ = ("authorization_header", "root_path", "trusts_forwarded_host")

    def __init__(
        self,
        root_path: str | None = None,
        authorization_header: str | None = None,
        trusts_forwarded_host: bool = False,
    ) -> None:
        self.root_path = None if root_path is None else _checked_root_path(root_path)
        self.authorization_header = _checked_header(authorization_header) if authorization_header else None
        self.trusts_forwarded_host = trusts_forwarded_host


class HttpRequest:
    """One request.

    `path` has the decoded bytes of the whole path, `raw_path` the encoded ones; both begin with `root_path`. Header
    names are in lower case, and a header that the client repeated is one line or several, as the front door passes it.
    """

    __slots__ = (
        *("body", "client_ip", "headers", "host", "http_version", "method", "path", "port", "query_string"),
        *("raw_path", "root_path", "scheme"),
    )

    def __init__(self, event: dict[str, Any], door: str, options: RequestOptions) -> None:
        context = event["requestContext"]
        http = _mapping(context.get("http"))
        self.method = front_door.method_of_event(event).upper()
        self.http_version = str(http.get("protocol") or "HTTP/1.1").partition("/")[2] or "1.1"
        self.root_path, self.path, self.raw_path = _paths(event, door, options.root_path)
        self.query_string = _query_string(event, door)
        self.body = _body(event)
        headers = dict(_headers(event))
        _apply(options, headers)
        if self.body or "content-length" in headers:
            headers["content-length"] = [str(len(self.body))]
        self.headers = [
            (_header_bytes(name), _header_bytes(value)) for name, values in headers.items() for value in values
        ]
        self.scheme = _scheme(headers)
        self.host, self.port = _host_and_port(headers, self.scheme)
        self.client_ip = _client_ip(context, door, headers)


def _checked_header(name: str) -> str:
    if name.lower() == "authorization":
        raise ValueError(f"authorization_header is {name!r}; it must be another one, whose value replaces it")
    return name.lower()


def _checked_root_path(root_path: str) -> str:
    if root_path and not (root_path.startswith("/") and root_path.isascii()):
        raise ValueError(
            f"root_path is {root_path!r}; it must be ASCII and begin with a slash, such as '/api', or be empty"
        )
    return root_path.rstrip("/")


# Paths.


def _paths(event: dict[str, Any], door: str, root_path: str | None) -> tuple[str, bytes, bytes]:
    """Return the root path, the whole path decoded and the whole path encoded."""
    stage, path = _stage_and_path(event, door)
    if root_path is None:
        root = stage
    elif not root_path:
        root = ""
    elif _is_below(stage + path, root_path):
        root, path = root_path, (stage + path)[len(root_path) :]
    else:
        # Below the stage, where a proxy in front of the API may have removed it.
        root = stage + root_path
        path = path[len(root_path) :] if _is_below(path, root_path) else path
    path = root + path
    if door in _DECODED_PATHS:
        return root, path.encode("utf-8", "surrogatepass"), quote(path, _PATH_CHARACTERS, errors="replace").encode()
    # The client's own encoding stays; only what no URL may have is encoded.
    encoded = path if path.isascii() else quote(path, _PATH_CHARACTERS + "%")
    return root, unquote_to_bytes(encoded), encoded.encode()


def _stage_and_path(event: dict[str, Any], door: str) -> tuple[str, str]:
    """Return the stage of an API as a path, if the client's path has it, and the rest of that path.

    The path of an HTTP API has the stage. That of a REST API has not: there the context has the client's path, which
    lacks the stage behind a custom domain name.
    """
    given = event.get("rawPath") if "rawPath" in event else event.get("path")
    path = given if isinstance(given, str) and given.startswith("/") else "/"
    context = event["requestContext"]
    stage = f"/{context.get('stage')}"
    if door not in _DECODED_PATHS or stage in ("/None", "/", "/$default"):
        return "", path
    if door == front_door.REST_API:
        client_path = str(context.get("path")).rstrip("/")
        return (stage, path) if client_path == (stage + path).rstrip("/") else ("", path)
    return (stage, path[len(stage) :]) if _is_below(path, stage) else ("", path)


def _is_below(path: str, root_path: str) -> bool:
    return path == root_path or path.startswith(f"{root_path}/")


# Query strings.


def _query_string(event: dict[str, Any], door: str) -> bytes:
    raw = event.get("rawQueryString")
    if isinstance(raw, str):
        return raw.encode("ascii", "replace") if raw.isascii() else quote(raw, "!$&'()*+,;=:@/?%~").encode()
    encode = quote_plus if door in _DECODED_QUERIES else str
    return "&".join(f"{encode(name)}={encode(value)}" for name, value in _parameters(event)).encode("utf-8", "replace")


def _parameters(event: dict[str, Any]) -> Iterator[tuple[str, str]]:
    multi = event.get("multiValueQueryStringParameters")
    if isinstance(multi, dict):
        for name, values in multi.items():
            for value in values or ():
                yield name, "" if value is None else str(value)
    else:
        for name, value in _mapping(event.get("queryStringParameters")).items():
            yield name, "" if value is None else str(value)


# Headers.


def _headers(event: dict[str, Any]) -> Iterator[tuple[str, list[str]]]:
    """Give each header once: its name in lower case, and its lines. Cookies are one line, as in HTTP/1.1."""
    multi = event.get("multiValueHeaders")
    single = {name: [value] for name, value in _mapping(event.get("headers")).items()}
    cookies = event.get("cookies")
    for given, values in (multi if isinstance(multi, dict) else single).items():
        name = given.lower()
        texts = [str(value) for value in values or () if value is not None]
        if name in _CONTEXT_HEADERS or name == "transfer-encoding" or not texts:
            continue
        if name != "cookie":
            yield name, texts
        elif not cookies:  # An event of payload 2.0 has them a second time, in `cookies`.
            yield name, ["; ".join(texts)]
    if cookies and isinstance(cookies, list):
        yield "cookie", ["; ".join(str(cookie) for cookie in cookies)]


def _apply(options: RequestOptions, headers: dict[str, list[str]]) -> None:
    if options.authorization_header in headers:
        headers["authorization"] = headers.pop(options.authorization_header)
    if options.trusts_forwarded_host and "x-forwarded-host" in headers:
        headers["host"] = [headers["x-forwarded-host"][0].partition(",")[0].strip()]


def _header_bytes(text: str) -> bytes:
    try:
        return text.encode("latin-1")
    except UnicodeEncodeError:
        return text.encode("utf-8", "replace")


def _first(headers: dict[str, list[str]], name: str) -> str:
    return headers.get(name, ("",))[0]


def _scheme(headers: dict[str, list[str]]) -> str:
    scheme = _first(headers, "x-forwarded-proto").partition(",")[0].strip().lower()
    return scheme if scheme in _PORTS else "https"


def _host_and_port(headers: dict[str, list[str]], scheme: str) -> tuple[str, int]:
    host = _first(headers, "host")
    name, colon, port = host.rpartition(":")
    if colon and port.isdecimal() and not host.endswith("]"):
        return name, int(port)
    return host or "localhost", _PORTS[scheme]


def _client_ip(context: dict[str, Any], door: str, headers: dict[str, list[str]]) -> str | None:
    if door in (front_door.ALB, front_door.ALB_MULTI_VALUE):
        # The load balancer appends the address; a client can send others before it.
        address: Any = _first(headers, "x-forwarded-for").rpartition(",")[2].strip()
    else:
        address = _mapping(context.get("http")).get("sourceIp") or _mapping(context.get("identity")).get("sourceIp")
    return address if isinstance(address, str) and address else None


def _body(event: dict[str, Any]) -> bytes:
    body = event.get("body")
    if not isinstance(body, str):
        return b""
    if event.get("isBase64Encoded"):
        from binascii import a2b_base64

        return a2b_base64(body)
    return body.encode("utf-8", "surrogatepass")


def _mapping(value: object) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}
