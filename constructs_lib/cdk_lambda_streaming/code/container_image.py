"""Container image of a function: a folder with the runtime, the code and a Dockerfile.

A synth writes the folder without Docker. The CDK's command line builds the image at deployment.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from aws_cdk import Token, aws_ecr_assets, aws_lambda
from constructs import Construct
from lambda_bundling.sources.project import Project
from lambda_bundling.sources.requirements_source import PYLOCK, PYPROJECT, REQUIREMENTS, find_requirements

from cdk_lambda_streaming.cdk.staging import image_asset_folder
from cdk_lambda_streaming.checks.synth_warning import SynthWarning
from cdk_lambda_streaming.code.layer_content import open_folder, read_layer_files, write_layer_files
from cdk_lambda_streaming.code.plain_code import copy_entry, make_asset_folder

IGNORE = ".dockerignore"
# https://pip.pypa.io/en/stable/reference/requirements-file-format/
_NAMES_A_FILE = re.compile(r"-[rcef]|--(requirement|constraint|editable|find-links)\b|\.|/|file:")


@dataclass(frozen=True, slots=True)
class Image:
    """Image of a folder on top of another image."""

    entry: Path
    handler: str
    """Lambda's own handler string, such as `index.handler`."""
    base_image: str
    """Image with Python 3.10 or newer as `python3` on PATH, and with pip if `entry` has a `requirements.txt`."""
    excluded: Sequence[str] = ()
    """The user's patterns of files in `entry` that are not deployed."""


def image_code(scope: Construct, image: Image, architecture: aws_lambda.Architecture) -> aws_lambda.Code:
    """Return the image's code. The CDK copies the folder to the cloud assembly."""
    folder = make_asset_folder(scope)
    write_image_folder(folder, image)
    is_arm = architecture.name == aws_lambda.Architecture.ARM_64.name
    return aws_lambda.Code.from_asset_image(
        str(folder),
        platform=aws_ecr_assets.Platform.LINUX_ARM64 if is_arm else aws_ecr_assets.Platform.LINUX_AMD64,
    )


def write_image_folder(folder: Path, image: Image) -> None:
    """Write a Dockerfile and the folders that it copies: `opt` with the runtime, `task` with the code."""
    _check_base_image(image.base_image)
    entry, task = image.entry, folder / "task"
    write_layer_files(read_layer_files(), folder / "opt")
    copy_entry(entry, task, image.excluded)
    if (entry / REQUIREMENTS).is_file() and not (task / REQUIREMENTS).is_file():
        raise ValueError(
            f"a pattern of .lambdaignore or asset_excludes excludes {REQUIREMENTS} in entry folder '{entry}', and the "
            f"image's Dockerfile installs it; end .lambdaignore with '!{REQUIREMENTS}'"
        )
    if (entry / IGNORE).is_file():
        (folder / IGNORE).write_text(_ignore_in_task((entry / IGNORE).read_text("utf-8-sig")), "utf-8")
    (folder / "Dockerfile").write_text(_dockerfile(image), "utf-8")


def _check_base_image(base_image: object) -> None:
    is_name = isinstance(base_image, str) and base_image and not any(map(str.isspace, base_image))
    if not is_name or Token.is_unresolved(base_image):
        raise ValueError(
            "base_image must be the name of an image with Python, such as 'public.ecr.aws/lambda/python:3.14', got "
            f"{base_image!r}"
        )


def warn_of_missing_requirements(entry: Path) -> SynthWarning | None:
    """Return a warning if `entry` has dependencies but no file that pip in the image can install."""
    if (entry / REQUIREMENTS).is_file():
        return None
    source = find_requirements(entry, None)
    if source is None or (source.kind != PYLOCK and not _has_dependencies(entry)):
        return None
    return SynthWarning(
        "imageWithoutRequirements",
        f"the image lacks the dependencies in '{source.path.name}': pip installs {REQUIREMENTS}, and entry has "
        f"none. Write it (uv export --format requirements-txt --no-dev --no-emit-project -o {REQUIREMENTS}), "
        "unless the base image has them.",
    )


def _has_dependencies(entry: Path) -> bool:
    project = Project.read(entry / PYPROJECT)
    return bool(project.dependencies) or project.has_dynamic_dependencies


def open_image_folder(function: aws_lambda.Function) -> None:
    """Let every user read the CDK's copy of the image's folder. The CDK's process applies its umask."""
    folder = image_asset_folder(function)
    if folder is not None:
        open_folder(folder)


def _ignore_in_task(ignored: str) -> str:
    """Return the patterns of the entry's `.dockerignore` for the folder that has the entry as `task`."""
    lines = []
    for line in ignored.splitlines():
        pattern = line.strip()
        if pattern and not pattern.startswith("#"):
            is_kept = pattern.startswith("!")
            pattern = pattern.removeprefix("!").strip().lstrip("/")
            lines.append(f"{'!' if is_kept else ''}task/{pattern}")
    return "\n".join(lines) + "\n"


def _dockerfile(image: Image) -> str:
    install: list[str] = []
    copy_code = ["COPY opt/ /opt/", "COPY task/ ./"]
    if (image.entry / REQUIREMENTS).is_file():
        install = [f"RUN python3 -m pip install --no-cache-dir --requirement {REQUIREMENTS}"]
        if _needs_other_files(image.entry):
            install, copy_code = [*copy_code, *install], []
        else:
            # Install before the code is copied, so that a change of the code keeps this layer of the image.
            install.insert(0, f"COPY task/{REQUIREMENTS} ./")
    lines = [f"FROM {image.base_image}", "WORKDIR /var/task", *install, *copy_code]
    lines += ['ENTRYPOINT ["/opt/bootstrap"]', f"CMD {json.dumps([image.handler])}"]
    return "\n".join(lines) + "\n"


def _needs_other_files(entry: Path) -> bool:
    """Return True if pip may need other files of the entry. A wrong True only costs build time."""
    text = (entry / REQUIREMENTS).read_text("utf-8-sig", errors="replace")
    words = re.sub(r"(^|\s)#.*", "", text, flags=re.MULTILINE).replace("@", " ").split()
    return any(_NAMES_A_FILE.match(word) or _is_in(entry, word) for word in words)


def _is_in(entry: Path, word: str) -> bool:
    # The name of an archive or a folder may end with extras: app[web].
    name = word.partition("[")[0]
    return name != "" and (entry / name).exists()
