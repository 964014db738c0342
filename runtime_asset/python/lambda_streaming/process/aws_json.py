"""JSON as AWS's Python runtime reads events and writes results.

That runtime uses simplejson and one rule of its own for `Decimal`. Where the standard module differs, this module
follows AWS: a value with `_asdict` (a named tuple) becomes an object, `bytes` are decoded as UTF-8, a `Decimal`
keeps every digit; events are UTF-8 and hold no NaN. `tests/conformance` compares the two.
"""

from __future__ import annotations

import sys

from lambda_streaming.process import settings as environment
from lambda_streaming.process.python_path import import_standard

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any, NoReturn


class RuntimeFault(Exception):
    """An error with one of AWS's `Runtime.` types."""

    error_type: str


class MarshalError(RuntimeFault):
    """The handler returned a value that JSON cannot hold."""

    error_type = "Runtime.MarshalError"


class UnmarshalError(RuntimeFault):
    """The event is not JSON, though its content type says so."""

    error_type = "Runtime.UnmarshalError"


def unmarshal(event: bytes) -> Any:
    try:
        return _decode(str(event, "utf-8").removeprefix("\ufeff"))
    except Exception as error:
        raise UnmarshalError(f"Unable to unmarshal input: {error}") from error


def _decode(text: str) -> Any:
    """Decode JSON. The first call replaces this function by the decoder's method, so one decoder serves all events."""
    global _decode
    _decode = import_standard("json").JSONDecoder(parse_constant=_reject_constant).decode
    return _decode(text)


def marshal(value: Any) -> str:
    """Return the JSON of a handler's result, as text that UTF-8 can hold. Raises `MarshalError`."""
    try:
        return _marshal(value)
    except Exception as error:
        raise MarshalError(f"Unable to marshal response: {error}") from error


def _marshal(value: Any) -> str:
    if _has_exact_types(value):
        try:
            return to_json(value)
        except TypeError:
            pass  # AWS's encoder may accept this key or value, or reject it with another message.
    return to_json(value if _is_plain(value) else _plain(value, set()))


def to_json(value: Any) -> str:
    """Return the JSON of a value whose keys and tuples are plain, escaped as AWS's runtime of this version does."""
    text = _encode(value, ensure_ascii=not environment.json_is_unicode())
    try:
        text.encode()
    except UnicodeEncodeError:
        # A lone surrogate: UTF-8 cannot hold it, JSON's escape can.
        return _encode(value, ensure_ascii=True)
    return text


def _encode(value: Any, *, ensure_ascii: bool) -> str:
    decimals = _Decimals()
    encoder = import_standard("json").JSONEncoder(ensure_ascii=ensure_ascii, default=decimals.encode_unknown)
    return decimals.restore(encoder.encode(value))


class _Decimals:
    """Carries Decimals through the standard encoder, which would round them.

    The encoder gets a text with a random mark instead; afterwards the digits replace that text.
    """

    def __init__(self) -> None:
        self._mark = ""

    def encode_unknown(self, value: Any) -> Any:
        """Convert a value of a type that the encoder does not know; the encoder calls this."""
        if isinstance(value, bytes):
            return str(value, "utf-8")
        # Not imported for this: a program that has a Decimal has imported the module.
        decimal: Any = sys.modules.get("decimal")
        if decimal is not None and isinstance(value, decimal.Decimal):
            return float("nan") if value.is_nan() else self._marked(str(value))
        named = _named_members(value)
        if named is not None:
            return _plain(named, set())
        raise TypeError(f"Object of type {type(value).__name__} is not JSON serializable{_advice_on(value)}")

    def restore(self, text: str) -> str:
        if not self._mark:
            return text
        return import_standard("re").sub(f'"{self._mark}([^"]*)"', r"\1", text)  # type: ignore[no-any-return]

    def _marked(self, digits: str) -> str:
        if not self._mark:
            from os import urandom

            self._mark = urandom(8).hex()
        return self._mark + digits


def _advice_on(value: Any) -> str:
    if hasattr(type(value), "__await__"):
        return "; await it"
    # A class has AWS's message alone.
    return f"; call it: {value.__name__}(...)" if type(value).__name__ in ("function", "method") else ""


def _has_exact_types(value: Any) -> bool:
    """Return True if `value` consists of built-in types and no subclasses of them, as most results do.

    Python's format for compiled code accepts nothing else. The test takes a tenth of the time of encoding.
    """
    from marshal import dumps  # Built in.

    try:
        dumps(value)
    except (ValueError, BufferError):
        return False
    return True


def _is_plain(value: Any) -> bool:
    """Return True if the standard encoder writes `value` as AWS's encoder does.

    Its `default` hook is called for values of unknown types, but neither for keys nor for tuples.
    """
    leaves, keys = set(_ATOMS), set(_ATOMS)
    waiting: list[Any] = [[value]]
    seen = set()
    for container in waiting:
        if id(container) in seen:
            continue
        seen.add(id(container))
        members: Iterable[Any] = container
        if isinstance(container, dict):
            for kind in set(map(type, container)) - keys:
                if not issubclass(kind, _KEYS):
                    return False
                keys.add(kind)
            members = container.values()
        for kind in set(map(type, members)) - leaves:
            if not issubclass(kind, (dict, list, tuple)):
                leaves.add(kind)
            elif hasattr(kind, "_asdict"):
                return False
        waiting += [member for member in members if type(member) not in leaves]
    return True


_KEYS = (str, int, float, type(None))
_ATOMS = frozenset((*_KEYS, bool))


def _plain(value: Any, ancestors: set[int]) -> Any:
    """Return a copy of `value` with plain keys, and lists for tuples. `ancestors` are the ids of its containers."""
    if isinstance(value, (str, bytes, int, float)):
        return value
    named = _named_members(value)
    if named is None and not isinstance(value, (list, tuple, dict)):
        return value
    if id(value) in ancestors:
        raise ValueError("Circular reference detected")
    ancestors.add(id(value))
    copy: Any
    if named is not None or isinstance(value, dict):
        items = (named if named is not None else value).items()
        copy = {_plain_key(key): _plain(member, ancestors) for key, member in items}
    else:
        copy = [_plain(member, ancestors) for member in value]
    ancestors.discard(id(value))
    return copy


def _plain_key(key: Any) -> Any:
    if isinstance(key, bytes):
        return str(key, "utf-8")
    if not isinstance(key, _KEYS):
        raise TypeError(f"keys must be str, int, float, bool or None, not {type(key).__name__}")
    return key


def _named_members(value: Any) -> dict[Any, Any] | None:
    method = getattr(value, "_asdict", None)
    if not callable(method):
        return None
    try:
        members = method()
    except TypeError:
        return None
    if not isinstance(members, dict):
        raise TypeError(f"_asdict() must return a dict, not {type(members).__name__}")
    return members


def _reject_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")
