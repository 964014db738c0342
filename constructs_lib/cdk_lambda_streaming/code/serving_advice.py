"""Advice on the adapter that runs an application or a server."""

from __future__ import annotations

from cdk_lambda_streaming.code.object_search import MadeObject
from cdk_lambda_streaming.code.web_applications import IN_HANDLER, Kind, adapter_of


def advise(kind: Kind, module: str, path: str) -> str:
    """Return the way to run the application `module:path`."""
    return f"Pass adapter={adapter_of(kind)}('{module}:{path}')"


def advise_made(found: MadeObject, module: str, path: str) -> str:
    """Return the way to run an object that is known under a name."""
    if found.kind in IN_HANDLER:
        return advise(IN_HANDLER[found.kind], module, found.argument)
    if found.inner is not None:
        kind, attribute = found.inner
        return advise(kind, module, f"{path}.{attribute}")
    if found.kind is not Kind.SERVER:
        return advise(found.kind, module, path)
    return (
        "Pass adapter=Adapter.lambda_web_adapter(), and write an executable run.sh into entry that starts the server, "
        f"such as `#!/bin/sh` and `exec python3 -m {module}`"
    )
