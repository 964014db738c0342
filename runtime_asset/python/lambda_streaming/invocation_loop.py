"""The loop: take an invocation, let the application answer it, report the reply, take the next.

Lambda gets exactly one answer for each invocation, even if the application fails. Then the loop goes on. It ends only
for SystemExit and similar exceptions, and for a reply of the Runtime API after which this environment must end.

A signal handler of the user, or another thread, can raise an exception at any point of the loop itself. The loop then
closes the connection, whose state is unknown, and goes on with the next invocation.
"""

from __future__ import annotations

import sys
from contextvars import copy_context

from lambda_streaming.context import LambdaContext
from lambda_streaming.error_report import ErrorReport
from lambda_streaming.process.aws_json import unmarshal
from lambda_streaming.process.settings import publish_trace_id
from lambda_streaming.response.body_writer import (
    BlockingDriver,
    ResponseCutOff,
    ResponseInterrupted,
    StreamClosedError,
)
from lambda_streaming.response.destination import Destinations
from lambda_streaming.response.flusher import Flusher
from lambda_streaming.response_stream import ENDED, ResponseStream
from lambda_streaming.wire.connection import ConnectionBroken
from lambda_streaming.wire.runtime_api import RuntimeApi, RuntimeApiError, check_response_reply, error_trailers

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, NoReturn, Protocol

    from lambda_streaming.process.logs import Log
    from lambda_streaming.process.settings import Settings
    from lambda_streaming.response import destination
    from lambda_streaming.response_stream import Body
    from lambda_streaming.server_sent_event import ServerSentEvent
    from lambda_streaming.wire.http1 import Reply
    from lambda_streaming.wire.runtime_api import Invocation

    class Application(Protocol):
        """The code that answers events: a handler."""

        def start(self) -> None:
            """Prepare during init, before the first event."""

        def answer(self, event: Any, context: LambdaContext, stream: ResponseStream) -> None:
            """Write the answer to `stream`. The loop finishes the stream if the application has not."""

        def stop(self) -> None:
            """Release what `start` acquired; the process ends."""

    class Shutdown(Protocol):
        """Learns when the process may end without losing anything."""

        def idle(self) -> None: ...
        def busy(self) -> None: ...

    class Metrics(destination.Metrics, Protocol):
        """Learns of each invocation, and of the parts of its response that the body does not show."""

        def begin(self) -> None: ...
        def fail(self) -> None: ...
        def end(self, invocation: Invocation, body: Body | None) -> None: ...


# Modules that are told of the end of each invocation once they are loaded: by `on_error`, and by a tool.
_TOOLS = ("lambda_streaming.optional.error_listeners", "lambda_streaming.optional.aws_bootstrap")


