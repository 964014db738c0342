"""CloudFormation resource of a function: variables, layers and timeout, as the template will have them."""

from __future__ import annotations

from typing import Any
from weakref import WeakKeyDictionary

from aws_cdk import Annotations, CfnResource, Token, aws_lambda
from constructs import IConstruct

from cdk_lambda_streaming.cdk.construct_tree import stack_of

DEFAULT_TIMEOUT_SECONDS = 3
_RESOURCES: WeakKeyDictionary[aws_lambda.Function, aws_lambda.CfnFunction] = WeakKeyDictionary()
_RUNTIMES: WeakKeyDictionary[aws_lambda.Function, aws_lambda.Runtime] = WeakKeyDictionary()


def resource_of(function: aws_lambda.Function) -> aws_lambda.CfnFunction:
    """Return the resource of a function. A second call costs no request to the CDK's process."""
    resource = _RESOURCES.get(function)
    if resource is None:
        child = function.node.default_child
        assert isinstance(child, aws_lambda.CfnFunction)
        resource = _RESOURCES[function] = child
    return resource


def runtime_of(function: aws_lambda.Function) -> aws_lambda.Runtime:
    """Return the runtime that the function was made with. Only the first call is a request to the CDK's process."""
    runtime = _RUNTIMES.get(function)
    if runtime is None:
        runtime = _RUNTIMES[function] = function.runtime
    return runtime


def properties_of(resource: IConstruct) -> dict[str, Any]:
    """Return the properties of a CloudFormation resource by their names in camel case, such as `invokeMode`."""
    # One request to the CDK's process. Each attribute would be another one.
    properties: dict[str, Any] = resource._cfn_properties  # type: ignore[attr-defined]
    return properties


def has_condition(resource: IConstruct) -> bool:
    """Return True for a resource that CloudFormation makes only under a condition."""
    return isinstance(resource, CfnResource) and resource.cfn_options.condition is not None


def variables_of(function: aws_lambda.Function) -> dict[str, Any]:
    """Return the environment variables. Tokens are resolved as far as possible at synth."""
    # CfnFunction.environment is empty while its value is lazy.
    properties = resource_of(function)._cfn_properties
    environment = stack_of(function).resolve(properties.get("environment"))
    return dict((environment or {}).get("variables", {}))


def layers_of(function: aws_lambda.Function) -> list[Any]:
    """Return the resolved ARNs of the layers."""
    return list(stack_of(function).resolve(resource_of(function).layers) or [])


def timeout_seconds_of(function: aws_lambda.Function) -> float | None:
    """Return the timeout, or None if it is known only at deployment."""
    timeout = resource_of(function).timeout
    if timeout is None:
        return DEFAULT_TIMEOUT_SECONDS
    return None if Token.is_unresolved(timeout) else timeout


def set_variable(function: aws_lambda.Function, key: str, value: str) -> None:
    """Set an environment variable, even one that users of `StreamingFunction` cannot set."""
    aws_lambda.Function.add_environment(function, key, value)


def set_image_command(function: aws_lambda.Function, command: str) -> None:
    """Set the command of a container image. Reject another one that the user passed."""
    resource = resource_of(function)
    properties = stack_of(function).resolve(resource._cfn_properties.get("imageConfig")) or {}
    given = properties.get("command")
    if given not in (None, [command]):
        raise ValueError(
            f"the image's cmd cannot be {given!r}: it is the handler, and the adapter sets it to {[command]!r}; leave "
            "cmd out of the code"
        )
    resource.image_config = aws_lambda.CfnFunction.ImageConfigProperty(
        command=[command],
        entry_point=properties.get("entryPoint"),
        working_directory=properties.get("workingDirectory"),
    )


def add_info(construct: IConstruct, id: str, message: str) -> None:
    """Add a message of this library to a construct that is no warning: `cdk synth --strict` passes with it."""
    Annotations.of(construct).add_info_v2(f"cdk-lambda-streaming:{id}", message)


def add_warning(construct: IConstruct, id: str, message: str) -> None:
    """Add a warning of this library to a construct."""
    Annotations.of(construct).add_warning_v2(f"cdk-lambda-streaming:{id}", message)
