"""The folder that a container image is built from, without Docker.

tests/conformance starts the image's content with AWS's own emulator.
"""

from __future__ import annotations

import json
import os
import stat
import subprocess
import sys
from pathlib import Path
from typing import Any
from unittest import mock

import pytest
from aws_cdk import App, Stack, aws_ecr, aws_lambda
from aws_cdk.assertions import Template
from cdk_lambda_streaming import Adapter, BundlingOptions, ByteCode, Installer, LeaveOut, StreamingFunction
from cdk_lambda_streaming.cdk.function_resource import resource_of
from cdk_lambda_streaming.code.container_image import Image, warn_of_missing_requirements, write_image_folder

BASE = "public.ecr.aws/lambda/python:3.14"
LAYER_ARN = "arn:aws:lambda:eu-west-1:123456789012:layer:other:1"
RUNTIME_ASSET = Path(__file__).parents[2] / "runtime_asset"


def properties(stack: Stack) -> dict[str, Any]:
    (function,) = Template.from_stack(stack).find_resources("AWS::Lambda::Function").values()
    found: dict[str, Any] = function["Properties"]
    return found


def build_context(app: App) -> Path:
    """Return the folder that the CDK's command line passes to `docker build`."""
    assembly = app.synth()
    (stack,) = assembly.stacks
    manifest = json.loads(Path(assembly.directory, f"{stack.stack_name}.assets.json").read_text())
    (image,) = manifest["dockerImages"].values()
    assert image["source"].get("dockerFile", "Dockerfile") == "Dockerfile"
    return Path(assembly.directory, image["source"]["directory"])


