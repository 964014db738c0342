"""Values that contain tokens, read without any effect on the app.

`stack.resolve()` of a reference between environments ends the synth, or makes the CDK name the referenced resource.
This reader turns a reference into a mark, which leads to the construct behind the reference.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Any

from aws_cdk import CfnElement, DefaultTokenResolver, Reference, StringConcat, Tokenization
from constructs import IConstruct
from jsii.errors import JSIIError

from cdk_lambda_streaming.cdk.construct_tree import identity_of
from cdk_lambda_streaming.cdk.reference_text import is_intrinsic, text_of

# Characters of Unicode's private use area, which no template contains.
_MARK = re.compile("\ue000(\\d+)\ue001")


class ValueReader:
    """Reader of values. References to one construct get the same mark, in whichever stack they are."""

    def __init__(self) -> None:
        self._resolver = _MarkingResolver()

    def read(self, scope: IConstruct, values: Sequence[Any]) -> list[Any]:
        """Return values of a stack without tokens. A value that cannot be read is None: the CDK reports it.

        CloudFormation functions become text. One call reads many values, because each call takes a millisecond.
        """
        try:
            return self._resolve(scope, values)
        except (JSIIError, RuntimeError):
            return [self._read_one(scope, value) for value in values]

    def mark_of(self, construct: IConstruct) -> str:
        """Return the mark of the references to a construct."""
        return self._resolver.mark_of(construct)

    def constructs_in(self, text: str) -> Iterator[IConstruct]:
        """Yield the constructs behind the marks in a text."""
        return (self._resolver.constructs[int(match[1])] for match in _MARK.finditer(text))

    def _read_one(self, scope: IConstruct, value: Any) -> Any:
        try:
            return self._resolve(scope, [value])[0]
        except (JSIIError, RuntimeError):
            return None

    def _resolve(self, scope: IConstruct, values: Sequence[Any]) -> list[Any]:
        # The CDK leaves undefined values out of lists.
        boxes = [{"value": value} for value in values]
        resolved = Tokenization.resolve(boxes, scope=scope, resolver=self._resolver, preparing=False)
        return [box.get("value") for box in resolved]


class _MarkingResolver(DefaultTokenResolver):
    """Resolver of the CDK that does not resolve references."""

    def __init__(self) -> None:
        super().__init__(StringConcat())
        self.constructs: list[IConstruct] = []
        # By the identities of constructs.
        self._numbers: dict[str, int] = {}

    def resolve_token(self, t: Any, context: Any, post_processor: Any) -> Any:
        if isinstance(t, Reference):
            return self._read_reference(t)
        value = super().resolve_token(t, context, post_processor)
        return text_of(value) if is_intrinsic(value) else value

    def mark_of(self, construct: IConstruct) -> str:
        identity = identity_of(construct)
        if identity not in self._numbers:
            self._numbers[identity] = len(self.constructs)
            self.constructs.append(construct)
        return f"\ue000{self._numbers[identity]}\ue001"

    def _read_reference(self, reference: Reference) -> str:
        target = reference.target
        # A pseudo parameter, such as `AWS::Region`, is a reference to the stack.
        return self.mark_of(target) if isinstance(target, CfnElement) else f"${{{reference.display_name}}}"
