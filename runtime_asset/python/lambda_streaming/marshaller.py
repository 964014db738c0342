"""Events from JSON and results to it, as AWS's Python runtime does both.

That runtime uses simplejson and one rule of its own for `Decimal`. Where the standard module says something else, AWS's
answer is given: an object with `_asdict` (a named tuple) is an object, `bytes` are the text they encode, a `Decimal` is
written digit for digit; events are UTF-8 and hold no NaN. `tests/conformance` compares the two.
"""

from __future__ import annotations

import sys

from lambda_streaming import settings as environment
from lambda_streaming.error_report import RuntimeFault
from lambda_streaming.python_path import import_standard

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any, NoReturn


class MarshalError(RuntimeFault):
    """The handler returned what JSON cannot hold."""

    error_type = "Runtime.MarshalError"


class UnmarshalError(RuntimeFault):
    """The event is not the JSON it says it is."""

    error_type = "Runtime.UnmarshalError"


def unmarshal(event: bytes) -> Any:
    try:
        return _decode(str(event, "utf-8").removeprefix("\ufeff"))
    except Exception as error:
        raise UnmarshalError(f"Unable to unmarshal input: {error}") from error


def _decode(text: str) -> Any:
    """Decode JSON; replaces itself by the decoder's method at the first event, so that it is made once."""
    global _decode
    _decode = import_standard("json").JSONDecoder(parse_constant=_refuse_constant).decode
    return _decode(text)


def marshal(value: Any) -> str:
    """The JSON of what a handler returned; text that UTF-8 can hold. Raises `MarshalError`."""
    try:
        return _marshal(value)
    except Exception as error:
        raise MarshalError(f"Unable to marshal response: {error}") from error


def _marshal(value: Any) -> str:
    if _has_exact_types(value):
        try:
            return to_json(value)
        except TypeError:
            pass  # A key or a value that AWS's encoder may take, or else calls by another name.
    return to_json(value if _is_plain(value) else _plain(value, set()))


def to_json(value: Any) -> str:
    """The JSON of a value whose keys and tuples are plain, as escaped as AWS's runtime of this version escapes."""
    text = _encode(value, ensure_ascii=not environment.json_is_unicode())
    try:
        text.encode()
    except UnicodeEncodeError:
        # A lone surrogate: UTF-8 cannot hold it, JSON's escape can.
        return _encode(value, ensure_ascii=True)
    return text


def _encode(value: Any, *, ensure_ascii: bool) -> str:
    verbatim = _Verbatim()
    encoder = import_standard("json").JSONEncoder(ensure_ascii=ensure_ascii, default=verbatim.stand_in)
    return verbatim.put_back(encoder.encode(value))


class _Verbatim:
    """Decimals on their way through the standard encoder, which has no number to give them to.

    It is given a text instead that nobody else can have, and the digits replace that text afterwards.
    """

    def __init__(self) -> None:
        self._mark = ""

    def stand_in(self, value: Any) -> Any:
        """What the encoder calls for a value of a type it does not know."""
        if isinstance(value, bytes):
            return str(value, "utf-8")
        # Not imported for this: whoever has a Decimal has imported it.
        decimal: Any = sys.modules.get("decimal")
        if decimal is not None and isinstance(value, decimal.Decimal):
            return float("nan") if value.is_nan() else self._marked(str(value))
        named = _named_members(value)
        if named is not None:
            return _plain(named, set())
        raise TypeError(f"Object of type {type(value).__name__} is not JSON serializable")

    def put_back(self, text: str) -> str:
        if not self._mark:
            return text
        return import_standard("re").sub(f'"{self._mark}([^"]*)"', r"\1", text)  # type: ignore[no-any-return]

    def _marked(self, digits: str) -> str:
        if not self._mark:
            from os import urandom

            self._mark = urandom(8).hex()
        return self._mark + digits


def _has_exact_types(value: Any) -> bool:
    """Whether `value` is made of Python's own types and of no subclass of them: most results are.

    Nothing else goes into Python's format for compiled code. Asking it costs a tenth of encoding.
    """
    from marshal import dumps  # Built in.

    try:
        dumps(value)
    except (ValueError, BufferError):
        return False
    return True


def _is_plain(value: Any) -> bool:
    """Whether the standard encoder sees nothing in `value` that it would write otherwise than AWS's.

    Its `default` hears of values of unknown types, but neither of keys nor of tuples.
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


def _plain(value: Any, around: set[int]) -> Any:
    """A copy of `value` in dicts with text for keys, and lists; `around`: the containers it stands in."""
    if isinstance(value, (str, bytes, int, float)):
        return value
    named = _named_members(value)
    if named is None and not isinstance(value, (list, tuple, dict)):
        return value
    if id(value) in around:
        raise ValueError("Circular reference detected")
    around.add(id(value))
    copy: Any
    if named is not None or isinstance(value, dict):
        items = (named if named is not None else value).items()
        copy = {_plain_key(key): _plain(member, around) for key, member in items}
    else:
        copy = [_plain(member, around) for member in value]
    around.discard(id(value))
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


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")
