"""Event sources and destinations of a function. A queue or a topic itself is neither."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from cdk_lambda_streaming.cdk.interfaces import has_member

_DESTINATIONS = ("on_failure", "on_success")


def check_event_options(options: Mapping[str, Any]) -> None:
    """Reject other objects in the options for events and destinations. The CDK fails on them with an inner error."""
    check_events(options.get("events"))
    for name in _DESTINATIONS:
        check_destination(name, options.get(name))


def check_events(events: object) -> None:
    """Reject a value that is not a list of event sources."""
    if events is None:
        return
    if not isinstance(events, Sequence) or isinstance(events, str):
        raise TypeError(f"events must be a list of event sources, such as [SqsEventSource(queue)], got {events!r}")
    for source in events:
        check_event_source("each of events", source)


def check_event_source(name: str, source: object) -> None:
    """Reject a value that is no event source."""
    if not has_member(source, "bind"):
        raise TypeError(f"{name} must be an event source, such as SqsEventSource(queue), got {source!r}")


def check_destination(name: str, destination: object) -> None:
    """Reject a value that is no destination."""
    if destination is not None and not has_member(destination, "bind"):
        raise TypeError(f"{name} must be a destination, such as SqsDestination(queue), got {destination!r}")
