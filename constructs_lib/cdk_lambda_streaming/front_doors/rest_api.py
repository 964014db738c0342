"""API Gateway REST APIs that stream. Other APIs of API Gateway cannot stream.

Rules: https://docs.aws.amazon.com/apigateway/latest/developerguide/response-transfer-mode.html
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from aws_cdk import Duration, Token, aws_apigateway, aws_lambda
from constructs import Construct

from cdk_lambda_streaming.cdk.cdk_errors import named_options
from cdk_lambda_streaming.cdk.iam_authorizer import IamAuthorizer
from cdk_lambda_streaming.cdk.structs import options_by_name
from cdk_lambda_streaming.checks.quotas import REST_API_TIMEOUT_SECONDS
from cdk_lambda_streaming.front_doors.methods import TENANT_PARAMETER
from cdk_lambda_streaming.option_names import check_option_names, struct_of

_OWN = ("tenant_id_source",)
LONGEST = Duration.seconds(REST_API_TIMEOUT_SECONDS)
# API Gateway applies these only to whole responses.
_NOT_WITH_STREAMS = ("cache_key_parameters", "cache_namespace", "content_handling", "request_templates")
_TENANT_ID_SOURCES = ("method.request.", "context.", "stageVariables.", "'")


@dataclass(frozen=True, slots=True)
class Tenants:
    """Tenant isolation of a function, and where API Gateway gets the tenant's id."""

    required: bool
    id_source: str | None


def integration(
    target: aws_lambda.IFunction, tenants: Tenants, options: Mapping[str, Any]
) -> aws_apigateway.LambdaIntegration:
    """Return an integration that streams from the target."""
    check_option_names("streaming_integration()", options, own=_OWN, cdk=aws_apigateway.LambdaIntegration.__init__)
    with named_options(options):
        return aws_apigateway.LambdaIntegration(target, **_integration_options(tenants, options))


def rest_api(
    scope: Construct, id: str, target: aws_lambda.IFunction, tenants: Tenants, options: Mapping[str, Any]
) -> aws_apigateway.LambdaRestApi:
    """Return a REST API that sends all requests to the target and streams the responses."""
    check_option_names("add_streaming_rest_api()", options, own=_OWN, cdk=aws_apigateway.LambdaRestApi.__init__)
    options = dict(options)
    if "handler" in options:
        raise TypeError("handler is the function itself; leave it out")
    given = options_by_name(options.pop("integration_options", None))
    check_option_names("integration_options", given, cdk=aws_apigateway.LambdaIntegrationOptions)
    integration_options = _integration_options(tenants, given)
    _reject_buffering(options)
    options["default_method_options"] = _method_options(options.get("default_method_options"), tenants)
    if options.get("endpoint_types") is None and options.get("endpoint_configuration") is None:
        # The CDK's default is edge-optimized. There API Gateway ends a stream that is silent for 30 s.
        options["endpoint_types"] = [aws_apigateway.EndpointType.REGIONAL]
    with named_options({**integration_options, **options}):
        return aws_apigateway.LambdaRestApi(
            scope,
            id,
            handler=target,
            integration_options=aws_apigateway.LambdaIntegrationOptions(**integration_options),
            **options,
        )


def _reject_buffering(options: Mapping[str, Any]) -> None:
    for option in ("min_compression_size", "minimum_compression_size"):
        if options.get(option) is not None:
            raise ValueError(f"{option} is not possible with responses that stream; leave it out")
    if options_by_name(options.get("deploy_options")).get("caching_enabled"):
        raise ValueError("deploy_options.caching_enabled is not possible with responses that stream; leave it out")


def _method_options(options: Any, tenants: Tenants) -> aws_apigateway.MethodOptions:
    # The CDK's default is a public API. Require IAM permission, as a Function URL does.
    by_name = options_by_name(options) or {"authorizer": IamAuthorizer()}
    if tenants.id_source is not None and tenants.id_source.startswith("method.request."):
        declared = by_name.get("request_parameters") or {}
        by_name = {**by_name, "request_parameters": {**declared, tenants.id_source: True}}
    return struct_of(aws_apigateway.MethodOptions, "default_method_options", by_name)


def _integration_options(tenants: Tenants, options: Mapping[str, Any]) -> dict[str, Any]:
    options = dict(options)
    stream = aws_apigateway.ResponseTransferMode.STREAM
    mode = options.pop("response_transfer_mode", None)
    if mode not in (None, stream):
        raise ValueError(
            f"response_transfer_mode must be STREAM in an integration that streams, got {mode!r}; for one that buffers "
            "use aws_apigateway.LambdaIntegration"
        )
    for option in _NOT_WITH_STREAMS:
        if options.get(option) is not None:
            raise ValueError(f"{option} is not possible with responses that stream; leave it out")
    if options.get("proxy") is False:
        raise ValueError("proxy must be True with responses that stream, got False; leave it out")
    timeout = options.pop("timeout", None)
    _check_timeout(timeout)
    parameters = _request_parameters(options.pop("request_parameters", None), tenants)
    return {
        **options,
        **({"request_parameters": parameters} if parameters else {}),
        "response_transfer_mode": stream,
        "timeout": timeout or LONGEST,
    }


def _check_timeout(timeout: object) -> None:
    if timeout is None:
        return
    if not isinstance(timeout, Duration):
        raise TypeError(f"timeout must be a Duration, such as Duration.minutes(15), got {timeout!r}")
    if not timeout.is_unresolved() and timeout.to_milliseconds() > LONGEST.to_milliseconds():
        raise ValueError(
            f"timeout must be at most 15 minutes with responses that stream, got {timeout.to_milliseconds() / 1000:g} s"
        )


def _request_parameters(given: Mapping[str, Any] | None, tenants: Tenants) -> dict[str, Any]:
    """Return the request parameters, with the tenant's id if there is one."""
    parameters = dict(given or {})
    id_source = tenants.id_source
    if id_source is None:
        if tenants.required and TENANT_PARAMETER not in parameters:
            raise ValueError(
                "tenant_id_source is required for a function with tenant isolation: pass 'context.authorizer.tenantId' "
                "to get the tenant from an authorizer, or 'method.request.header.x-tenant-id' for trusted callers"
            )
        return parameters
    if not isinstance(id_source, str):
        raise TypeError(
            f"tenant_id_source must be a str, such as 'method.request.header.x-tenant-id', got {id_source!r}"
        )
    if not Token.is_unresolved(id_source) and not id_source.startswith(_TENANT_ID_SOURCES):
        raise ValueError(
            "tenant_id_source must be a mapping of API Gateway, such as 'context.authorizer.tenantId' or "
            f"'method.request.header.x-tenant-id', got {id_source!r}"
        )
    return {**parameters, TENANT_PARAMETER: id_source}
