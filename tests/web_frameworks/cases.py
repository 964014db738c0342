"""The requests that every application gets, and the differences between Lambda's answer and a web server's."""

from __future__ import annotations

from dataclasses import dataclass, field

from .frameworks import API_DOCS

FORM = (
    b'--edge\r\nContent-Disposition: form-data; name="name"\r\n\r\ncaf\xc3\xa9\r\n'
    b'--edge\r\nContent-Disposition: form-data; name="file"; filename="a.bin"\r\n'
    b"Content-Type: application/octet-stream\r\n\r\n\x00\xff\r\n--edge--\r\n"
)


@dataclass(frozen=True, slots=True)
class Case:
    """A request. `route` is its column in the table of docs/frameworks.md."""

    route: str
    path: str
    method: str = "GET"
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes | None = None

    @property
    def id(self) -> str:
        return f"{self.method} {self.path}"


CASES = (
    Case("JSON", "/json"),
    Case("JSON", "/items/caf%C3%A9%20x?a=1&b=%20+%26&a=%C3%BC&empty="),
    Case("JSON", "/items/a%2Fb%25"),
    Case("text", "/text"),
    Case("SSE", "/events"),
    Case("upload", "/echo", "POST", {"content-type": "application/octet-stream"}, bytes(range(256)) * 100),
    Case("upload", "/echo", "POST", {"content-type": "application/json"}, '{"text": "ü"}'.encode()),
    Case("upload", "/form", "POST", {"content-type": "multipart/form-data; boundary=edge"}, FORM),
    Case("download", "/download"),
    Case("redirects", "/redirect"),
    Case("redirects", "/slash/"),
    Case("redirects", "/slash?a=1"),
    Case("redirects", "/noslash"),
    Case("redirects", "/noslash/"),
    Case("cookies", "/cookies", headers={"cookie": "a=1; b=two; session=x"}),
    Case("HEAD", "/json", "HEAD"),
    Case("HEAD", "/text", "HEAD"),
    Case("HEAD", "/missing", "HEAD"),
    Case("204, 304", "/nothing"),
    Case("204, 304", "/unchanged", headers={"if-none-match": '"1"'}),
    Case("empty", "/empty"),
    Case("errors", "/missing"),
    Case("errors", "/json", "DELETE"),
    Case("errors", "/json", "OPTIONS"),
    Case("errors", "/fails"),
    Case(API_DOCS, "/docs"),
    Case(API_DOCS, "/openapi.json"),
    Case(API_DOCS, "/schema"),
)

# Headers that are never compared, with the reason.
NOT_COMPARED = {
    "connection": "about the connection, which the front door has with the client",
    "keep-alive": "about the connection, which the front door has with the client",
    "transfer-encoding": "about the connection, which the front door has with the client",
    "content-length": "the runtime sends none: a Function URL would rename it, and frames every response itself",
    "date": "the time of the answer",
    "server": "names the web server",
    "x-amzn-requestid": "added by Lambda",
    "x-amzn-trace-id": "added by Lambda",
}

# Changes to the answer of a web server that a Function URL makes by design, with the reason.
FUNCTION_URL_CHANGES = {
    "one newline as the body of an empty response": "a client of a Function URL would wait without it",
    "content-type: application/octet-stream without a content type": "Lambda adds it",
    "one line for a repeated header, with its values joined by commas": "Lambda takes one value for each name",
    "the regular end of a response that fails in the middle": "Lambda has the error, and its client does not",
}

# Answers of which only the status is compared: (module, path) and the reason.
OWN_ERROR_PAGES = {
    ("plain_wsgi", "/fails"): "without a framework the server makes the page of an error; gunicorn's is HTML",
}

# Requests for which an application breaks a rule that `wsgiref.validate` checks: (module, path) and the rule.
BROKEN_RULES = {
    ("with_flask", "/echo"): "Werkzeug reads the body without a size, where `wsgi.input_terminated` is True",
    ("with_flask", "/nothing"): "the response has status 204 and a content type",
    ("with_django_wsgi", "/nothing"): "the response has status 204 and a content type",
}
