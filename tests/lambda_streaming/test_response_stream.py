"""The phases of a response: allowed moves, and two threads that begin it at once."""

from __future__ import annotations

import threading
from collections.abc import Iterable
from typing import Any

import pytest
from lambda_streaming import HttpResponse, StreamClosedError
from lambda_streaming.response.body_writer import ResponseCutOff, ResponseInterrupted
from lambda_streaming.response_stream import BODY, CUT_OFF, ENDED, HEAD_OPEN, HEAD_SENT, INTERRUPTED, ResponseStream

from .fake_runtime_api import TIMEOUT_S

PHASES = (HEAD_OPEN, HEAD_SENT, BODY, ENDED, CUT_OFF, INTERRUPTED)
FORBIDDEN = [
    *((phase, HEAD_OPEN) for phase in PHASES),
    *((phase, HEAD_SENT) for phase in PHASES if phase != HEAD_OPEN),
    *((phase, BODY) for phase in (BODY, ENDED, CUT_OFF, INTERRUPTED)),
    *((phase, ENDED) for phase in (HEAD_SENT, ENDED, CUT_OFF, INTERRUPTED)),
]


class RecordedBody:
    def __init__(self) -> None:
        self.reply = None
        self.has_begun = False
        self.items: list[bytes] = []

    def start(self, driver: Any) -> None: ...

    def put(self, item: bytes | memoryview) -> bool:
        self.items.append(bytes(item))
        return True

    def put_last(self, trailers: Iterable[tuple[str, str]] = ()) -> bool:
        return True


class RecordedDestination:
    can_fail_late = False
    takes_http_response = False
    filler = b""

    def __init__(self) -> None:
        self.body = RecordedBody()
        self.opened = 0

    def open(self, head: HttpResponse) -> RecordedBody:
        self.opened += 1
        return self.body


class AnnouncedLock:
    """A lock that tells when a second thread waits for it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._entered = 0
        self.has_waiter = threading.Event()

    def __enter__(self) -> None:
        self._entered += 1
        if self._entered == 2:
            self.has_waiter.set()
        self._lock.acquire()

    def __exit__(self, *error: object) -> None:
        self._lock.release()


def stream_to(destination: RecordedDestination) -> ResponseStream:
    return ResponseStream(destination, driver=None)  # type: ignore[arg-type]


@pytest.mark.parametrize(("before", "after"), FORBIDDEN)
def test_forbidden_move_raises_and_changes_nothing(before: Any, after: Any) -> None:
    stream = stream_to(RecordedDestination())
    stream.phase = before
    with pytest.raises(StreamClosedError):
        stream._move_to(after)
    assert stream.phase == before


@pytest.mark.parametrize("phase", PHASES)
def test_every_phase_can_be_cut_off(phase: Any) -> None:
    stream = stream_to(RecordedDestination())
    stream.phase = phase
    stream.cut_off(ResponseCutOff())
    assert stream.phase == CUT_OFF
    stream.cut_off(ResponseInterrupted())
    assert stream.phase == INTERRUPTED


def test_two_threads_may_write_the_first_item() -> None:
    destination = RecordedDestination()
    stream = stream_to(destination)
    lock = AnnouncedLock()
    stream._opening = lock  # type: ignore[assignment]
    second = threading.Thread(target=stream.write, args=("second",))

    def open_while_the_second_waits(head: HttpResponse) -> RecordedBody:
        destination.opened += 1
        second.start()
        assert lock.has_waiter.wait(TIMEOUT_S)
        return destination.body

    destination.open = open_while_the_second_waits  # type: ignore[method-assign]
    stream.write("first")
    second.join(TIMEOUT_S)
    assert destination.opened == 1
    assert sorted(destination.body.items) == [b"first", b"second"]
