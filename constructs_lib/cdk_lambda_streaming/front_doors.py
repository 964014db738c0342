"""The front doors of a function, found in the app at synth: Function URLs, REST APIs, HTTP APIs, load balancers.

An event does not say whether its front door streams, so the runtime has to be told; and the construct that made the
front door need not be ours. The search runs once a stage and synthesis, after CDK has tied references between stacks
together: then a reference to a function resolves to the same thing in the front door and here.
"""

from __future__ import annotations

import json
import sys
from collections import defaultdict
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple
from weakref import WeakKeyDictionary

import jsii
from aws_cdk import Annotations, CfnElement, Stack, Stage, Token, aws_lambda
from constructs import IConstruct, IValidation

from cdk_lambda_streaming.construct_tree import find_constructs
from cdk_lambda_streaming.environment import FrontDoor
from cdk_lambda_streaming.function_resource import timeout_seconds_of, variables_of

REST_TIMEOUT_LIMIT_MS = 900_000
# What API Gateway waits when an integration says nothing.
REST_TIMEOUT_DEFAULT_MS = 29_000


# What lets requests in, and what stands between it and a function or says more about it.
_TYPES = (
    "aws_lambda.CfnUrl",
    "aws_lambda.Alias",
    "aws_lambda.Version",
    "aws_apigateway.CfnMethod",
    "aws_apigateway.CfnRestApi",
    "aws_apigatewayv2.CfnIntegration",
    "aws_elasticloadbalancingv2.CfnTargetGroup",
)


class FoundFrontDoor(NamedTuple):
    """One way into a function. `door` is None for those that can only buffer."""

    kind: str
    door: FrontDoor | None
    streams: bool
    path: str


@dataclass(slots=True)
class FoundFrontDoors:
    """All ways into one function, and its environment variables."""

    doors: list[FoundFrontDoor] = field(default_factory=list)
    variables: Mapping[str, Any] = field(default_factory=dict)

    @property
    def doors_that_stream(self) -> list[FoundFrontDoor]:
        return [door for door in self.doors if door.streams]

    @property
    def doors_that_buffer(self) -> list[FoundFrontDoor]:
        return [door for door in self.doors if not door.streams]

    def streaming(self) -> frozenset[FrontDoor]:
        """Return the kinds that stream. A Function URL that the app does not have is taken for one that does."""
        kinds = {door.door for door in self.doors_that_stream if door.door is not None}
        if not any(door.door is FrontDoor.FUNCTION_URL for door in self.doors):
            kinds.add(FrontDoor.FUNCTION_URL)
        return frozenset(kinds)

    def contradictions(self) -> list[str]:
        """Return what is wrong where one kind both streams and buffers: their events look the same to a function."""
        problems = []
        for kind, setting in (
            (FrontDoor.FUNCTION_URL, "invoke_mode"),
            (FrontDoor.REST_API, "response_transfer_mode"),
        ):
            streaming = [door.path for door in self.doors_that_stream if door.door is kind]
            buffering = [door.path for door in self.doors_that_buffer if door.door is kind]
            if streaming and buffering:
                problems.append(
                    f"'{streaming[0]}' streams and '{buffering[0]}' buffers, and a function cannot tell their events "
                    f"apart; give both the same {setting}, or make a second function for one of them"
                )
        return problems


Answer = Callable[[FoundFrontDoors], Collection[str]]


def watch_front_doors(function: aws_lambda.Function, answer: Answer) -> None:
    """Call `answer` at each synthesis with the front doors of the function; what it returns are errors."""
    stage = Stage.of(function)
    assert stage is not None
    search = _SEARCHES.get(stage)
    if search is None:
        search = _SEARCHES[stage] = _Search(stage)
        stage.node.add_validation(search)
    search.watch(function, answer)


