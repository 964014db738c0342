"""A folder that `docker build` makes a container image of: the runtime where a layer would have it, and the code.

It is written at synth and needs no Docker then; the CDK's command line builds the image on deployment.
"""

from __future__ import annotations

import atexit
import fnmatch
import json
import shutil
import tempfile
from pathlib import Path

from aws_cdk import Token, aws_ecr_assets, aws_lambda
from constructs import Construct

from cdk_lambda_streaming.entry import EXCLUDED
from cdk_lambda_streaming.layer_content import read_layer_files, write_layer_files

REQUIREMENTS = "requirements.txt"


def image_code(
    scope: Construct, entry: Path, handler: str, base_image: str, architecture: aws_lambda.Architecture
) -> aws_lambda.Code:
    """Return the image's code for Lambda; the CDK copies the folder it is built from to the cloud assembly."""
    folder = Path(tempfile.mkdtemp(prefix="lambda-streaming-image-"))
    if not scope.node.try_get_context("aws:cdk:disable-asset-staging"):
        # The copy is made when the function is; `cdk synth --no-staging` makes none, and names this folder itself.
        atexit.register(shutil.rmtree, folder, ignore_errors=True)
    write_image_folder(folder, entry, handler, base_image)
    is_arm = architecture.name == aws_lambda.Architecture.ARM_64.name
    return aws_lambda.Code.from_asset_image(
        str(folder),
        platform=aws_ecr_assets.Platform.LINUX_ARM64 if is_arm else aws_ecr_assets.Platform.LINUX_AMD64,
    )


def write_image_folder(folder: Path, entry: Path, handler: str, base_image: str) -> None:
    """Write a Dockerfile and what it copies: `opt`, the runtime; `task`, the code.

    :param handler: Lambda's own string, such as `index.handler`.
    :param base_image: Any image with Python 3.10 or newer as `python3` on PATH and with pip, where `entry` has a
        `requirements.txt`.
    """
    is_name = isinstance(base_image, str) and base_image and not any(map(str.isspace, base_image))
    if not is_name or Token.is_unresolved(base_image):
        raise ValueError(
            "base_image must be the name of an image with Python, such as 'public.ecr.aws/lambda/python:3.14', got "
            f"{base_image!r}"
        )
    write_layer_files(read_layer_files(), folder / "opt")
    shutil.copytree(entry, folder / "task", ignore=_excluded, symlinks=True)
    (folder / "Dockerfile").write_text(_dockerfile(base_image, handler, (entry / REQUIREMENTS).is_file()), "utf-8")


def _excluded(folder: str, names: list[str]) -> set[str]:
    return {name for name in names if any(fnmatch.fnmatch(name, pattern) for pattern in EXCLUDED)}


def _dockerfile(base_image: str, handler: str, has_requirements: bool) -> str:
    lines = [f"FROM {base_image}", "WORKDIR /var/task"]
    if has_requirements:
        # Before the code, so that a change of the code does not install them again.
        lines += [
            f"COPY task/{REQUIREMENTS} ./",
            f"RUN python3 -m pip install --no-cache-dir --requirement {REQUIREMENTS}",
        ]
    lines += [
        "COPY opt/ /opt/",
        "COPY task/ ./",
        'ENTRYPOINT ["/opt/bootstrap"]',
        f"CMD {json.dumps([handler])}",
    ]
    return "\n".join(lines) + "\n"
