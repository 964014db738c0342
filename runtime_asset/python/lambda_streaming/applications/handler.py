"""A Lambda handler in Python, as an application.

The value that the *call* returns decides the answer, so that decorators around a handler keep working: an awaitable is
awaited, an iterator is sent item by item, anything else is sent whole. A function under `@streamify_response` has
written its answer when the call returns.
"""

from __future__ import annotations

import sys

from lambda_streaming.applications import returned
from lambda_streaming.applications.returned import Turn
from lambda_streaming.http_response import HttpResponse
from lambda_streaming.process.aws_json import marshal

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
    from typing import Any

    from lambda_streaming.applications.handler_loader import Handler
    from lambda_streaming.process.logs import Log
    from lambda_streaming.response.asyncio_driver import AsyncioDriver
    from lambda_streaming.response_stream import ResponseStream


class HandlerApplication:
    """Answers each event with one call of the handler."""

    def __init__(self, handler: Handler, log: Log) -> None:
        self._handler = handler
        self._log = log

    def start(self) -> None:
        """Make the event loop if the handler looks async: asyncio is slow to import, and no caller waits yet.

        Start the ASGI applications that the handler serves.
        """
        if returned.looks_async(self._handler):
            _event_loop()
        asgi = _loaded_asgi()
        if asgi is not None:
            asgi.start_applications()

    def answer(self, event: Any, context: Any, stream: ResponseStream) -> None:
        turn = Turn.current = Turn(stream, self._run, self._log)
        try:
            value = self._handler(event, context)
            self._answer_result(value, turn)
        finally:
            Turn.current = None

    def _answer_result(self, value: Any, turn: Turn) -> None:
        stream = turn.stream
        try:
            value = self._awaited(value, stream)
            if not turn.has_answered(value):
                self._answer(value, stream)
            if not stream.has_begun:
                stream.put_end()  # Here, and not in the loop, so that an error about the head names the handler.
        except Exception as error:
            _places().add_definition(error, self._handler)
            raise

    def stop(self) -> None:
        """Stop the ASGI applications that the handler serves, and then the event loop. A handler has no end itself."""
        asgi = _loaded_asgi()
        if asgi is not None:
            asgi.stop_applications(self._log)
        driver = sys.modules.get("lambda_streaming.response.asyncio_driver")
        if driver is not None:
            driver.close_process_driver()

    def _answer(self, value: Any, stream: ResponseStream) -> None:
        if isinstance(value, HttpResponse):
            stream.name_head(value)
            self._answer_body(value.body, stream)
        elif (items := self._items_of(value, stream)) is None:
            self._answer_value(value, stream)
        elif (result := self._send(items, stream)) is not None:
            # A generator that returned a value before its first item.
            self._answer(self._awaited(result, stream), stream)

    def _awaited(self, value: Any, stream: ResponseStream) -> Any:
        """Return the result of an awaitable: it may be everything that a sync function may return."""
        while returned.is_awaitable(value):
            value = self._run(value, stream)
        return value

    def _items_of(self, value: Any, stream: ResponseStream) -> Any:
        """Return the items of an iterator, an async iterator or a file; None for any other value."""
        default_headers = returned.default_headers_of(value)
        if default_headers is not None:
            stream.set_default_headers(default_headers)
        async_items = returned.as_async_iterator(value)
        return returned.as_iterator(value) if async_items is None else async_items

    def _send(self, items: Any, stream: ResponseStream) -> Any:
        """Send the items; return the value of a generator that returned one before its first item."""
        if hasattr(type(items), "__anext__"):
            return self._run(_finish_after(_send_async_items(items, stream), stream), stream)
        return _send_items(items, stream)

    def _answer_body(self, body: Any, stream: ResponseStream) -> None:
        body = self._awaited(body, stream)
        items = None if body is None else self._items_of(body, stream)
        if items is not None:
            result = self._send(items, stream)
            if result is not None:
                raise _places().result_of_body(result, items)
            return
        is_chunk = body is None or isinstance(body, (str, bytes, bytearray, memoryview))
        stream.write_whole(body if is_chunk else returned.JsonText(marshal(body)))

    def _answer_value(self, value: Any, stream: ResponseStream) -> None:
        if stream.takes_http_response or returned.has_streaming_body(value):
            response = returned.http_response_of(value)
            stream.name_head(response)
            self._answer_body(response.body, stream)
        else:
            content, content_type = returned.encode_value(value)
            stream.answer_whole(content, content_type)

    def _run(self, work: Awaitable[Any], stream: ResponseStream, on_cut_off: Callable[[], object] | None = None) -> Any:
        """Run the event loop until `work` is done; the stream waits on the loop meanwhile."""
        driver = _event_loop()
        before = stream.drive_with(driver)
        try:
            return driver.run(work, on_cut_off)
        finally:
            stream.drive_with(before)


def _send_items(items: Iterator[Any], stream: ResponseStream) -> Any:
    """Send the items; return the value of a generator that returned one before its first item."""
    is_first = True
    next_item = items.__next__
    try:
        while True:
            item = next_item()
            is_first = False
            if isinstance(item, HttpResponse):
                _name_head_by_item(item, stream)
            elif not stream.put(item):
                stream.wait_until_sent()
    except StopIteration as stop:
        if stop.value is None or is_first:
            return stop.value
        raise _places().late_result(stop.value, items) from None
    except Exception as error:
        _places().add_yield(error, items)
        raise
    finally:
        close = getattr(items, "close", None)
        if close is not None:
            close()


async def _send_async_items(items: AsyncIterator[Any], stream: ResponseStream) -> None:
    try:
        async for item in items:
            if isinstance(item, HttpResponse):
                _name_head_by_item(item, stream)
            elif not stream.put(item):
                await stream.wait_until_sent()
    except Exception as error:
        _places().add_yield(error, items)
        raise
    finally:
        close = getattr(items, "aclose", None)
        if close is not None:
            await close()


async def _finish_after(work: Awaitable[Any], stream: ResponseStream) -> None:
    """Finish the response on the loop, so that other tasks go on while its end is sent."""
    await work
    await stream.finish()


def _event_loop() -> AsyncioDriver:
    from lambda_streaming.response.asyncio_driver import process_driver

    return process_driver()


def _loaded_asgi() -> Any:
    """Return the module of ASGI applications, None if the function serves none."""
    return sys.modules.get("lambda_streaming.applications.asgi")


def _places() -> Any:
    from lambda_streaming.applications import places

    return places


def _name_head_by_item(item: HttpResponse, stream: ResponseStream) -> None:
    if item.body is not None:
        raise TypeError("a yielded HttpResponse has a body; yield HttpResponse(...) and then the body's items")
    if stream.is_head_named:
        raise TypeError(
            "the handler yields a second HttpResponse: yield one, before the first item, with the status, headers and "
            "cookies of the whole response"
        )
    stream.name_head(item)
