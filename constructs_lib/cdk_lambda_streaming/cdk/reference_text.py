"""CloudFormation values as text. References become `${Name}` or `${Name.Attribute}`, as in `Fn::Sub`."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

_LOGICAL_ID = re.compile(r"\$\{([A-Za-z0-9]+)[.}]")


def text_of(value: Any) -> str:
    """Return a resolved value as text, with joins joined, so that a part of a value is a part of its text."""
    if isinstance(value, str):
        return value
    if isinstance(value, list):
        return "\n".join(text_of(part) for part in value)
    if not isinstance(value, Mapping):
        return "" if value is None else str(value)
    if len(value) != 1:
        return "\n".join(text_of(part) for part in value.values())
    ((name, argument),) = value.items()
    return _text_of_function(name, argument)


def is_token(text: str) -> bool:
    """Return True for a text with a token. Unlike `Token.is_unresolved` it is no request to the CDK's process."""
    return "${Token[" in text


def is_intrinsic(value: object) -> bool:
    """Return True for a call of a CloudFormation function, such as `{"Ref": "Chat"}`."""
    return isinstance(value, Mapping) and len(value) == 1 and str(next(iter(value))).startswith(("Ref", "Fn::"))


def logical_ids_in(text: str) -> Iterator[str]:
    """Yield the logical ids that a text of `text_of` refers to."""
    return (match[1] for match in _LOGICAL_ID.finditer(text))


def _text_of_function(name: str, argument: Any) -> str:
    if name == "Ref":
        return f"${{{argument}}}"
    if name == "Fn::GetAtt":
        return f"${{{'.'.join(map(text_of, argument)) if isinstance(argument, list) else argument}}}"
    if name == "Fn::Join" and isinstance(argument, list) and len(argument) == 2 and isinstance(argument[1], list):
        return str(argument[0]).join(text_of(part) for part in argument[1])
    if name == "Fn::Sub" and isinstance(argument, list) and len(argument) == 2 and isinstance(argument[1], Mapping):
        template, values = str(argument[0]), argument[1]
        return re.sub(r"\$\{(\w+)\}", lambda match: text_of(values.get(match[1], match[0])), template)
    return text_of(argument)
