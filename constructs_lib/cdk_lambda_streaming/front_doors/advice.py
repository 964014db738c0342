"""Warnings about the front doors of a function."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import Any

from aws_cdk import aws_lambda

from cdk_lambda_streaming.cdk.construct_tree import identity_of
from cdk_lambda_streaming.cdk.function_resource import resource_of, timeout_seconds_of, variables_of
from cdk_lambda_streaming.cdk.reference_text import text_of
from cdk_lambda_streaming.cdk.value_reader import ValueReader
from cdk_lambda_streaming.checks.application_variables import APP_VARIABLE
from cdk_lambda_streaming.checks.environment import FrontDoor
from cdk_lambda_streaming.checks.synth_warning import SynthWarning
from cdk_lambda_streaming.front_doors.methods import find_warnings
from cdk_lambda_streaming.front_doors.openings import Opening
from cdk_lambda_streaming.front_doors.records import FoundFrontDoor
from cdk_lambda_streaming.front_doors.references import Resource

# Managed cache policies that cache nothing: CachingDisabled, and UseOriginCacheControlHeaders with and without queries.
# https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/using-managed-cache-policies.html
_WITHOUT_CACHE = (
    "4135ea2d-6df8-44a3-9df3-4b5a84be39ad",
    "83da9c7e-98b4-4e11-a168-04f0df8e2c65",
    "4cc15a8a-d715-48a4-82b8-cc0b614638fe",
)
# Id of the warning, largest response, and alternative.
_BUFFERING = {
    "REST API": (
        "restApiBuffers",
        "6 MB",
        "Use the function's streaming_integration(), or LambdaIntegration(function, "
        "response_transfer_mode=ResponseTransferMode.STREAM).",
    ),
    "HTTP API": (
        "httpApiBuffers",
        "6 MB",
        "Use a Function URL, or a REST API with the function's streaming_integration().",
    ),
    "load balancer": (
        "loadBalancerBuffers",
        "1 MB",
        "Use a Function URL, behind CloudFront if it needs its own domain name.",
    ),
}


def warnings_about(opening: Opening, function: aws_lambda.Function, alias_name: str | None) -> Iterator[SynthWarning]:
    """Yield the warnings about a front door of a function.

    :param alias_name: The function's option `alias_name`.
    """
    if opening.door.door is FrontDoor.FUNCTION_URL:
        yield from _about_url(opening.resource, function)
    if opening.method is not None:
        yield from find_warnings(opening.method, timeout_seconds_of(function))
    if not opening.door.streams and opening.door.kind in _BUFFERING:
        yield _about_buffering(opening.door)
    if alias_name is not None and not opening.door.qualifier:
        yield SynthWarning(
            "frontDoorPassesAlias",
            f"the {opening.door.kind} '{opening.door.path}' calls the unpublished function, not its alias "
            f"'{alias_name}'. Pass the function's url_target in place of the function.",
        )


def _about_url(url: Resource, function: aws_lambda.Function) -> Iterator[SynthWarning]:
    resource = resource_of(function)
    if url.properties.get("cors") is not None and APP_VARIABLE in variables_of(function):
        yield SynthWarning(
            "corsBesideApplication",
            "The Function URL has cors, and the web application may answer CORS itself. Browsers refuse a response "
            "with two access-control-allow-origin headers. Leave cors out, or acknowledge this warning if the "
            "application sends no such headers.",
        )
    if url.properties.get("authType") == "NONE" and resource.reserved_concurrent_executions is None:
        yield SynthWarning(
            "publicFunctionUrl",
            "The Function URL is public: anyone can call it, and you pay. 1,000 concurrent streams of a function with "
            "1 GB cost about 48 USD an hour. Pass reserved_concurrent_executions to limit them, or leave auth_type "
            "out to require IAM permission.",
        )
    if url.properties.get("invokeMode") != "RESPONSE_STREAM":
        yield SynthWarning(
            "bufferedFunctionUrl",
            "The Function URL buffers: the caller gets the whole response at its end, with at most 6 MB. Pass "
            "invoke_mode=InvokeMode.RESPONSE_STREAM.",
        )
    elif resource.vpc_config is not None:
        yield SynthWarning(
            "vpcFunctionUrl",
            "AWS does not support streaming through Function URLs within a VPC. Call the function with "
            "InvokeWithResponseStream through a VPC endpoint, or leave vpc out.",
        )


def _about_buffering(door: FoundFrontDoor) -> SynthWarning:
    warning_id, limit, alternative = _BUFFERING[door.kind]
    return SynthWarning(
        warning_id,
        f"The {door.kind} '{door.path}' buffers: the caller gets the whole response at its end, with at most {limit}. "
        f"{alternative}",
    )


def warnings_about_distribution(
    distribution: Resource, urls: Collection[str], values: ValueReader
) -> Iterator[SynthWarning]:
    """Yield a warning if a distribution caches or compresses the responses of Function URLs.

    :param urls: Identities of the Function URLs.
    """
    configuration = distribution.properties.get("distributionConfig")
    if not isinstance(configuration, Mapping):
        return
    origins = {
        origin.get("id")
        for origin in configuration.get("origins") or []
        if isinstance(origin, Mapping) and _leads_to(origin, urls, values)
    }
    behaviors = [configuration.get("defaultCacheBehavior"), *(configuration.get("cacheBehaviors") or [])]
    if any(_caches(behavior) for behavior in behaviors if _is_for(behavior, origins)):
        yield SynthWarning(
            "distributionCaches",
            f"The distribution '{distribution.construct.node.path}' may cache or compress responses of the Function "
            "URL, and CloudFront holds back what it compresses. Pass the behavior "
            "cache_policy=CachePolicy.CACHING_DISABLED and compress=False.",
        )


def _leads_to(origin: Mapping[str, Any], urls: Collection[str], values: ValueReader) -> bool:
    return any(identity_of(construct) in urls for construct in values.constructs_in(text_of(origin.get("domainName"))))


def _is_for(behavior: object, origins: Collection[Any]) -> bool:
    return isinstance(behavior, Mapping) and behavior.get("targetOriginId") in origins


def _caches(behavior: Mapping[str, Any]) -> bool:
    policy = behavior.get("cachePolicyId")
    # The lifetimes of a policy of the app are the user's decision, but CloudFront compresses if it may cache.
    return policy not in _WITHOUT_CACHE if isinstance(policy, str) and "-" in policy else bool(behavior.get("compress"))
