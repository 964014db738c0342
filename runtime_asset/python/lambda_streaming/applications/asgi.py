"""An ASGI application, in process: `AsgiHandler` answers HTTP events with it.

ASGI 3.0 with HTTP spec version 2.3 (asgi.readthedocs.io). The version is the one of uvicorn: from 2.4 on, Starlette
does not listen for `http.disconnect` while it streams, and would learn late that the client has left.

The application runs on the event loop of the process, which lives between invocations, and only while an event is
answered. The response ends with the application's last `http.response.body`. The invocation ends when the call of the
application returns, so background tasks that belong to the response delay no client.
"""

from __future__ import annotations

from lambda_streaming.applications.call_signature import ASGI
from lambda_streaming.applications.handler_loader import HandlerError
from lambda_streaming.applications.lifespan import Lifespan, NoLifespan
from lambda_streaming.applications.returned import is_loop_running
from lambda_streaming.applications.slow_init import watch_init
from lambda_streaming.applications.web_application import Exchange, WebHandler, check_application
from lambda_streaming.error_report import ErrorReport
from lambda_streaming.process.python_path import import_standard
from lambda_streaming.response.asyncio_driver import process_driver
from lambda_streaming.response.body_writer import ResponseCutOff

import_standard("asyncio")
import asyncio  # noqa: E402 - the standard one, just imported; the user's folder may hold a module of this name

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, MutableMapping
    from typing import Any, Literal, TypeAlias

    from lambda_streaming.applications.http_request import HttpRequest
    from lambda_streaming.applications.web_application import Handler
    from lambda_streaming.process.logs import Log

    Message: TypeAlias = MutableMapping[str, Any]
    AsgiApplication: TypeAlias = Callable[
        [Message, Callable[[], Awaitable[Message]], Callable[[Message], Awaitable[None]]], Awaitable[None]
    ]

VERSIONS = {"version": "3.0", "spec_version": "2.3"}
_START = "http.response.start"
_BODY = "http.response.body"

_handlers: list[AsgiHandler] = []


class ClientDisconnected(OSError):
    """Raised by `send` when Lambda takes no more of the response: the client has left, or it is too large."""


