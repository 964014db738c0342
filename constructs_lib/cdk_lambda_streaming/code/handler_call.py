"""Check that the runtime can call the handler, from the module's source.

The runtime calls `handler(event, context)`. Only objects that the source shows are rejected, see `object_search`.
"""

from __future__ import annotations

import ast

from cdk_lambda_streaming.checks.synth_warning import SynthWarning
from cdk_lambda_streaming.code.module_source import SoughtName
from cdk_lambda_streaming.code.object_search import DefinedFunction, find_object
from cdk_lambda_streaming.code.serving_advice import advise, advise_made
from cdk_lambda_streaming.code.web_applications import DESCRIPTIONS, IN_HANDLER, kind_of_parameters

_CALL = ("event", "context")
_STREAMIFIED_CALL = ("event", "response_stream", "context")
_LEAVE_OUT = "Leave index and handler out"


def check_call(module: ast.Module, sought: SoughtName) -> SynthWarning | None:
    """Reject a handler that the runtime cannot call. Return a warning for one that only returns whole responses."""
    handler = sought.name
    found = find_object(module, handler)
    if found is None:
        return None
    place = f"'{sought.file}' line {found.line}"
    if isinstance(found, DefinedFunction):
        kind = kind_of_parameters(found.node.args)
        if kind is None and found.accepts(len(_call_of(found))):
            return None
        if kind is None:
            raise ValueError(_describe_signature(found, handler, place))
        way_out = advise(kind, sought.module, handler)
    else:
        kind, way_out = found.kind, advise_made(found, sought.module, handler)
        if kind in IN_HANDLER:
            return SynthWarning(
                "handlerBuffers",
                f"the handler {handler!r} in {place} is {found.source}, which returns only whole responses, so nothing "
                f"streams. {way_out}. {_LEAVE_OUT}",
            )
    raise ValueError(
        f"the handler {handler!r} in {place} is {found.source}, {DESCRIPTIONS[kind]}: the runtime calls "
        f"{handler}(event, context), so every request would fail. {way_out}. {_LEAVE_OUT}"
    )


def _call_of(function: DefinedFunction) -> tuple[str, ...]:
    return _STREAMIFIED_CALL if function.is_streamified else _CALL


def _describe_signature(found: DefinedFunction, handler: str, place: str) -> str:
    caller = "@streamify_response" if found.is_streamified else "the runtime"
    arguments = ", ".join(_call_of(found))
    return (
        f"the handler {handler!r} in {place} is {found.source}, but {caller} calls it with ({arguments}). "
        f"Write def {handler}(event, context), or with @streamify_response "
        f"def {handler}(event, response_stream, context)"
    )
