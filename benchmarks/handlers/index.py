"""Measured handler of both Python runtimes. The event names the response."""

import time

SMALL = "x" * 32
LARGE = bytes(64 * 1024)


def handler(event, context):
    return RESPONSES[event["response"]]()


def whole():
    return "x" * 32


def most():
    """Return almost the largest response that does not stream."""
    return "x" * 6_000_000


def one():
    yield SMALL


def small():
    for _ in range(10_000):
        yield SMALL


def large():
    for _ in range(3_200):
        yield LARGE


def pairs():
    """Yield two items every 10 ms. Each holds the time at which it was made."""
    for _ in range(50):
        time.sleep(0.01)
        yield f"{time.monotonic_ns():020d};"
        yield f"{time.monotonic_ns():020d};"


RESPONSES = {function.__name__: function for function in (whole, most, one, small, large, pairs)}
