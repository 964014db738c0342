"""A WSGI application, in process: `WsgiHandler` answers HTTP events with it (PEP 3333).

The application runs on the main thread, and its items leave as it yields them. The head leaves with the first item
that is not empty, or the first `write`.
"""

from __future__ import annotations

import sys
from io import BytesIO

from lambda_streaming.applications.call_signature import WSGI
from lambda_streaming.applications.web_application import Exchange, WebHandler, check_application
from lambda_streaming.response.body_writer import BlockingDriver, ResponseCutOff

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from typing import Any, TypeAlias

    from lambda_streaming.applications.http_request import HttpRequest
    from lambda_streaming.applications.web_application import Handler

    WsgiApplication: TypeAlias = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]


class WsgiHandler(WebHandler):
    """A Lambda handler that serves a WSGI application: Flask, Django, Bottle, Falcon, Pyramid and others.

    ```python
    handler = WsgiHandler(app)
    ```

    Args:
        app: the application, a callable of `environ` and `start_response`.
        root_path: the path at which the application is mounted, such as `/api`, below the stage of an API. Default:
            the stage alone. It is `SCRIPT_NAME`.
        other_events: a handler for events that are no HTTP requests, such as those of a queue. Default: such events
            are an error.
        authorization_header: the header whose value becomes `authorization`, which IAM uses itself. Default: none.
        forwarded_host: use `x-forwarded-host` as `host`. Clients can send it too, so use it only for a function that
            they cannot reach directly. Default: False.
        error_responses: answer an exception of the application with status 500, and log it. False makes it an error
            of the invocation. An exception that the framework answers itself stays a response. Default: True.
    """

    def __init__(
        self,
        app: WsgiApplication,
        *,
        root_path: str | None = None,
        other_events: Handler | None = None,
        authorization_header: str | None = None,
        forwarded_host: bool = False,
        error_responses: bool = True,
    ) -> None:
        super().__init__(
            root_path=root_path,
            other_events=other_events,
            authorization_header=authorization_header,
            forwarded_host=forwarded_host,
            error_responses=error_responses,
        )
        check_application(app, WSGI)
        self._app = app

    def _answer(self, exchange: Exchange) -> None:
        turn, stream = exchange.turn, exchange.stream
        # Items leave while the application runs, in an async decorator too.
        before = stream.drive_with(BlockingDriver())
        try:
            self._call(exchange)
            turn.is_over = True
        except ResponseCutOff as reason:
            error = exchange.cut_off(reason)
            turn.fail(error)
            raise error from None
        except BaseException as error:
            turn.fail(error)
            raise
        finally:
            stream.drive_with(before)

    def _call(self, exchange: Exchange) -> None:
        """Send the response of the application; answer its exception with status 500 if no byte has left."""
        environ = environ_of(exchange.request)
        environ["aws.event"] = exchange.event
        environ["aws.context"] = exchange.context
        try:
            _Response(exchange).send(self._app, environ)
        except Exception as error:
            if isinstance(error, ResponseCutOff) or exchange.stream.has_begun or not self._error_responses:
                raise
            exchange.put_error_response(error)


class _Response:
    """`start_response` of one request, and the `write` that it returns."""

    def __init__(self, exchange: Exchange) -> None:
        self._exchange = exchange
        self._stream = exchange.stream
        self._is_started = False

    def send(self, app: WsgiApplication, environ: dict[str, Any]) -> None:
        items = app(environ, self.start_response)
        if not hasattr(items, "__iter__"):
            raise TypeError(
                f"the application returned {items!r:.200}; WSGI allows an iterable of bytes, such as [b'text']"
            )
        try:
            for item in items:
                self._put(item)
            if not self._is_started:
                raise RuntimeError("the application has not called start_response")
            if not self._stream.put_end():
                self._stream.wait_until_sent()
        finally:
            close = getattr(items, "close", None)
            if close is not None:
                close()

    def start_response(
        self, status: str, headers: list[tuple[str, str]], exc_info: Any = None
    ) -> Callable[[bytes], object]:
        if exc_info:
            try:
                if self._stream.has_begun:
                    raise exc_info[1].with_traceback(exc_info[2])
            finally:
                exc_info = None  # PEP 3333: a reference would keep the traceback alive.
        elif self._is_started:
            raise RuntimeError("the application called start_response twice; the second call needs exc_info")
        self._exchange.name_head(_status_code(status), headers)
        self._is_started = True
        return self.write

    def write(self, data: bytes) -> None:
        """Send data at once. Raises `StreamClosedError` if the client has left."""
        _check_bytes(data)
        self._stream.write(data)

    def _put(self, item: bytes) -> None:
        if not self._is_started:
            raise RuntimeError("the application yielded an item before it called start_response")
        _check_bytes(item)
        if not self._stream.put(item):
            self._stream.wait_until_sent()


class FileWrapper:
    """`wsgi.file_wrapper`: the pieces of a file, which is closed with the response."""

    def __init__(self, file: Any, piece_bytes: int = 65_536) -> None:
        self._file = file
        self._piece_bytes = piece_bytes
        if hasattr(file, "close"):
            self.close = file.close

    def __iter__(self) -> Iterator[bytes]:
        while piece := self._file.read(self._piece_bytes):
            yield piece


def environ_of(request: HttpRequest) -> dict[str, Any]:
    """Return the environ of a request (PEP 3333, "environ Variables")."""
    path = request.path.decode("latin-1")
    raw_path = request.raw_path.decode("latin-1")
    query_string = request.query_string.decode("latin-1")
    environ: dict[str, Any] = {
        "REQUEST_METHOD": request.method,
        "SCRIPT_NAME": request.root_path,
        "PATH_INFO": path[len(request.root_path) :],
        "QUERY_STRING": query_string,
        "SERVER_NAME": request.host,
        "SERVER_PORT": str(request.port),
        "SERVER_PROTOCOL": f"HTTP/{request.http_version}",
        "SERVER_SOFTWARE": "lambda-streaming",
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": request.scheme,
        "wsgi.input": BytesIO(request.body),
        "wsgi.input_terminated": True,
        "wsgi.errors": sys.stderr,
        "wsgi.multithread": False,
        "wsgi.multiprocess": True,
        "wsgi.run_once": False,
        "wsgi.file_wrapper": FileWrapper,
    }
    # The request target of the client, for applications that need its encoding.
    environ["RAW_URI"] = environ["REQUEST_URI"] = f"{raw_path}?{query_string}" if query_string else raw_path
    if request.client_ip:
        environ["REMOTE_ADDR"] = request.client_ip
    for name_bytes, value_bytes in request.headers:
        if b"_" in name_bytes:
            continue  # It would take the key of a header with a hyphen, which a proxy may have checked.
        name, value = name_bytes.decode("latin-1").upper().replace("-", "_"), value_bytes.decode("latin-1")
        key = name if name in ("CONTENT_TYPE", "CONTENT_LENGTH") else f"HTTP_{name}"
        environ[key] = f"{environ[key]},{value}" if key in environ else value
    return environ


def _status_code(status: str) -> int:
    code = status.partition(" ")[0] if isinstance(status, str) else ""
    if not (len(code) == 3 and code.isascii() and code.isdecimal()):
        raise ValueError(f"the application called start_response with the status {status!r}; it must be as '200 OK'")
    return int(code)


def _check_bytes(data: object) -> None:
    if not isinstance(data, bytes):
        raise TypeError(f"the application sent an item of type {type(data).__name__}; WSGI allows bytes only")
