"""Each failure is one error that has the cause, and leaves nothing in the cache."""

from __future__ import annotations

import errno
import shutil
from pathlib import Path
from typing import Any

import pytest
from bundling import byte_code as byte_code_module
from bundling import installers, tree
from bundling.errors import BundlingError, without_secrets
from bundling.options import ByteCode

from .conftest import bundle, left_in
from .test_sources import write_project

NOWHERE = "127.0.0.1:1/simple"
WRONG_HASH = "sha256:" + "0" * 64
FAILING = {
    "an unknown package": ("cdk-lambda-streaming-no-such-package==1", r"no-such-package was not found"),
    "requirements in conflict": ("pydantic==2.11.0\npydantic-core==2.0.0", r"pydantic-core(.|\n)*unsatisfiable"),
    "no wheel for the target": ("numpy==1.26.4", r"numpy==1.26.4 has no (usable )?wheels?"),
    "another hash": (f"six==1.17.0 --hash={WRONG_HASH}", r"Hash mismatch for `six==1.17.0`"),
    "a hash for some alone": (
        f"six==1.17.0 --hash={WRONG_HASH}\nidna==3.10",
        r"must have a hash, but none were provided for: idna",
    ),
    "what is no requirement": ("six==", r"requirements.txt"),
}


@pytest.mark.parametrize("case", FAILING)
def test_what_cannot_be_installed_says_why(entry: Path, cache: Path, case: str) -> None:
    requirements, said = FAILING[case]
    (entry / "requirements.txt").write_text(requirements + "\n")
    with pytest.raises(BundlingError, match=said):
        bundle(entry)
    assert left_in(cache) == []


def test_a_lock_that_is_not_the_projects_says_so(entry: Path, cache: Path) -> None:
    write_project(entry, 'dependencies = ["six"]\n')
    (entry / "uv.lock").write_text("version = 1\nrevision = 3\n[[package]\n")
    with pytest.raises(BundlingError, match=r"uv\.lock' failed(.|\n)*TOML parse error at line 3"):
        bundle(entry)
    (entry / "uv.lock").write_text('version = 1\nrevision = 3\nrequires-python = ">=3.10"\n')
    with pytest.raises(BundlingError, match=r"reading '.*uv\.lock' failed(.|\n)*(chat|lock)"):
        bundle(entry)
    assert left_in(cache) == []


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("lock-version = ", "is not valid TOML"),
        ('lock-version = "2.0"', "has the lock-version '2.0'; 1.0 is read here"),
        ('lock-version = "1.0"\n[[packages]]\nversion = "1"\n', "has no name for package 1 of 1"),
        ('lock-version = "1.0"\n[[packages]]\nname = "x"\nmarker = "1"\n', "has x with a marker that is none"),
        ('lock-version = "1.0"\nrequires-python = "<3.14"\n', "for Python <3.14, and the function has 3.14"),
    ],
)
def test_a_standard_lock_that_cannot_be_read_says_why(entry: Path, cache: Path, text: str, said: str) -> None:
    (entry / "pylock.toml").write_text(text)
    with pytest.raises(BundlingError, match=said):
        bundle(entry)
    assert left_in(cache) == []


