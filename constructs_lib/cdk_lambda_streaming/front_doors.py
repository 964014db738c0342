"""The front doors of a function, found in the app at synth: Function URLs, REST APIs, HTTP APIs, load balancers.

An event does not say whether its front door streams, so the runtime has to be told; and the construct that made the
front door need not be ours. The search runs once a stage and synthesis, after CDK has tied references between stacks
together: then a reference to a function resolves to the same thing in the front door and here. What is written by
escape hatches (`add_property_override`) is not seen: the CDK keeps it to itself.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple
from weakref import WeakKeyDictionary

import jsii
from aws_cdk import Annotations, CfnElement, Stack, Stage, Token, aws_lambda
from constructs import IConstruct, IValidation

from cdk_lambda_streaming.construct_tree import find_constructs
from cdk_lambda_streaming.environment import FrontDoor, format_front_doors
from cdk_lambda_streaming.function_resource import resource_of, timeout_seconds_of, variables_of
from cdk_lambda_streaming.reference_text import logical_ids_of, text_of
from cdk_lambda_streaming.rest_methods import RestMethod, check_rest_method, read_rest_api, read_rest_method

# What lets requests in, and what stands between it and a function or says more about it.
_TYPES = (
    "aws_lambda.CfnUrl",
    "aws_lambda.Alias",
    "aws_lambda.Version",
    "aws_apigateway.CfnMethod",
    "aws_apigateway.CfnRestApi",
    "aws_apigatewayv2.CfnApi",
    "aws_apigatewayv2.CfnIntegration",
    "aws_elasticloadbalancingv2.CfnTargetGroup",
)


class FoundFrontDoor(NamedTuple):
    """One way into a function. `door` is None for those that can only buffer."""

    kind: str
    door: FrontDoor | None
    streams: bool
    path: str
    qualifier: str = ""


@dataclass(slots=True)
class FoundFrontDoors:
    """All ways into one function, its environment variables, and what the user has said to stream."""

    doors: list[FoundFrontDoor] = field(default_factory=list)
    variables: Mapping[str, Any] = field(default_factory=dict)
    named: frozenset[FrontDoor] | None = None

    @property
    def doors_that_stream(self) -> list[FoundFrontDoor]:
        return [door for door in self.doors if door.streams]

    @property
    def doors_that_buffer(self) -> list[FoundFrontDoor]:
        return [door for door in self.doors if not door.streams]

    def streaming(self) -> frozenset[FrontDoor]:
        """Return the kinds that stream. A Function URL that the app does not have is taken for one that does."""
        if self.named is not None:
            return self.named
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
        return problems + self._twice() + self._named_otherwise()

    def _twice(self) -> list[str]:
        urls: dict[str, list[str]] = defaultdict(list)
        for door in self.doors:
            if door.door is FrontDoor.FUNCTION_URL:
                urls[door.qualifier].append(door.path)
        return [
            f"'{paths[0]}' and '{paths[1]}' are two Function URLs of the same target, and Lambda allows one; leave one "
            "out, or pass function_url=False"
            for paths in urls.values()
            if len(paths) > 1
        ]

    def _named_otherwise(self) -> list[str]:
        if self.named is None:
            return []
        return [
            f"'{door.path}' {'streams' if door.streams else 'buffers'}, and front_doors says otherwise: "
            f"{format_front_doors(self.named)}; name all front doors that stream, or leave front_doors out"
            for door in self.doors
            if door.door is not None and door.streams != (door.door in self.named)
        ]


Answer = Callable[[FoundFrontDoors], Collection[str]]


def watch_front_doors(function: aws_lambda.Function, answer: Answer) -> None:
    """Call `answer` at each synthesis with the front doors of the function; what it returns are errors."""
    _search_of(function).answers[function.node.path] = (function, answer)


def name_front_doors(function: aws_lambda.Function, front_doors: Collection[FrontDoor]) -> None:
    """Have these count, and not those found: where one that streams is not in the app."""
    _search_of(function).named[function.node.path] = frozenset(front_doors)


def _search_of(function: aws_lambda.Function) -> _Search:
    stage = Stage.of(function)
    assert stage is not None
    search = _SEARCHES.get(stage)
    if search is None:
        search = _SEARCHES[stage] = _Search(stage)
        stage.node.add_validation(search)
    return search


@jsii.implements(IValidation)
class _Search:
    def __init__(self, stage: Stage) -> None:
        # The node and not the stage: the stage is this object's key in a dictionary that must not keep it alive.
        self._node = stage.node
        # By the paths of functions.
        self.answers: dict[str, tuple[aws_lambda.Function, Answer]] = {}
        self.named: dict[str, frozenset[FrontDoor]] = {}

    def validate(self) -> list[str]:
        nodes = find_constructs(self._node, _TYPES)
        functions = {path: function for path, (function, _) in self.answers.items()}
        references = _References(functions, nodes)
        found: dict[str, FoundFrontDoors] = defaultdict(FoundFrontDoors)
        notes = _Notes(functions)
        problems = []
        for opening in _read_openings(nodes):
            for path in references.find(opening.stack, opening.target):
                function = functions[path]
                found[path].doors.append(opening.door)
                if opening.url is not None:
                    _look_at_url(function, opening.url, notes.of(path))
                if opening.rest_method is not None:
                    problems += check_rest_method(
                        function, opening.rest_method, timeout_seconds_of(function), notes.of(path)
                    )
        for path, (_, answer) in self.answers.items():
            doors = found[path]
            doors.variables = variables_of(functions[path])
            doors.named = self.named.get(path)
            _note_buffering(doors, notes.of(path))
            problems += [f"function '{path}': {problem}" for problem in answer(doors)]
        notes.give()
        return problems


_SEARCHES: WeakKeyDictionary[Stage, _Search] = WeakKeyDictionary()


class _Notes:
    """Warnings by function and id: one of each is enough to be told of."""

    def __init__(self, functions: Mapping[str, aws_lambda.Function]) -> None:
        self._functions = functions
        self._messages: dict[str, dict[str, str]] = defaultdict(dict)

    def of(self, path: str) -> Callable[[str, str], object]:
        return self._messages[path].setdefault

    def give(self) -> None:
        for path, messages in self._messages.items():
            for warning, message in messages.items():
                Annotations.of(self._functions[path]).add_warning_v2(f"cdk-lambda-streaming:{warning}", message)


class _Opening(NamedTuple):
    """A resource that lets requests into the function its `target` refers to."""

    door: FoundFrontDoor
    stack: Stack
    target: Any
    url: aws_lambda.CfnUrl | None = None
    rest_method: RestMethod | None = None


def _read_openings(nodes: Collection[IConstruct]) -> Iterator[_Opening]:
    rest_apis = [read_rest_api(node) for node in nodes if _is_a(node, "aws_apigateway.CfnRestApi")]
    sockets = {_name(node, node.ref) for node in nodes if _is_a(node, "aws_apigatewayv2.CfnApi") and _is_socket(node)}  # type: ignore[attr-defined]
    for node in nodes:
        path, stack, any_node = node.node.path, Stack.of(node), _untyped(node)
        if isinstance(node, aws_lambda.CfnUrl):
            if not Token.is_unresolved(node.invoke_mode):
                streams = node.invoke_mode == "RESPONSE_STREAM"
                door = FoundFrontDoor("Function URL", FrontDoor.FUNCTION_URL, streams, path, node.qualifier or "")
                yield _Opening(door, stack, node.target_function_arn, url=node)
        elif _is_a(node, "aws_apigateway.CfnMethod"):
            method = read_rest_method(node, rest_apis)
            if method is not None:
                yield _of_rest_method(method, stack)
        elif _is_a(node, "aws_apigatewayv2.CfnIntegration"):
            if _name(node, any_node.api_id) not in sockets:
                yield _Opening(FoundFrontDoor("HTTP API", None, False, path), stack, any_node.integration_uri)
        elif _is_a(node, "aws_apigatewayv2.CfnApi"):
            if any_node.target is not None:
                yield _Opening(FoundFrontDoor("HTTP API", None, False, path), stack, any_node.target)
        elif _is_a(node, "aws_elasticloadbalancingv2.CfnTargetGroup"):
            yield _Opening(FoundFrontDoor("load balancer", None, False, path), stack, any_node.targets)
    for api in rest_apis:
        for method in api.methods:
            yield _of_rest_method(method, api.stack)


def _of_rest_method(method: RestMethod, stack: Stack) -> _Opening:
    door = FoundFrontDoor("REST API", FrontDoor.REST_API, method.streams, method.path)
    return _Opening(door, stack, method.uri, rest_method=method)


def _is_a(node: IConstruct, name: str) -> bool:
    return getattr(type(node), "__jsii_type__", "") == f"aws-cdk-lib.{name}"


def _is_socket(api: IConstruct) -> bool:
    return bool(_untyped(api).protocol_type == "WEBSOCKET")


def _untyped(node: IConstruct) -> Any:
    # Its module is not imported here: whoever made the resource has paid for that, nobody else should.
    return node


def _name(node: IConstruct, reference: Any) -> tuple[str, str]:
    """Return what a reference is in the node's stack: the same for all references to one thing."""
    stack = Stack.of(node)
    return stack.node.path, text_of(stack.resolve(reference))


