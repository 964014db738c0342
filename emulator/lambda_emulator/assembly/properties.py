"""Reader of a resource's properties, with references resolved and types checked.

A template may have an intrinsic function, or a value of another type, at any place. A property that cannot be read has
its default value, and a warning says so. One unreadable property must not keep a function from being served.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator, Mapping
from typing import Any, TypeVar

from .intrinsics import ResolvedText, Scope, Unresolvable, choose, resolve, resolve_with_placeholders

Warn = Callable[[str], None]

_Default = TypeVar("_Default")


class Properties:
    """Properties of a resource, or an object inside them. `path` names it in warnings."""

    def __init__(self, values: Any, scope: Scope, warn: Warn, path: str) -> None:
        self._scope = scope
        self._warn = warn
        self._path = path
        self._values: Mapping[str, Any] = self._chosen(values, dict, "Properties") or {}

    def __contains__(self, name: str) -> bool:
        return self.raw(name) is not None

    @property
    def raw_values(self) -> Mapping[str, Any]:
        return self._values

    def raw(self, name: str) -> Any:
        """Return a value with its intrinsic functions, but without the choice of `Fn::If`."""
        try:
            return choose(self._values.get(name), self._scope)
        except Unresolvable as unknown:
            self._warn_unknown(name, unknown.name, "it has no value here")
            return None

    def text(self, name: str, default: str = "") -> str:
        """Return a text. Placeholders stand for unknown parts."""
        resolved = self._as_text(name, self._values.get(name))
        if resolved is None:
            return default
        for unknown in resolved.unresolved:
            self._warn_unknown(name, unknown, f"it is {resolved.text} here")
        return resolved.text

    def choice(self, name: str, allowed: Collection[str], default: str) -> str:
        """Return one of the allowed texts, or `default`."""
        value = self._known(name, default)
        if value is None:
            return default
        if value not in allowed:
            self._warn_wrong(name, value, f"one of {', '.join(allowed)}", default)
            return default
        return str(value)

    def number(self, name: str, default: _Default, *, minimum: int = 1) -> int | _Default:
        """Return a whole number that is not below `minimum`."""
        value = self._known(name, default)
        if value is None:
            return default
        if isinstance(value, bool) or not re.fullmatch(r"\d{1,9}", str(value)) or int(value) < minimum:
            self._warn_wrong(name, value, f"a number from {minimum} on", default)
            return default
        return int(value)

    def flag(self, name: str) -> bool:
        value = self._known(name, "false")
        if value in (None, "false", False):
            return False
        if value in ("true", True):
            return True
        self._warn_wrong(name, value, "true or false", "false")
        return False

    def section(self, name: str) -> Properties:
        """Return an object. It is empty if there is none."""
        values = self._chosen(self.raw(name), dict, name) or {}
        return Properties(values, self._scope, self._warn, f"{self._path}: {name}")

    def texts(self, name: str) -> Iterator[ResolvedText]:
        """Yield the items of a list as texts."""
        for item in self._chosen(self.raw(name), list, name) or ():
            resolved = self._as_text(name, item)
            if resolved is not None:
                yield resolved

    def variables(self, name: str) -> dict[str, ResolvedText]:
        """Return an object of names and texts, as an environment has them."""
        values: Mapping[str, Any] = self._chosen(self.raw(name), dict, name) or {}
        resolved = {
            variable: self._as_text(f"{name}.{variable}", value)
            for variable, value in values.items()
            if self._is_variable(variable)
        }
        return {variable: text for variable, text in resolved.items() if text is not None}

    def _is_variable(self, name: str) -> bool:
        valid = re.fullmatch(r"[A-Za-z_]\w*", name, re.ASCII) is not None
        if not valid:
            self._warn(f"{self._path}: {name!r} is not the name of an environment variable. It is left out here.")
        return valid

    def _chosen(self, value: Any, kind: type[Any], name: str) -> Any:
        """Return a value of a type, after the choice of `Fn::If`. Return None if there is none."""
        try:
            value = choose(value, self._scope)
            if _is_call(value):
                value = resolve(value, self._scope)
        except Unresolvable as unknown:
            self._warn_unknown(name, unknown.name, "it has no value here")
            return None
        if value is not None and not isinstance(value, kind):
            self._warn_wrong(name, value, "an object" if kind is dict else "a list", "nothing")
            return None
        return value

    def _known(self, name: str, default: object) -> Any:
        try:
            return resolve(self._values.get(name), self._scope)
        except Unresolvable as unknown:
            self._warn_unknown(name, unknown.name, f"it is {default or 'nothing'} here")
            return None

    def _as_text(self, name: str, value: Any) -> ResolvedText | None:
        resolved, unresolved = resolve_with_placeholders(value, self._scope)
        if resolved is None:
            return None
        if not isinstance(resolved, (str, int, float)) or not is_plain(str(resolved)):
            self._warn_wrong(name, resolved, "a text", "nothing")
            return None
        text = str(resolved).lower() if isinstance(resolved, bool) else str(resolved)
        return ResolvedText(text, unresolved)

    def _warn_unknown(self, name: str, unknown: str, effect: str) -> None:
        self._warn(f"{self._path}: {name} depends on {unknown}, which only a deployment knows; {effect}.")

    def _warn_wrong(self, name: str, value: Any, expected: str, default: object) -> None:
        shown = repr(value)
        shown = shown if len(shown) <= 80 else f"{shown[:80]}…"
        self._warn(f"{self._path}: {name} is {shown}, which is not {expected}; it is {default or 'nothing'} here.")


def _is_call(value: Any) -> bool:
    return isinstance(value, dict) and len(value) == 1 and next(iter(value)).partition("::")[0] in ("Fn", "Ref")


def is_plain(text: str) -> bool:
    """Return False for texts that no variable or file can hold: those with NUL or half a surrogate pair."""
    try:
        return b"\0" not in text.encode()
    except UnicodeEncodeError:
        return False
