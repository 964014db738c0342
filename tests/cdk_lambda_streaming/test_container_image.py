"""The folder an image is built from: made and run without Docker. How Lambda starts the image is tested with AWS's own
emulator in `tests/conformance`.
"""

from __future__ import annotations

import json
import os
import stat
from pathlib import Path
from typing import Any

import pytest
from aws_cdk import App, Stack, aws_ecr, aws_lambda
from aws_cdk.assertions import Template
from cdk_lambda_streaming import StreamingFunction
from cdk_lambda_streaming.container_image import write_image_folder

BASE = "public.ecr.aws/lambda/python:3.14"
RUNTIME_ASSET = Path(__file__).parents[2] / "runtime_asset"


def properties(stack: Stack) -> dict[str, Any]:
    (function,) = Template.from_stack(stack).find_resources("AWS::Lambda::Function").values()
    found: dict[str, Any] = function["Properties"]
    return found


def build_context(app: App) -> Path:
    """Return the folder that the CDK's command line gives to `docker build`."""
    assembly = app.synth()
    (stack,) = assembly.stacks
    manifest = json.loads(Path(assembly.directory, f"{stack.stack_name}.assets.json").read_text())
    (image,) = manifest["dockerImages"].values()
    assert image["source"].get("dockerFile", "Dockerfile") == "Dockerfile"
    return Path(assembly.directory, image["source"]["directory"])


