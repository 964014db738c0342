"""`streamify_response`: Python's `awslambda.streamifyResponse`."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from lambda_streaming.context import LambdaContext
    from lambda_streaming.response_stream import ResponseStream


def check_outcome(outcome: Any) -> None:
    """Refuse what would be lost in silence: items that a streamified function yields or returns."""
    kind = type(outcome)
    if hasattr(kind, "__next__") or hasattr(kind, "__anext__"):
        raise TypeError(
            f"a function under @streamify_response returned {kind.__name__}, whose items would be lost: call "
            "response_stream.write(item) in it, or take @streamify_response away and yield from "
            "handler(event, context)"
        )


class StreamifiedCall:
    """What a streamified handler returns: its call, still to be made, once the runtime has a stream for it."""

    __slots__ = ("_context", "_event", "_function")

    def __init__(self, function: Callable[..., Any], event: Any, context: LambdaContext) -> None:
        self._function = function
        self._event = event
        self._context = context

    def begin(self, response_stream: ResponseStream) -> Any:
        return self._function(self._event, response_stream, self._context)


def streamify_response(
    handler: Callable[[Any, ResponseStream, LambdaContext], Any],
) -> Callable[[Any, LambdaContext], StreamifiedCall]:
    """Make a handler of a function, sync or async, that writes to a stream.

    ```python
    @streamify_response
    async def handler(event, response_stream, context):
        await response_stream.write("hello")
    ```

    The result is a plain `(event, context)` callable: other decorators can stand over it. What the function returns is
    ignored (a generator is an error: it would be lost); the response ends when it returns, or at
    `response_stream.end()`.
    """

    def streamified(event: Any, context: LambdaContext) -> StreamifiedCall:
        return StreamifiedCall(handler, event, context)

    for attribute in ("__module__", "__name__", "__qualname__", "__doc__"):
        setattr(streamified, attribute, getattr(handler, attribute, None))
    streamified.__dict__["__wrapped__"] = handler
    return streamified
