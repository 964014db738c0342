"""What a folder may hold beside its packages, and what becomes of it."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from bundling import tree
from bundling.errors import BundlingError, without_secrets
from bundling.ignore_file import read_ignore_file

from .conftest import bundle, packages, plan


@pytest.fixture
def bundled(entry: Path) -> Path:
    (entry / "requirements.txt").write_text("six==1.17.0\n")
    return entry


def test_a_link_that_leads_out_of_the_folder_becomes_its_file(bundled: Path, tmp_path: Path) -> None:
    shared = tmp_path / "shared.py"
    shared.write_text("A = 1\n")
    (bundled / "common.py").symlink_to(shared)
    before = plan(bundled).name
    made = bundle(bundled)
    assert not (made.folder / "common.py").is_symlink()
    assert (made.folder / "common.py").read_text() == "A = 1\n"
    shared.write_text("A = 2\n")
    assert plan(bundled).name != before


def test_a_link_within_the_folder_stays_one(bundled: Path) -> None:
    (bundled / "alias.py").symlink_to("index.py")
    assert (bundle(bundled).folder / "alias.py").is_symlink()


def test_a_link_to_a_folder_elsewhere_becomes_the_folder(bundled: Path, tmp_path: Path) -> None:
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


def test_links_that_have_no_end_stay_links(bundled: Path, tmp_path: Path) -> None:
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


def test_a_module_beside_a_package_of_its_name_is_refused(entry: Path) -> None:
    (entry / "requirements.txt").write_text("idna==3.10\n")
    (entry / "idna.py").write_text("")
    with pytest.raises(
        BundlingError, match=r"'idna.py' has the name of the installed package 'idna'.*rename the module"
    ):
        bundle(entry)


@pytest.mark.parametrize("damage", ["function", "notes", "a file", "a part of a file"])
def test_a_bundle_that_lost_a_part_is_made_again(bundled: Path, damage: str) -> None:
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


def test_an_index_of_the_environment_is_told_without_its_secrets(
    bundled: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (bundled / "requirements.txt").write_text("nosuchpackage-of-nobody==1\n")
    monkeypatch.setenv("UV_INDEX_URL", "http://bob:SEKRET@127.0.0.1:9/simple?token=SEKRET")
    with pytest.raises(BundlingError) as raised:
        bundle(bundled)
    assert "SEKRET" not in str(raised.value)


def test_addresses_are_told_without_what_is_secret_in_them() -> None:
    assert without_secrets("at `https://bob:a/b@c@host/simple?token=x`, sorry") == "at `https://host/simple?...`, sorry"


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
def test_patterns_mean_what_they_mean_to_git(pattern: str, path: str, excluded: bool) -> None:
    is_folder = path.endswith("/")
    assert tree.is_excluded(path.rstrip("/"), [pattern], is_folder=is_folder) is excluded


def test_the_last_pattern_that_matches_counts() -> None:
    assert not tree.is_excluded("keep.csv", ["*.csv", "!keep.csv"], is_folder=False)
    assert tree.is_excluded("keep.csv", ["!keep.csv", "*.csv"], is_folder=False)


def test_an_ignore_file_that_is_no_text_is_named(entry: Path) -> None:
    (entry / ".lambdaignore").write_bytes(b"\xff\xfe*\x00")
    with pytest.raises(BundlingError, match=r"\.lambdaignore' is not UTF-8 text: .*; save it as such"):
        read_ignore_file(entry)


def test_the_first_line_of_an_ignore_file_counts_whatever_editor_wrote_it(entry: Path) -> None:
    (entry / ".lambdaignore").write_bytes(b"\xef\xbb\xbf.env\n# secrets\n\n*.key\n")
    assert read_ignore_file(entry) == [".lambdaignore", ".env", "*.key"]
