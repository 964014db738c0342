"""What a function must not have of its requirements, and what it has already."""

from __future__ import annotations

import re
from collections.abc import Iterable
from importlib import metadata

from packaging.utils import canonicalize_name

from .errors import Notice

# They make constructs at synth.
SYNTH_ONLY = ("cdk-lambda-streaming", "aws-cdk-lib")
IN_THE_LAYER = "lambda-streaming"
NOT_INSTALLED = (*SYNTH_ONLY, IN_THE_LAYER)


def name_of(line: str) -> str:
    """Return the name that a line of requirements begins with; nothing for options and paths."""
    name = re.match(r"[A-Za-z0-9][A-Za-z0-9._-]*", line)
    return canonicalize_name(name[0]) if name else ""


def pinned_version(line: str) -> str | None:
    """Return the version that a line of requirements allows alone."""
    version = re.match(r"[^=;<>~!]*==\s*([^\s;,*]+)(?=$|[\s;])", line)
    return version[1] if version else None


def notices_about(requirements: Iterable[tuple[str, str | None]]) -> list[Notice]:
    """Return what to say of requirements, by their names and pinned versions, that are not installed."""
    notices = []
    for name, version in dict.fromkeys(requirements):
        if name in SYNTH_ONLY:
            notices.append(
                Notice(
                    "synthOnlyRequirement",
                    f"{name} is left out of the function: it makes constructs at synth and is too large for Lambda; "
                    "keep it in the requirements of the CDK app",
                )
            )
        elif name == IN_THE_LAYER:
            notices += _compare_with_layer(version)
    return notices


def _compare_with_layer(pinned: str | None) -> list[Notice]:
    """Return a warning where the requirements pin another version of the runtime than the layer has."""
    try:
        deployed = metadata.version(IN_THE_LAYER)
    except metadata.PackageNotFoundError:
        return []
    if pinned is None or pinned == deployed:
        return []
    return [
        Notice(
            "runtimeVersion",
            f"the requirements pin {IN_THE_LAYER} {pinned}, and the layer has {deployed}, which the function gets; "
            "pin the same, and your tests run what is deployed",
        )
    ]
