"""CloudFront in front of a Function URL: it alone may call the URL, and nothing on the way holds bytes back.

Rules: https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/private-content-restricting-access-to-lambda.html
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from aws_cdk import Annotations, Duration, Stack, Token, aws_cloudfront, aws_cloudfront_origins, aws_lambda
from constructs import Construct

EDGE = Path(__file__).parent / "edge"
LONGEST_READ_TIMEOUT_SECONDS = 120
READ_TIMEOUT = Duration.seconds(60)


def function_url_origin(
    function: aws_lambda.Function, url: aws_lambda.FunctionUrl, options: Mapping[str, Any]
) -> aws_cloudfront.IOrigin:
    """Return an origin with origin access control, whose timeouts suit a stream."""
    if not Token.is_unresolved(url.auth_type) and url.auth_type is aws_lambda.FunctionUrlAuthType.NONE:
        raise ValueError(
            "auth_type of the Function URL must be AWS_IAM for an origin with origin access control, got NONE, with "
            "which everybody could go around CloudFront; leave auth_type out"
        )
    options = dict(options)
    is_read_given = options.get("read_timeout") is not None
    read = _duration(options, "read_timeout") or READ_TIMEOUT
    if not read.is_unresolved() and read.to_milliseconds() > LONGEST_READ_TIMEOUT_SECONDS * 1000:
        raise ValueError(
            f"read_timeout must be at most {LONGEST_READ_TIMEOUT_SECONDS} seconds, got "
            f"{read.to_milliseconds() / 1000:g} seconds; it is the longest silence in a stream, not its length, "
            "which is response_completion_timeout"
        )
    completion = _duration(options, "response_completion_timeout")
    takes = function.timeout
    if completion is not None and _is_shorter(completion, read):
        if is_read_given:
            raise ValueError(
                "response_completion_timeout must be at least read_timeout, the longest silence in a stream, got "
                f"{completion.to_seconds()} s and {read.to_seconds()} s"
            )
        read = completion
    if completion is None:
        # CloudFront's has to be a number at synth, and no shorter than the longest silence.
        is_known = takes is not None and not takes.is_unresolved()
        completion = takes if takes is not None and is_known and not _is_shorter(takes, read) else None
    elif takes is not None and _is_shorter(completion, takes):
        Annotations.of(function).add_warning_v2(
            "cdk-lambda-streaming:originTimeout",
            f"CloudFront ends a response after {completion.to_milliseconds() / 1000:g} s, while the function may take "
            f"{takes.to_milliseconds() / 1000:g} s, which are charged; pass a longer response_completion_timeout, or "
            "the function a shorter timeout",
        )
    return aws_cloudfront_origins.FunctionUrlOrigin.with_origin_access_control(
        url, **{**options, "read_timeout": read, "response_completion_timeout": completion}
    )


def distribution(
    function: aws_lambda.Function,
    id: str,
    origin: aws_cloudfront.IOrigin,
    *,
    allowed_methods: aws_cloudfront.AllowedMethods | None,
    sign_request_bodies: bool,
    forward_host: bool,
    options: Mapping[str, Any],
) -> aws_cloudfront.Distribution:
    """Return a distribution whose default behaviour is the function."""
    if "default_behavior" in options:
        raise TypeError(
            "default_behavior is the function's own here; make an aws_cloudfront.Distribution with the function's "
            "function_url_origin() for another"
        )
    methods = aws_cloudfront.AllowedMethods.ALLOW_ALL if allowed_methods is None else allowed_methods
    if not isinstance(methods, aws_cloudfront.AllowedMethods):
        raise TypeError(
            f"allowed_methods must be AllowedMethods, such as AllowedMethods.ALLOW_GET_HEAD, got {allowed_methods!r}"
        )
    edge_lambdas = [_body_signer(function, id)] if sign_request_bodies else None
    if not sign_request_bodies and "POST" in methods.methods:
        Annotations.of(function).add_warning_v2(
            "cdk-lambda-streaming:unsignedRequestBodies",
            "requests with a body have to carry x-amz-content-sha256, the hash of it, or Lambda refuses them: "
            "CloudFront signs no bodies; pass add_distribution() sign_request_bodies=True, have clients send the "
            "header, or pass allowed_methods=AllowedMethods.ALLOW_GET_HEAD_OPTIONS",
        )
    return aws_cloudfront.Distribution(
        function,
        id,
        default_behavior=aws_cloudfront.BehaviorOptions(
            origin=origin,
            allowed_methods=methods,
            cache_policy=aws_cloudfront.CachePolicy.CACHING_DISABLED,
            # Compression would wait for bytes to compress.
            compress=False,
            origin_request_policy=aws_cloudfront.OriginRequestPolicy.ALL_VIEWER_EXCEPT_HOST_HEADER,
            viewer_protocol_policy=aws_cloudfront.ViewerProtocolPolicy.REDIRECT_TO_HTTPS,
            edge_lambdas=edge_lambdas,
            function_associations=[_host_forwarder(function, id)] if forward_host else None,
        ),
        **options,
    )


def _body_signer(scope: Construct, id: str) -> aws_cloudfront.EdgeLambda:
    region = Stack.of(scope).region
    if region.startswith(("cn-", "us-gov-", "us-iso", "eu-isoe-", "eusc-")):
        raise ValueError(f"sign_request_bodies needs Lambda@Edge, which AWS does not have in {region}; leave it out")
    if Token.is_unresolved(region):
        raise ValueError(
            f"sign_request_bodies needs to know the region of stack '{Stack.of(scope).node.path}', because its "
            "function for Lambda@Edge has to be in us-east-1; pass the stack env=Environment(region='eu-west-1')"
        )
    signer = aws_cloudfront.experimental.EdgeFunction(
        scope,
        # All of a stack's are in one stack in us-east-1, by their ids alone.
        f"{id}BodySigner{scope.node.addr[-8:]}",
        code=aws_lambda.Code.from_inline((EDGE / "sign_request_body.py").read_text("utf-8")),
        handler="index.handler",
        runtime=aws_lambda.Runtime.PYTHON_3_13,
        description="Adds x-amz-content-sha256 for CloudFront's origin access control",
    )
    return aws_cloudfront.EdgeLambda(
        event_type=aws_cloudfront.LambdaEdgeEventType.ORIGIN_REQUEST,
        function_version=signer.current_version,
        include_body=True,
    )


def _host_forwarder(scope: Construct, id: str) -> aws_cloudfront.FunctionAssociation:
    forwarder = aws_cloudfront.Function(
        scope,
        f"{id}HostForwarder",
        code=aws_cloudfront.FunctionCode.from_inline((EDGE / "forward_host.js").read_text("utf-8")),
        runtime=aws_cloudfront.FunctionRuntime.JS_2_0,
        comment="Passes the viewer's host on as x-forwarded-host",
    )
    return aws_cloudfront.FunctionAssociation(
        event_type=aws_cloudfront.FunctionEventType.VIEWER_REQUEST, function=forwarder
    )


def _duration(options: dict[str, Any], name: str) -> Duration | None:
    value = options.pop(name, None)
    if value is not None and not isinstance(value, Duration):
        raise TypeError(f"{name} must be a Duration, such as Duration.seconds(60), got {value!r}")
    return value


def _is_shorter(one: Duration, other: Duration) -> bool:
    if one.is_unresolved() or other.is_unresolved():
        return False
    return one.to_milliseconds() < other.to_milliseconds()
