"""How a sync handler waits for the Runtime API: it blocks, and backpressure reaches it as time."""

from __future__ import annotations

from lambda_streaming.response_stream import DONE

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Awaitable
    from typing import Any

    from lambda_streaming.body_writer import BodyWriter
    from lambda_streaming.http1 import Reply


class BlockingDriver:
    def begin(self, body: Any) -> None:
        """Nothing to prepare: an early reply is noticed at the next item."""

    def until_sent(self, body: Any) -> Awaitable[None]:
        wait_until_sent(body)
        return DONE


def wait_until_sent(body: BodyWriter) -> None:
    while not body.flush():
        body.connection.wait_for_room()


def finish(body: BodyWriter) -> Reply:
    """Send what is left of an ended body and wait for Lambda's reply to it."""
    wait_until_sent(body)
    return body.connection.read_reply()