def _look_at_url(function: aws_lambda.Function, url: aws_lambda.CfnUrl, note: Callable[[str, str], object]) -> None:
    if url.auth_type == "NONE":
        note(
            "publicFunctionUrl",
            "everybody who knows the Function URL can call it, at your cost; leave auth_type out for callers with "
            "IAM permission, or acknowledge this where the function checks its callers",
        )
    if url.invoke_mode != "RESPONSE_STREAM":
        note(
            "bufferedFunctionUrl",
            "the Function URL buffers: a response reaches its caller whole, at its end, and cannot be larger than "
            "6 MB; pass invoke_mode=InvokeMode.RESPONSE_STREAM",
        )
    elif resource_of(function).vpc_config is not None:
        note(
            "vpcFunctionUrl",
            "AWS does not support streaming through Function URLs within a VPC; call the function by "
            "InvokeWithResponseStream through a VPC endpoint, or leave vpc out",
        )


class _References:
    """Says which functions a value refers to, by the function itself or by an alias or version of it."""

    def __init__(self, functions: Mapping[str, aws_lambda.Function], nodes: Collection[IConstruct]) -> None:
        # Each function and its qualifiers, by the path of the function.
        targets: list[tuple[str, aws_lambda.IFunction]] = list(functions.items())
        for node in nodes:
            if isinstance(node, (aws_lambda.Alias, aws_lambda.Version)):
                path = node.lambda_.node.path
                if path in functions:
                    targets.append((path, node))
        self._local: dict[tuple[str, str], str] = {}
        self._targets: list[_Target] = []
        for path, target in targets:
            element = target.node.default_child
            if isinstance(element, CfnElement):
                home = Stack.of(element)
                logical_id = str(home.resolve(element.logical_id))
                self._local[home.node.path, logical_id] = path
                self._targets.append(
                    _Target(path, target, home, home.node.path, element.node.path, _name_parts(home, element))
                )
        self._names = {
            name: path for path, function in functions.items() if (name := _literal_name_of(function)) is not None
        }
        self._environments: dict[str, str] = {}
        self._foreign: dict[tuple[str, str], str] = {}

    def find(self, stack: Stack, value: Any) -> set[str]:
        resolved = stack.resolve(value)
        here = stack.node.path
        found = {self._local[here, name] for name in logical_ids_of(resolved) if (here, name) in self._local}
        if found:
            return found
        text = text_of(resolved)
        by_name = {
            path for name, path in self._names.items() if re.search(rf":function:{re.escape(name)}(?![\w-])", text)
        }
        return by_name or {
            target.path
            for target in self._targets
            if self._may_be_meant(target, stack, here, text) and self._is_meant(target, stack, here, text)
        }

    def _may_be_meant(self, target: _Target, stack: Stack, here: str, text: str) -> bool:
        """A reference to another stack holds the names of both; one to another account or region need not."""
        if target.home_path == here:
            return False
        return all(part in text for part in target.name_parts) or self._environment(
            target.home, target.home_path
        ) != self._environment(stack, here)

    def _is_meant(self, target: _Target, stack: Stack, here: str, text: str) -> bool:
        key = (here, target.element_path)
        if key not in self._foreign:
            arn = text_of(stack.resolve(target.construct.function_arn))
            # One that nobody here refers to reads as it does at home, where its name means something else.
            is_own = arn == text_of(target.home.resolve(target.construct.function_arn))
            self._foreign[key] = "" if is_own else arn
        arn = self._foreign[key]
        return bool(arn) and re.search(re.escape(arn) + r"(?![\w-])", text) is not None

    def _environment(self, stack: Stack, path: str) -> str:
        if path not in self._environments:
            self._environments[path] = stack.environment
        return self._environments[path]


