"""API Gateway REST APIs that stream: the only API of API Gateway that does.

Rules: https://docs.aws.amazon.com/apigateway/latest/developerguide/response-transfer-mode.html
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from aws_cdk import Duration, Token, aws_apigateway, aws_lambda
from constructs import Construct

from cdk_lambda_streaming.rest_methods import TENANT_PARAMETER

LONGEST = Duration.minutes(15)
# What API Gateway does to whole responses only.
_NOT_WITH_STREAMS = ("cache_key_parameters", "cache_namespace", "content_handling", "request_templates")
_SOURCES = ("method.request.", "context.", "stageVariables.", "'")


def integration(
    target: aws_lambda.IFunction, *, tenant_id_source: str | None, has_tenants: bool, options: Mapping[str, Any]
) -> aws_apigateway.LambdaIntegration:
    """Return an integration that streams from the target."""
    return aws_apigateway.LambdaIntegration(
        target, **_integration_options(tenant_id_source, has_tenants=has_tenants, options=options)
    )


def rest_api(
    scope: Construct,
    id: str,
    target: aws_lambda.IFunction,
    *,
    tenant_id_source: str | None,
    has_tenants: bool,
    options: Mapping[str, Any],
) -> aws_apigateway.LambdaRestApi:
    """Return a REST API all of whose requests go to the target, and whose responses stream."""
    options = dict(options)
    if "handler" in options:
        raise TypeError("handler is the function itself; leave it out")
    given = _by_name(options.pop("integration_options", None))
    integration_options = _integration_options(tenant_id_source, has_tenants=has_tenants, options=given)
    for option in ("min_compression_size", "minimum_compression_size"):
        if options.get(option) is not None:
            raise ValueError(f"{option} is not possible where responses stream; leave it out")
    if _by_name(options.get("deploy_options")).get("caching_enabled"):
        raise ValueError("deploy_options.caching_enabled is not possible where responses stream; leave it out")
    # As a Function URL's: the CDK's own default is an API for everybody.
    method_options = _by_name(options.pop("default_method_options", None)) or {
        "authorization_type": aws_apigateway.AuthorizationType.IAM
    }
    if tenant_id_source is not None and tenant_id_source.startswith("method.request."):
        declared = method_options.get("request_parameters") or {}
        method_options = {**method_options, "request_parameters": {**declared, tenant_id_source: True}}
    options["default_method_options"] = aws_apigateway.MethodOptions(**method_options)
    if options.get("endpoint_types") is None and options.get("endpoint_configuration") is None:
        # The CDK's default is edge-optimized, where a stream may be silent for 30 s only.
        options["endpoint_types"] = [aws_apigateway.EndpointType.REGIONAL]
    return aws_apigateway.LambdaRestApi(
        scope,
        id,
        handler=target,
        integration_options=aws_apigateway.LambdaIntegrationOptions(**integration_options),
        **options,
    )


def _integration_options(
    tenant_id_source: str | None, *, has_tenants: bool, options: Mapping[str, Any]
) -> dict[str, Any]:
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
            raise ValueError(f"{option} is not possible where responses stream; leave it out")
    if options.get("proxy") is False:
        raise ValueError("proxy must be True where responses stream, got False; leave it out")
    timeout = options.pop("timeout", None)
    if timeout is not None and not isinstance(timeout, Duration):
        raise TypeError(f"timeout must be a Duration, such as Duration.minutes(15), got {timeout!r}")
    if timeout is not None and not timeout.is_unresolved() and timeout.to_milliseconds() > LONGEST.to_milliseconds():
        raise ValueError(
            f"timeout must be at most 15 minutes where responses stream, got {timeout.to_milliseconds() / 1000:g} s"
        )
    parameters = dict(options.pop("request_parameters", None) or {})
    if tenant_id_source is not None:
        if not isinstance(tenant_id_source, str):
            raise TypeError(
                f"tenant_id_source must be a str, such as 'method.request.header.x-tenant-id', got {tenant_id_source!r}"
            )
        if not Token.is_unresolved(tenant_id_source) and not tenant_id_source.startswith(_SOURCES):
            raise ValueError(
                "tenant_id_source must be a mapping of API Gateway's, such as 'context.authorizer.tenantId' or "
                f"'method.request.header.x-tenant-id', got {tenant_id_source!r}"
            )
        parameters[TENANT_PARAMETER] = tenant_id_source
    elif has_tenants and TENANT_PARAMETER not in parameters:
        raise ValueError(
            "tenant_id_source is required for a function with tenant isolation: where API Gateway takes the tenant "
            "from, such as 'context.authorizer.tenantId', or 'method.request.header.x-tenant-id' for trusted callers"
        )
    return {
        **options,
        **({"request_parameters": parameters} if parameters else {}),
        "response_transfer_mode": stream,
        "timeout": timeout or LONGEST,
    }


def _by_name(options: Any) -> dict[str, Any]:
    """Return options that were given by name, or as one of the CDK's structs."""
    if options is None:
        return {}
    return dict(options) if isinstance(options, Mapping) else dict(options._values)