def files(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


def test_folder_has_everything_for_image(make_entry: Any, tmp_path: Path) -> None:
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
    # The library's version is not in it, so that a new version with the same runtime builds no other image.
    left_out = ("__pycache__", "lambda_streaming/version.py")
    assert modules == {f"opt/python/{name}" for name in files(package) if not any(part in name for part in left_out)}


def test_requirements_are_installed_before_code_is_copied(entry: Path, tmp_path: Path) -> None:
    (entry / "requirements.txt").write_text("fastapi\n")
    write_image_folder(tmp_path / "image", Image(entry, "index.handler", "python:3.14-slim"))
    lines = (tmp_path / "image/Dockerfile").read_text().splitlines()
    assert lines[:4] == [
        "FROM python:3.14-slim",
        "WORKDIR /var/task",
        "COPY task/requirements.txt ./",
        "RUN python3 -m pip install --no-cache-dir --requirement requirements.txt",
    ]


@pytest.mark.parametrize(
    "requirements",
    [
        "-r other.txt\n",
        "-rother.txt\n",
        "fastapi\n--requirement=other.txt\n",
        "--constraint constraints.txt\nfastapi\n",
        "-e .\n",
        "./vendor/x-1.0-py3-none-any.whl\n",
        "vendor/x-1.0-py3-none-any.whl[web]\n",
        "x @ file:./vendor/x-1.0-py3-none-any.whl\n",
        "--find-links vendor\nx\n",
    ],
)
def test_requirements_that_name_files_are_installed_after_code(entry: Path, tmp_path: Path, requirements: str) -> None:
    (entry / "vendor").mkdir()
    (entry / "vendor/x-1.0-py3-none-any.whl").touch()
    (entry / "requirements.txt").write_text(requirements)
    write_image_folder(tmp_path / "image", Image(entry, "index.handler", BASE))
    lines = (tmp_path / "image/Dockerfile").read_text().splitlines()
    assert lines[2:5] == [
        "COPY opt/ /opt/",
        "COPY task/ ./",
        "RUN python3 -m pip install --no-cache-dir --requirement requirements.txt",
    ]
    assert len(lines) == 7


@pytest.mark.parametrize(
    "requirements",
    [
        "# see -r other.txt and ./vendor\nfastapi[standard]==0.115.0 ; python_version >= '3.10'\n",
        "--require-hashes\nfastapi==1 \\\n    --hash=sha256:" + "0" * 64 + "\n",
        "--index-url https://example.com/simple\nx @ https://example.com/x-1.0-py3-none-any.whl\n",
        "\ufefffastapi\n",
    ],
)
def test_other_requirements_are_installed_before_code(entry: Path, tmp_path: Path, requirements: str) -> None:
    (entry / "requirements.txt").write_text(requirements)
    write_image_folder(tmp_path / "image", Image(entry, "index.handler", BASE))
    assert "COPY task/requirements.txt ./" in (tmp_path / "image/Dockerfile").read_text()


def test_dockerignore_of_entry_applies(make_entry: Any, tmp_path: Path) -> None:
    entry = make_entry(index="handler = print\n", tests__test_index="", data__kept="", data__left="")
    (entry / ".dockerignore").write_text("# tools\n\n/tests\ndata/*\n!data/kept.py\n**/*.md\n")
    (entry / "data/README.md").touch()
    app = App(outdir=str(tmp_path / "cdk.out"))
    StreamingFunction(Stack(app, "Stack"), "Chat", entry=entry, base_image=BASE)
    found = {name for name in files(build_context(app)) if name.startswith("task/")}
    assert found - {"task/.dockerignore"} == {"task/index.py", "task/data/kept.py"}


def test_ignored_files_are_not_in_image(make_entry: Any, tmp_path: Path) -> None:
    entry = make_entry(index="handler = print\n", tests__test_index="", deep__tests__a="", data__keep="", data__left="")
    (entry / ".lambdaignore").write_text("/tests\ndata/*\n!data/keep.py\n*.md\n")
    for name in ("README.md", ".env"):
        (entry / name).touch()
    app = App(outdir=str(tmp_path / "cdk.out"))
    options = BundlingOptions(asset_excludes=[".env"])
    StreamingFunction(Stack(app, "Stack"), "Chat", entry=entry, base_image=BASE, bundling=options)
    found = {name for name in files(build_context(app)) if name.startswith("task/")}
    assert found == {"task/index.py", "task/deep/tests/a.py", "task/data/keep.py"}


def test_ignored_files_do_not_change_image(make_entry: Any, tmp_path: Path) -> None:
    def image(name: str, *left_out: str) -> str:
        entry = make_entry(name)
        (entry / ".lambdaignore").write_text("*.md\n")
        for file in left_out:
            (entry / file).write_text(name)
        stack = Stack(App(outdir=str(tmp_path / name / "cdk.out")), "Stack")
        StreamingFunction(stack, "Chat", entry=entry, base_image=BASE)
        return json.dumps(properties(stack)["Code"]["ImageUri"])

    assert image("one") == image("two", "notes.md")


def test_excluded_requirements_are_rejected(entry: Path, tmp_path: Path) -> None:
    (entry / "requirements.txt").write_text("fastapi\n")
    with pytest.raises(
        ValueError, match=r"excludes requirements.txt in .*; end .lambdaignore with '!requirements.txt'"
    ):
        write_image_folder(tmp_path / "one", Image(entry, "index.handler", BASE, ["*.txt"]))
    write_image_folder(tmp_path / "two", Image(entry, "index.handler", BASE, ["*.txt", "!requirements.txt"]))


def test_targets_of_links_are_in_image(entry: Path, tmp_path: Path) -> None:
    for name in ("shared/common.py", "shared/notes.md", "one.py"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    (entry / "one.py").symlink_to("../one.py")
    (entry / "shared").symlink_to("../shared", target_is_directory=True)
    (entry / "alias.py").symlink_to("index.py")
    write_image_folder(tmp_path / "image", Image(entry, "index.handler", BASE, ["*.md"]))
    task = tmp_path / "image/task"
    assert {path.name for path in task.rglob("*") if path.is_symlink()} == {"alias.py"}
    assert files(task) == {"index.py", "alias.py", "one.py", "shared/common.py"}


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"requirements": "lambda.txt"}, "bundling.requirements cannot be 'lambda.txt' with base_image"),
        ({"installer": Installer.NONE}, "bundling.installer cannot be"),
        ({"extras": ["fast"]}, r"bundling.extras cannot be \['fast'\] with base_image"),
        ({"groups": ["prod"]}, "bundling.groups cannot be"),
        ({"package": "api"}, "bundling.package cannot be 'api'"),
        ({"build_from_source": ["docopt"]}, "bundling.build_from_source cannot be"),
        ({"leave_out": [LeaveOut.TESTS]}, "bundling.leave_out cannot be"),
        ({"byte_code": ByteCode.REQUIRED}, "bundling.byte_code cannot be"),
        ({"before_bundling": ["make"]}, "bundling.before_bundling cannot be"),
        (
            {"after_bundling": ["make"]},
            "bundling.after_bundling cannot be.*leave it out: only bundling.asset_excludes",
        ),
    ],
)
def test_bundling_options_are_rejected_with_base_image(
    stack: Stack, entry: Path, options: dict[str, Any], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        StreamingFunction(stack, "Chat", entry=entry, base_image=BASE, bundling=BundlingOptions(**options))


def test_empty_bundling_options_are_accepted(stack: Stack, entry: Path) -> None:
    options = BundlingOptions(extras=[], leave_out=[])
    StreamingFunction(stack, "Chat", entry=entry, base_image=BASE, bundling=options)


PROJECT = '[project]\nname = "chat"\nversion = "1"\ndependencies = ["six"]\n'


@pytest.mark.parametrize(
    ("sources", "named"),
    [
        ({"pyproject.toml": PROJECT}, "pyproject.toml"),
        ({"pyproject.toml": PROJECT, "uv.lock": "version = 1\n"}, "uv.lock"),
        ({"pylock.toml": 'lock-version = "1.0"\n'}, "pylock.toml"),
        ({"pyproject.toml": PROJECT, "requirements.txt": "six\n"}, None),
        ({"pyproject.toml": PROJECT.replace('"six"', ""), "uv.lock": "version = 1\n"}, None),
        ({"pyproject.toml": "[tool.ruff]\nline-length = 120\n"}, None),
        ({}, None),
    ],
)
def test_dependencies_without_requirements_cause_warning(
    entry: Path, sources: dict[str, str], named: str | None
) -> None:
    for name, text in sources.items():
        (entry / name).write_text(text)
    warning = warn_of_missing_requirements(entry)
    assert (warning is None) == (named is None)
    if warning is not None:
        assert f"the image lacks the dependencies in '{named}'" in warning.message


UMASK_APP = """
import os, sys
os.umask(0o077)
from aws_cdk import App, Stack
from cdk_lambda_streaming import StreamingFunction
app = App(outdir=sys.argv[2])
StreamingFunction(Stack(app, "Stack"), "Chat", entry=sys.argv[1], base_image="python:3.14")
app.synth()
"""


def test_image_is_readable_under_any_umask(make_entry: Any, tmp_path: Path) -> None:
    """Lambda does not run the image as root. The CDK's own process copies the folder with the same umask."""
    entry = make_entry(index="def handler(event, context):\n    yield 'x'\n", app__helper="", run="")
    (entry / "index.py").chmod(0o600)
    (entry / "run.py").chmod(0o700)
    (entry / "app").chmod(0o700)
    output = tmp_path / "cdk.out"
    subprocess.run([sys.executable, "-c", UMASK_APP, str(entry), str(output)], check=True)
    (folder,) = output.glob("asset.*")
    for path in (folder, *folder.rglob("*")):
        if path.is_dir() or path.name in ("bootstrap", "run.py"):
            assert stat.S_IMODE(path.stat().st_mode) == 0o755, path
        elif path.parent != folder:
            assert stat.S_IMODE(path.stat().st_mode) == 0o644, path


def test_copied_paths_exist(entry: Path, tmp_path: Path) -> None:
    (entry / "requirements.txt").write_text("fastapi\n")
    folder = tmp_path / "image"
    write_image_folder(folder, Image(entry, "index.handler", BASE))
    copies = [line.split() for line in (folder / "Dockerfile").read_text().splitlines() if line.startswith("COPY")]
    assert all((folder / source).exists() for _, source, _ in copies)


@pytest.mark.parametrize(
    ("architecture", "platform"),
    [(aws_lambda.Architecture.ARM_64, "linux/arm64"), (aws_lambda.Architecture.X86_64, "linux/amd64")],
)
def test_image_is_built_for_functions_processor(
    entry: Path, tmp_path: Path, architecture: aws_lambda.Architecture, platform: str
) -> None:
    app = App(outdir=str(tmp_path / "cdk.out"))
    stack = Stack(app, "Stack")
    StreamingFunction(stack, "Chat", entry=entry, base_image=BASE, architecture=architecture)
    assembly = app.synth()
    manifest = json.loads(Path(assembly.directory, "Stack.assets.json").read_text())
    (image,) = manifest["dockerImages"].values()
    assert image["source"]["platform"] == platform


def test_equal_code_is_equal_image(make_entry: Any, tmp_path: Path) -> None:
    def image(name: str) -> str:
        entry = make_entry(name)
        os.utime(entry / "index.py", (0, 0))
        stack = Stack(App(outdir=str(tmp_path / name / "cdk.out")), "Stack")
        StreamingFunction(stack, "Chat", entry=entry, base_image=BASE)
        uri: str = json.dumps(properties(stack)["Code"]["ImageUri"])
        return uri

    assert image("one") == image("two")


def test_function_has_package_type_image(stack: Stack, entry: Path) -> None:
    StreamingFunction(
        stack, "Chat", entry=entry, base_image=BASE, exec_wrappers=["/opt/a"], stream_metrics_sample_rate=1
    )
    found = properties(stack)
    assert found["PackageType"] == "Image"
    assert not {"Runtime", "Handler", "Layers"} & set(found)
    assert found["Environment"]["Variables"] == {
        "LAMBDA_STREAMING_EXEC_WRAPPERS": "/opt/a",
        "LAMBDA_STREAMING_FRONT_DOORS": "function-url",
        "LAMBDA_STREAMING_METRICS_SAMPLE_RATE": "1",
    }


def test_own_image_gets_front_doors(stack: Stack) -> None:
    repository = aws_ecr.Repository.from_repository_name(stack, "Repository", "chat")
    function = StreamingFunction(stack, "Chat", code=aws_lambda.Code.from_ecr_image(repository))
    function.add_streaming_rest_api("Api")
    variables = properties(stack)["Environment"]["Variables"]
    assert variables == {"LAMBDA_STREAMING_FRONT_DOORS": "function-url,rest-api"}
    Template.from_stack(stack).resource_count_is("AWS::Lambda::LayerVersion", 0)


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"base_image": ""}, ValueError, "base_image must be the name of an image with Python.*got ''"),
        ({"base_image": "python 3"}, ValueError, "base_image must be the name of an image with Python"),
        ({"base_image": 5}, ValueError, "base_image must be the name of an image with Python.*got 5"),
        (
            {"base_image": BASE, "runtime": aws_lambda.Runtime.PYTHON_3_14},
            ValueError,
            "runtime cannot be 'python3.14' with base_image",
        ),
        (
            {"base_image": BASE, "layers": [mock.Mock(layer_version_arn=LAYER_ARN)]},
            ValueError,
            "layers cannot be added to a container image",
        ),
    ],
)
def test_impossible_image_options_are_rejected(
    stack: Stack, entry: Path, options: dict[str, Any], error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        StreamingFunction(stack, "Chat", entry=entry, **options)


ADAPTERS = (Adapter.handler, Adapter.native, Adapter.lambda_web_adapter)


def users_image(stack: Stack) -> aws_lambda.Code:
    return aws_lambda.Code.from_ecr_image(aws_ecr.Repository.from_repository_name(stack, "Repository", "chat"))


@pytest.mark.parametrize("adapter", ADAPTERS)
def test_images_reject_layers(stack: Stack, adapter: Any) -> None:
    layer = aws_lambda.LayerVersion.from_layer_version_arn(stack, "Layer", LAYER_ARN)
    with pytest.raises(ValueError, match="layers cannot be added to a container image"):
        StreamingFunction(stack, "One", layers=[layer], code=users_image(stack), adapter=adapter())


def test_image_of_an_entry_has_snap_start(stack: Stack, entry: Path) -> None:
    on = aws_lambda.SnapStartConf.ON_PUBLISHED_VERSIONS
    StreamingFunction(stack, "Chat", entry=entry, base_image=BASE, alias_name="live", snap_start=on)
    Template.from_stack(stack).has_resource_properties("AWS::Lambda::Function", SNAP_START_OF_IMAGE)


@pytest.mark.parametrize("adapter", ADAPTERS)
def test_users_image_has_snap_start(stack: Stack, adapter: Any) -> None:
    on = aws_lambda.SnapStartConf.ON_PUBLISHED_VERSIONS
    options: dict[str, Any] = {"alias_name": "live", "snap_start": on, "adapter": adapter()}
    StreamingFunction(stack, "Chat", code=users_image(stack), **options)
    Template.from_stack(stack).has_resource_properties("AWS::Lambda::Function", SNAP_START_OF_IMAGE)


SNAP_START_OF_IMAGE = {"PackageType": "Image", "SnapStart": {"ApplyOn": "PublishedVersions"}}


class TestChecksAtSynth:
    """The checks of zip archives apply to images too."""

    @pytest.mark.parametrize(
        ("environment", "message"),
        [
            ({"LAMBDA_STREAMING_ERROR_EVENT": "On"}, "LAMBDA_STREAMING_ERROR_EVENT must be one of on, off, got 'On'"),
            ({"LAMBDA_STREAMING_PYTHON": "bin/python"}, "LAMBDA_STREAMING_PYTHON must be the name of a Python on PATH"),
        ],
    )
    def test_wrong_switch_is_rejected(
        self, stack: Stack, entry: Path, environment: dict[str, str], message: str
    ) -> None:
        StreamingFunction(stack, "Chat", entry=entry, base_image=BASE, environment=environment)
        with pytest.raises(RuntimeError, match=message):
            Template.from_stack(stack)

    def test_later_layers_are_rejected(self, stack: Stack, entry: Path) -> None:
        function = StreamingFunction(stack, "Chat", entry=entry, base_image=BASE)
        resource_of(function).layers = [LAYER_ARN]
        with pytest.raises(RuntimeError, match="layers cannot be added to a container image"):
            Template.from_stack(stack)

    def test_later_capacity_provider_is_rejected(self, stack: Stack, entry: Path) -> None:
        function = StreamingFunction(stack, "Chat", entry=entry, base_image=BASE)
        resource_of(function).capacity_provider_config = aws_lambda.CfnFunction.CapacityProviderConfigProperty(
            lambda_managed_instances_capacity_provider_config=(
                aws_lambda.CfnFunction.LambdaManagedInstancesCapacityProviderConfigProperty(
                    capacity_provider_arn="arn:aws:lambda:eu-west-1:123456789012:capacity-provider:x"
                )
            )
        )
        with pytest.raises(RuntimeError, match="it was added to a capacity provider: Lambda Managed Instances"):
            Template.from_stack(stack)


def test_own_image_rejects_handler_and_runtime(stack: Stack) -> None:
    repository = aws_ecr.Repository.from_repository_name(stack, "Repository", "chat")
    code = aws_lambda.Code.from_ecr_image(repository)
    with pytest.raises(ValueError, match=r"handler cannot be 'index.handler' for a container image; pass cmd="):
        StreamingFunction(stack, "One", code=code, handler="index.handler")
    with pytest.raises(ValueError, match=r"runtime cannot be 'python3.14' for a container image"):
        StreamingFunction(stack, "Two", code=code, runtime=aws_lambda.Runtime.PYTHON_3_14)
