"""Handler and variables of a function that serves a web application."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from aws_cdk import aws_lambda

from cdk_lambda_streaming.cdk.function_resource import set_variable, variables_of


@dataclass(frozen=True, slots=True)
class ApplicationSettings:
    """Settings that tell the runtime of an application."""

    handler: str
    variables: Mapping[str, str]
    defaults: Mapping[str, str]
    """Variables that the user may set to other values."""

    def set_variables(self, function: aws_lambda.Function) -> None:
        """Set the variables of a function. Those that it has already keep their values if they are defaults."""
        present = variables_of(function) if self.defaults else {}
        missing = {key: value for key, value in self.defaults.items() if key not in present}
        for key, value in {**missing, **self.variables}.items():
            set_variable(function, key, value)
