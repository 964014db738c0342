"""Lambda's runtimes: which of them the streaming runtime runs on."""

from __future__ import annotations

from aws_cdk import aws_lambda

# The newest one this library knows; read where an OS-only runtime leaves the version open.
NEWEST = (3, 14)


def layer_runtimes() -> list[aws_lambda.Runtime]:
    """Return the runtimes that may have the layer: managed Python, and Amazon Linux with a Python of the user's."""
    return [*supported_runtimes(), aws_lambda.Runtime.PROVIDED_AL2, aws_lambda.Runtime.PROVIDED_AL2023]


def supported_runtimes() -> list[aws_lambda.Runtime]:
    """Return the managed runtimes the layer is made for, oldest first."""
    return [
        aws_lambda.Runtime.PYTHON_3_10,
        aws_lambda.Runtime.PYTHON_3_11,
        aws_lambda.Runtime.PYTHON_3_12,
        aws_lambda.Runtime.PYTHON_3_13,
        aws_lambda.Runtime.PYTHON_3_14,
    ]


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
    names = [supported.name for supported in supported_runtimes()]
    if runtime.name in names:
        major, minor = runtime.name.removeprefix("python").split(".")
        return int(major), int(minor)
    if is_os_only(runtime):
        return NEWEST
    if runtime.name == aws_lambda.Runtime.FROM_IMAGE.name:
        reason = "a container image takes no layers; put the distribution 'lambda-streaming' into the image"
    elif runtime.name.startswith("python"):
        reason = "the layer is not made for this Python"
    else:
        reason = "the layer streams from Python handlers; runtimes that stream by themselves take Adapter.native()"
    raise ValueError(f"runtime must be one of {', '.join(names)}, got '{runtime.name}': {reason}")
