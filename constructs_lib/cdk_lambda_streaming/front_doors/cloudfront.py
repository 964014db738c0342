"""CloudFront in front of a Function URL. Nothing on the way buffers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from inspect import signature
from typing import Any

from aws_cdk import aws_cloudfront, aws_lambda

from cdk_lambda_streaming.cdk.cdk_errors import lists_for_tuples, named_options
from cdk_lambda_streaming.cdk.function_resource import add_warning
from cdk_lambda_streaming.front_doors.custom_domain import CustomDomain
from cdk_lambda_streaming.front_doors.edge_functions import edge_lambdas, function_associations
from cdk_lambda_streaming.option_names import check_option_names

_OWN_OF_DISTRIBUTION = (
    *("allowed_methods", "sign_request_bodies", "forward_host", "domain_name", "hosted_zone"),
    *("origin_options", "behavior_options"),
)
_OWN_OF_BEHAVIOR = ("sign_request_bodies", "forward_host", "origin_options")


@dataclass(frozen=True, slots=True, kw_only=True)
class Behavior:
    """Behavior of a distribution in front of a function."""

    sign_request_bodies: bool
    forward_host: bool
    options: Mapping[str, Any]


def behavior_options(
    function: aws_lambda.Function, prefix: str, origin: aws_cloudfront.IOrigin, behavior: Behavior
) -> aws_cloudfront.BehaviorOptions:
    """Return a behavior that neither caches nor buffers. The ids of its constructs start with `prefix`."""
    given = lists_for_tuples(behavior.options)
    _check_behavior(given)
    methods = given.get("allowed_methods") or aws_cloudfront.AllowedMethods.ALLOW_ALL
    if not behavior.sign_request_bodies and "POST" in methods.methods:
        _warn_of_unsigned_bodies(function)
    edge = edge_lambdas(function, prefix, given.get("edge_lambdas"), sign=behavior.sign_request_bodies)
    options = {
        "cache_policy": aws_cloudfront.CachePolicy.CACHING_DISABLED,
        "origin_request_policy": aws_cloudfront.OriginRequestPolicy.ALL_VIEWER_EXCEPT_HOST_HEADER,
        "viewer_protocol_policy": aws_cloudfront.ViewerProtocolPolicy.REDIRECT_TO_HTTPS,
        **{name: value for name, value in given.items() if value is not None},
        "allowed_methods": methods,
        # Compression would buffer.
        "compress": False,
        "edge_lambdas": edge,
        "function_associations": function_associations(
            function, prefix, given.get("function_associations"), edge, forward_host=behavior.forward_host
        ),
    }
    with named_options(options):
        return aws_cloudfront.BehaviorOptions(origin=origin, **options)


def _check_behavior(options: Mapping[str, Any]) -> None:
    if "origin" in options:
        raise TypeError("origin is the function here; leave it out, and pass its options in origin_options")
    check_option_names("the behavior", options, own=_OWN_OF_BEHAVIOR, cdk=aws_cloudfront.BehaviorOptions)
    if options.get("compress"):
        raise ValueError(
            "compress must be False with responses that stream, because CloudFront would buffer; leave it out"
        )
    methods = options.get("allowed_methods")
    if methods is not None and not isinstance(methods, aws_cloudfront.AllowedMethods):
        raise TypeError(
            f"allowed_methods must be AllowedMethods, such as AllowedMethods.ALLOW_GET_HEAD, got {methods!r}"
        )


def distribution(
    function: aws_lambda.Function,
    id: str,
    origin: aws_cloudfront.IOrigin,
    behavior: Behavior,
    *,
    domain_name: str | None,
    hosted_zone: Any,
    options: Mapping[str, Any],
) -> aws_cloudfront.Distribution:
    """Return a distribution with the function as its default behavior."""
    _check_distribution(options)
    domain = CustomDomain(name=domain_name, hosted_zone=hosted_zone, certificate=options.get("certificate"))
    if domain_name is not None and options.get("domain_names") is not None:
        raise TypeError(
            f"pass either domain_name or domain_names, got both: {domain_name!r} and {options['domain_names']!r}"
        )
    domain.check()
    merged = {**lists_for_tuples(options), **domain.distribution_options(function, id)}
    with named_options(merged):
        made = aws_cloudfront.Distribution(
            function, id, default_behavior=behavior_options(function, id, origin, behavior), **merged
        )
    domain.add_records(function, id, made, ipv6=options.get("enable_ipv6") is not False)
    return made


def _check_distribution(options: Mapping[str, Any]) -> None:
    if "default_behavior" in options:
        raise TypeError(
            "default_behavior is the function here; pass its options in behavior_options, or make an "
            "aws_cloudfront.Distribution with the function's function_url_behavior()"
        )
    for option in set(options) & set(signature(aws_cloudfront.BehaviorOptions).parameters):
        raise TypeError(f"{option} is an option of the behavior; pass behavior_options={{'{option}': ...}}")
    check_option_names(
        "add_distribution()", options, own=_OWN_OF_DISTRIBUTION, cdk=aws_cloudfront.Distribution.__init__
    )


def _warn_of_unsigned_bodies(function: aws_lambda.Function) -> None:
    add_warning(
        function,
        "unsignedRequestBodies",
        "Lambda refuses requests with a body unless they have its hash in x-amz-content-sha256, because CloudFront "
        "does not sign bodies. Pass sign_request_bodies=True, send the header from clients, or pass "
        "allowed_methods=AllowedMethods.ALLOW_GET_HEAD_OPTIONS.",
    )
