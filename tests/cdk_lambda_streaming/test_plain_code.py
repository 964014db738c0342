"""A folder as Lambda code where nothing is installed: what of it is in the assembly, and by which name."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path

import pytest
from aws_cdk import App, Stack, aws_lambda
from aws_cdk.assertions import Template
from cdk_lambda_streaming.bundling.options import BundlingOptions
from cdk_lambda_streaming.plain_code import excluded_by_user, plain_code

MakeAsset = Callable[..., Path]


@pytest.fixture
def asset_of(tmp_path: Path) -> MakeAsset:
    """Return a function that returns the asset of a folder."""

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


def test_the_user_s_patterns_are_those_of_options_and_file(entry: Path) -> None:
    assert excluded_by_user(entry) == []
    (entry / ".lambdaignore").write_text("*.md\n")
    assert excluded_by_user(entry, BundlingOptions(asset_excludes=["tests"])) == [".lambdaignore", "*.md", "tests"]


def test_what_is_left_out_does_not_change_the_name(entry: Path, asset_of: MakeAsset) -> None:
    before = asset_of(entry, "*.md", "drafts", outdir="before").name
    (entry / "drafts").mkdir()
    for name in ("notes.md", "drafts/one.txt", "index.pyc"):
        (entry / name).touch()
    assert asset_of(entry, "*.md", "drafts", outdir="after").name == before
    (entry / "index.py").write_text("")
    assert asset_of(entry, "*.md", "drafts", outdir="changed").name != before


def test_a_pattern_means_paths_of_its_own_case(entry: Path, asset_of: MakeAsset) -> None:
    for name in ("DATA.txt", "data.txt"):
        (entry / name).touch()
    if len(files(entry)) < 3:
        pytest.skip("this disk takes both for one")
    assert files(asset_of(entry, "DATA.txt")) == ["data.txt", "index.py"]


def test_characters_of_patterns_in_names_are_no_patterns(entry: Path, asset_of: MakeAsset) -> None:
    for name in ("[a].tsx", "a.tsx", "b*.txt", "bc.txt", "!x", "#y", "z "):
        (entry / name).touch()
    assert files(asset_of(entry, "[[]a].tsx", "b[*].txt")) == ["!x", "#y", "a.tsx", "bc.txt", "index.py", "z "]


def test_a_pattern_may_take_back_what_is_left_out_for_everybody(entry: Path, asset_of: MakeAsset) -> None:
    (entry / "index.pyc").touch()
    assert files(asset_of(entry, "!index.pyc")) == ["index.py", "index.pyc"]


def test_links_are_what_the_cdk_makes_of_them(entry: Path, tmp_path: Path, asset_of: MakeAsset) -> None:
    """Those out of the folder become what is there, and count for the name; others stay links."""
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


def test_everybody_may_read_it(entry: Path, asset_of: MakeAsset) -> None:
    (entry / "index.py").chmod(0o600)
    (entry / "run.sh").touch(0o700)
    asset = asset_of(entry, "*.md")
    assert [(asset / name).stat().st_mode & 0o777 for name in ("index.py", "run.sh")] == [0o644, 0o755]


def test_without_patterns_it_is_the_cdk_s_own_asset(
    entry: Path, asset_of: MakeAsset, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "mkdtemp", None)
    (entry / "index.pyc").touch()
    assert files(asset_of(entry)) == ["index.py"]


def test_the_copy_is_not_named_in_the_assembly(entry: Path, tmp_path: Path, asset_of: MakeAsset) -> None:
    asset_of(entry, "*.md")
    texts = [path.read_text() for path in (tmp_path / "cdk.out").rglob("*.json")]
    assert texts
    assert not any("lambda-streaming-" in text for text in texts)


def test_what_a_build_left_is_not_deployed(entry: Path, asset_of: MakeAsset) -> None:
    """setuptools leaves it, when a project is locked or installed; it tells of the machine."""
    before = asset_of(entry, outdir="before")
    (entry / "chat.egg-info").mkdir()
    (entry / "chat.egg-info" / "PKG-INFO").touch()
    assert asset_of(entry, outdir="after").name == before.name
