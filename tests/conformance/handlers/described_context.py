"""Handler that returns every attribute of its context."""

import os


def described(record):
    names = [name for name in dir(record) if not name.startswith("_")]
    return {name: repr(getattr(record, name)) for name in names if not callable(getattr(record, name))}


def handler(event, context):
    context.anything = "may be set"
    remaining = context.get_remaining_time_in_millis()
    return {
        "repr": repr(context),
        "attributes": described(context),
        "identity": described(context.identity),
        "client context": described(context.client_context),
        "client": described(getattr(context.client_context, "client", None)),
        "w3c": context.w3c(),
        "remaining": [type(remaining).__name__, remaining > 0],
        "methods": sorted(
            name for name in dir(context) if not name.startswith("_") and callable(getattr(context, name))
        ),
        "trace id": os.environ.get("_X_AMZN_TRACE_ID"),
    }
