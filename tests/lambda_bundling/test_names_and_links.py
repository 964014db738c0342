"""Links, names and ignore files in a function's folder."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from lambda_bundling import tree
from lambda_bundling.errors import BundlingError, without_secrets
from lambda_bundling.ignore_file import read_ignore_file

from .conftest import bundle, packages, plan


@pytest.fixture
def bundled(entry: Path) -> Path:
    (entry / "requirements.txt").write_text("six==1.17.0\n")
    return entry


def test_link_to_file_outside_becomes_the_file(bundled: Path, tmp_path: Path) -> None:
    shared = tmp_path / "shared.py"
    shared.write_text("A = 1\n")
    (bundled / "common.py").symlink_to(shared)
    before = plan(bundled).name
    made = bundle(bundled)
    assert not (made.folder / "common.py").is_symlink()
    assert (made.folder / "common.py").read_text() == "A = 1\n"
    shared.write_text("A = 2\n")
    assert plan(bundled).name != before


def test_link_inside_folder_stays_a_link(bundled: Path) -> None:
    (bundled / "alias.py").symlink_to("index.py")
    assert (bundle(bundled).folder / "alias.py").is_symlink()


def test_link_to_folder_outside_becomes_the_folder(bundled: Path, tmp_path: Path) -> None:
    shared = tmp_path / "shared"
    (shared / "deep").mkdir(parents=True)
    (shared / "deep" / "common.py").write_text("A = 1\n")
    (shared / "deep" / "notes.md").write_text("")
    (bundled / "common").symlink_to("../shared")
    (bundled / "loop").symlink_to("..")
    made = bundle(bundled, asset_excludes=["*.md", "loop"])
    assert not (made.folder / "common").is_symlink()
    assert [path.name for path in (made.folder / "common" / "deep").iterdir()] == ["common.py"]
    (shared / "deep" / "common.py").write_text("A = 2\n")
    assert plan(bundled, asset_excludes=["*.md", "loop"]).name != made.name


def test_endless_links_stay_links(bundled: Path, tmp_path: Path) -> None:
    shared = tmp_path / "shared"
    shared.mkdir()
    (shared / "again").symlink_to(shared)
    (bundled / "shared").symlink_to(shared)
    (bundled / "up").symlink_to("..")
    assert [path.relative_to(bundled).as_posix() for path in tree.files_of(bundled)] == [
        "index.py",
        "requirements.txt",
        "shared/again",
        "up",
    ]


def test_module_with_name_of_package_is_rejected(entry: Path) -> None:
    (entry / "requirements.txt").write_text("idna==3.10\n")
    (entry / "idna.py").write_text("")
    with pytest.raises(
        BundlingError, match=r"'idna.py' has the same name as the installed package 'idna'.*Rename the module"
    ):
        bundle(entry)


@pytest.mark.parametrize("damage", ["function", "record", "a file", "a part of a file"])
def test_damaged_bundle_is_built_again(bundled: Path, damage: str) -> None:
    made = bundle(bundled)
    if damage == "function":
        shutil.rmtree(made.folder)
    elif damage == "a file":
        (made.folder / "six.py").unlink()
    elif damage == "a part of a file":
        (made.folder / "six.py").write_text("")
    else:
        (made.folder.parent / ".bundle.json").write_text("")
    again = bundle(bundled)
    assert packages(again) == {"six": "1.17.0"}
    assert "def add_metaclass" in (again.folder / "six.py").read_text()


def test_error_shows_index_without_secrets(bundled: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (bundled / "requirements.txt").write_text("cdk-no-such-package==1\n")
    monkeypatch.setenv("UV_INDEX_URL", "http://bob:SEKRET@127.0.0.1:9/simple?token=SEKRET")
    with pytest.raises(BundlingError) as raised:
        bundle(bundled)
    assert "SEKRET" not in str(raised.value)


@pytest.mark.pure
def test_secrets_are_removed_from_urls() -> None:
    assert without_secrets("at `https://bob:a/b@c@host/simple?token=x`, sorry") == "at `https://host/simple?...`, sorry"


@pytest.mark.pure
@pytest.mark.parametrize(
    ("pattern", "path", "excluded"),
    [
        (".env", ".env", True),
        (".env", "deep/.env", True),
        ("**/.env", ".env", True),
        ("**/.env", "a/b/.env", True),
        ("**/private/", "private/", True),
        ("private/", "private", False),
        ("/private/", "private/", True),
        ("data/*.csv", "data/x.csv", True),
        ("data/*.csv", "data/sub/y.csv", False),
        ("/data", "data", True),
        ("/data", "deep/data", False),
        ("secrets/**/*.key", "secrets/a.key", True),
        ("secrets/**/*.key", "secrets/b/c/a.key", True),
        ("*.pyc", "a/b.pyc", True),
        ("*.pyc", "a/b.py", False),
    ],
)
def test_patterns_match_as_in_git(pattern: str, path: str, excluded: bool) -> None:
    is_folder = path.endswith("/")
    assert tree.is_excluded(path.rstrip("/"), [pattern], is_folder=is_folder) is excluded


@pytest.mark.pure
def test_last_matching_pattern_counts() -> None:
    assert not tree.is_excluded("keep.csv", ["*.csv", "!keep.csv"], is_folder=False)
    assert tree.is_excluded("keep.csv", ["!keep.csv", "*.csv"], is_folder=False)


@pytest.mark.pure
def test_binary_ignore_file_is_rejected(entry: Path) -> None:
    (entry / ".lambdaignore").write_bytes(b"\xff\xfe*\x00")
    with pytest.raises(BundlingError, match=r"\.lambdaignore' is not UTF-8 text: .*\. Save it as UTF-8"):
        read_ignore_file(entry)


@pytest.mark.pure
def test_ignore_file_with_byte_order_mark_is_read(entry: Path) -> None:
    (entry / ".lambdaignore").write_bytes(b"\xef\xbb\xbf.env\n# secrets\n\n*.key\n")
    assert read_ignore_file(entry) == [".lambdaignore", ".env", "*.key"]
