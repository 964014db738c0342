"""Validations: functions that the CDK calls at synth."""

from __future__ import annotations

from collections.abc import Callable

import jsii
from constructs import IConstruct, IValidation

from cdk_lambda_streaming.cdk.failed_validations import shorten_failed_validations


@jsii.implements(IValidation)
class _Validation:
    def __init__(self, validate: Callable[[], list[str]]) -> None:
        self._validate = validate

    def validate(self) -> list[str]:
        problems = self._validate()
        if problems:
            shorten_failed_validations()
        return problems


def validate_at_synth(construct: IConstruct, validate: Callable[[], list[str]]) -> None:
    """Call `validate` at each synth. The texts that it returns are errors."""
    construct.node.add_validation(_Validation(validate))