@jsii.implements(IValidation)
class _Search:
    def __init__(self, stage: Stage) -> None:
        # The node and not the stage: the stage is this object's key in a dictionary that must not keep it alive.
        self._node = stage.node
        self._watched: dict[str, tuple[aws_lambda.Function, Answer]] = {}

    def watch(self, function: aws_lambda.Function, answer: Answer) -> None:
        self._watched[function.node.path] = (function, answer)

    def validate(self) -> list[str]:
        nodes = find_constructs(self._node, _TYPES)
        functions = {path: function for path, (function, _) in self._watched.items()}
        references = _References(functions, nodes)
        edge_optimized = _find_edge_optimized(nodes)
        found: dict[str, FoundFrontDoors] = defaultdict(FoundFrontDoors)
        problems = []
        for node in nodes:
            for opening in _read_openings(node):
                for path in references.find(Stack.of(node), opening.target):
                    found[path].doors.append(opening.door)
                    if opening.rest_method is not None and opening.door.streams:
                        problems += _check_rest_method(functions[path], opening, edge_optimized)
        for path, (function, answer) in self._watched.items():
            doors = found[path]
            doors.variables = variables_of(function)
            _warn_of_buffering(function, doors)
            problems += [f"function '{path}': {problem}" for problem in answer(doors)]
        return problems


_SEARCHES: WeakKeyDictionary[Stage, _Search] = WeakKeyDictionary()


class _Opening(NamedTuple):
    """A resource that lets requests into the function its `target` refers to."""

    door: FoundFrontDoor
    target: Any
    rest_method: Any = None


def _read_openings(node: IConstruct) -> Iterator[_Opening]:
    path = node.node.path if isinstance(node, CfnElement) else ""
    if isinstance(node, aws_lambda.CfnUrl):
        if not Token.is_unresolved(node.invoke_mode):
            streams = node.invoke_mode == "RESPONSE_STREAM"
            yield _Opening(
                FoundFrontDoor("Function URL", FrontDoor.FUNCTION_URL, streams, path), node.target_function_arn
            )
    elif _is_a(node, "aws_apigateway", "CfnMethod"):
        integration: Any = node.integration  # type: ignore[attr-defined]
        uri = getattr(integration, "uri", None)
        if uri is not None:
            streams = integration.response_transfer_mode == "STREAM"
            yield _Opening(FoundFrontDoor("REST API", FrontDoor.REST_API, streams, path), uri, node)
    elif _is_a(node, "aws_apigatewayv2", "CfnIntegration"):
        yield _Opening(FoundFrontDoor("HTTP API", None, False, path), node.integration_uri)  # type: ignore[attr-defined]
    elif _is_a(node, "aws_elasticloadbalancingv2", "CfnTargetGroup"):
        yield _Opening(FoundFrontDoor("load balancer", None, False, path), node.targets)  # type: ignore[attr-defined]


def _is_a(node: IConstruct, module: str, name: str) -> bool:
    # Whoever made such a resource has imported its module; nobody else should wait for that.
    loaded = sys.modules.get(f"aws_cdk.{module}")
    return loaded is not None and isinstance(node, getattr(loaded, name))


class _References:
    """Says which functions a value refers to, by the function itself or by an alias or version of it."""

    def __init__(self, functions: Mapping[str, aws_lambda.Function], nodes: Collection[IConstruct]) -> None:
        # Each function and its qualifiers, by the path of the function.
        self._targets: list[tuple[str, aws_lambda.IFunction]] = list(functions.items())
        for node in nodes:
            if isinstance(node, (aws_lambda.Alias, aws_lambda.Version)):
                path = node.lambda_.node.path
                if path in functions:
                    self._targets.append((path, node))
        self._local: dict[tuple[str, str], str] = {}
        for path, target in self._targets:
            element = target.node.default_child
            if isinstance(element, CfnElement):
                stack = Stack.of(element)
                self._local[stack.node.path, str(stack.resolve(element.logical_id))] = path
        self._foreign: dict[str, list[tuple[str, str]]] = {}

    def find(self, stack: Stack, value: Any) -> set[str]:
        resolved = stack.resolve(value)
        names = set(_logical_ids(resolved))
        found = {self._local[key] for name in names if (key := (stack.node.path, name)) in self._local}
        if not found and (names or "Fn::" in json.dumps(resolved)):
            text = json.dumps(resolved)
            found = {path for path, arn in self._from_elsewhere(stack) if arn in text}
        return found

    def _from_elsewhere(self, stack: Stack) -> list[tuple[str, str]]:
        """Return the functions of other stacks, as references to them read in this one."""
        here = stack.node.path
        if here not in self._foreign:
            pairs = []
            for path, target in self._targets:
                home = Stack.of(target)
                if home.node.path != here:
                    arn = json.dumps(stack.resolve(target.function_arn))
                    # One that nobody here refers to reads as it does at home, where its name means something else.
                    if arn != json.dumps(home.resolve(target.function_arn)):
                        pairs.append((path, arn))
            self._foreign[here] = pairs
        return self._foreign[here]


