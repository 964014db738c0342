import os
import sys


def handler(event, context):
    when = (event.get("queryStringParameters") or {}).get("when")
    if when == "before":
        raise ValueError("before the first byte")
    yield "begun"
    if when == "after":
        raise ValueError("after the first byte")
    if when == "interrupted":
        sys.setprofile(raise_after_send)
        yield "sent, perhaps"
    if when == "exit":
        os._exit(3)


def raise_after_send(frame, event, called):
    """Raise right after the next send, as a signal handler may."""
    if event == "c_return" and called.__name__ == "sendmsg":
        sys.setprofile(None)
        raise TimeoutError("in the middle of a send")
