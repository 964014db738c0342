"""Handler of events that are no HTTP requests."""


def handle(event, context):
    return {"handled": event}
