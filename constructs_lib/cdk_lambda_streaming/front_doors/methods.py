"""Methods of REST APIs that send whole requests to a function: resources, or entries in an OpenAPI document."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from aws_cdk import aws_lambda
from constructs import IConstruct

from cdk_lambda_streaming.cdk.function_resource import resource_of
from cdk_lambda_streaming.checks.quotas import REST_API_TIMEOUT_SECONDS
from cdk_lambda_streaming.checks.synth_warning import SynthWarning

TIMEOUT_LIMIT_MS = REST_API_TIMEOUT_SECONDS * 1000
# API Gateway's timeout for an integration without one.
TIMEOUT_DEFAULT_MS = 29_000
TENANT_PARAMETER = "integration.request.header.X-Amz-Tenant-Id"
_INTEGRATION = "x-amazon-apigateway-integration"
# https://docs.aws.amazon.com/apigateway/latest/developerguide/response-transfer-mode-lambda.html
_BUFFERING_URI = "/2015-03-31/functions/"
_VERBS = ("get", "put", "post", "delete", "options", "head", "patch", "x-amazon-apigateway-any-method")


@dataclass(frozen=True, slots=True)
class RestApi:
    """REST API, as far as it affects streams."""

    is_edge_optimized: bool = False
    unsupported: Collection[str] = ()
    """Options that API Gateway does not support with responses that stream, for messages."""

    @classmethod
    def from_properties(cls, properties: Mapping[str, Any]) -> RestApi:
        configuration = properties.get("endpointConfiguration")
        if isinstance(configuration, str):  # AWS SAM accepts the type alone.
            configuration = {"types": [configuration]}
        types = configuration.get("types") or [configuration.get("type")] if isinstance(configuration, Mapping) else []
        unsupported = []
        if properties.get("minimumCompressionSize") is not None:
            unsupported.append("minimumCompressionSize of the API")
        settings = properties.get("methodSettings") or []
        if any(isinstance(setting, Mapping) and setting.get("cachingEnabled") for setting in settings):
            unsupported.append("cachingEnabled of the stage")
        # Edge-optimized is API Gateway's default.
        return cls("EDGE" in types or types in ([], [None]), unsupported)


@dataclass(frozen=True, slots=True, kw_only=True)
class RestMethod:
    """Method whose integration has the type AWS_PROXY."""

    construct: IConstruct
    place: str = ""
    """Verb and path in an OpenAPI document, for messages."""
    verb: str
    """HTTP method in capitals, or `ANY`."""
    resource: Callable[[], str | None]
    """Return the path in the API, such as `/chat/{id}`. Return None for a resource outside the app."""
    uri: Any
    streams: bool
    timeout_ms: float | None
    request_parameters: Mapping[str, Any]
    declared_parameters: Collection[str] | None
    """Parameters that the method declares, or None if they are not checked."""
    buffering_options: Collection[str] = ()
    """Options of the integration that API Gateway applies only to whole responses."""
    api: RestApi = field(default_factory=RestApi)

    @property
    def path(self) -> str:
        return f"{self.construct.node.path}{self.place}"


def read_method(
    construct: IConstruct, properties: Mapping[str, Any], api: RestApi, resource: Callable[[], str | None]
) -> RestMethod | None:
    """Return the method of a resource, or None for a method that sends no whole requests to a function."""
    integration = properties.get("integration")
    if not isinstance(integration, Mapping) or not _is_proxy(integration):
        return None
    return _method(
        integration,
        construct=construct,
        verb=str(properties.get("httpMethod", "ANY")).upper(),
        resource=resource,
        declared_parameters=list(properties.get("requestParameters") or {}),
        api=api,
    )


def read_document(construct: IConstruct, document: Any, api: RestApi) -> Iterator[RestMethod]:
    """Yield the methods in an OpenAPI document."""
    for resource, verb, integration in integrations_in(document):
        if _is_proxy(integration):
            yield _method(
                integration,
                construct=construct,
                place=f", {verb.upper()} {resource}",
                verb="ANY" if verb == _VERBS[-1] else verb.upper(),
                resource=lambda resource=resource: resource,
                declared_parameters=None,
                api=api,
            )


def integrations_in(document: Any) -> Iterator[tuple[str, str, Mapping[str, Any]]]:
    """Yield path, verb and integration of the methods in an OpenAPI document."""
    paths = document.get("paths") if isinstance(document, Mapping) else None
    for resource, methods in paths.items() if isinstance(paths, Mapping) else ():
        for verb, method in methods.items() if isinstance(methods, Mapping) else ():
            integration = method.get(_INTEGRATION) if isinstance(method, Mapping) else None
            if isinstance(integration, Mapping) and verb.lower() in _VERBS:
                yield str(resource), verb.lower(), integration


def _is_proxy(integration: Mapping[str, Any]) -> bool:
    return str(integration.get("type", "")).upper() == "AWS_PROXY" and integration.get("uri") is not None


def _method(integration: Mapping[str, Any], **fields: Any) -> RestMethod:
    timeout = integration.get("timeoutInMillis")
    return RestMethod(
        uri=integration["uri"],
        streams=integration.get("responseTransferMode") == "STREAM",
        timeout_ms=timeout if isinstance(timeout, (int, float)) else TIMEOUT_DEFAULT_MS if timeout is None else None,
        request_parameters=integration.get("requestParameters") or {},
        buffering_options=[name for name in ("cacheKeyParameters", "contentHandling") if integration.get(name)],
        **fields,
    )


def find_problems(method: RestMethod, function: aws_lambda.Function) -> Iterator[str]:
    """Yield the reasons why a method and its function do not work together."""
    if method.request_parameters.get(TENANT_PARAMETER) is None and resource_of(function).tenancy_config is not None:
        yield (
            f"'{method.path}' names no tenant, but function '{function.node.path}' has tenant isolation, so every "
            "request would fail; pass streaming_integration() a tenant_id_source"
        )
    undeclared = _undeclared_parameters(method)
    if undeclared:
        yield (
            f"'{method.path}' maps '{undeclared[0]}' without declaring it, and API Gateway refuses that; pass "
            f"add_method() request_parameters={{'{undeclared[0]}': True}}"
        )
    if not method.streams:
        return
    if method.timeout_ms is not None and method.timeout_ms > TIMEOUT_LIMIT_MS:
        minutes = method.timeout_ms / 60_000
        yield f"the timeout of '{method.path}' must be at most 15 minutes, got {minutes:g} minutes"
    if _BUFFERING_URI in str(method.uri):
        yield (
            f"'{method.path}' streams, but its URI is for responses that buffer, and API Gateway refuses that; in the "
            "URI write '/2021-11-15/functions/' for '/2015-03-31/functions/', and '/response-streaming-invocations' "
            "for '/invocations'"
        )


def find_warnings(method: RestMethod, timeout_seconds: float | None) -> Iterator[SynthWarning]:
    """Yield warnings about the limits of a method that streams."""
    limit_ms = method.timeout_ms
    if not method.streams or limit_ms is None or limit_ms > TIMEOUT_LIMIT_MS:
        return
    # The warning `longTimeout` names API Gateway's maximum.
    if timeout_seconds is not None and limit_ms < min(timeout_seconds * 1000, TIMEOUT_LIMIT_MS):
        yield SynthWarning(
            "integrationTimeout",
            f"API Gateway ends a response at '{method.path}' after {limit_ms / 1000:g} s, but the function may run for "
            f"{timeout_seconds:g} s, and you pay for all of them. Pass the integration timeout=Duration.minutes(15), "
            "or the function a shorter timeout.",
        )
    if method.api.is_edge_optimized:
        yield SynthWarning(
            "edgeOptimizedRestApi",
            f"the REST API of '{method.path}' is edge-optimized, so API Gateway ends a stream that is silent for 30 s. "
            "Pass the API endpoint_types=[EndpointType.REGIONAL], which allows 5 minutes.",
        )
    options = [*method.buffering_options, *method.api.unsupported]
    if options:
        yield SynthWarning(
            "optionsWithoutStreaming",
            f"'{method.path}' streams, and API Gateway does not support {' and '.join(options)} with responses that "
            "stream. Leave out the option, or stream from another API.",
        )


def _undeclared_parameters(method: RestMethod) -> list[str]:
    if method.declared_parameters is None:
        return []
    return [
        value
        for value in method.request_parameters.values()
        if isinstance(value, str) and value.startswith("method.request.") and value not in method.declared_parameters
    ]