class InvocationLoop:
    def __init__(
        self,
        *,
        api: RuntimeApi,
        application: Application,
        settings: Settings,
        log: Log,
        shutdown: Shutdown,
        metrics: Metrics,
    ) -> None:
        # For the process.
        self._api = api
        self._application = application
        self._settings = settings
        self._log = log
        self._shutdown = shutdown
        self._metrics = metrics
        self._driver = BlockingDriver()
        self._destinations = Destinations(api=api, flusher=Flusher(), metrics=metrics, settings=settings, log=log)
        # For one invocation.
        self._invocation: Invocation | None = None
        self._failure: BaseException | None = None
        # The attempt before, if Lambda may not have its response.
        self._unanswered: tuple[str, int] | None = None

    def run(self) -> NoReturn:
        interruption: Exception | None = None
        while True:
            try:
                # Inside the `try`: an exception may come between two invocations, and again while one is logged.
                if interruption is not None:
                    self._recover(interruption)
                while True:
                    self._serve_next()
            except (ConnectionBroken, RuntimeApiError):
                raise  # This environment is over.
            except Exception as error:  # noqa: BLE001 - of a signal handler or another thread, outside of `_serve`
                interruption = error

    def _recover(self, interruption: Exception) -> None:
        if self._invocation is not None:
            self._truncate()
            self._invocation = None
        self._log.error(ErrorReport.of_exception(interruption))

    def _serve_next(self) -> None:
        self._shutdown.idle()
        self._invocation = None
        invocation = self._invocation = self._api.next_invocation()
        self._metrics.begin()
        self._shutdown.busy()
        publish_trace_id(invocation.trace_id)
        self._log.begin_invocation(invocation.request_id, invocation.tenant_id)
        unanswered, self._unanswered = self._unanswered, None
        if unanswered == _attempt(invocation):
            self._reject_repetition(invocation)
        else:
            # Context variables set for one invocation are gone in the next.
            copy_context().run(self._serve, invocation)

    def _truncate(self) -> Reply | None:
        """End a request whose state is unknown. Without a reply Lambda may not have the response."""
        reply = self._api.truncate_request()
        if reply is None and self._invocation is not None:
            self._unanswered = _attempt(self._invocation)
        return reply

    def _serve(self, invocation: Invocation) -> None:
        context: LambdaContext | None = None
        stream: ResponseStream | None = None
        self._failure = None
        try:
            context = LambdaContext(invocation, self._settings, self._log)
            event = decode_event(invocation)
            stream = ResponseStream(self._destinations.for_event(event, invocation), self._driver)
            self._application.answer(event, context, stream)
            self._finish(stream)
        except ResponseCutOff as reason:
            self._handle_cut_off(stream, reason)
        except RuntimeApiError:
            raise  # This environment is over: no report would arrive.
        except ConnectionBroken as error:
            self._handle_lost_response(stream, error)
        except BaseException as error:
            self._fail(invocation, stream, error)
            if _ends_process(error):
                raise
        finally:
            self._tell_tools(context)
            flush_output()
            self._metrics.end(invocation, None if stream is None else stream.body)

    def _tell_tools(self, context: LambdaContext | None) -> None:
        failure, self._failure = self._failure, None
        for name in _TOOLS:
            if name in sys.modules:
                sys.modules[name].end_invocation(failure, context, self._log)

    def _finish(self, stream: ResponseStream) -> None:
        stream.finish()
        assert stream.reply is not None
        self._accept(stream.reply)

    def _accept(self, reply: Reply) -> None:
        self._api.accept_reply(reply)
        warning = check_response_reply(reply)
        if warning:
            self._log.warning(warning)

    # Failures.

    def _fail(self, invocation: Invocation, stream: ResponseStream | None, error: BaseException) -> None:
        if isinstance(error, StreamClosedError) and stream is not None and stream.cut_off_by is not None:
            self._handle_cut_off(stream, stream.cut_off_by)
            return
        self._failure = error
        report = ErrorReport.of_exception(error, invocation.request_id)
        self._log.error(report, "" if stream is None else stream.log_remark)
        try:
            if stream is None or stream.give_up():
                self._accept(self._api.post_error(invocation, report))
            elif stream.cut_off_by is not None:
                self._handle_cut_off(stream, stream.cut_off_by)
            else:
                self._end_with_error(stream, report)
        except ResponseCutOff as reason:
            self._handle_cut_off(stream, reason)
        except ConnectionBroken as broken:
            self._handle_lost_response(stream, broken)

    def _end_with_error(self, stream: ResponseStream, report: ErrorReport) -> None:
        """End a response that has begun with error trailers; finish one that had ended."""
        if stream.phase != ENDED:
            self._metrics.fail()
            if self._settings.sends_error_event and stream.is_event_stream:
                stream.put(error_event(report.request_id))
            stream.put_end(error_trailers(report))
        self._finish(stream)

    def _handle_lost_response(self, stream: ResponseStream | None, error: ConnectionBroken) -> None:
        if stream is not None:
            stream.cut_off(ResponseCutOff())
        self._truncate()
        self._warn(f"the connection to the Runtime API broke before it had taken the response: {error}")

    def _reject_repetition(self, invocation: Invocation) -> None:
        """Answer an event that Lambda sends again because it saw no response. The handler must not run twice."""
        message = (
            "The response was lost with the connection to the Runtime API. The handler has run, and is not run again. "
            "Invoke again if the handler may repeat its work"
        )
        report = ErrorReport("Runtime.ResponseLost", message, request_id=invocation.request_id)
        self._log.error(report)
        self._accept(self._api.post_error(invocation, report))

    def _handle_cut_off(self, stream: ResponseStream | None, reason: ResponseCutOff) -> None:
        assert stream is not None
        stream.cut_off(reason)
        if isinstance(reason, ResponseInterrupted):
            self._handle_interruption()
        else:
            self._handle_early_reply()

    def _handle_interruption(self) -> None:
        """End the response without the last chunk, so that Lambda reports a truncated response."""
        reply = self._truncate()
        if reply is not None and reply.status == 202:
            return  # The last chunk had left.
        self._warn(
            "An exception interrupted the runtime while it sent a part of the response, so the number of bytes that "
            "left is unknown. The response ends here, and Lambda reports Runtime.TruncatedResponse. Such exceptions "
            "come from signal handlers (signal.alarm), from other threads and from MemoryError: cancel timers before "
            "you write"
        )

    def _handle_early_reply(self) -> None:
        """Log the reason why Lambda cut the response off, if it gave one, and reconnect for the next request."""
        reply = self._truncate()
        reason = "the connection was closed"
        if reply is not None:
            reason = f"{reply.status} {reply.body[:500].decode('utf-8', 'replace').strip()}"
        self._warn(f"Lambda ended the response before it was complete, and the handler was stopped: {reason}")

    def _warn(self, message: str) -> None:
        """Log why the response did not arrive whole; it is the failure of the invocation, if there is no other."""
        self._log.warning(message)
        if self._failure is None:
            self._failure = StreamClosedError(message)


def _attempt(invocation: Invocation) -> tuple[str, int]:
    """Return a key: Lambda sends an event again with the same deadline. A retry of the request has a later one."""
    return invocation.request_id, invocation.deadline_ms


def decode_event(invocation: Invocation) -> Any:
    """Return the event as AWS's runtime passes it to a handler: JSON decoded, anything else as bytes."""
    if invocation.content_type != "application/json":
        return invocation.event
    return unmarshal(invocation.event)


def error_event(request_id: str) -> ServerSentEvent:
    """Return the event that reports a failure to the client of an event stream; it names only the request id."""
    from lambda_streaming.server_sent_event import ServerSentEvent

    return ServerSentEvent({"requestId": request_id}, event="error")


def flush_output() -> None:
    """Flush standard output: Lambda may freeze the process until the next invocation."""
    try:
        sys.stdout.flush()
    except Exception:  # noqa: BLE001, S110 - the handler may have closed it, or replaced it
        pass


def _ends_process(error: BaseException) -> bool:
    """Return True for SystemExit, KeyboardInterrupt and their like; a cancelled task ends only its invocation."""
    return not isinstance(error, Exception) and type(error).__name__ != "CancelledError"
