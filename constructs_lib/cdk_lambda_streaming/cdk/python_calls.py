"""Overrides of the CDK's methods for calls from Python only.

An override that is a function replaces the method inside the CDK's process too: jsii reports it to that process. Some
overrides must not reach it. A method that sends requests to the function itself and calls `add_permission` would give
the permission to the alias.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar, cast

Method = TypeVar("Method", bound=Callable[..., Any])


class _PythonMethod:
    """Descriptor of a method. jsii reports functions and data descriptors, and this is neither."""

    def __init__(self, function: Callable[..., Any]) -> None:
        self.__doc__ = function.__doc__
        self.__wrapped__ = function

    def __get__(self, instance: object, owner: type) -> Any:
        return self.__wrapped__.__get__(instance, owner)


def for_python_calls(method: Method) -> Method:
    """Override a method of the CDK for calls from Python. Calls inside the CDK's process reach the CDK's own method."""
    return cast(Method, _PythonMethod(method))
