"""Front doors among the resources of an app, and the values that refer to their functions."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import Any, NamedTuple

from constructs import IConstruct

from cdk_lambda_streaming.cdk.construct_tree import type_of
from cdk_lambda_streaming.cdk.function_resource import properties_of
from cdk_lambda_streaming.cdk.reference_text import text_of
from cdk_lambda_streaming.cdk.value_reader import ValueReader
from cdk_lambda_streaming.checks.environment import FrontDoor
from cdk_lambda_streaming.front_doors.methods import (
    RestApi,
    RestMethod,
    integrations_in,
    read_document,
    read_method,
)
from cdk_lambda_streaming.front_doors.records import FoundFrontDoor
from cdk_lambda_streaming.front_doors.references import ALIAS, VERSION, Resource

FUNCTION_URL = "aws_lambda.CfnUrl"
REST_API = "aws_apigateway.CfnRestApi"
SAM_REST_API = "aws_sam.CfnApi"
REST_METHOD = "aws_apigateway.CfnMethod"
REST_RESOURCE = "aws_apigateway.CfnResource"
REST_STAGE = "aws_apigateway.CfnStage"
HTTP_API = "aws_apigatewayv2.CfnApi"
SAM_HTTP_API = "aws_sam.CfnHttpApi"
HTTP_INTEGRATION = "aws_apigatewayv2.CfnIntegration"
TARGET_GROUP = "aws_elasticloadbalancingv2.CfnTargetGroup"
DISTRIBUTION = "aws_cloudfront.CfnDistribution"
# Types of resources, and the properties that are read.
TYPES: Mapping[str, Collection[str]] = {
    ALIAS: ("functionName", "name"),
    VERSION: ("functionName",),
    FUNCTION_URL: ("authType", "cors", "invokeMode", "qualifier", "targetFunctionArn"),
    REST_API: ("body", "endpointConfiguration", "minimumCompressionSize"),
    SAM_REST_API: ("definitionBody", "endpointConfiguration", "methodSettings", "minimumCompressionSize"),
    REST_STAGE: ("methodSettings", "restApiId"),
    REST_METHOD: ("httpMethod", "integration", "requestParameters", "resourceId", "restApiId"),
    HTTP_API: ("body", "protocolType", "target"),
    SAM_HTTP_API: ("definitionBody",),
    HTTP_INTEGRATION: ("apiId", "integrationUri", "payloadFormatVersion"),
    TARGET_GROUP: ("targets",),
    DISTRIBUTION: ("distributionConfig",),
}


class Opening(NamedTuple):
    """Front door, and the value that refers to its function."""

    door: FoundFrontDoor
    resource: Resource
    target: Any
    method: RestMethod | None = None


def read_openings(resources: Collection[Resource], values: ValueReader) -> Iterator[Opening]:
    """Yield the front doors among the resources."""
    apis = _read_rest_apis(resources, values)
    websockets = {
        values.mark_of(resource.construct)
        for resource in resources
        if resource.type == HTTP_API and resource.properties.get("protocolType") == "WEBSOCKET"
    }
    for resource in resources:
        properties = resource.properties
        if resource.type == FUNCTION_URL:
            yield from _of_url(resource)
        elif resource.type == REST_METHOD:
            yield from _of_rest_method(resource, apis, values)
        elif resource.type in (REST_API, SAM_REST_API):
            document = properties.get("body", properties.get("definitionBody"))
            for method in read_document(resource.construct, document, apis[values.mark_of(resource.construct)]):
                yield _of_method(resource, method)
        elif resource.type == HTTP_INTEGRATION:
            if not _is_of_websocket(properties, websockets):
                yield _buffering(resource, "HTTP API", properties.get("integrationUri"))
        elif resource.type in (HTTP_API, SAM_HTTP_API):
            yield from _of_http_api(resource)
        elif resource.type == TARGET_GROUP:
            yield _buffering(resource, "load balancer", properties.get("targets"))


def _is_of_websocket(integration: Mapping[str, Any], websockets: Collection[str]) -> bool:
    if text_of(integration.get("apiId")) in websockets:
        return True
    # An API outside the app: only HTTP APIs have a payload format, and they take the function's own ARN.
    uri = text_of(integration.get("integrationUri"))
    return "payloadFormatVersion" not in integration and ":lambda:path/" in uri


def _read_rest_apis(resources: Collection[Resource], values: ValueReader) -> dict[str, RestApi]:
    """Return the REST APIs by their marks."""
    settings = {
        text_of(resource.properties.get("restApiId")): resource.properties.get("methodSettings")
        for resource in resources
        if resource.type == REST_STAGE
    }
    marks = {
        values.mark_of(resource.construct): resource.properties
        for resource in resources
        if resource.type in (REST_API, SAM_REST_API)
    }
    return {
        mark: RestApi.from_properties({"methodSettings": settings.get(mark), **properties})
        for mark, properties in marks.items()
    }


def _of_url(url: Resource) -> Iterator[Opening]:
    mode = url.properties.get("invokeMode")
    if mode in (None, "BUFFERED", "RESPONSE_STREAM"):  # A token can be any.
        door = FoundFrontDoor(
            "Function URL",
            FrontDoor.FUNCTION_URL,
            mode == "RESPONSE_STREAM",
            url.construct,
            qualifier=str(url.properties.get("qualifier", "")),
        )
        yield Opening(door, url, url.properties.get("targetFunctionArn"))


def _of_rest_method(resource: Resource, apis: Mapping[str, RestApi], values: ValueReader) -> Iterator[Opening]:
    properties = resource.properties
    api = apis.get(text_of(properties.get("restApiId")), RestApi())
    method = read_method(resource.construct, properties, api, lambda: _path_of_method(values, resource))
    if method is not None:
        yield _of_method(resource, method)


def _path_of_method(values: ValueReader, method: Resource) -> str | None:
    """Return the path of a method in its REST API, or None if it is unknown at synth."""
    path = _resource_path(values, method, method.properties.get("resourceId"))
    scope: Any = method.construct.node.scope
    if path is None and scope is not None and type_of(scope) == "aws_apigateway.Method":
        # The resource of an imported API has its path from the user.
        path = scope.resource.path
    return path


def _resource_path(values: ValueReader, user: Resource, reference: Any) -> str | None:
    """Return the path of a resource of a REST API, or None if the resource is not in the app."""
    constructs = list(values.constructs_in(text_of(reference)))
    if not constructs:
        return None
    (construct,) = constructs
    if type_of(construct) != REST_RESOURCE:
        return "/"  # The reference is the API's `RootResourceId`.
    (properties,) = values.read(user.stack, [_path_properties(construct)])
    parent = _resource_path(values, user, properties["parentId"])
    return None if parent is None else f"{parent.rstrip('/')}/{properties['pathPart']}"


def _path_properties(construct: IConstruct) -> dict[str, Any]:
    properties = properties_of(construct)
    return {name: properties[name] for name in ("parentId", "pathPart")}


def _of_method(resource: Resource, method: RestMethod) -> Opening:
    door = FoundFrontDoor("REST API", FrontDoor.REST_API, method.streams, method.construct, place=method.place)
    return Opening(door, resource, method.uri, method)


def _of_http_api(api: Resource) -> Iterator[Opening]:
    if api.properties.get("target") is not None:
        yield _buffering(api, "HTTP API", api.properties["target"])
    document = api.properties.get("body", api.properties.get("definitionBody"))
    for resource, verb, integration in integrations_in(document):
        opening = _buffering(api, "HTTP API", integration.get("uri"))
        yield opening._replace(door=opening.door._replace(place=f", {verb.upper()} {resource}"))


def _buffering(resource: Resource, kind: str, target: Any) -> Opening:
    return Opening(FoundFrontDoor(kind, None, False, resource.construct), resource, target)
