"""Dependencies in the assembly and in the template. tests/lambda_bundling tests the bundler itself."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from aws_cdk import App, Stack, assertions, aws_lambda
from cdk_lambda_streaming import (
    Adapter,
    BundlingOptions,
    ByteCode,
    Installer,
    LeaveOut,
    StreamingFunction,
)
from lambda_bundling.install.uv_installer import UvInstaller

pytestmark = pytest.mark.network

WITHOUT_BYTE_CODE = BundlingOptions(byte_code=ByteCode.OFF)


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("CDK_LAMBDA_STREAMING_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("CI", "1")
    return tmp_path / "cache"


@pytest.fixture
def bundled(entry: Path) -> Path:
    """Return a folder with one dependency."""
    (entry / "requirements.txt").write_text("six==1.17.0\n")
    return entry


def asset_of(stack: Stack, function: StreamingFunction) -> Path:
    template = assertions.Template.from_stack(stack).to_json()
    key = template["Resources"][logical_id(stack, function)]["Properties"]["Code"]["S3Key"]
    return Path(App.of(stack).outdir) / f"asset.{key.removesuffix('.zip')}"  # type: ignore[union-attr]


def logical_id(stack: Stack, function: StreamingFunction) -> str:
    child = function.node.default_child
    assert isinstance(child, aws_lambda.CfnFunction)
    resolved: str = stack.resolve(child.logical_id)
    return resolved


def metadata_of(stack: Stack, function: StreamingFunction) -> dict[str, Any]:
    template = assertions.Template.from_stack(stack).to_json()
    found: dict[str, Any] = template["Resources"][logical_id(stack, function)].get("Metadata", {})
    return found


def test_asset_has_function_and_dependencies(stack: Stack, bundled: Path) -> None:
    function = StreamingFunction(stack, "Chat", entry=bundled, bundling=WITHOUT_BYTE_CODE)
    asset = asset_of(stack, function)
    found = sorted(path.name for path in asset.iterdir())
    assert found == ["index.py", "requirements.txt", "six-1.17.0.dist-info", "six.py"]


def test_functions_with_equal_inputs_share_asset(stack: Stack, bundled: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = StreamingFunction(stack, "First", entry=bundled)
    monkeypatch.setattr(UvInstaller, "install", None)
    second = StreamingFunction(stack, "Second", entry=str(bundled))
    assert asset_of(stack, first) == asset_of(stack, second)


def test_other_processor_has_other_asset(stack: Stack, bundled: Path) -> None:
    arm = StreamingFunction(stack, "Arm", entry=bundled)
    x86 = StreamingFunction(stack, "X86", entry=bundled, architecture=aws_lambda.Architecture.X86_64)
    assert asset_of(stack, arm) != asset_of(stack, x86)


def test_stack_that_is_not_requested_is_not_bundled(tmp_path: Path, bundled: Path, cache: Path) -> None:
    app = App(outdir=str(tmp_path / "cdk.out"), context={"aws:cdk:bundling-stacks": []})
    stack = Stack(app, "Stack")
    function = StreamingFunction(stack, "Chat", entry=bundled)
    assert not stack.bundling_required
    assert not cache.exists()
    assert metadata_of(stack, function).get("lambda-streaming:bundling") is None


def test_metadata_has_relative_paths(stack: Stack, bundled: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(bundled.parent)
    function = StreamingFunction(
        stack, "Chat", entry=bundled, bundling=BundlingOptions(asset_excludes=["*.md"], leave_out=[LeaveOut.TESTS])
    )
    metadata = metadata_of(stack, function)["lambda-streaming:bundling"]
    assert metadata["entry"] == "chat"
    assert metadata["requirements"] == "requirements.txt"
    assert (metadata["python"], metadata["machine"]) == ("3.14", "aarch64")
    assert "*.md" in metadata["excluded"]
    assert metadata["options"]["leave_out"] == ["tests"]
    # Templates have no null.
    again = BundlingOptions.from_json(metadata["options"]).to_json()
    assert {name: value for name, value in again.items() if value is not None} == metadata["options"]
    assert str(bundled.parent) not in json.dumps(metadata)


def test_lambda_web_adapter_with_python_gets_dependencies(stack: Stack, bundled: Path) -> None:
    script = bundled / "run.sh"
    script.write_text("#!/bin/bash\nexec python server.py\n")
    script.chmod(0o755)
    python = aws_lambda.Runtime.PYTHON_3_13
    options: dict[str, Any] = {"entry": bundled, "bundling": WITHOUT_BYTE_CODE, "runtime": python}
    function = StreamingFunction(stack, "Site", adapter=Adapter.lambda_web_adapter(), **options)
    asset = asset_of(stack, function)
    assert (asset / "six.py").is_file()
    assert (asset / "run.sh").stat().st_mode & 0o777 == 0o755
    assert metadata_of(stack, function)["lambda-streaming:bundling"]["python"] == "3.13"


def test_native_function_is_not_bundled(stack: Stack, bundled: Path, cache: Path) -> None:
    (bundled / "index.mjs").write_text("export const handler = awslambda.streamifyResponse(async () => {});\n")
    node = aws_lambda.Runtime.NODEJS_24_X
    StreamingFunction(stack, "Node", entry=bundled, adapter=Adapter.native(), runtime=node)
    assert not cache.exists()


def test_without_installer_folder_is_deployed_as_it_is(stack: Stack, bundled: Path, cache: Path) -> None:
    (bundled / "notes.md").write_text("notes")
    (bundled / ".lambdaignore").write_text("# not deployed\n*.md\n")
    function = StreamingFunction(stack, "Chat", entry=bundled, bundling=BundlingOptions(installer=Installer.NONE))
    assert sorted(path.name for path in asset_of(stack, function).iterdir()) == ["index.py", "requirements.txt"]
    assert not cache.exists()


def test_ignored_files_are_not_in_bundle(stack: Stack, bundled: Path) -> None:
    for name in ("notes.md", "keep.md", "draft.txt"):
        (bundled / name).write_text(name)
    (bundled / ".lambdaignore").write_text("*.md\n!keep.md\n")
    options = BundlingOptions(asset_excludes=["draft.txt"], byte_code=ByteCode.OFF)
    asset = asset_of(stack, StreamingFunction(stack, "Chat", entry=bundled, bundling=options))
    own = sorted(path.name for path in asset.iterdir() if not path.name.startswith("six"))
    assert own == ["index.py", "keep.md", "requirements.txt"]


def test_failure_names_folder_and_cause(stack: Stack, bundled: Path) -> None:
    (bundled / "requirements.txt").write_text("six==0.0.1\n")
    with pytest.raises(
        RuntimeError, match=rf"entry folder '{bundled}' cannot be bundled: resolving(.|\n)*six==0\.0\.1"
    ):
        StreamingFunction(stack, "Chat", entry=bundled)


WRONG: dict[str, tuple[Callable[[], Any], str]] = {
    "requirements": (lambda: BundlingOptions(requirements=3), "bundling.requirements must be the path"),  # type: ignore[arg-type]
    "installer": (lambda: BundlingOptions(installer="uv"), "bundling.installer must be one of Installer.AUTO"),  # type: ignore[arg-type]
    "extras": (lambda: BundlingOptions(extras="fast"), "bundling.extras must be a list of str, got 'fast'"),
    "groups": (lambda: BundlingOptions(groups=[3]), "bundling.groups must be a list of str"),  # type: ignore[list-item]
    "package": (lambda: BundlingOptions(package=3), "bundling.package must be the name"),  # type: ignore[arg-type]
    "build_from_source": (lambda: BundlingOptions(build_from_source="x"), "bundling.build_from_source must be a list"),
    "leave_out": (lambda: BundlingOptions(leave_out=["tests"]), "bundling.leave_out must be a list of LeaveOut"),  # type: ignore[list-item]
    "byte_code": (lambda: BundlingOptions(byte_code=True), "bundling.byte_code must be one of ByteCode.AUTO"),  # type: ignore[arg-type]
    "asset_excludes": (lambda: BundlingOptions(asset_excludes="*"), "bundling.asset_excludes must be a list"),
    "before_bundling": (lambda: BundlingOptions(before_bundling="make"), "bundling.before_bundling must be a list"),
    "after_bundling": (lambda: BundlingOptions(after_bundling=None), "bundling.after_bundling must be a list"),  # type: ignore[arg-type]
}


def test_every_option_is_checked() -> None:
    assert WRONG.keys() == BundlingOptions().to_json().keys()


@pytest.mark.parametrize("option", WRONG)
def test_option_of_wrong_type_is_rejected(option: str) -> None:
    make, message = WRONG[option]
    with pytest.raises(TypeError, match=message):
        make()


def test_absolute_requirements_path_is_rejected() -> None:
    with pytest.raises(ValueError, match=r"must be a path relative to entry, got '/etc/requirements.txt'"):
        BundlingOptions(requirements="/etc/requirements.txt")


def test_bundling_needs_entry_and_right_type(stack: Stack, bundled: Path) -> None:
    with pytest.raises(TypeError, match="bundling must be BundlingOptions"):
        StreamingFunction(stack, "Chat", entry=bundled, bundling={"extras": []})  # type: ignore[arg-type]
    code = aws_lambda.Code.from_asset(str(bundled))
    with pytest.raises(TypeError, match="pass either bundling or code, got both: bundling=BundlingOptions"):
        StreamingFunction(stack, "Code", code=code, handler="index.handler", bundling=WITHOUT_BYTE_CODE)
