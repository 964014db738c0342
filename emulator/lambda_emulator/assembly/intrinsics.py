"""Resolver of CloudFormation's intrinsic functions, with the values that are known without a deployment.

A value that only a deployment knows (the ARN of a table, a secret) is `Unresolvable`. In a text, such as an environment
variable, a readable placeholder stands for it, and the names of placeholders are returned too.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

NO_VALUE = None
"""Value of `{"Ref": "AWS::NoValue"}`: a property with this value does not exist."""

_SUBSTITUTION = re.compile(r"\$\{([^}]*)\}")


class Unresolvable(Exception):
    """Only a deployment knows the value. The argument is its name."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.name = name


class Scope(Protocol):
    """Values of the names in a template. Each method raises `Unresolvable` for a name without a value."""

    def reference(self, name: str) -> Any: ...

    def attribute(self, logical_id: str, name: str) -> Any: ...

    def import_value(self, export_name: str) -> Any: ...

    def mapping(self, name: str, top_key: str, second_key: str) -> Any: ...

    def condition(self, name: str) -> bool: ...


@dataclass(frozen=True, slots=True)
class ResolvedText:
    """A text, and the names of the placeholders in it."""

    text: str
    unresolved: tuple[str, ...] = ()


def resolve(value: Any, scope: Scope) -> Any:
    """Replace every intrinsic function in `value`, at any depth. Raise `Unresolvable` if one has no value."""
    return _Resolver(scope, _raise_unresolvable).resolve(value)


def resolve_text(value: Any, scope: Scope) -> ResolvedText:
    """Resolve a value as text. Placeholders such as `<Table.Arn>` stand for unknown values."""
    resolved, unresolved = resolve_with_placeholders(value, scope)
    return ResolvedText(_text(resolved), unresolved)


def resolve_with_placeholders(value: Any, scope: Scope) -> tuple[Any, tuple[str, ...]]:
    """Resolve a value. Return it with placeholders for unknown values, and the names of those."""
    unresolved: list[str] = []

    def placeholder(name: str) -> str:
        unresolved.append(name)
        return f"<{name}>"

    return _Resolver(scope, placeholder).resolve(value), tuple(unresolved)


def choose(value: Any, scope: Scope) -> Any:
    """Return the branch that `Fn::If` chooses, or no value for `AWS::NoValue`. Functions inside it stay as they are.

    Raise `Unresolvable` if only a deployment can choose.
    """
    name, argument = _call_in(value)
    if name == "Fn::If":
        return choose(_chosen_branch(argument, scope), scope)
    return NO_VALUE if (name, argument) == ("Ref", "AWS::NoValue") else value


def is_true(condition: Any, scope: Scope) -> bool:
    """Evaluate a condition of a template. Raise `Unresolvable` if it depends on an unknown value."""
    name, argument = _call_in(condition)
    if name == "Condition" and isinstance(argument, str):
        return scope.condition(argument)
    if not isinstance(argument, list) or name not in _OPERATORS:
        raise Unresolvable(name or "a condition")
    return _OPERATORS[name](argument, scope)


def _equals(values: Sequence[Any], scope: Scope) -> bool:
    if len(values) != 2:
        raise Unresolvable("Fn::Equals")
    first, second = (resolve(value, scope) for value in values)
    return _text(first) == _text(second)


def _has(outcome: bool, conditions: Sequence[Any], scope: Scope) -> bool:
    """Return True if a condition has this outcome. Raise `Unresolvable` if only an unknown one may have it."""
    unknown = None
    for condition in conditions:
        try:
            if is_true(condition, scope) is outcome:
                return True
        except Unresolvable as unresolvable:
            unknown = unresolvable
    if unknown is not None:
        raise unknown
    return False


_OPERATORS: dict[str, Callable[[Sequence[Any], Scope], bool]] = {
    "Fn::Equals": _equals,
    "Fn::And": lambda conditions, scope: not _has(False, conditions, scope),
    "Fn::Or": lambda conditions, scope: _has(True, conditions, scope),
    "Fn::Not": lambda conditions, scope: _has(False, conditions, scope),
}


