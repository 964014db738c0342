"""Queues that send events to a function and hide a message for a shorter time than the function may run.

Lambda refuses such an event source at deployment.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from weakref import WeakKeyDictionary

from aws_cdk import Stack, Stage, Token, aws_lambda
from constructs import IConstruct, Node

from cdk_lambda_streaming.cdk.construct_tree import find_constructs
from cdk_lambda_streaming.cdk.function_resource import add_warning, timeout_seconds_of
from cdk_lambda_streaming.cdk.validation import validate_at_synth

# https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-visibility-timeout.html
_DEFAULT_VISIBILITY_SECONDS = 30


def watch_event_sources(function: aws_lambda.Function) -> None:
    """Warn at each synth of queues with a too short visibility timeout. One search serves the functions of a stage."""
    stage = Stage.of(function)
    assert stage is not None
    if stage not in _FUNCTIONS:
        node, functions = stage.node, _FUNCTIONS.setdefault(stage, [])
        validate_at_synth(stage, lambda: _check(node, functions))
    _FUNCTIONS[stage].append(function)


_FUNCTIONS: WeakKeyDictionary[Stage, list[aws_lambda.Function]] = WeakKeyDictionary()


def _check(node: Node, functions: list[aws_lambda.Function]) -> list[str]:
    mappings = find_constructs(node, ("aws_lambda.CfnEventSourceMapping",))
    paths = {function.node.path: function for function in functions} if mappings else {}
    # The CDK makes the mapping inside the function, or inside its alias.
    sources = [
        (mapping, function)
        for mapping in mappings
        for path, function in paths.items()
        if mapping.node.path.startswith(f"{path}/")
    ]
    queues = dict(_visibility_of_queues(node)) if sources else {}
    for source, function in sources:
        _warn_of_visibility(source, function, queues)
    return []


def _visibility_of_queues(node: Node) -> Iterator[tuple[tuple[str, str], float | None]]:
    """Yield the seconds of each queue, by the path of its stack and its logical id."""
    for found in find_constructs(node, ("aws_sqs.CfnQueue",)):
        queue: Any = found
        stack, seconds = Stack.of(queue), queue.visibility_timeout
        yield (
            (stack.node.path, str(stack.resolve(queue.logical_id))),
            _DEFAULT_VISIBILITY_SECONDS if seconds is None else seconds,
        )


def _warn_of_visibility(
    source: IConstruct, function: aws_lambda.Function, queues: dict[tuple[str, str], float | None]
) -> None:
    mapping: Any = source
    stack = Stack.of(source)
    match stack.resolve(mapping.event_source_arn):
        case {"Fn::GetAtt": [str(logical_id), "Arn"]}:
            visible, timeout = queues.get((stack.node.path, logical_id)), timeout_seconds_of(function)
        case _:
            return
    if visible is not None and timeout is not None and not Token.is_unresolved(visible) and visible < timeout:
        add_warning(
            function,
            "shortVisibilityTimeout",
            f"the queue of '{source.node.path}' hides a message for {visible:g} s, and the function may run for "
            f"{timeout:g} s. Lambda refuses that: pass the queue a longer visibility_timeout, or the function a "
            "shorter timeout.",
        )
