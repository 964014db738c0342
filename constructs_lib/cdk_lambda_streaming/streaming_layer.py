"""The runtime as a Lambda layer, and what has to be true of a function that it is attached to."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import jsii
from aws_cdk import AssetHashType, Stack, aws_lambda
from constructs import Construct, IConstruct, IValidation

from cdk_lambda_streaming.environment import (
    DEFAULT_FRONT_DOORS,
    FRONT_DOORS_VARIABLE,
    WRAPPER_PATH,
    WRAPPER_VARIABLE,
    FrontDoor,
    check_front_doors,
    check_switch,
    format_front_doors,
)
from cdk_lambda_streaming.layer_content import (
    LayerFile,
    hash_layer_files,
    read_layer_files,
    write_layer_files,
)
from cdk_lambda_streaming.managed_python import python_version, supported_runtimes

LAYER_ID = "LambdaStreamingRuntime"
LAYERS_LIMIT = 5
# AWS publishes its Lambda Web Adapter under this name in every partition; it is /opt/bootstrap too.
WEB_ADAPTER_LAYER = ":layer:LambdaAdapterLayer"


class StreamingLayer(aws_lambda.LayerVersion):
    """The streaming runtime as a Lambda layer: one per stack, found or made by `StreamingLayer.of`."""

    def __init__(self, scope: Construct, id: str) -> None:
        files = read_layer_files()
        content_hash = hash_layer_files(files)
        with _written(files, scope) as folder:
            super().__init__(
                scope,
                id,
                # CDK's own fingerprint does not see modes.
                code=aws_lambda.Code.from_asset(folder, asset_hash=content_hash, asset_hash_type=AssetHashType.CUSTOM),
                description="Response streaming for Python: the lambda-streaming runtime",
                compatible_runtimes=supported_runtimes(),
                compatible_architectures=[aws_lambda.Architecture.ARM_64, aws_lambda.Architecture.X86_64],
            )
        self._content_hash = content_hash
        # By the path of each attached function, the front doors that its runtime streams to.
        self._front_doors: dict[str, frozenset[FrontDoor]] = {}

    @classmethod
    def of(cls, scope: IConstruct) -> StreamingLayer:
        """Return the layer of the stack (or nested stack) that `scope` is in; the first call makes it."""
        stack = Stack.of(scope)
        layer = stack.node.try_find_child(LAYER_ID)
        if layer is None:
            return cls(stack, LAYER_ID)
        if not isinstance(layer, cls):
            raise ValueError(f"'{layer.node.path}' stands where the streaming layer belongs; give it another id")
        return layer

    @property
    def content_hash(self) -> str:
        """The hash of what the layer holds; the same on every machine."""
        return self._content_hash

    def attach_to(self, function: aws_lambda.Function, *, front_doors: Collection[FrontDoor] | None = None) -> None:
        """Make a Python function of the app a streaming one. Its Function URL stays yours to add.

        `front_doors` are those you wired for streaming; by default a Function URL with
        `InvokeMode.RESPONSE_STREAM`. Attaching again changes nothing but the front doors, where they are
        given.

        Raises an error for a function that could not stream: an imported one, one of another stack, a
        runtime other than managed Python, a wrapper variable or an AWS Lambda Web Adapter layer that is
        there already, no room for another layer; and for front doors that are no members of `FrontDoor`.
        """
        if not isinstance(function, aws_lambda.Function):
            raise TypeError(
                f"function must be an aws_lambda.Function of this app, got {type(function).__name__}: "
                "imported functions, versions and aliases take neither layers nor environment variables"
            )
        if front_doors is not None:
            check_front_doors(front_doors)
        path = function.node.path
        if path not in self._front_doors:
            self._refuse_unless_attachable(function)
            self._attach(function)
            self._front_doors[path] = DEFAULT_FRONT_DOORS
        if front_doors is not None and self._front_doors[path] != frozenset(front_doors):
            self._front_doors[path] = frozenset(front_doors)
            _set_variable(function, FRONT_DOORS_VARIABLE, format_front_doors(front_doors))

    def _refuse_unless_attachable(self, function: aws_lambda.Function) -> None:
        if Stack.of(function).node.path != Stack.of(self).node.path:
            raise ValueError(
                f"function '{function.node.path}' is not in the layer's stack '{Stack.of(self).node.path}'; "
                "use StreamingLayer.of(function).attach_to(function)"
            )
        python_version(function.runtime)
        wrapper = _variables(function).get(WRAPPER_VARIABLE)
        if wrapper is not None:
            raise ValueError(
                f"function '{function.node.path}' has {WRAPPER_VARIABLE} set to {wrapper!r} already: Lambda "
                f"has one wrapper slot, and the streaming runtime is started from it ({WRAPPER_PATH}); "
                "remove the variable, or the option that set it, such as adot_instrumentation"
            )
        layers = _layers(function)
        if _has_web_adapter(layers):
            raise ValueError(
                f"function '{function.node.path}' has the layer of AWS Lambda Web Adapter, which is "
                f"{WRAPPER_PATH} as the streaming layer is; remove one of them"
            )
        if len(layers) >= LAYERS_LIMIT:
            raise ValueError(
                f"function '{function.node.path}' has {len(layers)} layers already and Lambda allows "
                f"{LAYERS_LIMIT}, the streaming layer included; remove one"
            )

    def _attach(self, function: aws_lambda.Function) -> None:
        function.add_layers(self)
        _set_variable(function, WRAPPER_VARIABLE, WRAPPER_PATH)
        # Without the feature flag recognizeLayerVersion the CDK makes no version when only a layer changes.
        function.invalidate_version_based_on(self.content_hash)
        function.node.add_validation(_StillStreams(function))


@jsii.implements(IValidation)
class _StillStreams:
    """Sees at synth what was done to an attached function afterwards."""

    def __init__(self, function: aws_lambda.Function) -> None:
        self._function = function

    def validate(self) -> list[str]:
        problems = []
        variables = _variables(self._function)
        for key, value in variables.items():
            if isinstance(value, str):  # a token is something else here, and only a deployment knows its value
                try:
                    check_switch(key, value)
                except ValueError as error:
                    problems.append(str(error))
        wrapper = variables.get(WRAPPER_VARIABLE)
        if wrapper != WRAPPER_PATH:
            problems.append(
                f"{WRAPPER_VARIABLE} was set to {wrapper!r} after the streaming layer was attached, and the "
                "function would not stream; leave the variable out"
            )
        if _has_web_adapter(_layers(self._function)):
            problems.append(
                f"the layer of AWS Lambda Web Adapter was added, which is {WRAPPER_PATH} as the streaming "
                "layer is; remove one of them"
            )
        return problems


@contextmanager
def _written(files: Collection[LayerFile], scope: IConstruct) -> Iterator[str]:
    """Write the files to a folder that lives as long as the CDK needs it."""
    if scope.node.try_get_context("aws:cdk:disable-asset-staging"):
        # `cdk synth --no-staging` names the folder itself in the assembly: it has to outlive the synthesis.
        folder = tempfile.mkdtemp(prefix="lambda-streaming-")
        write_layer_files(files, Path(folder))
        yield folder
        return
    with tempfile.TemporaryDirectory(prefix="lambda-streaming-") as folder:
        write_layer_files(files, Path(folder))
        yield folder


def _set_variable(function: aws_lambda.Function, key: str, value: str) -> None:
    # Not through the function's own method: StreamingFunction keeps these names from its users.
    aws_lambda.Function.add_environment(function, key, value)


def _variables(function: aws_lambda.Function) -> dict[str, Any]:
    """Return the function's environment variables as the template would have them."""
    properties = _resource(function)._cfn_properties
    environment = Stack.of(function).resolve(properties.get("environment"))
    return dict((environment or {}).get("variables", {}))


def _layers(function: aws_lambda.Function) -> list[Any]:
    """Return the function's layers as the template would have them."""
    return list(Stack.of(function).resolve(_resource(function).layers) or [])


def _resource(function: aws_lambda.Function) -> aws_lambda.CfnFunction:
    resource = function.node.default_child
    assert isinstance(resource, aws_lambda.CfnFunction)
    return resource


def _has_web_adapter(layers: list[Any]) -> bool:
    # An ARN with the region or partition left to CloudFormation is an Fn::Join, so it is looked for as text.
    return WEB_ADAPTER_LAYER in json.dumps(layers)