def _call_in(value: Any) -> tuple[str, Any]:
    """Return the name and the argument in an object with one member, or an empty name."""
    if isinstance(value, dict) and len(value) == 1:
        [(name, argument)] = value.items()
        return name, argument
    return "", None


def _chosen_branch(argument: Any, scope: Scope) -> Any:
    if not isinstance(argument, list) or len(argument) != 3 or not isinstance(argument[0], str):
        raise Unresolvable("Fn::If")
    condition, if_true, if_false = argument
    return if_true if scope.condition(condition) else if_false


def _raise_unresolvable(name: str) -> str:
    raise Unresolvable(name)


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return "" if value is NO_VALUE else str(value)


class _Resolver:
    def __init__(self, scope: Scope, on_unresolvable: Callable[[str], str]) -> None:
        self._scope = scope
        self._on_unresolvable = on_unresolvable
        self._functions: dict[str, Callable[[Any], Any]] = {
            "Ref": lambda name: self._scope.reference(_name(name)),
            "Fn::GetAtt": self._get_att,
            "Fn::If": lambda argument: self.resolve(_chosen_branch(argument, self._scope)),
            "Fn::Join": self._join,
            "Fn::Sub": self._sub,
            "Fn::Select": self._select,
            "Fn::Split": self._split,
            "Fn::ImportValue": lambda name: self._scope.import_value(self._plain_text(name)),
            "Fn::FindInMap": self._find_in_map,
            "Fn::Base64": lambda text: base64.b64encode(self._plain_text(text).encode()).decode(),
        }

    def resolve(self, value: Any) -> Any:
        if isinstance(value, list):
            return [item for item in map(self.resolve, value) if item is not NO_VALUE]
        if not isinstance(value, dict):
            return value
        name, argument = _call_in(value)
        if name == "Ref" or name.startswith("Fn::"):
            return self._call(name, argument)
        resolved = {name: self.resolve(item) for name, item in value.items()}
        return {name: item for name, item in resolved.items() if item is not NO_VALUE}

    def _call(self, name: str, argument: Any) -> Any:
        function = self._functions.get(name)
        if function is None:
            return self._on_unresolvable(name)
        try:
            return function(argument)
        except Unresolvable as unresolvable:
            return self._on_unresolvable(unresolvable.name)
        except (AttributeError, LookupError, TypeError, ValueError):  # CloudFormation rejects this argument
            return self._on_unresolvable(name)

    def _plain_text(self, value: Any) -> str:
        return _text(self.resolve(value))

    def _get_att(self, argument: Any) -> Any:
        logical_id, attribute = argument.split(".", 1) if isinstance(argument, str) else argument
        return self._scope.attribute(_name(logical_id), self._plain_text(attribute))

    def _join(self, argument: Any) -> str:
        separator, items = argument
        resolved = self.resolve(items)
        if not isinstance(resolved, list):
            raise Unresolvable("Fn::Join")
        return str(separator).join(_text(item) for item in resolved)

    def _split(self, argument: Any) -> list[str]:
        separator, text = argument
        return self._plain_text(text).split(separator)

    def _select(self, argument: Any) -> Any:
        index, items = argument
        resolved = self.resolve(items)
        if not isinstance(resolved, list):
            raise Unresolvable("Fn::Select")
        return resolved[int(self._plain_text(index))]

    def _find_in_map(self, argument: Any) -> Any:
        name, top_key, second_key = (self._plain_text(part) for part in argument[:3])
        return self._scope.mapping(name, top_key, second_key)

    def _sub(self, argument: Any) -> str:
        template, variables = (argument, {}) if isinstance(argument, str) else argument
        return _SUBSTITUTION.sub(lambda match: self._substitute(match[1], variables), template)

    def _substitute(self, name: str, variables: dict[str, Any]) -> str:
        if name.startswith("!"):  # ${!Literal} means ${Literal}
            return "${" + name[1:] + "}"
        if name in variables:
            return self._plain_text(variables[name])
        function = "Fn::GetAtt" if "." in name else "Ref"
        return _text(self._call(function, name))


def _name(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError
    return value
