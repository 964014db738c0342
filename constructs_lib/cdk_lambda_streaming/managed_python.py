"""Lambda's managed Python runtimes that the layer runs on."""

from __future__ import annotations

from aws_cdk import aws_lambda


def supported_runtimes() -> list[aws_lambda.Runtime]:
    """Return the runtimes the layer is made for, oldest first."""
    return [
        aws_lambda.Runtime.PYTHON_3_10,
        aws_lambda.Runtime.PYTHON_3_11,
        aws_lambda.Runtime.PYTHON_3_12,
        aws_lambda.Runtime.PYTHON_3_13,
        aws_lambda.Runtime.PYTHON_3_14,
    ]


def python_version(runtime: aws_lambda.Runtime) -> tuple[int, int]:
    """Return the Python version of a managed runtime, or refuse the runtime with the reason."""
    if not isinstance(runtime, aws_lambda.Runtime):
        raise TypeError(f"runtime must be a Runtime, such as Runtime.PYTHON_3_14, got {runtime!r}")
    names = [supported.name for supported in supported_runtimes()]
    if runtime.name in names:
        major, minor = runtime.name.removeprefix("python").split(".")
        return int(major), int(minor)
    if runtime.name == "FROM_IMAGE":
        reason = "a container image takes no layers; put the distribution 'lambda-streaming' into the image"
    elif runtime.name.startswith("provided"):
        reason = "OS-only runtimes start no wrapper"
    elif runtime.name.startswith("python"):
        reason = "the layer is not made for this Python"
    else:
        reason = "the layer streams from Python handlers"
    raise ValueError(f"runtime must be one of {', '.join(names)}, got '{runtime.name}': {reason}")
