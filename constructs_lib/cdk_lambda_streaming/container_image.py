"""A folder that `docker build` makes a container image of: the runtime where a layer would have it, and the code.

It is written at synth and needs no Docker then; the CDK's command line builds the image on deployment.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from pathlib import Path

from aws_cdk import Stage, Token, aws_ecr_assets, aws_lambda
from constructs import Construct

from cdk_lambda_streaming.bundling.project import Project
from cdk_lambda_streaming.bundling.requirements_source import PYLOCK, PYPROJECT, REQUIREMENTS, find_requirements
from cdk_lambda_streaming.handler_source import Doubt
from cdk_lambda_streaming.layer_content import open_folder, read_layer_files, write_layer_files
from cdk_lambda_streaming.plain_code import copy_entry, make_asset_folder

IGNORE = ".dockerignore"
# https://pip.pypa.io/en/stable/reference/requirements-file-format/
_NAMES_A_FILE = re.compile(r"-[rcef]|--(requirement|constraint|editable|find-links)\b|\.|/|file:")


def image_code(
    scope: Construct,
    entry: Path,
    handler: str,
    base_image: str,
    architecture: aws_lambda.Architecture,
    excluded: Sequence[str],
) -> aws_lambda.Code:
    """Return the image's code for Lambda; the CDK copies the folder it is built from to the cloud assembly."""
    folder = make_asset_folder(scope)
    write_image_folder(folder, entry, handler, base_image, excluded)
    is_arm = architecture.name == aws_lambda.Architecture.ARM_64.name
    return aws_lambda.Code.from_asset_image(
        str(folder),
        platform=aws_ecr_assets.Platform.LINUX_ARM64 if is_arm else aws_ecr_assets.Platform.LINUX_AMD64,
    )


def write_image_folder(folder: Path, entry: Path, handler: str, base_image: str, excluded: Sequence[str] = ()) -> None:
    """Write a Dockerfile and what it copies: `opt`, the runtime; `task`, the code.

    :param handler: Lambda's own string, such as `index.handler`.
    :param base_image: Any image with Python 3.10 or newer as `python3` on PATH and with pip, where `entry` has a
        `requirements.txt`.
    :param excluded: What of `entry` its user says is not the function's.
    """
    is_name = isinstance(base_image, str) and base_image and not any(map(str.isspace, base_image))
    if not is_name or Token.is_unresolved(base_image):
        raise ValueError(
            "base_image must be the name of an image with Python, such as 'public.ecr.aws/lambda/python:3.14', got "
            f"{base_image!r}"
        )
    write_layer_files(read_layer_files(), folder / "opt")
    copy_entry(entry, folder / "task", excluded)
    if (entry / REQUIREMENTS).is_file() and not (folder / "task" / REQUIREMENTS).is_file():
        raise ValueError(
            f"entry folder '{entry}' has a {REQUIREMENTS}, which the image's Dockerfile installs, and a pattern of "
            f".lambdaignore or asset_excludes leaves it out; end .lambdaignore with '!{REQUIREMENTS}'"
        )
    if (entry / IGNORE).is_file():
        (folder / IGNORE).write_text(_ignore_in_task((entry / IGNORE).read_text("utf-8-sig")), "utf-8")
    (folder / "Dockerfile").write_text(_dockerfile(base_image, handler, entry), "utf-8")


def find_not_installed(entry: Path) -> Doubt | None:
    """Return a doubt where dependencies are named in a file that pip in the image is not given."""
    if (entry / REQUIREMENTS).is_file():
        return None
    source = find_requirements(entry, None)
    if source is None or (source.kind != PYLOCK and not _has_dependencies(entry)):
        return None
    return Doubt(
        "imageWithoutRequirements",
        f"the image has nothing of what '{source.path.name}' names: pip installs {REQUIREMENTS}, and entry has none; "
        f"write it (uv export --format requirements-txt --no-dev --no-emit-project --output-file {REQUIREMENTS}), "
        "unless the base image has the dependencies already",
    )


def _has_dependencies(entry: Path) -> bool:
    project = Project.read(entry / PYPROJECT)
    return bool(project.dependencies) or project.needs_build_to_tell


def open_folders(function: aws_lambda.Function) -> None:
    """Let everybody into the folders of the CDK's copy, which its process makes by the umask."""
    asset = function.node.try_find_child("AssetImage")
    stage = Stage.of(function)
    if isinstance(asset, aws_ecr_assets.DockerImageAsset) and stage is not None:
        folder = Path(stage.asset_outdir, f"asset.{asset.asset_hash}")
        if folder.is_dir():  # There is none where nothing is staged.
            open_folder(folder)


def _ignore_in_task(ignored: str) -> str:
    """Return the patterns of the entry's own file, for the folder that has the entry as `task`."""
    lines = []
    for line in ignored.splitlines():
        pattern = line.strip()
        if pattern and not pattern.startswith("#"):
            is_kept = pattern.startswith("!")
            pattern = pattern.removeprefix("!").strip().lstrip("/")
            lines.append(f"{'!' if is_kept else ''}task/{pattern}")
    return "\n".join(lines) + "\n"


def _dockerfile(base_image: str, handler: str, entry: Path) -> str:
    install: list[str] = []
    copy_code = ["COPY opt/ /opt/", "COPY task/ ./"]
    if (entry / REQUIREMENTS).is_file():
        install = [f"RUN python3 -m pip install --no-cache-dir --requirement {REQUIREMENTS}"]
        if _needs_other_files(entry):
            install, copy_code = [*copy_code, *install], []
        else:
            # Before the code, so that a change of the code does not install them again.
            install.insert(0, f"COPY task/{REQUIREMENTS} ./")
    lines = [f"FROM {base_image}", "WORKDIR /var/task", *install, *copy_code]
    lines += ['ENTRYPOINT ["/opt/bootstrap"]', f"CMD {json.dumps([handler])}"]
    return "\n".join(lines) + "\n"


def _needs_other_files(entry: Path) -> bool:
    """Whether pip looks for other files than the requirements. Where that is not sure, it may: it costs time alone."""
    text = (entry / REQUIREMENTS).read_text("utf-8-sig", errors="replace")
    words = re.sub(r"(^|\s)#.*", "", text, flags=re.MULTILINE).replace("@", " ").split()
    return any(_NAMES_A_FILE.match(word) or _is_in(entry, word) for word in words)


def _is_in(entry: Path, word: str) -> bool:
    # An archive or a folder may have extras behind its name: app[web].
    name = word.partition("[")[0]
    return name != "" and (entry / name).exists()
