"""Texts whose value is found when the CDK writes the template."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jsii
from aws_cdk import IStringProducer, Lazy

Find = Callable[[Callable[[], bool]], "str | None"]
"""Function that returns a text, or None for a property that the template then lacks.

Its argument returns True while the CDK only looks for references: then the app may still change.
"""


@jsii.implements(IStringProducer)
class _Producer:
    def __init__(self, find: Find) -> None:
        self._find = find

    def produce(self, context: Any) -> str | None:
        return self._find(lambda: bool(context.preparing))


def lazy_text(find: Find) -> str:
    """Return a token for the text that `find` returns when the CDK needs it, several times in a synth."""
    return Lazy.uncached_string(_Producer(find))
