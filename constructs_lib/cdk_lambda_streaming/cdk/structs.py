"""Structs of the CDK, such as `AliasOptions`, read by option name."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def options_by_name(options: Any) -> dict[str, Any]:
    """Return options by name, from None, a mapping or a struct."""
    if options is None:
        return {}
    if isinstance(options, Mapping):
        return dict(options)
    if not hasattr(options, "_values"):
        raise TypeError(f"options must be a mapping or a struct of the CDK, got {options!r}")
    return dict(options._values)
