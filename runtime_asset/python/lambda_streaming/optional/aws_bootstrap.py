"""The names of AWS's Python runtime (`awslambdaric.bootstrap`) that tools replace, under `__main__.bootstrap`.

Sentry's Lambda integration replaces `handle_event_request` and methods of `LambdaRuntimeClient`. Without them it
switches itself off. They do nothing here: the runtime calls them where AWS's runtime does, so the replacements see the
same. This module is loaded when a tool looks for `__main__.bootstrap`.
"""

from __future__ import annotations

from lambda_streaming.error_report import ErrorReport

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from lambda_streaming.context import LambdaContext
    from lambda_streaming.process.logs import Log

    Handler = Callable[[Any, Any], Any]


class LambdaRuntimeClient:
    """Methods that AWS's runtime calls after an invocation or a failed init. Sentry sends its events then."""

    def post_invocation_result(self, *arguments: Any) -> None: ...
    def post_invocation_error(self, *arguments: Any) -> None: ...
    def post_init_error(self, *arguments: Any) -> None: ...


def handle_event_request(lambda_runtime_client: LambdaRuntimeClient, request_handler: Handler, *arguments: Any) -> Any:
    """Return the handler that the tools have made of the user's."""
    return request_handler


def wrapped(handler: Handler) -> Handler:
    return handle_event_request(LambdaRuntimeClient(), handler)  # type: ignore[no-any-return]


def end_invocation(error: BaseException | None, context: LambdaContext | None, log: Log) -> None:
    """Call what tools have put around the end of an invocation; the caller has the response already."""
    client = LambdaRuntimeClient()
    try:
        if error is None:
            client.post_invocation_result("", None)
        else:
            client.post_invocation_error("", None)
    except Exception as failure:  # noqa: BLE001 - of the tool
        log.error(ErrorReport.of_exception(failure))


def fail_init(cause: BaseException, document: dict[str, object]) -> None:
    """Call what tools have put around the report of a failed init, while the exception is handled."""
    try:
        raise cause
    except BaseException:  # noqa: BLE001 - the tool reads it from sys.exc_info()
        LambdaRuntimeClient().post_init_error(document)
