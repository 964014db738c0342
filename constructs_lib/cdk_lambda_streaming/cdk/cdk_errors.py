"""Readable errors for options that the CDK rejects. jsii's own errors show its kernel and its JavaScript."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

_WRONG_KEY = re.compile(r"Key '(\w+)': Unable to deserialize value as ([^\n]+)")
# From jsii's checks of types in Python.
_WRONG_ARGUMENT = re.compile(r"type of argument (\w+) must be (?:one of \((.+)\)|(.+?)); got ")
_PLAIN = (str, bytes, int, float, bool, type(None))


@contextmanager
def named_options(options: Mapping[str, Any]) -> Iterator[None]:
    """Turn jsii's error about a wrong type into a TypeError that names the option and the right type.

    An error of the CDK itself keeps its message, and loses jsii's part of the traceback.
    """
    try:
        yield
    except RuntimeError as error:
        wrong = _WRONG_KEY.search(str(error))
        if wrong is None:
            raise _without_javascript(error) from None
        option = re.sub(r"([A-Z])", r"_\1", wrong[1]).lower()
        raise TypeError(f"{option} must be {_describe_type(wrong[2])}, got {options.get(option)!r}") from None
    except TypeError as error:
        argument = _WRONG_ARGUMENT.match(str(error))
        if argument is None or argument[1] not in options:
            raise
        types = _describe_python_types(argument[2] or argument[3])
        raise TypeError(f"{argument[1]} must be {types}, got {options[argument[1]]!r}") from None
    except AttributeError as error:
        if "__jsii_type__" not in str(error):
            raise
        # jsii names only the type of the value. The first option with such a value is the wrong one.
        for option, value in options.items():
            if not isinstance(value, (*_PLAIN, list, Mapping)) and not hasattr(type(value), "__jsii_type__"):
                raise TypeError(f"{option} must be an object of the CDK, got {value!r}") from None
        raise


def _without_javascript(error: RuntimeError) -> RuntimeError:
    # A new error, because contextlib gives the same one its old traceback.
    return RuntimeError(*error.args) if type(error.__cause__).__name__ == "JavaScriptError" else error


def _describe_type(jsii_type: str) -> str:
    wanted = jsii_type.removesuffix(" | undefined")
    name = wanted.removeprefix("array<").removesuffix(">").rpartition(".")[2]
    return f"a list of {name}" if wanted.startswith("array<") else name


def _describe_python_types(types: str) -> str:
    without_modules = re.sub(r"\b(?:\w+\.)+", "", types)
    names = re.sub(r", NoneType$", "", without_modules)
    alternatives = re.sub(r", (?![^\[]*\])", " or ", names)
    return re.sub(r"Sequence\[(.+)\]", r"a list of \1", alternatives)


def lists_for_tuples(options: Mapping[str, Any]) -> dict[str, Any]:
    """Return the options with tuples as lists. jsii does not accept tuples."""
    return {name: list(value) if isinstance(value, tuple) else value for name, value in options.items()}