class AsgiHandler(WebHandler):
    """A Lambda handler that serves an ASGI application: FastAPI, Starlette, Django, Litestar, Quart and others.

    ```python
    handler = AsgiHandler(app)
    ```

    Args:
        app: the application, a callable of `scope`, `receive` and `send`.
        lifespan: `"auto"` runs the application's lifespan if it has one, `"on"` requires one, `"off"` runs none. It
            runs once per execution environment: startup during init, shutdown at the end if
            `LAMBDA_STREAMING_GRACEFUL_SHUTDOWN` is `on`. Default: `"auto"`.
        root_path: the path at which the application is mounted, such as `/api`, below the stage of an API. Default:
            the stage alone.
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
        app: AsgiApplication,
        *,
        lifespan: Literal["auto", "on", "off"] = "auto",
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
        if lifespan not in ("auto", "on", "off"):
            raise ValueError(f"lifespan is {lifespan!r}; allowed are 'auto', 'on' and 'off'")
        check_application(app, ASGI)
        self._app = app
        self._lifespan = NoLifespan() if lifespan == "off" else Lifespan(app, VERSIONS, is_required=lifespan == "on")
        _handlers.append(self)

    def start(self) -> None:
        """Run the startup of the lifespan. Raises `HandlerError` if it fails."""
        finish = watch_init("the application's startup")
        try:
            process_driver().run(self._lifespan.startup())
        except HandlerError:
            raise
        except BaseException as error:  # SystemExit too: Lambda gets the reason before the process ends.
            raise HandlerError(ErrorReport.of_exception(error)) from error
        finally:
            finish()

    def stop(self, log: Log) -> None:
        process_driver().run(self._lifespan.shutdown(log))

    def _answer(self, exchange: Exchange) -> Any:
        cycle = RequestCycle(exchange)
        work = self._serve(exchange, cycle)
        if is_loop_running():
            return work  # For an async decorator, which awaits it.
        return exchange.turn.run(work, exchange.stream, cycle.disconnect)

    async def _serve(self, exchange: Exchange, cycle: RequestCycle) -> None:
        turn = exchange.turn
        try:
            await self._call(exchange, cycle)
            if cycle.is_disconnected:
                raise getattr(exchange.stream.body, "cut_off_by", None) or ResponseCutOff
            await exchange.stream.finish()
            turn.is_over = True
        except ResponseCutOff as reason:
            error = exchange.cut_off(reason)
            turn.fail(error)
            raise error from None
        except BaseException as error:
            turn.fail(error)
            raise

    async def _call(self, exchange: Exchange, cycle: RequestCycle) -> None:
        """Call the application; answer its exception with status 500 if no byte has left."""
        scope = scope_of(exchange.request, self._lifespan.state)
        scope["aws.event"] = exchange.event
        scope["aws.context"] = exchange.context
        try:
            await self._app(scope, cycle.receive, cycle.send)
            cycle.check_complete()
        except Exception as error:
            if cycle.is_disconnected:
                if not _comes_from_disconnect(error):
                    exchange.log_error(error)
            elif self._error_responses and not exchange.stream.has_begun:
                exchange.put_error_response(error)
            else:
                raise
        finally:
            cycle.end()


class RequestCycle:
    """`receive` and `send` of one request.

    `_expected` is the type of the application's next message: `http.response.start`, then `http.response.body` up to
    the last one. It is empty when the response has ended, or the client has left.
    """

    def __init__(self, exchange: Exchange) -> None:
        self._exchange = exchange
        self._stream = exchange.stream
        self._has_request = True
        self._expected = _START
        self.is_disconnected = False
        # Those who wait in `receive` for the end of the response.
        self._waiters: list[asyncio.Future[None]] = []

    async def receive(self) -> Message:
        if self._has_request:
            self._has_request = False
            return {"type": "http.request", "body": self._exchange.request.body, "more_body": False}
        if self._expected:
            waiter = asyncio.get_running_loop().create_future()
            self._waiters.append(waiter)
            await waiter
        return {"type": "http.disconnect"}

    async def send(self, message: Message) -> None:
        try:
            kind = message["type"]
        except (TypeError, KeyError):
            raise TypeError(f"the application sent {message!r:.200}; a message is a dict with a 'type'") from None
        if kind != self._expected:
            raise self._refusal(kind)
        if kind == _START:
            self._start(message)
            return
        try:
            if not self._put(message):
                await self._stream.wait_until_sent()
        except ResponseCutOff:
            self.disconnect()
            raise self._refusal(kind) from None

    def _start(self, message: Message) -> None:
        headers = [_decoded(*pair) for pair in message.get("headers", ())]
        self._exchange.name_head(message["status"], headers)
        self._expected = _BODY
        if any(name.lower() == "content-length" for name, _ in headers):
            # The body follows at once, in most cases before this is called. Watching the head would take longer.
            asyncio.get_running_loop().call_soon(self._stream.let_head_leave)
        else:
            self._stream.let_head_leave()

    def _put(self, message: Message) -> bool:
        """Take a part of the body; return False if the application has to wait until it is sent."""
        body = message.get("body", b"")
        if type(body) is not bytes and not isinstance(body, (bytes, bytearray, memoryview)):
            raise TypeError(f"the application sent a body of type {type(body).__name__}; ASGI allows bytes only")
        if message.get("more_body", False):
            return self._stream.put(body)
        has_left = self._stream.put_last(body)
        self.end()
        return has_left

    def _refusal(self, kind: str) -> Exception:
        """Return the error for a message that is not expected."""
        if self.is_disconnected:
            return ClientDisconnected("the client has left, or the response is too large: nothing more of it is sent")
        if self._expected:
            return RuntimeError(f"the application sent {kind!r} when {self._expected!r} was due")
        return RuntimeError(f"the application sent {kind!r} after the end of its response")

    def check_complete(self) -> None:
        """Raise an error if the application has returned before the end of its response."""
        if self._expected == _START:
            raise RuntimeError("the application returned without a response")
        if self._expected:
            raise RuntimeError("the application returned before the end of its response: more_body was True")

    def disconnect(self) -> None:
        """Tell the application that the client has left."""
        self.is_disconnected = True
        self.end()

    def end(self) -> None:
        """Tell the application that the response is over."""
        self._expected = ""
        for waiter in self._waiters:
            if not waiter.done():
                waiter.set_result(None)
        self._waiters.clear()


def _decoded(name: bytes, value: bytes) -> tuple[str, str]:
    try:
        return name.decode("latin-1"), value.decode("latin-1")
    except AttributeError:
        raise TypeError(f"the application sent the header {name!r}: {value!r}; ASGI allows pairs of bytes") from None


def _comes_from_disconnect(error: BaseException | None) -> bool:
    """Return True if an exception is `ClientDisconnected`, or a framework has raised it because of that one."""
    while error is not None and not isinstance(error, ClientDisconnected):
        if any(map(_comes_from_disconnect, getattr(error, "exceptions", ()))):  # An exception group.
            return True
        error = error.__cause__ or error.__context__
    return error is not None


def scope_of(request: HttpRequest, state: dict[str, Any]) -> dict[str, Any]:
    """Return the connection scope of a request (ASGI, "HTTP & WebSocket", HTTP connection scope)."""
    return {
        "type": "http",
        "asgi": dict(VERSIONS),
        "http_version": request.http_version,
        "server": (request.host, request.port),
        "client": (request.client_ip, 0) if request.client_ip else None,
        "scheme": request.scheme,
        "method": request.method,
        "root_path": request.root_path,
        "path": request.path.decode("utf-8", "replace"),
        "raw_path": request.raw_path,
        "query_string": request.query_string,
        "headers": request.headers,
        "state": state.copy(),
    }


def start_applications() -> None:
    for handler in _handlers:
        handler.start()


def stop_applications(log: Log) -> None:
    for handler in _handlers:
        handler.stop(log)