class _Target(NamedTuple):
    path: str
    construct: aws_lambda.IFunction
    home: Stack
    home_path: str
    element_path: str
    name_parts: tuple[str, ...]
    """What the names of references from other stacks hold."""


def _name_parts(home: Stack, element: CfnElement) -> tuple[str, ...]:
    """Return what the CDK makes of the ids between stack and element, and the stack's name where it is one at synth."""
    ids: list[str] = []
    for part in element.node.path.removeprefix(home.node.path).split("/"):
        letters = re.sub(r"[^A-Za-z0-9]", "", part)
        # The CDK leaves these out, and repetitions.
        if part not in ("Default", "Resource") and not (ids and ids[-1].endswith(letters)):
            ids.append(letters)
    # Long names are cut.
    of_element = "".join(ids)[:100]
    name = "" if Token.is_unresolved(home.stack_name) or home.nested_stack_parent else home.stack_name
    return of_element, name


def _literal_name_of(function: aws_lambda.Function) -> str | None:
    name = resource_of(function).function_name
    return None if name is None or Token.is_unresolved(name) else name


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


def _note_buffering(found: FoundFrontDoors, note: Callable[[str, str], object]) -> None:
    for door in found.doors_that_buffer:
        if door.kind in _WAYS_OUT:
            warning, limit, way_out = _WAYS_OUT[door.kind]
            note(
                warning,
                f"the {door.kind} '{door.path}' buffers: a response reaches its caller whole, at its end, and cannot "
                f"be larger than {limit}; {way_out}",
            )
