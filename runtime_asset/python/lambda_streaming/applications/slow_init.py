"""A line in the log for an init that takes almost as long as Lambda allows.

Lambda then starts init again in the first invocation, within the function's timeout, and the log would not say why.
"""

from __future__ import annotations

from _thread import allocate_lock, start_new_thread

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

# AWS, "Understanding the Lambda execution environment lifecycle".
INIT_LIMIT_S = 10
WARNING_S = INIT_LIMIT_S - 1


def watch_init(work: str) -> Callable[[], None]:
    """Log a line if `work` has not finished after `WARNING_S`. Call the result when it has."""
    unfinished = allocate_lock()
    unfinished.acquire()
    start_new_thread(_warn_if_slow, (unfinished, work))
    return unfinished.release


def _warn_if_slow(unfinished: Any, work: str) -> None:
    if not unfinished.acquire(timeout=WARNING_S):
        print(
            f"lambda_streaming: {work} has taken {WARNING_S} s. Lambda gives init {INIT_LIMIT_S} s, and then starts it "
            "again in the first invocation, within the function's timeout. Do less at the start, or pass more "
            "memory_size: it also brings CPU",
            flush=True,
        )
