"""Requirements that are never installed into a function: the CDK, and the runtime that its layer has."""

from __future__ import annotations

from collections.abc import Iterable
from importlib import metadata

from lambda_bundling.errors import BundlingWarning

# They build constructs at synth.
SYNTH_ONLY = ("cdk-lambda-streaming", "aws-cdk-lib")
IN_THE_LAYER = "lambda-streaming"
NOT_INSTALLED = (*SYNTH_ONLY, IN_THE_LAYER)


def warnings_about(requirements: Iterable[tuple[str, str | None]]) -> list[BundlingWarning]:
    """Return warnings about requirements that are not installed, given names and pinned versions."""
    warnings = []
    for name, version in dict.fromkeys(requirements):
        if name in SYNTH_ONLY:
            warnings.append(
                BundlingWarning(
                    "synthOnlyRequirement",
                    f"{name} is not installed into the function: it builds constructs at synth and is too large for "
                    "Lambda. Move it to the requirements of the CDK app.",
                )
            )
        elif name == IN_THE_LAYER:
            warnings += _compare_with_layer(version)
    return warnings


def _compare_with_layer(pinned: str | None) -> list[BundlingWarning]:
    """Return a warning if the requirements pin another version of the runtime than the layer has."""
    try:
        deployed = metadata.version(IN_THE_LAYER)
    except metadata.PackageNotFoundError:
        return []
    if pinned is None or pinned == deployed:
        return []
    return [
        BundlingWarning(
            "runtimeVersion",
            f"the requirements pin {IN_THE_LAYER} {pinned}, but the function runs {deployed} from the layer. "
            f"Pin {deployed}, so that your tests run the deployed version.",
        )
    ]
