"""Lambda's runtimes: which of them the streaming runtime runs on."""

from __future__ import annotations

from aws_cdk import aws_lambda

# Managed Python, oldest first. Names and not the CDK's constants: each of those is a question to its process.
SUPPORTED = ("python3.10", "python3.11", "python3.12", "python3.13", "python3.14")
# Read where an OS-only runtime or an image leaves the version open.
NEWEST = (3, 14)
# The CDK's name for the runtime of a container image.
IMAGE = "FROM_IMAGE"


OS_ONLY = ("provided.al2", "provided.al2023")


def layer_runtimes() -> list[aws_lambda.Runtime]:
    """Return the runtimes that may have the layer: managed Python, and Amazon Linux with a Python of the user's."""
    return [_constant(name) for name in (*SUPPORTED, *OS_ONLY)]


def as_layer_runtime(runtime: aws_lambda.Runtime) -> aws_lambda.Runtime:
    """Return the CDK's constant for a runtime of that name, which the layer is made for.

    The CDK compares runtimes with a layer's by more than their names, and a `Runtime("python3.13")` of the user's
    would not be the same.
    """
    return _constant(runtime.name) if runtime.name in (*SUPPORTED, *OS_ONLY) else runtime


def _constant(name: str) -> aws_lambda.Runtime:
    constant: aws_lambda.Runtime = getattr(
        aws_lambda.Runtime, name.replace("python", "python_").replace(".", "_").upper()
    )
    return constant


def check_runtime(runtime: aws_lambda.Runtime) -> None:
    """Refuse what is no runtime."""
    if not isinstance(runtime, aws_lambda.Runtime):
        raise TypeError(f"runtime must be a Runtime, such as Runtime.PYTHON_3_14, got {runtime!r}")


def is_os_only(runtime: aws_lambda.Runtime) -> bool:
    """Whether the runtime is Amazon Linux alone, which starts a `bootstrap` and no wrapper."""
    return runtime.name.startswith("provided")


def python_version(runtime: aws_lambda.Runtime) -> tuple[int, int]:
    """Return the Python version that reads the handler, or refuse the runtime with the reason."""
    check_runtime(runtime)
    name = runtime.name
    if name in SUPPORTED:
        major, minor = name.removeprefix("python").split(".")
        return int(major), int(minor)
    if is_os_only(runtime):
        return NEWEST
    if name == IMAGE:
        reason = "a container image takes no layers; put the distribution 'lambda-streaming' into the image"
    elif name.startswith("python"):
        reason = "the layer is not made for this Python"
    else:
        reason = "the layer streams from Python handlers; runtimes that stream by themselves take Adapter.native()"
    raise ValueError(f"runtime must be one of {', '.join(SUPPORTED)}, got '{name}': {reason}")
