"""Constructs of some types, found in a tree without waiting for the others.

`node.find_all()` makes a Python object of every construct, and imports the CDK's module of each type for it: 0.2 s for
the smallest app. jsii's own answer to it is a list of references that name their types; only those asked for are made
into objects here. That list is not part of jsii's public API, so whatever goes wrong with it leads to `find_all()`.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from constructs import IConstruct, Node


def find_constructs(node: Node, types: Collection[str]) -> list[IConstruct]:
    """Return the constructs at and below a node that are of one of these jsii types, such as `aws_lambda.CfnUrl`."""
    names = {f"aws-cdk-lib.{name}" for name in types}
    try:
        return _find_by_reference(node, names)
    except Exception:  # noqa: BLE001 - another jsii may differ in any way
        return [found for found in node.find_all() if getattr(type(found), "__jsii_type__", "") in names]


def _find_by_reference(node: Node, names: Collection[str]) -> list[IConstruct]:
    from jsii import _reference_map
    from jsii._runtime import kernel

    find_all: Any = type(kernel).invoke.__wrapped__  # type: ignore[attr-defined]
    references = find_all(kernel, node, "findAll", [])
    # A reference is a type, an at sign and a number.
    wanted = [reference for reference in references if reference.ref.rpartition("@")[0] in names]
    resolve: Any = _reference_map.resolve_reference
    return [resolve(kernel, reference) for reference in wanted]