def test_without_network_the_error_has_the_cause_and_no_password(
    entry: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("UV_DEFAULT_INDEX", f"http://robot:very@secret@{NOWHERE}")
    monkeypatch.setenv("UV_CACHE_DIR", str(cache.parent / "uv"))
    (entry / "requirements.txt").write_text("six==1.17.0\n")
    with pytest.raises(BundlingError, match=r"Connection refused|[Cc]onnect") as caught:
        bundle(entry)
    assert "127.0.0.1" in str(caught.value)
    assert "secret" not in str(caught.value)
    assert left_in(cache) == []


def test_an_index_that_requirements_name_is_asked_and_its_password_kept(
    entry: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("UV_CACHE_DIR", str(cache.parent / "uv"))
    (entry / "requirements.txt").write_text(f"--index-url http://robot:secret@{NOWHERE}\nsix==1.17.0\n")
    with pytest.raises(BundlingError, match=r"127\.0\.0\.1") as caught:
        bundle(entry)
    assert "secret" not in str(caught.value)


def test_pip_without_network_has_the_cause_and_no_password(
    entry: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(installers, "find_uv", lambda: None)
    monkeypatch.setenv("PIP_INDEX_URL", f"http://robot:secret@{NOWHERE}")
    monkeypatch.setenv("PIP_RETRIES", "1")
    monkeypatch.setenv("PIP_NO_CACHE_DIR", "1")
    monkeypatch.delenv("PIP_FIND_LINKS", raising=False)
    (entry / "requirements.txt").write_text("six==1.17.0\n")
    with pytest.raises(BundlingError, match=r"with pip failed(.|\n)*[Cc]onnection") as caught:
        bundle(entry)
    assert "secret" not in str(caught.value)
    assert left_in(cache) == []


def test_names_and_passwords_are_cut_from_addresses() -> None:
    assert without_secrets("at https://a:b@c@host/simple/ and git+ssh://git@host/x") == (
        "at https://host/simple/ and git+ssh://host/x"
    )
    commit = "`git+https://host:8443/o/r@0123#egg=r`, https://host/o/r@main"
    assert without_secrets(commit) == commit
    assert without_secrets("git+https://token@host/o/r@main") == "git+https://host/o/r@main"


def test_a_cache_that_cannot_be_written_names_the_variable(entry: Path, cache: Path) -> None:
    cache.write_text("a file")
    (entry / "requirements.txt").write_text("six\n")
    with pytest.raises(
        BundlingError, match=r"cannot be written to: .*; name another folder in the variable CDK_LAMBDA"
    ):
        bundle(entry)


def test_a_full_disk_is_an_error_that_leaves_nothing(entry: Path, cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: Any, **__: Any) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    (entry / "requirements.txt").write_text("six\n")
    monkeypatch.setattr(tree.shutil, "copy2", full)
    with pytest.raises(BundlingError, match=r"No space left on device; another folder can be named"):
        bundle(entry)
    monkeypatch.undo()
    assert left_in(cache) == []


def test_a_hook_that_fails_says_what_it_said(entry: Path, cache: Path) -> None:
    (entry / "requirements.txt").write_text("six\n")
    with pytest.raises(BundlingError, match=r"bundling\.after_bundling .* failed:\noh no"):
        bundle(entry, after_bundling=["echo oh no >&2; exit 3"])
    assert left_in(cache) == []


def test_required_byte_code_without_an_interpreter_is_an_error(entry: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (entry / "requirements.txt").write_text("six==1.17.0\n")
    monkeypatch.setattr(byte_code_module, "find_interpreter", lambda python: None)
    with pytest.raises(BundlingError, match=r"has no Python 3\.14; install one, for example with uv python install 3"):
        bundle(entry, byte_code=ByteCode.REQUIRED)
    made = bundle(entry, byte_code=ByteCode.AUTO)
    assert [notice.id for notice in made.notices] == ["noByteCode"]


def test_more_than_lambda_takes_lists_what_is_large(entry: Path, cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (entry / "requirements.txt").write_text("six==1.17.0\nidna==3.10\n")
    monkeypatch.setattr(tree, "UNZIPPED_LIMIT_BYTES", 100_000)
    with pytest.raises(BundlingError, match=r"largest packages are\n +\d+\.\d MB  idna\n(.|\n)*lambda/python:3\.13'"):
        bundle(entry, (3, 13))
    assert left_in(cache) == []


def test_a_large_zip_is_hinted_at_each_time(entry: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (entry / "requirements.txt").write_text("six==1.17.0\n")
    monkeypatch.setattr(tree, "ZIPPED_HINT_BYTES", 1000)
    assert [notice.id for notice in bundle(entry).notices] == ["largeBundle"]
    monkeypatch.setattr(shutil, "copy2", None)
    assert [notice.id for notice in bundle(entry).notices] == ["largeBundle"]


def test_a_tool_that_says_nothing_is_told_of_by_how_it_ended(entry: Path) -> None:
    (entry / "requirements.txt").write_text("# none\n")
    with pytest.raises(BundlingError, match=r"after_bundling 'exit 3' failed:\nit ended with the status 3, and said"):
        bundle(entry, after_bundling=["exit 3"])
    with pytest.raises(BundlingError, match=r"failed:\nit was ended by the signal SIGKILL"):
        bundle(entry, after_bundling=["kill -9 $$"])


def test_without_network_hashes_are_not_blamed(entry: Path, cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("UV_OFFLINE", "1")
    monkeypatch.setenv("UV_CACHE_DIR", str(cache.parent / "uv"))
    (entry / "requirements.txt").write_text(f"six==1.17.0 --hash={WRONG_HASH}\n")
    with pytest.raises(BundlingError, match="UV_OFFLINE is set, so packages come from uv's cache alone"):
        bundle(entry)
