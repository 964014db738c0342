"""Lambda runtimes that the streaming runtime supports."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache

from aws_cdk import aws_lambda

from cdk_lambda_streaming.cdk.construct_tree import identity_of
from cdk_lambda_streaming.checks.synth_warning import SynthWarning

# Managed Python, oldest first. These are names, because reading a constant of the CDK is a call to its process.
SUPPORTED = ("python3.10", "python3.11", "python3.12", "python3.13", "python3.14")
# Version for parsing a handler if an OS-only runtime or an image leaves it open.
NEWEST = (3, 14)
# The CDK's name for the runtime of a container image.
IMAGE = "FROM_IMAGE"
OS_ONLY = ("provided.al2", "provided.al2023")
# Runtimes in the layer's description. Lambda does not compare them with the function's.
COMPATIBLE = (*SUPPORTED, *OS_ONLY)
# https://docs.aws.amazon.com/lambda/latest/dg/lambda-runtimes.html
DEPRECATED = {"python3.10": "2026-10-31"}
_PYTHON = re.compile(r"python3\.(\d+)")


def name_of(runtime: aws_lambda.Runtime) -> str:
    """Return the name of a runtime. Only the first call is a request to the CDK's process."""
    identity = identity_of(runtime)
    if identity not in _NAMES:
        _NAMES[identity] = runtime.name
    return _NAMES[identity]


_NAMES: dict[str, str] = {}


def known_runtime(runtime: aws_lambda.Runtime) -> aws_lambda.Runtime:
    """Return the CDK's constant for a runtime with that name.

    The constant tells the CDK of SnapStart and inline code. A user's `Runtime("python3.13")` does not.
    """
    return _constant(name_of(runtime)) if name_of(runtime) in COMPATIBLE else runtime


@cache
def _constant(name: str) -> aws_lambda.Runtime:
    constant: aws_lambda.Runtime = getattr(
        aws_lambda.Runtime, name.replace("python", "python_").replace(".", "_").upper()
    )
    return constant


def is_supported(name: str) -> bool:
    """Return True for a runtime that the layer supports, or that is newer than this version of the library."""
    return name.startswith("provided") or name in SUPPORTED or _is_newer(name)


def _is_newer(name: str) -> bool:
    found = _PYTHON.fullmatch(name)
    return found is not None and (3, int(found[1])) > NEWEST


def runtime_warnings(name: str) -> Iterator[SynthWarning]:
    """Yield warnings about a runtime that the layer supports."""
    if _is_newer(name):
        yield SynthWarning(
            "newerPython",
            f"this version of the library was not tested with '{name}'. The layer has no byte code for it, so every "
            "cold start takes about 50 ms longer. Update the library, or choose a Python up to "
            f"{NEWEST[0]}.{NEWEST[1]}.",
        )
    if name in DEPRECATED:
        yield SynthWarning(
            "deprecatedPython",
            f"AWS deprecated '{name}' on {DEPRECATED[name]}: it gets no security updates, and later Lambda refuses to "
            "create and update functions with it. Choose a newer Python.",
        )


def check_runtime(runtime: aws_lambda.Runtime) -> None:
    """Reject a value that is not a runtime."""
    if not isinstance(runtime, aws_lambda.Runtime):
        raise TypeError(f"runtime must be a Runtime, such as Runtime.PYTHON_3_14, got {runtime!r}")


def is_os_only(runtime: aws_lambda.Runtime) -> bool:
    """Return True for Amazon Linux without a language. It starts a `bootstrap` and no exec wrapper."""
    return name_of(runtime).startswith("provided")


def python_version(runtime: aws_lambda.Runtime) -> tuple[int, int]:
    """Return the Python version of a runtime. Reject a runtime that the layer does not support."""
    check_runtime(runtime)
    name = name_of(runtime)
    found = _PYTHON.fullmatch(name)
    if found is not None and is_supported(name):
        return 3, int(found[1])
    if is_os_only(runtime):
        return NEWEST
    if name == IMAGE:
        reason = "a container image has no layers; install the distribution 'lambda-streaming' in the image"
    elif name.startswith("python"):
        reason = "the layer needs Python 3.10 or newer"
    else:
        reason = "the layer runs only Python handlers; for a runtime that streams by itself pass Adapter.native()"
    raise ValueError(f"runtime must be one of {', '.join(COMPATIBLE)}, or a newer Python, got '{name}': {reason}")
