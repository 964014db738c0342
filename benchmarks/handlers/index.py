"""The handler that is measured, for both Python runtimes; `what` in the event says which response."""

import time

SMALL = "x" * 32
LARGE = bytes(64 * 1024)


def handler(event, context):
    return RESPONSES[event["what"]]()


def whole():
    return "x" * 32


def most():
    """As much as a response that does not stream may hold, nearly."""
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
    """Two items every 10 ms; each tells when it was made."""
    for _ in range(50):
        time.sleep(0.01)
        yield f"{time.monotonic_ns():020d};"
        yield f"{time.monotonic_ns():020d};"


RESPONSES = {function.__name__: function for function in (whole, most, one, small, large, pairs)}
