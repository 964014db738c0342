"""Front doors of one function, and the contradictions between them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

from constructs import IConstruct

from cdk_lambda_streaming.cdk.function_resource import has_condition
from cdk_lambda_streaming.checks.environment import DEFAULT_FRONT_DOORS, FrontDoor, format_front_doors

UNQUALIFIED = "$LATEST"
_SETTINGS = {FrontDoor.FUNCTION_URL: "invoke_mode", FrontDoor.REST_API: "response_transfer_mode"}
# https://docs.aws.amazon.com/apigateway/latest/api/API_PutMethod.html; ANY stands for all of them.
_HTTP_METHODS = ("DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT")


class Part(NamedTuple):
    """Part of a REST API that a function can distinguish from others: an HTTP method, or `ANY`, of a resource."""

    method: str
    resource: str


class FoundFrontDoor(NamedTuple):
    """Front door in the app. `door` is None for a kind that only buffers."""

    kind: str
    door: FrontDoor | None
    streams: bool
    construct: IConstruct
    place: str = ""
    """Verb and path in an OpenAPI document, for messages."""
    qualifier: str = ""
    """Alias that is called, or nothing for the function itself."""
    part: Part | None = None
    """Part of a REST API. None if it is unknown at synth."""

    @property
    def path(self) -> str:
        return f"{self.construct.node.path}{self.place}"


@dataclass(slots=True)
class FoundFrontDoors:
    """All front doors of one function, and the user's option `front_doors`."""

    doors: list[FoundFrontDoor] = field(default_factory=list)
    named: frozenset[FrontDoor] | None = None

    @property
    def doors_that_stream(self) -> list[FoundFrontDoor]:
        return [door for door in self.doors if door.streams]

    @property
    def doors_that_buffer(self) -> list[FoundFrontDoor]:
        return [door for door in self.doors if not door.streams]

    def setting(self) -> str | None:
        """Return the runtime's list of front doors that stream, or None if it is the runtime's default."""
        if self.named is not None:
            entries = [format_front_doors(self.named)]
        else:
            entries = [entry for kind in FrontDoor for entry in self._entries(kind)]
        text = ",".join(sorted(entries)) or "none"
        return None if text == format_front_doors(DEFAULT_FRONT_DOORS) else text

    def contradictions(self, *, has_one_form: bool = False) -> list[str]:
        """Return the problems of front doors that contradict each other or the option `front_doors`.

        :param has_one_form: True for a function that answers all events in one form. Default: False, the runtime's
            list decides for each event.
        """
        problems = [*self._duplicate_urls(), *self._differences_from_named()]
        if self.named is None:
            problems += [problem for kind in FrontDoor for problem in self._mixed_modes(kind, has_one_form)]
        return problems

    def _entries(self, kind: FrontDoor) -> Collection[str]:
        """Return the entries for a kind: its name, or its parts that stream if others buffer."""
        streaming, buffering = self._by_mode(kind)
        if not streaming and not buffering:
            # A Function URL outside the app is assumed to stream.
            return [kind.value] if kind in DEFAULT_FRONT_DOORS else []
        if not buffering:
            return [kind.value]
        parts = {entry for door in streaming for entry in _names_of(door, buffering)}
        return [f"{kind.value}:{part}" for part in parts]

    def _by_mode(self, kind: FrontDoor) -> tuple[list[FoundFrontDoor], list[FoundFrontDoor]]:
        """Return the doors of a kind that stream, and those that buffer."""
        doors = [door for door in self.doors if door.door is kind]
        return [door for door in doors if door.streams], [door for door in doors if not door.streams]

    def _mixed_modes(self, kind: FrontDoor, has_one_form: bool) -> Iterator[str]:
        """Yield a problem if a function cannot distinguish the events that stream from those that buffer."""
        streaming, buffering = self._by_mode(kind)
        for door in streaming:
            for other in buffering:
                if has_one_form or _are_alike(door, other):
                    yield (
                        f"give '{door.path}' and '{other.path}' the same {_SETTINGS[kind]}: the first streams and the "
                        "second buffers, but a function cannot distinguish their events. Or make a second function "
                        "for one of them"
                    )
                    return

    def _duplicate_urls(self) -> Iterator[str]:
        urls: dict[str, list[FoundFrontDoor]] = defaultdict(list)
        for door in self.doors:
            if door.door is FrontDoor.FUNCTION_URL:
                urls[door.qualifier].append(door)
        for doors in urls.values():
            # CloudFormation makes only one of two with opposite conditions.
            if len(doors) > 1 and not any(has_condition(door.construct) for door in doors):
                yield (
                    f"'{doors[0].path}' and '{doors[1].path}' are two Function URLs of the same target, but Lambda "
                    "allows one; leave one out, or pass function_url=False"
                )

    def _differences_from_named(self) -> Iterator[str]:
        if self.named is None:
            return
        for door in self.doors:
            if door.door is not None and door.streams != (door.door in self.named):
                yield (
                    f"'{door.path}' {'streams' if door.streams else 'buffers'}, but front_doors is "
                    f"{format_front_doors(self.named)}; name all front doors that stream, or leave front_doors out"
                )


def _are_alike(one: FoundFrontDoor, other: FoundFrontDoor) -> bool:
    """Return True if nothing in an event tells two doors of a kind apart."""
    if one.door is FrontDoor.FUNCTION_URL:
        return one.qualifier == other.qualifier
    return one.part is None or other.part is None or one.part == other.part


def _names_of(door: FoundFrontDoor, others: Collection[FoundFrontDoor]) -> Iterator[str]:
    """Yield the runtime's names of a door: a qualifier, or HTTP methods of a resource."""
    if door.door is FrontDoor.FUNCTION_URL:
        yield door.qualifier or UNQUALIFIED
    elif door.part is not None:
        method, resource = door.part
        taken = {other.part.method for other in others if other.part is not None and other.part.resource == resource}
        methods = [name for name in _HTTP_METHODS if name not in taken] if method == "ANY" and taken else [method]
        for name in methods:
            yield f"{name} {resource}"
