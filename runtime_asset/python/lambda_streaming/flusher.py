"""The thread that sends joined items when their producer has gone quiet.

A producer that blocks after a burst (a sync handler in `time.sleep`, an async one that holds its loop) cannot send
what it has left behind; only another thread can. It starts with the first burst of the process and costs nothing
before. `_thread` is used instead of `threading`, which a cold start would pay for.
"""

from __future__ import annotations

import sys
from _thread import allocate_lock, start_new_thread
from time import sleep

from lambda_streaming import body_writer

TYPE_CHECKING = False
if TYPE_CHECKING:
    from lambda_streaming.body_writer import BodyWriter

# A thread that wants to run waits this long for one that computes. Python's default of 5 ms would hold back the last
# item of a burst by as much when the handler goes on to compute.
SWITCH_INTERVAL_S = 0.000_500


class Flusher:
    def __init__(self) -> None:
        self._wake = allocate_lock()
        self._wake.acquire()
        self._watched: BodyWriter | None = None
        self._is_running = False

    def watch(self, body: BodyWriter) -> None:
        """Send what `body` has joined once its producer is quiet. Called for each burst, by the producer."""
        self._watched = body
        if not self._is_running:
            self._is_running = True
            sys.setswitchinterval(min(sys.getswitchinterval(), SWITCH_INTERVAL_S))
            start_new_thread(self._run, ())
        try:
            self._wake.release()
        except RuntimeError:
            pass  # Another thread of the producer's has just released it.

    def _run(self) -> None:
        while True:
            self._wake.acquire()
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
