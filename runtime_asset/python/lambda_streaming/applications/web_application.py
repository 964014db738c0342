"""The parts that ASGI and WSGI share: the choice of the event's answer, the response head, the answer to a failure.

An exception of the application before the first byte becomes a response with status 500, as web servers answer it. It
is logged once, and Lambda counts the invocation as a success. After the first byte it is an error of the invocation,
with error trailers.
"""

from __future__ import annotations

from urllib.parse import quote_from_bytes

from lambda_streaming.applications.call_signature import problem_of
from lambda_streaming.applications.http_request import HttpRequest, RequestOptions
from lambda_streaming.applications.returned import Turn
from lambda_streaming.error_report import ErrorReport
from lambda_streaming.http_response import HttpResponse
from lambda_streaming.process.aws_json import RuntimeFault
from lambda_streaming.response import front_door
from lambda_streaming.response.body_writer import StreamClosedError
from lambda_streaming.response_stream import OVER

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from typing import Any

    from lambda_streaming.response.body_writer import ResponseCutOff

    Handler = Callable[[Any, Any], Any]

# RFC 3986: the characters of a URI, with the sign of those that are encoded already.
_URI_CHARACTERS = "%!$&'()*+,;=:@/?#[]~-._"
_ERROR_HEADERS = (("content-type", "text/plain; charset=utf-8"),)
_ERROR_BODY = b"Internal Server Error"
_IN_A_TEST = "; in a test use the test client of your framework with the application, or `lambda-streaming serve`"


def _described(event: Any) -> str:
    if not isinstance(event, dict):
        return f"it is of type {type(event).__name__}"
    return f"its keys are {', '.join(sorted(event))[:200]}" if event else "it is empty"


class NotHttpRequestError(RuntimeFault):
    """The event is no HTTP request, and the function has no handler for other events."""

    error_type = "Runtime.NotHttpRequest"


class WebHandler:
    """Base of `AsgiHandler` and `WsgiHandler`: a plain `(event, context)` handler that serves an application."""

    def __init__(
        self,
        *,
        root_path: str | None,
        other_events: Handler | None,
        authorization_header: str | None,
        forwarded_host: bool,
        error_responses: bool,
    ) -> None:
        if other_events is not None and not callable(other_events):
            raise TypeError(f"other_events is {other_events!r}; it must be a handler: a function of event and context")
        self._request_options = RequestOptions(root_path, authorization_header, forwarded_host)
        self._other_events = other_events
        self._error_responses = error_responses

    def __call__(self, event: Any, context: Any) -> Any:
        door = front_door.of_event(event)
        if door is None:
            return self._answer_other(event, context)
        turn = Turn.take(type(self).__name__, _IN_A_TEST)
        request = HttpRequest(event, door, self._request_options)
        return self._answer(Exchange(request, event, context, turn))

    def _answer(self, exchange: Exchange) -> Any:
        raise NotImplementedError

    def _answer_other(self, event: Any, context: Any) -> Any:
        if self._other_events is not None:
            return self._other_events(event, context)
        raise NotHttpRequestError(
            f"the event is no HTTP request ({_described(event)}), and the function has only a web application: name a "
            "handler for other events in other_events"
        )


def check_application(app: Any, kind: str) -> None:
    """Reject an object that is no application of the kind."""
    problem = problem_of(app, kind, "app", "app()")
    if problem:
        raise TypeError(problem)


class Exchange:
    """One request and its response."""

    def __init__(self, request: HttpRequest, event: Any, context: Any, turn: Turn) -> None:
        self.request = request
        self.event = event
        self.context = context
        self.turn = turn
        self.stream = turn.stream
        self.stream.log_remark = f" (RequestId: {context.aws_request_id})"

    def name_head(self, status_code: int, headers: Iterable[tuple[str, str]]) -> None:
        """Name the head of the response: nothing is added to it. Values that no front door takes are replaced."""
        head = HttpResponse(status_code, [(name, self._sendable(name, value)) for name, value in headers])
        self.stream.name_final_head(head)

    def _sendable(self, name: str, value: str) -> str:
        if not isinstance(name, str) or not isinstance(value, str):
            raise TypeError(f"the application sent the header {name!r}: {value!r}; name and value must be text")
        if value.isascii():
            return value
        if name.lower() == "location":
            return quote_from_bytes(value.encode("latin-1"), _URI_CHARACTERS)
        if name not in _warned_of:
            _warned_of.add(name)
            self.turn.log.warning(
                f"The response header {name!r} has the value {value[:200]!r}, which is not ASCII; front doors refuse "
                "it, so each such character is sent as a question mark. Encode the value, such as "
                "filename*=UTF-8''... (RFC 8187)"
            )
        return value.encode("ascii", "replace").decode("ascii")

    def cut_off(self, reason: ResponseCutOff) -> StreamClosedError:
        """Record that Lambda takes no more of the response; return the error that ends the invocation."""
        self.stream.cut_off(reason)
        return StreamClosedError(OVER[self.stream.phase])

    def log_error(self, error: BaseException) -> None:
        """Log an exception of the application that is no error of the invocation."""
        self.turn.log.error(ErrorReport.of_exception(error, self.context.aws_request_id), self.stream.log_remark)

    def put_error_response(self, error: BaseException) -> None:
        """Log the error, and put the response that a web server gives. Raises the error if the head has left."""
        try:
            self.stream.name_final_head(HttpResponse(500, _ERROR_HEADERS))
        except StreamClosedError:
            raise error from None
        self.log_error(error)
        self.stream.put(_ERROR_BODY)
        self.stream.put_end()


# Names of headers with a value that was replaced: one warning each.
_warned_of: set[str] = set()
