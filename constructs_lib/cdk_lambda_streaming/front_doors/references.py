"""References to functions: directly, through an alias or a version, by logical id, by name or by ARN."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from aws_cdk import CfnElement, Stack, Stage, aws_lambda
from constructs import IConstruct

from cdk_lambda_streaming.cdk.construct_tree import find_constructs, identity_of, stack_of, type_of
from cdk_lambda_streaming.cdk.function_resource import properties_of, resource_of
from cdk_lambda_streaming.cdk.reference_text import is_token, logical_ids_in, text_of
from cdk_lambda_streaming.cdk.value_reader import ValueReader

ALIAS = "aws_lambda.CfnAlias"
VERSION = "aws_lambda.CfnVersion"
FUNCTION = "aws_lambda.CfnFunction"
# A function's ARN, also inside an integration's URI, with the placeholders of `_Home.fill_in`.
_ARN = re.compile(r"arn:[^:\s]*:lambda:([\w-]+|<region>):(\w+|<account>):function:([\w-]+)(?::([\w$-]+))?")
# A name, or an ARN without its first part.
_NAME = re.compile(r"(?:(\w+|<account>):function:)?([\w-]+)(?::([\w$-]+))?")


class Target(NamedTuple):
    """Function by its path, and the alias or version that is called. The qualifier of the function itself is empty."""

    path: str
    qualifier: str = ""


class Resource(NamedTuple):
    """Resource of the app. Its properties contain no tokens."""

    construct: IConstruct
    type: str
    stack: Stack
    properties: Mapping[str, Any]


def read_resources(
    stage: Stage, types: Mapping[str, Collection[str]], values: ValueReader, *, in_other_stages: bool
) -> list[Resource]:
    """Return the resources with these types, such as `aws_lambda.CfnUrl`, and their properties with these names.

    :param in_other_stages: Read the whole app and not only the stage.
    """
    by_stack: dict[str, tuple[Stack, list[IConstruct]]] = {}
    for construct in find_constructs(stage.node.root.node if in_other_stages else stage.node, types):
        stack = stack_of(construct)
        by_stack.setdefault(identity_of(stack), (stack, []))[1].append(construct)
    resources = []
    for stack, constructs in by_stack.values():
        if not in_other_stages and not _is_in(stack, stage):
            continue
        names = [type_of(construct) for construct in constructs]
        given = [_pick(construct, types[name]) for construct, name in zip(constructs, names, strict=True)]
        read = values.read(stack, given)
        resources += [
            Resource(construct, name, stack, properties)
            for construct, name, properties in zip(constructs, names, read, strict=True)
            if properties is not None
        ]
    return resources


def _is_in(stack: Stack, stage: Stage) -> bool:
    return _stage_identity(stack) == identity_of(stage)


def _stage_identity(stack: Stack) -> str:
    stage = Stage.of(stack)
    return "" if stage is None else identity_of(stage)


def _pick(construct: IConstruct, names: Collection[str]) -> dict[str, Any]:
    properties = properties_of(construct)
    return {name: properties[name] for name in names if properties.get(name) is not None}


def has_names(functions: Iterable[aws_lambda.Function]) -> bool:
    """Return True if a function has a name that is known at synth."""
    names = [resource_of(function).function_name for function in functions]
    return any(name is not None and not is_token(name) for name in names)


class References:
    """Index of functions with their aliases and versions, by the values that refer to them."""

    def __init__(
        self,
        functions: Mapping[str, aws_lambda.Function],
        resources: Collection[Resource],
        values: ValueReader,
    ) -> None:
        self._values = values
        # By the identities of stacks and constructs.
        self._homes: dict[str, _Home] = {}
        self._local: dict[tuple[str, str], Target] | None = None
        self._elements: dict[str, tuple[IConstruct, Target]] = {}
        for path, function in functions.items():
            self._add(resource_of(function), Target(path))
        self._named: dict[tuple[_Home, str], list[Resource]] = {}
        for resource in resources:
            name = resource.properties.get("functionName")
            if resource.type == FUNCTION and name is not None:
                self._named.setdefault((self._home(resource.stack), name), []).append(resource)
        for resource in resources:
            if resource.type in (ALIAS, VERSION):
                self._add_alias(resource)

    def find(self, stack: Stack, value: Any) -> set[Target]:
        """Return the functions that a read value of a stack refers to."""
        text = text_of(value)
        identities = {identity_of(construct) for construct in self._values.constructs_in(text)}
        found = {self._elements[identity][1] for identity in identities if identity in self._elements}
        return found or self._by_logical_id(stack, text) or set(self._by_name(stack, text))

    def _add_alias(self, resource: Resource) -> None:
        # A version's number is known only at deployment.
        qualifier = str(resource.properties.get("name", "a version"))
        for target in self.find(resource.stack, resource.properties.get("functionName")):
            self._add(resource.construct, Target(target.path, qualifier))

    def _add(self, element: IConstruct, target: Target) -> None:
        self._elements[identity_of(element)] = (element, target)

    def _by_logical_id(self, stack: Stack, text: str) -> set[Target]:
        keys = {(identity_of(stack), name) for name in logical_ids_in(text)}
        return {self._local_ids()[key] for key in keys if key in self._local_ids()}

    def _local_ids(self) -> dict[tuple[str, str], Target]:
        if self._local is None:
            self._local = dict(self._find_local_ids())
        return self._local

    def _find_local_ids(self) -> Iterator[tuple[tuple[str, str], Target]]:
        for element, target in self._elements.values():
            if isinstance(element, CfnElement):
                stack = element.stack
                yield (identity_of(stack), str(stack.resolve(element.logical_id))), target

    def _by_name(self, stack: Stack, text: str) -> Iterator[Target]:
        if not self._named:
            return
        home = self._home(stack)
        text = home.fill_in(text)
        for region, account, name, qualifier in _ARN.findall(text):
            yield from self._find_named(stack, _Home(account, region), name, qualifier)
        match = _NAME.fullmatch(text)
        if match is not None:
            yield from self._find_named(stack, _Home(match[1] or home.account, home.region), match[2], match[3] or "")

    def _find_named(self, stack: Stack, home: _Home, name: str, qualifier: str) -> Iterator[Target]:
        for function in self._candidates(stack, home, name):
            element = self._elements.get(identity_of(function.construct))
            if element is not None:
                yield Target(element[1].path, qualifier)

    def _candidates(self, stack: Stack, home: _Home, name: str) -> list[Resource]:
        """Return the functions with a name. In an unknown account a function of the own stack goes first."""
        found = self._named.get((home, name), [])
        if home.is_known:
            return found
        near = [function for function in found if identity_of(function.stack) == identity_of(stack)]
        stage = _stage_identity(stack)
        return near or [function for function in found if len(found) == 1 and _stage_identity(function.stack) == stage]

    def _home(self, stack: Stack) -> _Home:
        identity = identity_of(stack)
        if identity not in self._homes:
            self._homes[identity] = _Home(_known(stack.account, "<account>"), _known(stack.region, "<region>"))
        return self._homes[identity]


class _Home(NamedTuple):
    """Account and Region. Those that are unknown at synth are placeholders, equal only to each other."""

    account: str
    region: str

    @property
    def is_known(self) -> bool:
        return "<" not in self.account + self.region

    def fill_in(self, text: str) -> str:
        """Return a text with the values of the pseudo parameters."""
        text = text.replace("${AWS::AccountId}", self.account).replace("${AWS::Region}", self.region)
        return text.replace("${AWS::Partition}", "aws")


def _known(value: str, placeholder: str) -> str:
    return placeholder if is_token(value) else value
