"""Code of a folder without dependencies: its files in the assembly, and its name."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path

import pytest
from aws_cdk import App, Stack, aws_lambda
from aws_cdk.assertions import Template
from cdk_lambda_streaming.code.plain_code import excluded_by_user, plain_code
from lambda_bundling.options import BundlingOptions

MakeAsset = Callable[..., Path]


@pytest.fixture
def asset_of(tmp_path: Path) -> MakeAsset:
    """Return a function that makes the asset of a folder."""

    def make(folder: Path, *excluded: str, outdir: str = "cdk.out") -> Path:
        app = App(outdir=str(tmp_path / outdir))
        stack = Stack(app, "Stack")
        aws_lambda.Function(
            stack,
            "Function",
            code=plain_code(stack, folder, excluded),
            handler="index.handler",
            runtime=aws_lambda.Runtime.PYTHON_3_14,
        )
        (function,) = Template.from_stack(stack).find_resources("AWS::Lambda::Function").values()
        key: str = function["Properties"]["Code"]["S3Key"]
        return tmp_path / outdir / f"asset.{key.removesuffix('.zip')}"

    return make


def files(folder: Path) -> list[str]:
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if not path.is_dir())


def test_patterns_come_from_file_and_options(entry: Path) -> None:
    assert excluded_by_user(entry) == []
    (entry / ".lambdaignore").write_text("*.md\n")
    assert excluded_by_user(entry, BundlingOptions(asset_excludes=["tests"])) == [".lambdaignore", "*.md", "tests"]


def test_excluded_files_do_not_change_name(entry: Path, asset_of: MakeAsset) -> None:
    before = asset_of(entry, "*.md", "drafts", outdir="before").name
    (entry / "drafts").mkdir()
    for name in ("notes.md", "drafts/one.txt", "index.pyc"):
        (entry / name).touch()
    assert asset_of(entry, "*.md", "drafts", outdir="after").name == before
    (entry / "index.py").write_text("")
    assert asset_of(entry, "*.md", "drafts", outdir="changed").name != before


def test_patterns_match_case(entry: Path, asset_of: MakeAsset) -> None:
    for name in ("DATA.txt", "data.txt"):
        (entry / name).touch()
    if len(files(entry)) < 3:
        pytest.skip("this disk ignores case")
    assert files(asset_of(entry, "DATA.txt")) == ["data.txt", "index.py"]


def test_special_characters_in_names_are_literal(entry: Path, asset_of: MakeAsset) -> None:
    for name in ("[a].tsx", "a.tsx", "b*.txt", "bc.txt", "!x", "#y", "z "):
        (entry / name).touch()
    assert files(asset_of(entry, "[[]a].tsx", "b[*].txt")) == ["!x", "#y", "a.tsx", "bc.txt", "index.py", "z "]


def test_pattern_can_include_default_exclusion(entry: Path, asset_of: MakeAsset) -> None:
    (entry / "index.pyc").touch()
    assert files(asset_of(entry, "!index.pyc")) == ["index.py", "index.pyc"]


def test_links_are_copied_as_by_the_cdk(entry: Path, tmp_path: Path, asset_of: MakeAsset) -> None:
    """Links to files outside become those files and change the name. Other links stay links."""
    shared = tmp_path / "shared"
    shared.mkdir()
    (shared / "common.py").write_text("A = 1\n")
    (entry / "shared").symlink_to(shared, target_is_directory=True)
    (entry / "one.py").symlink_to("../shared/common.py")
    (entry / "alias.py").symlink_to("index.py")
    plain, copied = asset_of(entry, outdir="plain"), asset_of(entry, "*.md", outdir="copied")
    assert files(plain) == files(copied) == ["alias.py", "index.py", "one.py", "shared/common.py"]
    assert [name for name in files(copied) if (copied / name).is_symlink()] == ["alias.py"]
    (shared / "common.py").write_text("A = 2\n")
    assert asset_of(entry, "*.md", outdir="changed").name != copied.name


def test_files_are_readable(entry: Path, asset_of: MakeAsset) -> None:
    (entry / "index.py").chmod(0o600)
    (entry / "run.sh").touch(0o700)
    asset = asset_of(entry, "*.md")
    assert [(asset / name).stat().st_mode & 0o777 for name in ("index.py", "run.sh")] == [0o644, 0o755]


def test_without_patterns_the_cdk_copies(entry: Path, asset_of: MakeAsset, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "mkdtemp", None)
    (entry / "index.pyc").touch()
    assert files(asset_of(entry)) == ["index.py"]


def test_assembly_does_not_name_copy(entry: Path, tmp_path: Path, asset_of: MakeAsset) -> None:
    asset_of(entry, "*.md")
    texts = [path.read_text() for path in (tmp_path / "cdk.out").rglob("*.json")]
    assert texts
    assert not any("lambda-streaming-" in text for text in texts)


def test_egg_info_is_not_deployed(entry: Path, asset_of: MakeAsset) -> None:
    """setuptools writes *.egg-info when a project is locked or installed. It differs between machines."""
    before = asset_of(entry, outdir="before")
    (entry / "chat.egg-info").mkdir()
    (entry / "chat.egg-info" / "PKG-INFO").touch()
    assert asset_of(entry, outdir="after").name == before.name
