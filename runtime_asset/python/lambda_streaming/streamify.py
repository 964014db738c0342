"""`streamify_response`: Python's `awslambda.streamifyResponse`."""

from __future__ import annotations

from lambda_streaming.applications.returned import Turn, check_outcome, is_awaitable, is_loop_running
from lambda_streaming.response.body_writer import BlockingDriver, ResponseCutOff, StreamClosedError
from lambda_streaming.response_stream import OVER

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from typing import Any

    from lambda_streaming.context import LambdaContext
    from lambda_streaming.response_stream import ResponseStream

_IN_A_TEST = "; in a test call handler.__wrapped__(event, response_stream, context)"


def streamify_response(
    handler: Callable[[Any, ResponseStream, LambdaContext], Any],
) -> Callable[[Any, LambdaContext], Any]:
    """Make a handler of a function, sync or async, that writes to a stream.

    ```python
    @streamify_response
    async def handler(event, response_stream, context):
        await response_stream.write("hello")
    ```

    The result is a plain `(event, context)` callable. The function runs inside its call, so decorators over it cover
    the stream. A call in a running event loop (an async decorator) returns a coroutine to await.

    The response ends when the function returns, or at `response_stream.end()`; decorators that go on delay no caller.
    The function's result is ignored (a generator is an error: it would be lost). An exception of the function makes
    the response an error, even if a decorator swallows it. A second call for the same invocation raises RuntimeError.
    In a test, call `handler.__wrapped__(event, stream, context)` with a stream of your own.
    """

    def streamified(event: Any, context: LambdaContext) -> Any:
        turn = Turn.take("a function under @streamify_response", _IN_A_TEST)
        outcome = _begin(handler, event, context, turn)
        if outcome is None:
            return None
        work = _finish_after(outcome, handler, turn)
        return work if is_loop_running() else _run(work, turn)

    for attribute in ("__module__", "__name__", "__qualname__", "__doc__"):
        setattr(streamified, attribute, getattr(handler, attribute, None))
    streamified.__dict__["__wrapped__"] = handler
    return streamified


def _begin(handler: Callable[..., Any], event: Any, context: LambdaContext, turn: Turn) -> Any:
    """Call the function; return the awaitable of an async one, and None for a sync one, which is over then."""
    stream = turn.stream
    # Writes of a sync function return when the socket has taken the data, in an async decorator too.
    before = stream.drive_with(BlockingDriver())
    try:
        outcome = handler(event, stream, context)
        if is_awaitable(outcome):
            return outcome
        _check(outcome, handler)
        stream.end()
        turn.is_over = True
        return None
    except BaseException as error:
        turn.fail(error)
        raise
    finally:
        stream.drive_with(before)


async def _finish_after(work: Awaitable[Any], handler: Callable[..., Any], turn: Turn) -> None:
    """Finish the response on the loop, so that other tasks go on while its end is sent."""
    try:
        _check(await work, handler)
        await turn.stream.finish()
        turn.is_over = True
    except BaseException as error:
        turn.fail(error)
        raise


def _check(outcome: Any, handler: Callable[..., Any]) -> None:
    try:
        check_outcome(outcome)
    except TypeError as error:
        from lambda_streaming.applications import places

        places.add_definition(error, handler)
        raise


def _run(work: Awaitable[Any], turn: Turn) -> None:
    try:
        turn.run(work, turn.stream)
    except ResponseCutOff as reason:
        turn.stream.cut_off(reason)
        error = StreamClosedError(OVER[turn.stream.phase])
        turn.fail(error)
        raise error from None
