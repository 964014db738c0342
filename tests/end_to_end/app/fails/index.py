import os


def handler(event, context):
    when = (event.get("queryStringParameters") or {}).get("when")
    if when == "before":
        raise ValueError("before the first byte")
    yield "begun"
    if when == "after":
        raise ValueError("after the first byte")
    if when == "exit":
        os._exit(3)
