"""The thread that sends what its producer cannot: joined items, and a head whose first item does not come.

A producer that blocks after a burst (a sync handler in `time.sleep`, an async one that holds its loop) cannot send
what it has left behind; only another thread can. It starts with the first burst, or the first named head, of the
process and costs nothing before. `_thread` is used instead of `threading`, which a cold start would pay for.
"""

from __future__ import annotations

import sys
from _thread import allocate_lock, start_new_thread
from time import monotonic, sleep

from lambda_streaming import body_writer

TYPE_CHECKING = False
if TYPE_CHECKING:
    from lambda_streaming.body_writer import BodyWriter
    from lambda_streaming.response_stream import ResponseStream

# How long a named head waits for the first item, so that a failure right at the start is an error and not a 200.
HEAD_PAUSE_S = 0.1
# A thread that wants to run waits this long for one that computes. Python's default of 5 ms would hold back the last
# item of a burst by as much when the handler goes on to compute.
SWITCH_INTERVAL_S = 0.000_500


class Flusher:
    def __init__(self) -> None:
        self._wake = allocate_lock()
        self._wake.acquire()
        self._is_running = False
        self._watched: BodyWriter | None = None
        # The last head that was named, and when it goes alone. Only producers write it, so no lock is needed.
        self._head: tuple[float, ResponseStream] | None = None

    def watch(self, body: BodyWriter) -> None:
        """Send what `body` has joined once its producer is quiet. Called for each burst, by the producer."""
        self._watched = body
        self._wake_up()

    def watch_head(self, stream: ResponseStream) -> None:
        """Send the head of `stream` if its first item has not come `HEAD_PAUSE_S` from now."""
        self._head = (monotonic() + HEAD_PAUSE_S, stream)
        self._wake_up()

    def _wake_up(self) -> None:
        if not self._is_running:
            self._is_running = True
            sys.setswitchinterval(min(sys.getswitchinterval(), SWITCH_INTERVAL_S))
            start_new_thread(self._run, ())
        try:
            self._wake.release()
        except RuntimeError:
            pass  # It is awake.

    def _run(self) -> None:
        done: tuple[float, ResponseStream] | None = None
        while True:
            head = self._head
            if head is None or head is done:
                self._wake.acquire()
            elif (pause := head[0] - monotonic()) > 0:
                self._wake.acquire(timeout=pause)
            else:
                done = head
                head[1].send_head()
            body, self._watched = self._watched, None
            if body is not None:
                _flush_when_quiet(body)


def _flush_when_quiet(body: BodyWriter) -> None:
    while True:
        sends = body.sends
        sleep(body_writer.BURST_PAUSE_S)
        if body.sends != sends and body.has_joined:
            continue  # The producer sends by itself.
        # From here on an item that is joined calls for a new watch, so none falls between.
        body.is_watched = False
        try:
            while not body.flush():
                body.connection.wait_for_room()
        except body_writer.ResponseCutOff:
            pass  # The producer learns of it at its next item.
        return
