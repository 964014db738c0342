"""The flusher's thread survives failures, and keeps nothing alive."""

from __future__ import annotations

import sys
import threading
import weakref
from typing import Any

import pytest
from lambda_streaming.response import body_writer
from lambda_streaming.response import flusher as flusher_module
from lambda_streaming.response.body_writer import BodyWriter
from lambda_streaming.response.flusher import Flusher

from .fake_runtime_api import TIMEOUT_S
from .test_properties import pair


class Watched:
    """A body or a head that tells when the thread has come to it."""

    def __init__(self, error: Exception | None = None) -> None:
        self.reached = threading.Event()
        self._error = error

    def flush_when_quiet(self) -> None:
        self.reached.set()
        if self._error is not None:
            raise self._error

    send_head = flush_when_quiet


@pytest.fixture(autouse=True)
def switch_interval() -> Any:
    before = sys.getswitchinterval()
    yield
    sys.setswitchinterval(before)


@pytest.mark.parametrize("error", [ValueError("bad"), MemoryError(), BrokenPipeError(32, "broken")])
def test_thread_goes_on_after_an_exception(error: Exception) -> None:
    flusher = Flusher()
    for failing in (Watched(error), Watched(error)):
        assert flusher.watch(failing)
        assert failing.reached.wait(TIMEOUT_S)
    failing = Watched(error)
    flusher.watch_head(failing)
    assert failing.reached.wait(TIMEOUT_S)
    good = Watched()
    flusher.watch(good)
    assert good.reached.wait(TIMEOUT_S)


def test_body_and_head_are_let_go() -> None:
    flusher = Flusher()
    first, last = Watched(), Watched()
    flusher.watch(first)
    flusher.watch_head(first)
    assert first.reached.wait(TIMEOUT_S)
    gone = weakref.ref(first)
    del first
    # When the thread has come to the last head, it has left the first body and its head.
    flusher.watch_head(last)
    assert last.reached.wait(TIMEOUT_S)
    assert gone() is None


def test_items_leave_at_once_without_a_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    """The process has as many threads as it may. A later burst gets its thread."""
    flusher = Flusher()

    monkeypatch.setattr(body_writer, "BURST_PAUSE_S", 60.0)
    monkeypatch.setattr(body_writer, "SENT_ALONE", 1)
    with pair([65_536]) as (connection, reader):
        body = BodyWriter(connection, flusher, b"HEAD\r\n")
        # No machine has the memory for such a stack.
        before = threading.stack_size(2**46)
        try:
            for item in (b"alone", b"joined"):
                assert body.put(item)
        finally:
            threading.stack_size(before)
        assert reader.take_rest() == b"HEAD\r\n5\r\nalone\r\n6\r\njoined\r\n"
        later = Watched()
        assert flusher.watch(later)
        assert later.reached.wait(TIMEOUT_S)


def test_exception_of_a_signal_handler_goes_through(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is not taken for a lack of threads, whatever its class."""

    def fail(*arguments: object) -> None:
        def handle() -> None:
            raise RuntimeError("from the user's code")

        handle()

    monkeypatch.setattr(flusher_module, "start_new_thread", fail)
    with pytest.raises(RuntimeError, match="from the user"):
        Flusher().watch(Watched())
