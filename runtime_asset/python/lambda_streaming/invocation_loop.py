"""The loop: take an invocation, call the handler, answer with what it returned, take the next.

What the *call* returns decides the answer, so that wrappers around a handler keep working: an awaitable is awaited, a
streamified call gets its stream, an iterator is sent item by item, anything else is sent whole.
"""

from __future__ import annotations

import sys
from contextvars import copy_context

from lambda_streaming import blocking_driver, outlet, result
from lambda_streaming.body_writer import BodyWriter, ResponseCutOff
from lambda_streaming.buffered import JsonText, encode_buffered, has_streaming_body, http_response_of
from lambda_streaming.connection import ConnectionBroken
from lambda_streaming.context import LambdaContext
from lambda_streaming.error_report import ErrorReport
from lambda_streaming.flusher import Flusher
from lambda_streaming.http_response import HttpResponse
from lambda_streaming.marshaller import marshal, unmarshal
from lambda_streaming.outlet import PreludeOutlet
from lambda_streaming.proxy_form import CollectedBody
from lambda_streaming.response_stream import ResponseStream, StreamClosedError
from lambda_streaming.runtime_api import RuntimeApi, RuntimeApiError, check_response_reply, error_trailers
from lambda_streaming.settings import publish_trace_id
from lambda_streaming.streamify import StreamifiedCall, check_outcome

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Iterator
    from typing import Any, NoReturn, Protocol

    from lambda_streaming.asyncio_driver import AsyncioDriver
    from lambda_streaming.handler_loader import Handler
    from lambda_streaming.http1 import Reply
    from lambda_streaming.invocation import Invocation
    from lambda_streaming.logs import Log
    from lambda_streaming.response_stream import Body
    from lambda_streaming.server_sent_event import ServerSentEvent
    from lambda_streaming.settings import Settings

    class Shutdown(Protocol):
        """Is told when the process may end without losing anything."""

        def idle(self) -> None: ...
        def busy(self) -> None: ...

    class Metrics(Protocol):
        """Is told of each invocation, and of its response what cannot be seen in the body."""

        def begin(self) -> None: ...
        def body_kind(self, kind: type[BodyWriter]) -> type[BodyWriter]: ...
        def leave_out(self) -> None: ...
        def fail(self) -> None: ...
        def end(self, invocation: Invocation, body: Body | None) -> None: ...


class KilledAtOnce:
    """The `Shutdown` of a process that Lambda ends without a word."""

    def idle(self) -> None: ...
    def busy(self) -> None: ...


class NotMeasured:
    """The `Metrics` of a process that writes none."""

    def begin(self) -> None: ...

    def body_kind(self, kind: type[BodyWriter]) -> type[BodyWriter]:
        return kind

    def leave_out(self) -> None: ...
    def fail(self) -> None: ...
    def end(self, invocation: Invocation, body: Body | None) -> None: ...


