"""Functions that run at CloudFront's edge, in front of a Function URL.

A behavior has one function for each event type. Viewer events have either CloudFront Functions or Lambda@Edge:
https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/edge-function-restrictions-all.html
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

from aws_cdk import Stack, Token, aws_cloudfront, aws_lambda
from constructs import Construct

from cdk_lambda_streaming.cdk.function_resource import add_info
from cdk_lambda_streaming.cdk.structs import options_by_name
from cdk_lambda_streaming.option_names import struct_of

EDGE = Path(__file__).parent / "edge"
_VIEWER_REQUEST = aws_cloudfront.FunctionEventType.VIEWER_REQUEST
_ORIGIN_REQUEST = aws_cloudfront.LambdaEdgeEventType.ORIGIN_REQUEST
_VIEWER_EVENTS = {
    aws_cloudfront.LambdaEdgeEventType.VIEWER_REQUEST,
    aws_cloudfront.LambdaEdgeEventType.VIEWER_RESPONSE,
}


def edge_lambdas(function: Construct, prefix: str, given: Iterable[Any] | None, *, sign: bool) -> list[Any] | None:
    """Return the functions on Lambda@Edge: those given, and the one that signs bodies."""
    given = _structs(aws_cloudfront.EdgeLambda, "edge_lambdas", given)
    if not sign:
        return given or None
    if _ORIGIN_REQUEST in _event_types(given):
        raise ValueError(
            "sign_request_bodies needs the event type ORIGIN_REQUEST, and edge_lambdas has a function for it; hash the "
            "body there, in x-amz-content-sha256, or leave sign_request_bodies out"
        )
    return [*given, _body_signer(function, prefix)]


def function_associations(
    function: Construct, prefix: str, given: Iterable[Any] | None, edge: Iterable[Any] | None, *, forward_host: bool
) -> list[Any] | None:
    """Return the CloudFront Functions: those given, and the one for requests of viewers, if there is room for it."""
    given = _structs(aws_cloudfront.FunctionAssociation, "function_associations", given)
    own = _option_with_viewer_function(given, edge or ())
    if own is None:
        return [*given, _viewer_request_function(function, prefix, forward_host=forward_host)]
    if forward_host:
        raise ValueError(
            f"forward_host needs the viewer request, and {own} has a function for requests of viewers; set "
            "x-forwarded-host there, or leave forward_host out"
        )
    add_info(
        function,
        "acceptEncodingForwarded",
        f"{own} has your own function for requests of viewers, so the library adds none. If the application "
        "compresses its responses, remove the header accept-encoding there: a Function URL decodes compressed "
        "responses, and some of them fail with status 502.",
    )
    return given or None


def _structs(struct: Callable[..., Any], name: str, given: Iterable[Any] | None) -> list[Any]:
    """Return the items of an option as structs. jsii does not accept mappings in a list."""
    return [struct_of(struct, name, each) if isinstance(each, Mapping) else each for each in given or ()]


def _option_with_viewer_function(associations: Iterable[Any], edge: Iterable[Any]) -> str | None:
    """Return the option with a function that leaves no room for another one at viewer request."""
    if _VIEWER_REQUEST in _event_types(associations):
        return "function_associations"
    return "edge_lambdas" if _VIEWER_EVENTS & _event_types(edge) else None


def _event_types(associations: Iterable[Any]) -> set[Any]:
    return {options_by_name(association).get("event_type") for association in associations}


def _viewer_request_function(
    scope: Construct, prefix: str, *, forward_host: bool
) -> aws_cloudfront.FunctionAssociation:
    name = f"{prefix}{'HostForwarder' if forward_host else 'EncodingRemover'}"
    made = scope.node.try_find_child(name)
    if not isinstance(made, aws_cloudfront.Function):
        made = _make_viewer_request_function(scope, name, forward_host=forward_host)
    return aws_cloudfront.FunctionAssociation(event_type=_VIEWER_REQUEST, function=made)


def _make_viewer_request_function(scope: Construct, name: str, *, forward_host: bool) -> aws_cloudfront.Function:
    source = "forward_host.js" if forward_host else "remove_accept_encoding.js"
    also = ", and passes the viewer's host on as x-forwarded-host" if forward_host else ""
    return aws_cloudfront.Function(
        scope,
        name,
        code=aws_cloudfront.FunctionCode.from_inline((EDGE / source).read_text("utf-8")),
        runtime=aws_cloudfront.FunctionRuntime.JS_2_0,
        comment=f"Removes accept-encoding{also}",
    )


def _body_signer(scope: Construct, prefix: str) -> aws_cloudfront.EdgeLambda:
    _check_lambda_at_edge(Stack.of(scope))
    # The signers of all functions are in one stack in us-east-1, so their ids must differ.
    name = f"{prefix}BodySigner{scope.node.addr[-8:]}"
    made = scope.node.try_find_child(name)
    signer = made if isinstance(made, aws_cloudfront.experimental.EdgeFunction) else _make_body_signer(scope, name)
    return aws_cloudfront.EdgeLambda(
        event_type=_ORIGIN_REQUEST, function_version=signer.current_version, include_body=True
    )


def _make_body_signer(scope: Construct, name: str) -> aws_cloudfront.experimental.EdgeFunction:
    return aws_cloudfront.experimental.EdgeFunction(
        scope,
        name,
        code=aws_lambda.Code.from_inline((EDGE / "sign_request_body.py").read_text("utf-8")),
        handler="index.handler",
        runtime=aws_lambda.Runtime.PYTHON_3_13,
        description="Adds x-amz-content-sha256 for CloudFront's origin access control",
    )


def _check_lambda_at_edge(stack: Stack) -> None:
    region = stack.region
    if region.startswith("cn-"):
        raise ValueError(f"sign_request_bodies needs Lambda@Edge, which AWS does not have in {region}; leave it out")
    if Token.is_unresolved(region):
        raise ValueError(
            f"sign_request_bodies needs the region of stack '{stack.node.path}' at synth, because its "
            "function for Lambda@Edge must be in us-east-1; pass the stack env=Environment(region='eu-west-1')"
        )
