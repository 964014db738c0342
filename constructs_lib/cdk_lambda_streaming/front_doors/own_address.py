"""Environment variables that hold the address of the function's own front door.

The front door needs the function, and the function's variable needs the front door. CloudFormation rejects such a cycle
at deployment.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import Any

from aws_cdk import CfnElement, aws_lambda

from cdk_lambda_streaming.cdk.construct_tree import find_constructs, path_of, stack_of
from cdk_lambda_streaming.cdk.reference_text import logical_ids_in, text_of

# Resources of front doors that depend on the function, if the CDK makes them inside it.
_FRONT_DOORS = ("aws_lambda.CfnUrl", "aws_apigateway.CfnStage", "aws_cloudfront.CfnDistribution")


def find_own_addresses(function: aws_lambda.Function, variables: Mapping[str, Any]) -> list[str]:
    """Return the problems of resolved variables that need the function's own front door."""
    references = {name: set(logical_ids_in(text_of(value))) for name, value in variables.items()}
    if not any(references.values()):
        return []
    own = dict(_own_front_doors(function))
    return [
        f"environment variable {name} needs '{own[logical_id]}', which needs the function, and CloudFormation rejects "
        "such a cycle; take the host from the event (requestContext.domainName), or put the address in a parameter of "
        "Systems Manager that the function reads"
        for name, logical_ids in references.items()
        for logical_id in sorted(logical_ids & own.keys())
    ]


def _own_front_doors(function: aws_lambda.Function) -> Iterator[tuple[str, str]]:
    """Yield logical id and path of each front door inside the function's construct."""
    found: Collection[Any] = find_constructs(function.node, _FRONT_DOORS)
    for element in found:
        if isinstance(element, CfnElement):
            yield str(stack_of(function).resolve(element.logical_id)), path_of(element)