def files(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


def test_the_folder_has_all_that_the_image_needs(make_entry: Any, tmp_path: Path) -> None:
    entry = make_entry(index="def handler(event, context):\n    yield 'x'\n", app__helper="")
    (entry / "__pycache__").mkdir()
    (entry / "__pycache__/index.cpython-311.pyc").write_bytes(b"")
    app = App(outdir=str(tmp_path / "cdk.out"))
    stack = Stack(app, "Stack")
    StreamingFunction(stack, "Chat", entry=entry, base_image=BASE)
    folder = build_context(app)
    assert (folder / "Dockerfile").read_text() == (
        f"FROM {BASE}\n"
        "WORKDIR /var/task\n"
        "COPY opt/ /opt/\n"
        "COPY task/ ./\n"
        'ENTRYPOINT ["/opt/bootstrap"]\n'
        'CMD ["index.handler"]\n'
    )
    assert {name for name in files(folder) if name.startswith("task/")} == {"task/index.py", "task/app/helper.py"}
    assert (folder / "opt/bootstrap").read_bytes() == (RUNTIME_ASSET / "bootstrap").read_bytes()
    assert stat.S_IMODE((folder / "opt/bootstrap").stat().st_mode) == 0o755
    modules = {name for name in files(folder) if name.startswith("opt/python/")}
    package = RUNTIME_ASSET / "python"
    assert modules == {f"opt/python/{name}" for name in files(package) if "__pycache__" not in name}


def test_requirements_are_installed_before_the_code_is_copied(entry: Path, tmp_path: Path) -> None:
    (entry / "requirements.txt").write_text("fastapi\n")
    write_image_folder(tmp_path / "image", entry, "index.handler", "python:3.14-slim")
    lines = (tmp_path / "image/Dockerfile").read_text().splitlines()
    assert lines[:4] == [
        "FROM python:3.14-slim",
        "WORKDIR /var/task",
        "COPY task/requirements.txt ./",
        "RUN python3 -m pip install --no-cache-dir --requirement requirements.txt",
    ]


def test_every_source_of_a_copy_is_in_the_folder(entry: Path, tmp_path: Path) -> None:
    (entry / "requirements.txt").write_text("fastapi\n")
    folder = tmp_path / "image"
    write_image_folder(folder, entry, "index.handler", BASE)
    copies = [line.split() for line in (folder / "Dockerfile").read_text().splitlines() if line.startswith("COPY")]
    assert all((folder / source).exists() for _, source, _ in copies)


@pytest.mark.parametrize(
    ("architecture", "platform"),
    [(aws_lambda.Architecture.ARM_64, "linux/arm64"), (aws_lambda.Architecture.X86_64, "linux/amd64")],
)
def test_the_image_is_built_for_the_function_s_processor(
    entry: Path, tmp_path: Path, architecture: aws_lambda.Architecture, platform: str
) -> None:
    app = App(outdir=str(tmp_path / "cdk.out"))
    stack = Stack(app, "Stack")
    StreamingFunction(stack, "Chat", entry=entry, base_image=BASE, architecture=architecture)
    assembly = app.synth()
    manifest = json.loads(Path(assembly.directory, "Stack.assets.json").read_text())
    (image,) = manifest["dockerImages"].values()
    assert image["source"]["platform"] == platform


def test_the_same_code_is_the_same_image(make_entry: Any, tmp_path: Path) -> None:
    def image(name: str) -> str:
        entry = make_entry(name)
        os.utime(entry / "index.py", (0, 0))
        stack = Stack(App(outdir=str(tmp_path / name / "cdk.out")), "Stack")
        StreamingFunction(stack, "Chat", entry=entry, base_image=BASE)
        uri: str = json.dumps(properties(stack)["Code"]["ImageUri"])
        return uri

    assert image("one") == image("two")


def test_lambda_is_told_that_it_is_an_image(stack: Stack, entry: Path) -> None:
    StreamingFunction(
        stack, "Chat", entry=entry, base_image=BASE, exec_wrappers=["/opt/a"], stream_metrics_sample_rate=1
    )
    found = properties(stack)
    assert found["PackageType"] == "Image"
    assert not {"Runtime", "Handler", "Layers"} & set(found)
    assert found["Environment"]["Variables"] == {
        "LAMBDA_STREAMING_EXEC_WRAPPERS": "/opt/a",
        "LAMBDA_STREAMING_METRICS_SAMPLE_RATE": "1",
    }


def test_an_image_of_the_user_s_is_told_of_front_doors(stack: Stack) -> None:
    repository = aws_ecr.Repository.from_repository_name(stack, "Repository", "chat")
    function = StreamingFunction(stack, "Chat", code=aws_lambda.Code.from_ecr_image(repository))
    function.add_streaming_rest_api("Api")
    variables = properties(stack)["Environment"]["Variables"]
    assert variables == {"LAMBDA_STREAMING_FRONT_DOORS": "function-url,rest-api"}
    Template.from_stack(stack).resource_count_is("AWS::Lambda::LayerVersion", 0)


@pytest.mark.parametrize(
    ("options", "error", "said"),
    [
        ({"base_image": ""}, ValueError, "base_image must be the name of an image with Python.*got ''"),
        ({"base_image": "python 3"}, ValueError, "base_image must be the name of an image with Python"),
        ({"base_image": 5}, ValueError, "base_image must be the name of an image with Python.*got 5"),
        (
            {"base_image": BASE, "runtime": aws_lambda.Runtime.PYTHON_3_14},
            ValueError,
            "runtime cannot be 'python3.14' with base_image",
        ),
        ({"base_image": BASE, "layers": [object()]}, ValueError, "layers cannot be added to a container image"),
    ],
)
def test_what_an_image_cannot_have(
    stack: Stack, entry: Path, options: dict[str, Any], error: type[Exception], said: str
) -> None:
    with pytest.raises(error, match=said):
        StreamingFunction(stack, "Chat", entry=entry, **options)


def test_an_image_of_the_user_s_has_its_own_handler_and_runtime(stack: Stack) -> None:
    repository = aws_ecr.Repository.from_repository_name(stack, "Repository", "chat")
    code = aws_lambda.Code.from_ecr_image(repository)
    with pytest.raises(ValueError, match=r"handler cannot be 'index.handler' for a container image; pass cmd="):
        StreamingFunction(stack, "One", code=code, handler="index.handler")
    with pytest.raises(ValueError, match=r"runtime cannot be 'python3.14' for a container image"):
        StreamingFunction(stack, "Two", code=code, runtime=aws_lambda.Runtime.PYTHON_3_14)