class InvocationLoop:
    def __init__(
        self, api: RuntimeApi, handler: Handler, settings: Settings, log: Log, shutdown: Shutdown, metrics: Metrics
    ) -> None:
        # For the process.
        self._api = api
        self._handler = handler
        self._settings = settings
        self._log = log
        self._shutdown = shutdown
        self._metrics = metrics
        self._flusher = Flusher()
        self._blocking = blocking_driver.BlockingDriver()
        self._asyncio: AsyncioDriver | None = None
        if result.looks_async(handler):
            # asyncio takes longer to import than all else: during init, not while the first caller waits.
            self._event_loop()
        # The request whose answer was lost with the connection.
        self._unanswered = ""

    def run(self) -> NoReturn:
        while True:
            self._shutdown.idle()
            invocation = self._api.next_invocation()
            self._metrics.begin()
            self._shutdown.busy()
            publish_trace_id(invocation.trace_id)
            self._log.begin_invocation(invocation)
            if invocation.request_id == self._unanswered:
                self._refuse_to_run_twice(invocation)
                continue
            # Context variables set for one invocation are gone in the next.
            copy_context().run(self._serve, invocation)

    def _serve(self, invocation: Invocation) -> None:
        stream: ResponseStream | None = None
        try:
            context = LambdaContext(invocation, self._settings, self._log)
            event = decode_event(invocation)
            stream = ResponseStream(
                outlet.for_event(event, invocation, self._api, self._flusher, self._metrics, self._settings),
                self._blocking,
            )
            returned = self._handler(event, context)
            self._answer(invocation, returned, stream)
        except ResponseCutOff:
            self._leave_cut_off(invocation, stream)
        except RuntimeApiError:
            raise  # Nobody is left to report to.
        except ConnectionBroken as error:
            self._lose_answer(invocation, stream, error)
        except BaseException as error:
            self._fail(invocation, stream, error)
            if _ends_process(error):
                raise
        finally:
            flush_output()
            self._metrics.end(invocation, None if stream is None else stream.body)

    # Each of these ends with Lambda's reply to the response.

    def _answer(self, invocation: Invocation, returned: Any, stream: ResponseStream) -> None:
        if isinstance(returned, StreamifiedCall):
            outcome = returned.begin(stream)
            if result.is_awaitable(outcome):
                self._on_loop(stream, self._finish_after(invocation, outcome, stream))
            else:
                check_outcome(outcome)
                self._finish(invocation, stream)
        elif result.is_awaitable(returned):
            # An async function may return all that a sync one may.
            self._answer(invocation, self._on_loop(stream, returned), stream)
        elif isinstance(returned, HttpResponse):
            stream.name_head(returned)
            self._answer_body(invocation, returned.body, stream)
        elif not self._answer_items(invocation, returned, stream):
            self._answer_buffered(invocation, returned, stream)

    def _answer_items(self, invocation: Invocation, returned: Any, stream: ResponseStream) -> bool:
        stream.default_headers = getattr(returned, "default_headers", stream.default_headers)
        if (async_items := result.as_async_iterator(returned)) is not None:
            self._on_loop(stream, self._finish_after(invocation, self._send_async_items(async_items, stream), stream))
        elif (items := result.as_iterator(returned)) is not None:
            self._send_items(items, stream)
            self._finish(invocation, stream)
        else:
            return False
        return True

    def _answer_body(self, invocation: Invocation, body: Any, stream: ResponseStream) -> None:
        if body is not None and self._answer_items(invocation, body, stream):
            return
        self._metrics.leave_out()
        if body is not None:
            stream.write(body if isinstance(body, (str, bytes, bytearray, memoryview)) else JsonText(marshal(body)))
        self._finish(invocation, stream)

    def _answer_buffered(self, invocation: Invocation, value: Any, stream: ResponseStream) -> None:
        if isinstance(stream.outlet, PreludeOutlet) or has_streaming_body(value):
            response = http_response_of(value)
            stream.name_head(response)
            self._answer_body(invocation, response.body, stream)
        else:
            body, content_type = encode_buffered(value)
            stream.give_up()
            self._accept(self._api.post_response(invocation, body, content_type))

    def _send_items(self, items: Iterator[Any], stream: ResponseStream) -> None:
        try:
            for item in items:
                if isinstance(item, HttpResponse):
                    _name_head_by_item(item, stream)
                elif not stream.put(item):
                    stream.wait_until_sent()
        finally:
            close = getattr(items, "close", None)
            if close is not None:
                close()

    async def _send_async_items(self, items: AsyncIterator[Any], stream: ResponseStream) -> None:
        try:
            async for item in items:
                if isinstance(item, HttpResponse):
                    _name_head_by_item(item, stream)
                elif not stream.put(item):
                    await stream.wait_until_sent()
        finally:
            close = getattr(items, "aclose", None)
            if close is not None:
                await close()

    async def _finish_after(self, invocation: Invocation, work: Awaitable[Any], stream: ResponseStream) -> None:
        check_outcome(await work)
        if stream.phase != "ended":
            stream.put_end()
        if isinstance(stream.body, BodyWriter):
            self._accept(await self._event_loop().finish(stream.body))
        else:
            self._finish(invocation, stream)

    def _finish(self, invocation: Invocation, stream: ResponseStream) -> None:
        if stream.phase != "ended":
            stream.put_end()
        body = stream.body
        if isinstance(body, CollectedBody):
            self._accept(self._api.post_response(invocation, body.to_json(), "application/json"))
        else:
            assert isinstance(body, BodyWriter)
            self._accept(blocking_driver.finish(body))

    def _accept(self, reply: Reply) -> None:
        self._api.accept_reply(reply)
        complaint = check_response_reply(reply)
        if complaint:
            self._log.warning(complaint)

    # What goes wrong.

    def _fail(self, invocation: Invocation, stream: ResponseStream | None, error: BaseException) -> None:
        if isinstance(error, StreamClosedError) and stream is not None and stream.phase == "cut off":
            self._leave_cut_off(invocation, stream)
            return
        report = ErrorReport.of_exception(error, invocation.request_id)
        self._log.error(report)
        try:
            if stream is None or stream.give_up():
                self._accept(self._api.post_error(invocation, report))
            elif stream.phase in ("head sent", "body"):
                self._metrics.fail()
                if self._settings.sends_error_event and stream.is_event_stream:
                    stream.put(error_event(invocation.request_id))
                stream.put_end(error_trailers(report))
                self._finish(invocation, stream)
            elif stream.phase == "ended":
                self._finish(invocation, stream)
            else:
                self._leave_cut_off(invocation, stream)
        except ResponseCutOff:
            self._leave_cut_off(invocation, stream)
        except ConnectionBroken as broken:
            self._lose_answer(invocation, stream, broken)

    def _lose_answer(self, invocation: Invocation, stream: ResponseStream | None, error: ConnectionBroken) -> None:
        if stream is not None:
            stream.phase = "cut off"
        self._unanswered = invocation.request_id
        self._api.abandon_connection()
        self._log.warning(f"the connection to the Runtime API broke before it had taken the response: {error}")

    def _refuse_to_run_twice(self, invocation: Invocation) -> None:
        """Lambda gives the same event again when it has not seen an answer; the handler's effects are done already."""
        self._unanswered = ""
        message = (
            "The response was lost with the connection to the Runtime API; the handler has run, and is not run again"
        )
        report = ErrorReport("Runtime.ResponseLost", message, request_id=invocation.request_id)
        self._log.error(report)
        self._accept(self._api.post_error(invocation, report))

    def _leave_cut_off(self, invocation: Invocation, stream: ResponseStream | None) -> None:
        """Read why Lambda cut the response off, if it says so, and connect anew for the next request."""
        assert stream is not None
        assert isinstance(stream.body, BodyWriter)
        stream.phase = "cut off"
        reason = "the connection was closed"
        try:
            reply = stream.body.connection.read_reply()
            reason = f"{reply.status} {reply.body[:500].decode('utf-8', 'replace').strip()}"
        except ConnectionBroken:
            self._unanswered = invocation.request_id
        self._api.abandon_connection()
        self._log.warning(f"Lambda ended the response before it was complete, and the handler was stopped: {reason}")

    # The event loop, made for the first async handler.

    def _on_loop(self, stream: ResponseStream, work: Awaitable[Any]) -> Any:
        driver = self._event_loop()
        stream.driver = driver
        try:
            return driver.run(work)
        finally:
            stream.driver = self._blocking

    def _event_loop(self) -> AsyncioDriver:
        if self._asyncio is None:
            from lambda_streaming.asyncio_driver import AsyncioDriver

            self._asyncio = AsyncioDriver()
        return self._asyncio


def decode_event(invocation: Invocation) -> Any:
    """The event as AWS's runtime gives it: JSON decoded, anything else as bytes."""
    if invocation.content_type != "application/json":
        return invocation.event
    return unmarshal(invocation.event)


def error_event(request_id: str) -> ServerSentEvent:
    """What the client of an event stream is told of a failure: where to look, and nothing of its inside."""
    from lambda_streaming.server_sent_event import ServerSentEvent

    return ServerSentEvent({"requestId": request_id}, event="error")


def flush_output() -> None:
    """Leave nothing printed behind: Lambda may freeze the process until the next invocation."""
    try:
        sys.stdout.flush()
    except (OSError, ValueError, AttributeError):
        pass  # The handler has closed or replaced it.


def _name_head_by_item(item: HttpResponse, stream: ResponseStream) -> None:
    if item.body is not None:
        raise TypeError("a yielded HttpResponse has a body; yield HttpResponse(...) and then the body's items")
    stream.name_head(item)


def _ends_process(error: BaseException) -> bool:
    """SystemExit, KeyboardInterrupt and their like end the process; a cancelled task of the handler's does not."""
    return not isinstance(error, Exception) and type(error).__name__ != "CancelledError"
