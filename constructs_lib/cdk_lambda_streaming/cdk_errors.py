"""Errors about an option's type as Python has them, where jsii would answer with the inside of its kernel."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

_WRONG_KEY = re.compile(r"Key '(\w+)': Unable to deserialize value as ([^\n]+)")
_PLAIN = (str, bytes, int, float, bool, type(None))


@contextmanager
def named_options(options: Mapping[str, Any]) -> Iterator[None]:
    """Say which option has a value of the wrong type, and what it should be."""
    try:
        yield
    except RuntimeError as error:
        wrong = _WRONG_KEY.search(str(error))
        if wrong is None:
            raise
        option = re.sub(r"([A-Z])", r"_\1", wrong[1]).lower()
        wanted = wrong[2].removesuffix(" | undefined")
        is_list = wanted.startswith("array<")
        name = wanted.removeprefix("array<").removesuffix(">").rpartition(".")[2]
        kind = f"a list of {name}" if is_list else name
        raise TypeError(f"{option} must be {kind}, got {options.get(option)!r}") from None
    except AttributeError as error:
        if "__jsii_type__" not in str(error):
            raise
        # jsii knows only the value's type; the option is the first that has such a value.
        for option, value in options.items():
            if not isinstance(value, (*_PLAIN, list, Mapping)) and not hasattr(type(value), "__jsii_type__"):
                raise TypeError(f"{option} must be an object of the CDK, got {value!r}") from None
        raise


def lists_for_tuples(options: Mapping[str, Any]) -> dict[str, Any]:
    """Return the options with lists where tuples were given, which jsii does not take."""
    return {name: list(value) if isinstance(value, tuple) else value for name, value in options.items()}
