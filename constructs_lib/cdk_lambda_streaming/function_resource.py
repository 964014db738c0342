"""A function as its template will have it: variables, layers, timeout, read through its CloudFormation resource."""

from __future__ import annotations

from typing import Any

from aws_cdk import Stack, Token, aws_lambda


def resource_of(function: aws_lambda.Function) -> aws_lambda.CfnFunction:
    resource = function.node.default_child
    assert isinstance(resource, aws_lambda.CfnFunction)
    return resource


def variables_of(function: aws_lambda.Function) -> dict[str, Any]:
    """Return the environment variables, tokens resolved as far as synth can."""
    # CfnFunction.environment itself comes out empty while its value is lazy.
    properties = resource_of(function)._cfn_properties
    environment = Stack.of(function).resolve(properties.get("environment"))
    return dict((environment or {}).get("variables", {}))


def layers_of(function: aws_lambda.Function) -> list[Any]:
    return list(Stack.of(function).resolve(resource_of(function).layers) or [])


def timeout_seconds_of(function: aws_lambda.Function) -> float | None:
    """Return the timeout, Lambda's own default where none is given; None when only deployment knows it."""
    timeout = resource_of(function).timeout
    if timeout is None:
        return 3
    return None if Token.is_unresolved(timeout) else timeout


def set_variable(function: aws_lambda.Function, key: str, value: str) -> None:
    # Not through the function's own method: StreamingFunction keeps these names from its users.
    aws_lambda.Function.add_environment(function, key, value)
