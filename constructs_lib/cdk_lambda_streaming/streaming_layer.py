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
    EXEC_WRAPPERS_VARIABLE,
    FRONT_DOORS_VARIABLE,
    WRAPPER_PATH,
    WRAPPER_VARIABLE,
    FrontDoor,
    check_front_doors,
    format_front_doors,
    wrong_variables,
)
from cdk_lambda_streaming.front_doors import FoundFrontDoors, name_front_doors, watch_front_doors
from cdk_lambda_streaming.function_resource import layers_of, resource_of, set_variable, variables_of
from cdk_lambda_streaming.layer_content import (
    LayerFile,
    hash_layer_files,
    read_layer_files,
    write_layer_files,
)
from cdk_lambda_streaming.managed_python import SUPPORTED, is_os_only, layer_runtimes, python_version

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
                compatible_runtimes=layer_runtimes(),
                compatible_architectures=[aws_lambda.Architecture.ARM_64, aws_lambda.Architecture.X86_64],
            )
        self._content_hash = content_hash
        # By their paths.
        self._attached: set[str] = set()

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
        """Make a Python function of the app a streaming one. Its front doors stay yours to add.

        Those that the app has are found at synth: Function URLs, REST APIs. `front_doors` names all that stream, and
        is needed only where one of them is not in the app as a construct. Attaching again changes nothing but
        `front_doors`, where they are given. A wrapper the function has already, such as OpenTelemetry's, is chained.

        Raises an error for a function that could not stream: an imported one, one of another stack, a runtime other
        than Python, a container image, an AWS Lambda Web Adapter layer that is there already, no room for another
        layer; and for front doors that are no members of `FrontDoor`.
        """
        if not isinstance(function, aws_lambda.Function):
            raise TypeError(
                f"function must be an aws_lambda.Function of this app, got {type(function).__name__}: "
                "imported functions, versions and aliases take neither layers nor environment variables"
            )
        if front_doors is not None:
            check_front_doors(front_doors)
        if function.node.path not in self._attached:
            self._refuse_unless_attachable(function)
            self._attach(function)
            self._attached.add(function.node.path)
        if front_doors is not None:
            name_front_doors(function, front_doors)

    def _refuse_unless_attachable(self, function: aws_lambda.Function) -> None:
        if Stack.of(function).node.path != Stack.of(self).node.path:
            raise ValueError(
                f"function '{function.node.path}' is not in the layer's stack '{Stack.of(self).node.path}'; "
                "use StreamingLayer.of(function).attach_to(function)"
            )
        python_version(function.runtime)
        if resource_of(function).durable_config is not None:
            raise ValueError(
                f"function '{function.node.path}' is durable, and the streaming runtime does not speak the protocol of "
                "durable functions; leave durable_config out"
            )
        layers = layers_of(function)
        if _has_web_adapter(layers):
            raise ValueError(
                f"function '{function.node.path}' has the layer of AWS Lambda Web Adapter, which is "
                f"{WRAPPER_PATH} as the streaming layer is; remove one of them"
            )
        wrapper = variables_of(function).get(WRAPPER_VARIABLE)
        if wrapper is not None and (not isinstance(wrapper, str) or not wrapper.startswith("/")):
            raise ValueError(
                f"function '{function.node.path}' has {WRAPPER_VARIABLE} set to {wrapper!r}, which cannot be chained; "
                "remove the variable, and pass the wrapper's path in LAMBDA_STREAMING_EXEC_WRAPPERS"
            )
        if wrapper == WRAPPER_PATH:
            raise ValueError(
                f"function '{function.node.path}' has {WRAPPER_VARIABLE} set to {wrapper!r} already, where the "
                "streaming layer has its own; remove the variable, and the layer that has that file"
            )
        if len(layers) >= LAYERS_LIMIT:
            raise ValueError(
                f"function '{function.node.path}' has {len(layers)} layers already and Lambda allows "
                f"{LAYERS_LIMIT}, the streaming layer included; remove one"
            )

    def _attach(self, function: aws_lambda.Function) -> None:
        function.add_layers(self)
        if not is_os_only(function.runtime):  # There the layer's bootstrap is started as such.
            _chain_wrapper(function)
            set_variable(function, WRAPPER_VARIABLE, WRAPPER_PATH)
        # Without the feature flag recognizeLayerVersion the CDK makes no version when only a layer changes.
        function.invalidate_version_based_on(self.content_hash)
        function.node.add_validation(_StillStreams(function, self))
        watch_front_doors(function, lambda found: tell_front_doors(function, found))


def tell_front_doors(function: aws_lambda.Function, found: FoundFrontDoors) -> list[str]:
    """Tell the runtime which front doors stream, unless it takes that for granted; return what contradicts."""
    streaming = found.streaming()
    if streaming != DEFAULT_FRONT_DOORS:
        set_variable(function, FRONT_DOORS_VARIABLE, format_front_doors(streaming))
    return found.contradictions()


def _chain_wrapper(function: aws_lambda.Function) -> None:
    """Have the runtime start a wrapper that the function has already, after those it is told of."""
    variables = variables_of(function)
    wrapper = variables.get(WRAPPER_VARIABLE)
    if wrapper is not None:
        chained = variables.get(EXEC_WRAPPERS_VARIABLE)
        set_variable(function, EXEC_WRAPPERS_VARIABLE, f"{chained}:{wrapper}" if chained else wrapper)


@jsii.implements(IValidation)
class _StillStreams:
    """Sees at synth what was done to an attached function afterwards."""

    def __init__(self, function: aws_lambda.Function, layer: StreamingLayer) -> None:
        self._function = function
        self._layer = layer

    def validate(self) -> list[str]:
        variables = variables_of(self._function)
        problems = wrong_variables(variables)
        wrapper = variables.get(WRAPPER_VARIABLE)
        if wrapper != WRAPPER_PATH and not is_os_only(self._function.runtime):
            problems.append(
                f"{WRAPPER_VARIABLE} was set to {wrapper!r} after the streaming layer was attached, and the "
                "function would not stream; leave the variable out, and name the wrapper in exec_wrappers or "
                f"{EXEC_WRAPPERS_VARIABLE}"
            )
        layers = layers_of(self._function)
        if _has_web_adapter(layers):
            problems.append(
                f"the layer of AWS Lambda Web Adapter was added, which is {WRAPPER_PATH} as the streaming "
                "layer is; remove one of them"
            )
        if Stack.of(self._function).resolve(self._layer.layer_version_arn) not in layers:
            problems.append(
                f"the streaming layer was taken away, and {WRAPPER_PATH} with it: the function could not start; add to "
                "its layers and do not replace them"
            )
        runtime = resource_of(self._function).runtime
        if runtime is not None and runtime not in SUPPORTED and not runtime.startswith("provided"):
            problems.append(f"its runtime was changed to '{runtime}', which the streaming layer is not made for")
        if len(layers) > LAYERS_LIMIT:
            problems.append(f"it has {len(layers)} layers, the streaming layer included; Lambda allows {LAYERS_LIMIT}")
        if resource_of(self._function).capacity_provider_config is not None:
            problems.append(
                "it was added to a capacity provider: Lambda Managed Instances give one environment several "
                "invocations at once, and the streaming runtime serves one; leave it out of the capacity provider"
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


def _has_web_adapter(layers: list[Any]) -> bool:
    # An ARN with the region or partition left to CloudFormation is an Fn::Join, so it is looked for as text.
    return WEB_ADAPTER_LAYER in json.dumps(layers)
