"""The Runtime API as a client: `/next`, `/response`, `/error`, `/init/error`.

Every request but a streamed response is one send and one reply. A streamed response is opened here and written by
`body_writer`; it ends with `accept_reply`. `/next` must wait for the reply to the response: else Lambda answers 403 and
ends the environment (protocol.md 1.3).
"""

from __future__ import annotations

from lambda_streaming.wire.connection import Connection, ConnectionBroken
from lambda_streaming.wire.http1 import Reply, encode_request_head

TYPE_CHECKING = False
if TYPE_CHECKING:
    from lambda_streaming.error_report import ErrorReport

_BASE = "/2018-06-01/runtime"
_ERROR_TYPE = "Lambda-Runtime-Function-Error-Type"
_ERROR_BODY = "Lambda-Runtime-Function-Error-Body"

# 400: Lambda has ended the invocation (cut off, or answered already). 410: it timed out. 413: the response was too
# large. The environment can serve the next invocation (protocol.md 1.3, "Reply codes and duty").
_REPLIES_TO_GO_ON_AFTER = frozenset((400, 410, 413))


class RuntimeApiError(Exception):
    """The Runtime API gave a reply after which this environment must end."""


class Invocation:
    """One invocation: the reply to `GET /runtime/invocation/next` (protocol.md 1.1). `event` is the undecoded body.

    `invocation_id` is echoed on the response if it was received: it tells a late answer from that to a retry with the
    same request id.
    """

    __slots__ = (
        "client_context",
        "cognito_identity",
        "content_type",
        "deadline_ms",
        "event",
        "function_arn",
        "invocation_id",
        "request_id",
        "tenant_id",
        "trace_id",
    )

    def __init__(self, reply: Reply) -> None:
        headers = reply.headers
        self.event = reply.body
        self.content_type = headers.get("content-type", "application/json")
        self.request_id = headers["lambda-runtime-aws-request-id"]
        self.deadline_ms = int(headers.get("lambda-runtime-deadline-ms", "0"))
        self.function_arn = headers.get("lambda-runtime-invoked-function-arn", "")
        self.trace_id = headers.get("lambda-runtime-trace-id")
        self.client_context = headers.get("lambda-runtime-client-context")
        self.cognito_identity = headers.get("lambda-runtime-cognito-identity")
        self.tenant_id = headers.get("lambda-runtime-aws-tenant-id")
        self.invocation_id = headers.get("lambda-runtime-invocation-id")


class RuntimeApi:
    def __init__(self, address: str) -> None:
        self.address = address
        self._connection: Connection | None = None
        # Set from a request to its reply. If it is set when the next request begins, an exception ended the exchange.
        # A streamed response is not counted: the loop calls `truncate_request` if it does not end well.
        self._is_exchanging = False
        # The size of the request for the next event, once it was sent.
        self._sent_next: list[int] = []

    def next_invocation(self) -> Invocation:
        """Wait for the next event, without a time limit.

        A connection that broke while it was idle is replaced once; Lambda then sends the same event. If an exception
        of the user's code interrupted the wait, it goes on: Lambda refuses a second request for the next event.
        """
        try:
            reply = self._next_reply()
        except ConnectionBroken:
            self._disconnect()
            reply = self._next_reply()
        if reply.status != 200:
            raise RuntimeApiError(f"the Runtime API answered {reply.status} to /next: {reply.body[:500]!r}")
        try:
            return Invocation(reply)
        except (KeyError, ValueError) as error:
            raise RuntimeApiError(f"the Runtime API sent an event with a missing or invalid header: {error}") from None

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
        """Report why init failed. `error_type` replaces the error's own type."""
        return self._post("/init/error", _error_headers(error, error_type), error.to_json())

    def restore_next(self) -> None:
        """Wait until this process is a restored copy of a snapshot (SnapStart)."""
        reply = self._exchange(encode_request_head("GET", f"{_BASE}/restore/next", self.address))
        # The connection is from before the snapshot.
        self._disconnect()
        if reply.status != 200:
            raise RuntimeApiError(f"the Runtime API answered {reply.status} to /restore/next: {reply.body[:500]!r}")

    def post_restore_error(self, error: ErrorReport, error_type: str) -> Reply:
        return self._post("/restore/error", _error_headers(error, error_type), error.to_json())

    def open_response(self, invocation: Invocation, content_type: str) -> tuple[Connection, bytes]:
        """Return the connection for a streamed response, and the request head to send first.

        The trailers are declared: undeclared ones are lost without a sign (protocol.md 1.3).
        """
        headers = [
            ("Content-Type", content_type),
            ("Lambda-Runtime-Function-Response-Mode", "streaming"),
            ("Transfer-Encoding", "chunked"),
            ("Trailer", f"{_ERROR_TYPE}, {_ERROR_BODY}"),
            *_echo(invocation),
        ]
        path = f"{_BASE}/invocation/{_quoted(invocation.request_id)}/response"
        connection = self._connected()
        connection.begin_exchange()
        return connection, encode_request_head("POST", path, self.address, headers)

    def accept_reply(self, reply: Reply) -> None:
        """End the exchange; reconnect if the reply asks for it."""
        if reply.keep_alive:
            self._is_exchanging = False
        else:
            self._disconnect()

    def truncate_request(self) -> Reply | None:
        """End the request in the middle and reconnect for the next. Return the reply, None if there is none.

        Lambda must have seen the end of the request before `/next`: else it answers 403 (protocol.md 1.3).
        """
        if self._connection is None:
            return None
        try:
            return self._connection.truncate()
        except ConnectionBroken:
            return None
        finally:
            self._disconnect()

    def _post(self, path: str, headers: list[tuple[str, str]], body: bytes) -> Reply:
        headers = [*headers, ("Content-Length", str(len(body)))]
        return self._exchange(encode_request_head("POST", _BASE + path, self.address, headers), body)

    def _exchange(self, *parts: bytes) -> Reply:
        connection = self._connected()
        self._is_exchanging = True
        reply = connection.exchange(*parts)
        self.accept_reply(reply)
        return reply

    def _next_reply(self) -> Reply:
        if not (self._sent_next and self._connection):
            connection = self._connected()
            self._is_exchanging = True
            request = encode_request_head("GET", f"{_BASE}/invocation/next", self.address)
            connection.send_recorded(request, self._sent_next)
        assert self._connection is not None
        reply = self._connection.read_reply()
        self._sent_next.clear()
        self.accept_reply(reply)
        return reply

    def _connected(self) -> Connection:
        if self._is_exchanging:
            self._disconnect()
        if self._connection is None:
            self._connection = Connection.to(self.address)
        return self._connection

    def _disconnect(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None
        self._is_exchanging = False
        self._sent_next.clear()


def error_trailers(error: ErrorReport) -> list[tuple[str, str]]:
    """Return the two trailers that mark a begun response as failed (protocol.md 1.3, "Trailers")."""
    return [(_ERROR_TYPE, error.runtime_api_type), (_ERROR_BODY, error.to_trailer_body())]


def check_response_reply(reply: Reply) -> str | None:
    """Return a warning about a reply to `/response` or `/error`, None for a good one.

    Raises `RuntimeApiError` if the process must end.
    """
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
    """Percent-encode a request id for a path; ids may hold any character."""
    if request_id.replace("-", "").isalnum() and request_id.isascii():
        return request_id
    return "".join(
        chr(byte) if (chr(byte).isalnum() and byte < 128) or chr(byte) in "-._~" else f"%{byte:02X}"
        for byte in request_id.encode()
    )
