"""The Runtime API as a client: `/next`, `/response`, `/error`, `/init/error`.

Every request but a streamed response is one send and one reply. A streamed response is opened here and written by
`body_writer`; it ends with `accept_reply`. Never `/next` before the reply to the response: Lambda answers 403 and ends
the environment (protocol 1.3).
"""

from __future__ import annotations

from lambda_streaming.connection import Connection, ConnectionBroken
from lambda_streaming.http1 import Reply, encode_request_head
from lambda_streaming.invocation import Invocation

TYPE_CHECKING = False
if TYPE_CHECKING:
    from lambda_streaming.error_report import ErrorReport

_BASE = "/2018-06-01/runtime"
_ERROR_TYPE = "Lambda-Runtime-Function-Error-Type"
_ERROR_BODY = "Lambda-Runtime-Function-Error-Body"

# 400: the invocation is over for Lambda (cut off, or answered already). 410: it had timed out. 413: the response was
# too large. In all of them the environment is sound (protocol 1.3, "Reply codes and duty").
_REPLIES_TO_GO_ON_AFTER = frozenset((400, 410, 413))


class RuntimeApiError(Exception):
    """The Runtime API answered so that this environment must end."""


class RuntimeApi:
    def __init__(self, address: str) -> None:
        self.address = address
        self._connection: Connection | None = None

    def next_invocation(self) -> Invocation:
        """Wait for the next event, for as long as it takes.

        A connection that broke while it was idle is replaced once: asked again, Lambda gives the same event.
        """
        request = encode_request_head("GET", f"{_BASE}/invocation/next", self.address)
        try:
            reply = self._exchange(request)
        except ConnectionBroken:
            self._disconnect()
            reply = self._exchange(request)
        if reply.status != 200:
            raise RuntimeApiError(f"the Runtime API answered {reply.status} to /next: {reply.body[:500]!r}")
        try:
            return Invocation(reply)
        except (KeyError, ValueError) as error:
            raise RuntimeApiError(f"the Runtime API gave an event without a header that can be read: {error}") from None

    def post_response(self, invocation: Invocation, body: bytes, content_type: str) -> Reply:
        headers = [("Content-Type", content_type), *_echo(invocation)]
        return self._post(f"/invocation/{_quoted(invocation.request_id)}/response", headers, body)

    def post_error(self, invocation: Invocation, error: ErrorReport) -> Reply:
        headers = [*_error_headers(error), *_echo(invocation)]
        cause = error.to_xray_cause()
        if cause is not None:
            headers.append(("Lambda-Runtime-Function-XRay-Error-Cause", cause))
        return self._post(f"/invocation/{_quoted(invocation.request_id)}/error", headers, error.to_json())

    def post_init_error(self, error: ErrorReport, error_type: str | None = None) -> Reply:
        """Say why init failed; `error_type` stands for the error's own where Lambda wants another."""
        return self._post("/init/error", _error_headers(error, error_type), error.to_json())

    def restore_next(self) -> None:
        """Wait until a snapshot was taken and this process is a restored copy (SnapStart)."""
        reply = self._exchange(encode_request_head("GET", f"{_BASE}/restore/next", self.address))
        # The connection is from before the snapshot.
        self._disconnect()
        if reply.status != 200:
            raise RuntimeApiError(f"the Runtime API answered {reply.status} to /restore/next: {reply.body[:500]!r}")

    def post_restore_error(self, error: ErrorReport, error_type: str) -> Reply:
        return self._post("/restore/error", _error_headers(error, error_type), error.to_json())

    def open_response(self, invocation: Invocation, content_type: str) -> tuple[Connection, bytes]:
        """Give the connection for a streamed response and the request head that must go first on it.

        The trailers are declared because undeclared ones are lost without a sign (protocol 1.3).
        """
        headers = [
            ("Content-Type", content_type),
            ("Lambda-Runtime-Function-Response-Mode", "streaming"),
            ("Transfer-Encoding", "chunked"),
            ("Trailer", f"{_ERROR_TYPE}, {_ERROR_BODY}"),
            *_echo(invocation),
        ]
        path = f"{_BASE}/invocation/{_quoted(invocation.request_id)}/response"
        return self._connected(), encode_request_head("POST", path, self.address, headers)

    def accept_reply(self, reply: Reply, *, request_was_complete: bool = True) -> None:
        """Take note of a reply: reconnect where it asks for it or the request was not ended."""
        if not (reply.keep_alive and request_was_complete):
            self._disconnect()

    def abandon_connection(self) -> None:
        """Connect anew for the next request: what this connection carries cannot be trusted."""
        self._disconnect()

    def _post(self, path: str, headers: list[tuple[str, str]], body: bytes) -> Reply:
        headers = [*headers, ("Content-Length", str(len(body)))]
        return self._exchange(encode_request_head("POST", _BASE + path, self.address, headers), body)

    def _exchange(self, *parts: bytes) -> Reply:
        connection = self._connected()
        connection.send_all(*parts)
        reply = connection.read_reply()
        self.accept_reply(reply)
        return reply

    def _connected(self) -> Connection:
        if self._connection is None:
            self._connection = Connection(self.address)
        return self._connection

    def _disconnect(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None


def error_trailers(error: ErrorReport) -> list[tuple[str, str]]:
    """The two trailers that turn a response that has begun into a failed one (protocol 1.3, "Trailers")."""
    return [(_ERROR_TYPE, error.runtime_api_type), (_ERROR_BODY, error.to_trailer_body())]


def check_response_reply(reply: Reply) -> str | None:
    """What to log of a reply to `/response` or `/error`; `None` when all is well. Raises when the process must end."""
    if reply.status == 202:
        return None
    if reply.status in _REPLIES_TO_GO_ON_AFTER:
        return f"Lambda did not take the response: {reply.status} {reply.body[:500].decode('utf-8', 'replace')}"
    raise RuntimeApiError(f"the Runtime API answered {reply.status} to the response: {reply.body[:500]!r}")


def _error_headers(error: ErrorReport, error_type: str | None = None) -> list[tuple[str, str]]:
    return [("Content-Type", "application/json"), (_ERROR_TYPE, error_type or error.runtime_api_type)]


def _echo(invocation: Invocation) -> list[tuple[str, str]]:
    return [("Lambda-Runtime-Invocation-Id", invocation.invocation_id)] if invocation.invocation_id else []


def _quoted(request_id: str) -> str:
    """Percent-encode what must not stand in a path; request ids are opaque."""
    if request_id.replace("-", "").isalnum() and request_id.isascii():
        return request_id
    return "".join(
        chr(byte) if (chr(byte).isalnum() and byte < 128) or chr(byte) in "-._~" else f"%{byte:02X}"
        for byte in request_id.encode()
    )
