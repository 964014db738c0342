"""Damaged copies of a JSON document: one value is replaced by another in each."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from typing import Any, TypeAlias

REPLACEMENTS: dict[str, Any] = {
    "null": None,
    "a text": "damaged",
    "an empty text": "",
    "a long text": "long/" * 2000,
    "a NUL": "a\0b",
    "half a surrogate pair": "\ud800",
    "a number": 7,
    "a negative number": -1,
    "a large number": 10**30,
    "a fraction": 1.5,
    "true": True,
    "an empty list": [],
    "a list": ["damaged", None, {}],
    "an empty object": {},
    "an object": {"damaged": {"Ref": "Unknown"}},
    "a reference": {"Ref": "Unknown"},
    "a reference to itself": {"Ref": "App"},
    "no value": {"Ref": "AWS::NoValue"},
    "a choice": {"Fn::If": ["Unknown", "damaged", ["damaged"]]},
    "a known choice": {"Fn::If": ["IsOn", 5, {"Ref": "AWS::NoValue"}]},
    "an attribute": {"Fn::GetAtt": ["Unknown", "Arn"]},
    "a function without its arguments": {"Fn::GetAtt": 3},
    "a substitution": {"Fn::Sub": ["${A}", None]},
    "a selection": {"Fn::Select": [9, {"Fn::Split": [",", {"Ref": "Unknown"}]}]},
    "a condition": {"Fn::Not": [{"Condition": "IsOn"}]},
}


Path: TypeAlias = "tuple[str | int, ...]"
"""Names and numbers that lead to a value."""


def damaged_copy(document: Any, path: Path, replacement: Any) -> Any:
    """Return a copy with `replacement` at `path`."""
    damaged = copy.deepcopy(document)
    _container(damaged, path)[path[-1]] = replacement
    return damaged


def copy_without(document: Any, path: Path) -> Any:
    """Return a copy without the value at `path`."""
    damaged = copy.deepcopy(document)
    del _container(damaged, path)[path[-1]]
    return damaged


def _container(document: Any, path: Path) -> Any:
    for name in path[:-1]:
        document = document[name]
    return document


def paths_in(value: Any, path: Path = ()) -> Iterator[Path]:
    """Yield the path of each value at any depth, but not that of the document itself."""
    if path:
        yield path
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for name, item in items:
        yield from paths_in(item, (*path, name))
