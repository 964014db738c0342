"""Client that sends one request to a server, and an answer in the form that is compared."""

from __future__ import annotations

import http.client
from dataclasses import dataclass, replace

from tests.lambda_streaming.fake_runtime_api import TIMEOUT_S

from .cases import NOT_COMPARED, Case


@dataclass(frozen=True, slots=True)
class Answer:
    """A response. `is_whole` is False if it was broken off."""

    status: int
    headers: list[tuple[str, str]]
    body: bytes
    is_whole: bool = True


def through_function_url(answer: Answer, method: str) -> Answer:
    """Return an answer of a web server as a Function URL passes it on: see `FUNCTION_URL_CHANGES`."""
    is_empty = not answer.body and method != "HEAD" and answer.status not in (204, 304)
    body = b"\n" if is_empty else answer.body
    headers = _passed_on(answer.headers, "application/octet-stream")
    return replace(answer, headers=headers, body=body, is_whole=True)


def through_buffering_url(answer: Answer) -> Answer:
    """Return an answer of a web server as a Function URL with the invoke mode `BUFFERED` passes it on."""
    return replace(answer, headers=_passed_on(answer.headers, "application/json"))


def _passed_on(headers: list[tuple[str, str]], default_type: str) -> list[tuple[str, str]]:
    """Join the values of repeated headers, but for cookies, and add a content type if there is none."""
    lines: list[tuple[str, str]] = []
    for name, value in headers:
        if lines and lines[-1][0] == name != "set-cookie":
            lines[-1] = (name, f"{lines[-1][1]}, {value}")
        else:
            lines.append((name, value))
    has_type = any(name == "content-type" for name, _ in headers)
    return lines if has_type else sorted([*lines, ("content-type", default_type)])


class Arriving:
    """A response that arrives."""

    def __init__(self, connection: http.client.HTTPConnection) -> None:
        self._connection = connection
        self._response = connection.getresponse()
        self._body = b""

    def wait_for(self, expected: bytes) -> None:
        """Return once `expected` is in the body; fail if the body ends without it."""
        while expected not in self._body:
            piece = self._response.read1()
            assert piece, f"the body ended without {expected!r}: {self._body!r}"
            self._body += piece

    @property
    def body(self) -> bytes:
        """The body so far."""
        return self._body

    def answer(self) -> Answer:
        """Read the rest."""
        is_whole = True
        try:
            while piece := self._response.read1():
                self._body += piece
            is_whole = not self._response.length  # the bytes that the head promised and that have not come
        except (http.client.IncompleteRead, ConnectionError) as error:
            self._body += getattr(error, "partial", b"")
            is_whole = False
        finally:
            self.leave()
        headers = [(name.lower(), value) for name, value in self._response.getheaders()]
        compared = sorted((name, value) for name, value in headers if name not in NOT_COMPARED)
        return Answer(self._response.status, compared, self._body, is_whole)

    def leave(self) -> None:
        """Close the connection, as a client that leaves."""
        self._response.close()
        self._connection.close()


@dataclass(frozen=True, slots=True)
class Site:
    """An application at an address. All sites of an application have the same host name, that of its Function URL."""

    address: tuple[str, int]
    headers: dict[str, str]

    def open(self, case: Case) -> Arriving:
        connection = http.client.HTTPConnection(*self.address, timeout=TIMEOUT_S)
        connection.request(case.method, case.path, case.body, {**self.headers, **case.headers})
        return Arriving(connection)

    def send(self, case: Case) -> Answer:
        return self.open(case).answer()
