"""The thread that sends on behalf of a producer that is busy elsewhere: joined items, and a head without a first item.

A producer that blocks after a burst (a sync handler in `time.sleep`, an async one that holds its loop) cannot send
the items it has left behind; only another thread can. The thread starts with the first burst, or the first named head,
of the process. `_thread` is used instead of `threading`, which would lengthen every cold start.
"""

from __future__ import annotations

import sys

# Without `collections`, which would cost a cold start more than all the rest of this module.
from _collections import deque  # type: ignore[import-not-found]
from _thread import allocate_lock, start_new_thread
from _weakref import ref
from time import monotonic

from lambda_streaming.wire.connection import was_raised_by_call

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Protocol

    class NamedHead(Protocol):
        """A response whose head is named; see `ResponseStream`."""

        def send_head(self) -> None: ...

    class JoinedItems(Protocol):
        """A body that has joined items to send; see `BodyWriter`."""

        def flush_when_quiet(self) -> None: ...


# A named head waits this long for the first item, so that a failure right at the start is an error and not a 200.
HEAD_PAUSE_S = 0.1
# A thread that wants to run waits this long for the GIL. Python's default of 5 ms would hold back the last item of a
# burst by as much when the handler goes on to compute.
SWITCH_INTERVAL_S = 0.000_500


class Flusher:
    def __init__(self) -> None:
        self._wake = allocate_lock()
        self._wake.acquire()
        self._is_running = False
        # Appended by producers, taken by the thread. A deque is safe without a lock.
        self._watched: deque[JoinedItems] = deque()
        # Heads that were named, each with the time at which it leaves alone. A head that has left, or will not leave,
        # must not keep its response alive.
        self._heads: deque[tuple[float, ref[NamedHead]]] = deque()

    def watch(self, body: JoinedItems) -> bool:
        """Send the joined items of `body` once its producer is quiet. The producer calls this once a burst.

        Return False if the process can start no thread: the producer has to send by itself.
        """
        if not self._ensure_thread():
            return False
        self._watched.append(body)
        self._wake_up()
        return True

    def watch_head(self, stream: NamedHead) -> None:
        """Send the head of `stream` if its first item has not come `HEAD_PAUSE_S` from now."""
        if self._ensure_thread():
            self._heads.append((monotonic() + HEAD_PAUSE_S, ref(stream)))
            # While an earlier head waits, the thread wakes up by itself, before this one is due.
            if len(self._heads) == 1:
                self._wake_up()

    def _ensure_thread(self) -> bool:
        if self._is_running:
            return True
        try:
            start_new_thread(self._run, ())
        except RuntimeError as error:
            if not was_raised_by_call(error):
                raise
            return False  # The process has as many threads as it may. A later burst tries again.
        self._is_running = True
        sys.setswitchinterval(min(sys.getswitchinterval(), SWITCH_INTERVAL_S))
        return True

    def _wake_up(self) -> None:
        # Two producers may see the lock taken: the second `release` then fails, and the thread is awake.
        if self._wake.locked():
            try:
                self._wake.release()
            except RuntimeError as error:
                if not was_raised_by_call(error):
                    raise

    def _run(self) -> None:
        while True:
            try:
                self._wait()
                self._send_due_heads()
                self._flush_watched()
            except Exception:  # noqa: BLE001, S110 - the response fails at its next item; others go on
                pass

    def _wait(self) -> None:
        if self._watched:
            return
        pause = self._heads[0][0] - monotonic() if self._heads else -1
        if not self._heads:
            self._wake.acquire()
        elif pause > 0:
            self._wake.acquire(timeout=pause)

    def _send_due_heads(self) -> None:
        while self._heads:
            due, named = self._heads[0]
            if due > monotonic() and named() is not None:
                break
            self._heads.popleft()
            stream = named()
            if stream is not None:
                stream.send_head()

    def _flush_watched(self) -> None:
        while self._watched:
            self._watched.popleft().flush_when_quiet()
