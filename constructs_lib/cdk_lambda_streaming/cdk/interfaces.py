"""Interfaces of the CDK, such as `IGrantable`, which Python cannot check with isinstance."""

from __future__ import annotations


def has_member(value: object, name: str) -> bool:
    """Return True if an object has the member of an interface."""
    # The class first, because each value of a property is a call into the CDK's process.
    return hasattr(type(value), name) or hasattr(value, name)
