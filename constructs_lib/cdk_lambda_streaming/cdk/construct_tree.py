"""Search for constructs of some types in a construct tree.

`node.find_all()` makes a Python object of every construct and imports the CDK's module for each type: 0.2 s for the
smallest app. jsii's own answer is a list of references with their types. This module makes objects of only those with
the requested types. The list is not part of jsii's public API, so any error leads to `find_all()`.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any
from weakref import WeakKeyDictionary

from aws_cdk import Stack
from constructs import IConstruct, Node


def find_constructs(node: Node, types: Collection[str]) -> list[IConstruct]:
    """Return the constructs at and below a node with one of these jsii types, such as `aws_lambda.CfnUrl`."""
    names = {f"aws-cdk-lib.{name}" for name in types}
    try:
        return _find_by_reference(node, names)
    except Exception:  # noqa: BLE001 - another jsii may differ in any way
        return [found for found in node.find_all() if _type_name(found) in names]


def type_of(construct: IConstruct) -> str:
    """Return the jsii type of a construct of the CDK, such as `aws_lambda.CfnUrl`."""
    return _type_name(construct).removeprefix("aws-cdk-lib.")


def identity_of(construct: object) -> str:
    """Return a text that only this object of the CDK has. jsii makes several Python objects of one construct."""
    return str(construct.__jsii_ref__.ref)  # type: ignore[attr-defined]


def path_of(construct: IConstruct) -> str:
    """Return the path of a construct. Only the first call is a request to the CDK's process."""
    path = _PATHS.get(construct)
    if path is None:
        path = _PATHS[construct] = construct.node.path
    return path


def stack_of(construct: IConstruct) -> Stack:
    """Return the stack of a construct. Only the first call is a request to the CDK's process."""
    stack = _STACKS.get(construct)
    if stack is None:
        stack = _STACKS[construct] = Stack.of(construct)
    return stack


_PATHS: WeakKeyDictionary[IConstruct, str] = WeakKeyDictionary()
_STACKS: WeakKeyDictionary[IConstruct, Stack] = WeakKeyDictionary()


def _type_name(construct: IConstruct) -> str:
    return str(getattr(type(construct), "__jsii_type__", ""))


def _find_by_reference(node: Node, names: Collection[str]) -> list[IConstruct]:
    from jsii import _reference_map
    from jsii._runtime import kernel

    find_all: Any = type(kernel).invoke.__wrapped__  # type: ignore[attr-defined]
    references = find_all(kernel, node, "findAll", [])
    # A reference is a type, an at sign and a number.
    wanted = [reference for reference in references if reference.ref.rpartition("@")[0] in names]
    resolve: Any = _reference_map.resolve_reference
    return [resolve(kernel, reference) for reference in wanted]
