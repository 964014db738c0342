"""Names of options: an unknown one is rejected with the name that was meant."""

from __future__ import annotations

import difflib
import inspect
import re
from collections.abc import Callable, Collection, Iterable, Mapping
from functools import cache
from typing import Any, TypeVar

from cdk_lambda_streaming.cdk.cdk_errors import named_options

Struct = TypeVar("Struct")


def check_option_names(
    callee: str, options: Iterable[str], *, cdk: Callable[..., object], own: Collection[str] = ()
) -> None:
    """Reject an option that the CDK's function `cdk` does not have. `own` are the library's own options."""
    if not options:
        return
    accepted = inspect.signature(cdk).parameters
    if any(parameter.kind is inspect.Parameter.VAR_KEYWORD for parameter in accepted.values()):
        return
    for option in options:
        if option not in accepted:
            raise TypeError(_unknown(callee, option, [*accepted, *own]))


@cache
def keyword_options(function: Callable[..., object]) -> list[str]:
    """Return the names of the options of one of the library's functions."""
    keyword_only = inspect.Parameter.KEYWORD_ONLY
    return [
        name for name, parameter in inspect.signature(function).parameters.items() if parameter.kind is keyword_only
    ]


def struct_of(struct: Callable[..., Struct], name: str, options: Mapping[str, Any]) -> Struct:
    """Return a struct of the CDK made of the mapping in the option `name`."""
    check_option_names(name, options, cdk=struct)
    with named_options(options):
        return struct(**options)


def did_you_mean(name: str, known: Collection[str]) -> str:
    """Return the question for the known name that a name resembles, or nothing."""
    meant = _find_meant(name, known)
    return f"; did you mean {meant}?" if meant else ""


def _unknown(callee: str, option: str, known: Collection[str]) -> str:
    names = [name for name in known if name != "self"]
    return f"{callee} has no option {option!r}{did_you_mean(option, names)}"


def _find_meant(name: str, known: Collection[str]) -> str:
    snake_case = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower()
    close = difflib.get_close_matches(snake_case, known, n=1, cutoff=0.75)
    if close:
        return close[0]
    # A part of the name: url for function_url, alias for alias_name.
    words = set(snake_case.split("_"))
    longer = [other for other in known if words <= set(other.split("_"))]
    return max(longer, key=lambda other: _likeness(snake_case, other), default="")


def _likeness(name: str, other: str) -> float:
    return difflib.SequenceMatcher(None, name, other).ratio()