def _logical_ids(value: Any) -> Iterator[str]:
    if isinstance(value, Mapping):
        for key, inner in value.items():
            if key == "Ref":
                yield str(inner)
            elif key == "Fn::GetAtt":
                yield str(inner[0] if isinstance(inner, list) else str(inner).split(".")[0])
            else:
                yield from _logical_ids(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _logical_ids(inner)


# The warning's id, the largest response, and what streams instead.
_WAYS_OUT = {
    "REST API": (
        "restApiBuffers",
        "10 MB",
        "wire it with the function's streaming_integration(), or LambdaIntegration(function, "
        "response_transfer_mode=ResponseTransferMode.STREAM)",
    ),
    "HTTP API": (
        "httpApiBuffers",
        "6 MB",
        "use a Function URL, or a REST API with the function's streaming_integration()",
    ),
    "load balancer": (
        "loadBalancerBuffers",
        "1 MB",
        "use a Function URL, behind CloudFront where it needs a domain name of its own",
    ),
}


def _warn_of_buffering(function: aws_lambda.Function, found: FoundFrontDoors) -> None:
    # One of each kind is enough to be told of.
    for kind, door in {door.kind: door for door in reversed(found.doors_that_buffer)}.items():
        if kind in _WAYS_OUT:
            warning, limit, way_out = _WAYS_OUT[kind]
            _warn(
                function,
                warning,
                f"the {kind} '{door.path}' buffers: a response reaches its caller whole, at its end, and cannot be "
                f"larger than {limit}; {way_out}",
            )


def _check_rest_method(
    function: aws_lambda.Function, opening: _Opening, edge_optimized: Collection[tuple[str, str]]
) -> list[str]:
    """Compare the limits of a REST API's method that streams with those of its function."""
    path = opening.door.path
    limit_ms = opening.rest_method.integration.timeout_in_millis or REST_TIMEOUT_DEFAULT_MS
    if Token.is_unresolved(limit_ms):
        return []
    if limit_ms > REST_TIMEOUT_LIMIT_MS:
        return [f"the timeout of '{path}' must be at most 15 minutes, got {limit_ms / 60_000:g} minutes"]
    timeout_seconds = timeout_seconds_of(function)
    if timeout_seconds is not None and limit_ms < timeout_seconds * 1000:
        _warn(
            function,
            "integrationTimeout",
            f"API Gateway ends a response after {limit_ms / 1000:g} s at '{path}', while the function may take "
            f"{timeout_seconds:g} s, which are charged; pass the integration timeout=Duration.minutes(15), or the "
            "function a shorter timeout",
        )
    if _name_in_stack(opening.rest_method, opening.rest_method.rest_api_id) in edge_optimized:
        _warn(
            function,
            "edgeOptimizedRestApi",
            f"the REST API of '{path}' is edge-optimized, where API Gateway ends a stream that is silent for 30 s; "
            "pass the API endpoint_types=[EndpointType.REGIONAL], which allows 5 minutes",
        )
    return []


def _find_edge_optimized(nodes: Collection[IConstruct]) -> set[tuple[str, str]]:
    """Return the REST APIs that say nothing of their endpoint, or that they want this one."""
    found = set()
    for node in nodes:
        if _is_a(node, "aws_apigateway", "CfnRestApi"):
            api: Any = node
            configuration = Stack.of(node).resolve(api.endpoint_configuration)
            is_map = isinstance(configuration, Mapping)
            types = configuration.get("types") if is_map else getattr(configuration, "types", None)
            if types is None or "EDGE" in types:
                found.add(_name_in_stack(node, api.ref))
    return found


def _name_in_stack(node: IConstruct, reference: Any) -> tuple[str, str]:
    """Return what a reference is in the node's stack: the same for all references to one thing."""
    stack = Stack.of(node)
    return stack.node.path, json.dumps(stack.resolve(reference))


def _warn(function: aws_lambda.Function, warning: str, message: str) -> None:
    Annotations.of(function).add_warning_v2(f"cdk-lambda-streaming:{warning}", message)
