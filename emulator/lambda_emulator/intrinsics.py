"""Resolve CloudFormation's intrinsic functions with the values a desk knows.

What only a deployment could tell (the ARN of a table, a secret) is `Unresolvable`. Where a text is wanted, as in an
environment variable, the part that could not be resolved becomes a readable placeholder and is reported.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

NO_VALUE = None
"""What `{"Ref": "AWS::NoValue"}` resolves to: the property it stands for does not exist."""

_SUBSTITUTION = re.compile(r"\$\{([^}]*)\}")


class Unresolvable(Exception):
    """A value that only a deployment can give; the argument names it."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.name = name


class Scope(Protocol):
    """What the names in a template mean. Each method raises `Unresolvable` for a name it cannot give."""

    def reference(self, name: str) -> Any: ...

    def attribute(self, logical_id: str, name: str) -> Any: ...

    def import_value(self, export_name: str) -> Any: ...

    def mapping(self, name: str, top_key: str, second_key: str) -> Any: ...


@dataclass(frozen=True, slots=True)
class ResolvedText:
    """A text, and the names of its parts that are only placeholders."""

    text: str
    unresolved: tuple[str, ...] = ()


def resolve(value: Any, scope: Scope) -> Any:
    """Replace every intrinsic function in `value`, however deep; raise `Unresolvable` for the first that cannot be."""
    return _Resolver(scope, _raise_unresolvable).resolve(value)


def resolve_text(value: Any, scope: Scope) -> ResolvedText:
    """Resolve a value that is wanted as text, with placeholders such as `<Table.Arn>` where nothing is known."""
    unresolved: list[str] = []

    def placeholder(name: str) -> str:
        unresolved.append(name)
        return f"<{name}>"

    resolved = _Resolver(scope, placeholder).resolve(value)
    return ResolvedText(_text(resolved), tuple(unresolved))


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
            "Ref": lambda name: self._scope.reference(name),
            "Fn::GetAtt": self._get_att,
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
            return [self.resolve(item) for item in value]
        if not isinstance(value, dict):
            return value
        if len(value) == 1:
            [(name, argument)] = value.items()
            if name == "Ref" or name.startswith("Fn::"):
                return self._call(name, argument)
        return {name: self.resolve(item) for name, item in value.items()}

    def _call(self, name: str, argument: Any) -> Any:
        function = self._functions.get(name)
        if function is None:
            return self._on_unresolvable(name)
        try:
            return function(argument)
        except Unresolvable as unresolvable:
            return self._on_unresolvable(unresolvable.name)

    def _plain_text(self, value: Any) -> str:
        return _text(self.resolve(value))

    def _get_att(self, argument: Any) -> Any:
        logical_id, attribute = argument.split(".", 1) if isinstance(argument, str) else argument
        return self._scope.attribute(logical_id, self._plain_text(attribute))

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
        try:
            return resolved[int(self._plain_text(index))]
        except (IndexError, ValueError, TypeError):
            raise Unresolvable("Fn::Select") from None

    def _find_in_map(self, argument: Any) -> Any:
        name, top_key, second_key = (self._plain_text(part) for part in argument[:3])
        return self._scope.mapping(name, top_key, second_key)

    def _sub(self, argument: Any) -> str:
        template, variables = (argument, {}) if isinstance(argument, str) else argument
        return _SUBSTITUTION.sub(lambda match: self._substitute(match[1], variables), template)

    def _substitute(self, name: str, variables: dict[str, Any]) -> str:
        if name.startswith("!"):  # ${!Literal} stands for ${Literal}
            return "${" + name[1:] + "}"
        if name in variables:
            return self._plain_text(variables[name])
        function = "Fn::GetAtt" if "." in name else "Ref"
        return _text(self._call(function, name))
