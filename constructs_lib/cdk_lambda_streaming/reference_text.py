"""Resolved CloudFormation values, searched for what they refer to."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any


def text_of(value: Any) -> str:
    """Return a value as one text, in which another value that was joined into it is found as a part.

    The CDK joins joins: an ARN that is one is not an element of a URI that holds it, but some of its elements are.
    """
    if isinstance(value, str):
        return value
    if isinstance(value, Mapping) and len(value) == 1:
        joined = value.get("Fn::Join")
        if isinstance(joined, list) and len(joined) == 2 and isinstance(joined[1], list):
            return str(joined[0]).join(text_of(part) for part in joined[1])
    if isinstance(value, list):
        return "\n".join(text_of(part) for part in value)
    return json.dumps(value, sort_keys=True, default=str)


def logical_ids_of(value: Any) -> Iterator[str]:
    """Return the logical ids that a value names, by Ref, Fn::GetAtt and Fn::Sub."""
    if isinstance(value, list):
        for inner in value:
            yield from logical_ids_of(inner)
    if not isinstance(value, Mapping):
        return
    for key, inner in value.items():
        if key == "Ref":
            yield str(inner)
        elif key == "Fn::GetAtt":
            yield str(inner[0]) if isinstance(inner, list) else str(inner).split(".")[0]
        else:
            if key == "Fn::Sub":
                template = inner[0] if isinstance(inner, list) else inner
                yield from re.findall(r"\$\{(\w+)", str(template))
            yield from logical_ids_of(inner)
