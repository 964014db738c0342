"""Methods of REST APIs as the app has them: constructs of their own, or written in the API's OpenAPI body."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from aws_cdk import Stack, Token, aws_lambda
from constructs import IConstruct

from cdk_lambda_streaming.function_resource import resource_of
from cdk_lambda_streaming.reference_text import text_of

TIMEOUT_LIMIT_MS = 900_000
# What API Gateway waits when an integration says nothing.
TIMEOUT_DEFAULT_MS = 29_000
TENANT_PARAMETER = "integration.request.header.X-Amz-Tenant-Id"
_INTEGRATION = "x-amazon-apigateway-integration"


@dataclass(frozen=True, slots=True)
class RestMethod:
    """What lets requests into a function whole: an integration of the type AWS_PROXY."""

    path: str
    uri: Any
    streams: bool
    timeout_ms: float | None
    is_edge_optimized: bool
    request_parameters: Mapping[str, Any]
    declared_parameters: Collection[str] | None
    """Those of the method; None where they are not looked at."""


@dataclass(frozen=True, slots=True)
class RestApi:
    stack: Stack
    name: tuple[str, str]
    """The path of its stack, and what a reference to it resolves to there."""
    is_edge_optimized: bool
    methods: list[RestMethod]


def read_rest_api(node: IConstruct) -> RestApi:
    """Return an API, with the methods that its OpenAPI body has."""
    api: Any = node
    stack = Stack.of(node)
    configuration = stack.resolve(api.endpoint_configuration)
    is_map = isinstance(configuration, Mapping)
    types = configuration.get("types") if is_map else getattr(configuration, "types", None)
    # One that says nothing is edge-optimized.
    is_edge_optimized = types is None or "EDGE" in types
    body = None if api.body is None else stack.resolve(api.body)
    methods = list(_read_body(body, node.node.path, is_edge_optimized=is_edge_optimized))
    return RestApi(stack, _name(stack, api.ref), is_edge_optimized, methods)


def read_rest_method(node: IConstruct, apis: Collection[RestApi]) -> RestMethod | None:
    """Return a method, or None for one that gives no whole requests to a function."""
    method: Any = node
    stack = Stack.of(node)
    integration = method.integration
    uri = getattr(integration, "uri", None)
    if uri is None or integration.type != "AWS_PROXY":
        return None
    name = _name(stack, method.rest_api_id)
    return RestMethod(
        path=node.node.path,
        uri=uri,
        streams=integration.response_transfer_mode == "STREAM",
        timeout_ms=integration.timeout_in_millis,
        is_edge_optimized=any(api.is_edge_optimized and api.name == name for api in apis),
        request_parameters=stack.resolve(integration.request_parameters) or {},
        declared_parameters=list(stack.resolve(method.request_parameters) or {}),
    )


def _name(stack: Stack, reference: Any) -> tuple[str, str]:
    return stack.node.path, text_of(stack.resolve(reference))


def check_rest_method(
    function: aws_lambda.Function,
    method: RestMethod,
    timeout_seconds: float | None,
    note: Callable[[str, str], object],
) -> list[str]:
    """Return what is wrong between a method and its function; `note` takes what is worth a warning, by its id."""
    problems = []
    source = method.request_parameters.get(TENANT_PARAMETER)
    if source is None and resource_of(function).tenancy_config is not None:
        problems.append(
            f"'{method.path}' names no tenant, and function '{function.node.path}' has tenant isolation: every "
            "request would fail; pass streaming_integration() a tenant_id_source"
        )
    undeclared = [
        value
        for value in method.request_parameters.values()
        if isinstance(value, str)
        and value.startswith("method.request.")
        and method.declared_parameters is not None
        and value not in method.declared_parameters
    ]
    if undeclared:
        problems.append(
            f"'{method.path}' maps '{undeclared[0]}' and does not declare it, which API Gateway refuses; pass "
            f"add_method() request_parameters={{'{undeclared[0]}': True}}"
        )
    return problems + (_check_limits(method, timeout_seconds, note) if method.streams else [])


def _check_limits(method: RestMethod, timeout_seconds: float | None, note: Callable[[str, str], object]) -> list[str]:
    limit_ms = method.timeout_ms or TIMEOUT_DEFAULT_MS
    if Token.is_unresolved(limit_ms):
        return []
    if limit_ms > TIMEOUT_LIMIT_MS:
        return [f"the timeout of '{method.path}' must be at most 15 minutes, got {limit_ms / 60_000:g} minutes"]
    if timeout_seconds is not None and limit_ms < timeout_seconds * 1000:
        note(
            "integrationTimeout",
            f"API Gateway ends a response after {limit_ms / 1000:g} s at '{method.path}', while the function may take "
            f"{timeout_seconds:g} s, which are charged; pass the integration timeout=Duration.minutes(15), or the "
            "function a shorter timeout",
        )
    if method.is_edge_optimized:
        note(
            "edgeOptimizedRestApi",
            f"the REST API of '{method.path}' is edge-optimized, where API Gateway ends a stream that is silent for "
            "30 s; pass the API endpoint_types=[EndpointType.REGIONAL], which allows 5 minutes",
        )
    return []


def _read_body(body: Any, path: str, *, is_edge_optimized: bool) -> Iterator[RestMethod]:
    paths = body.get("paths") if isinstance(body, Mapping) else None
    for resource, methods in (paths or {}).items():
        for verb, method in methods.items() if isinstance(methods, Mapping) else ():
            integration = method.get(_INTEGRATION) if isinstance(method, Mapping) else None
            if isinstance(integration, Mapping) and str(integration.get("type", "")).upper() == "AWS_PROXY":
                yield RestMethod(
                    path=f"{path}, {verb.upper()} {resource}",
                    uri=integration.get("uri"),
                    streams=integration.get("responseTransferMode") == "STREAM",
                    timeout_ms=integration.get("timeoutInMillis"),
                    is_edge_optimized=is_edge_optimized,
                    request_parameters=integration.get("requestParameters") or {},
                    declared_parameters=None,
                )
