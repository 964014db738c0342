"""Failures: one error with the cause, and nothing left in the cache."""

from __future__ import annotations

import errno
import shutil
from pathlib import Path
from typing import Any

import pytest
from lambda_bundling import byte_code as byte_code_module
from lambda_bundling import tree
from lambda_bundling.errors import BundlingError, without_secrets
from lambda_bundling.install import installers
from lambda_bundling.options import ByteCode

from .conftest import bundle, files_in
from .test_sources import write_project

NOWHERE = "127.0.0.1:1/simple"
WRONG_HASH = "sha256:" + "0" * 64
FAILING = {
    "an unknown package": ("cdk-lambda-streaming-no-such-package==1", r"no-such-package was not found"),
    "conflicting requirements": ("pydantic==2.11.0\npydantic-core==2.0.0", r"pydantic-core(.|\n)*unsatisfiable"),
    "no wheel for the target": ("numpy==1.26.4", r"numpy==1.26.4 has no (usable )?wheels?"),
    "a wrong hash": (f"six==1.17.0 --hash={WRONG_HASH}", r"Hash mismatch for `six==1.17.0`"),
    "a hash for only some packages": (
        f"six==1.17.0 --hash={WRONG_HASH}\nidna==3.10",
        r"must have a hash, but none were provided for: idna",
    ),
    "an invalid requirement": ("six==", r"requirements.txt"),
}


@pytest.mark.parametrize("case", FAILING)
def test_failed_installation_names_cause(entry: Path, cache: Path, case: str) -> None:
    requirements, message = FAILING[case]
    (entry / "requirements.txt").write_text(requirements + "\n")
    with pytest.raises(BundlingError, match=message):
        bundle(entry)
    assert files_in(cache) == []


def test_invalid_uv_lock_is_reported(entry: Path, cache: Path) -> None:
    write_project(entry, 'dependencies = ["six"]\n')
    (entry / "uv.lock").write_text("version = 1\nrevision = 3\n[[package]\n")
    with pytest.raises(BundlingError, match=r"uv\.lock' failed(.|\n)*TOML parse error at line 3"):
        bundle(entry)
    (entry / "uv.lock").write_text('version = 1\nrevision = 3\nrequires-python = ">=3.10"\n')
    with pytest.raises(BundlingError, match=r"reading '.*uv\.lock' failed(.|\n)*(chat|lock)"):
        bundle(entry)
    assert files_in(cache) == []


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("lock-version = ", "is not valid TOML"),
        ('lock-version = "2.0"', "must be 1.0, got '2.0'"),
        ('lock-version = "1.0"\n[[packages]]\nversion = "1"\n', "has no name for package 1 of 1"),
        ('lock-version = "1.0"\n[[packages]]\nname = "x"\nmarker = "1"\n', "has an invalid environment marker for x"),
        ('lock-version = "1.0"\nrequires-python = "<3.14"\n', "requires Python <3.14, but the function has 3.14"),
    ],
)
def test_invalid_pylock_is_reported(entry: Path, cache: Path, text: str, message: str) -> None:
    (entry / "pylock.toml").write_text(text)
    with pytest.raises(BundlingError, match=message):
        bundle(entry)
    assert files_in(cache) == []


def test_error_without_network_has_cause_and_no_password(
    entry: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("UV_DEFAULT_INDEX", f"http://robot:very@secret@{NOWHERE}")
    monkeypatch.setenv("UV_CACHE_DIR", str(cache.parent / "uv"))
    (entry / "requirements.txt").write_text("six==1.17.0\n")
    with pytest.raises(BundlingError, match=r"Connection refused|[Cc]onnect") as caught:
        bundle(entry)
    assert "127.0.0.1" in str(caught.value)
    assert "secret" not in str(caught.value)
    assert files_in(cache) == []


def test_index_in_requirements_is_used_and_its_password_hidden(
    entry: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("UV_CACHE_DIR", str(cache.parent / "uv"))
    (entry / "requirements.txt").write_text(f"--index-url http://robot:secret@{NOWHERE}\nsix==1.17.0\n")
    with pytest.raises(BundlingError, match=r"127\.0\.0\.1") as caught:
        bundle(entry)
    assert "secret" not in str(caught.value)


def test_pip_error_without_network_has_cause_and_no_password(
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
    assert files_in(cache) == []


@pytest.mark.pure
def test_user_names_and_passwords_are_removed_from_urls() -> None:
    assert without_secrets("at https://a:b@c@host/simple/ and git+ssh://git@host/x") == (
        "at https://host/simple/ and git+ssh://host/x"
    )
    commit = "`git+https://host:8443/o/r@0123#egg=r`, https://host/o/r@main"
    assert without_secrets(commit) == commit
    assert without_secrets("git+https://token@host/o/r@main") == "git+https://host/o/r@main"


def test_unwritable_cache_names_variable(entry: Path, cache: Path) -> None:
    cache.write_text("a file")
    (entry / "requirements.txt").write_text("six\n")
    with pytest.raises(BundlingError, match=r"is not writable: .*\. Set the variable CDK_LAMBDA\w+ to another folder"):
        bundle(entry)


def test_full_disk_leaves_nothing(entry: Path, cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: Any, **__: Any) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    (entry / "requirements.txt").write_text("six\n")
    monkeypatch.setattr(shutil, "copy2", full)
    with pytest.raises(BundlingError, match=r"No space left on device\. To use another folder"):
        bundle(entry)
    monkeypatch.undo()
    assert files_in(cache) == []


def test_failed_hook_shows_its_output(entry: Path, cache: Path) -> None:
    (entry / "requirements.txt").write_text("six\n")
    with pytest.raises(BundlingError, match=r"bundling\.after_bundling .* failed:\noh no"):
        bundle(entry, after_bundling=["echo oh no >&2; exit 3"])
    assert files_in(cache) == []


def test_required_byte_code_without_interpreter_is_error(entry: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (entry / "requirements.txt").write_text("six==1.17.0\n")
    monkeypatch.setattr(byte_code_module, "find_interpreter", lambda python: None)
    with pytest.raises(BundlingError, match=r"has no Python 3\.14\. Install it, for example with `uv python install 3"):
        bundle(entry, byte_code=ByteCode.REQUIRED)
    made = bundle(entry, byte_code=ByteCode.AUTO)
    assert [warning.id for warning in made.warnings] == ["noByteCode"]


def test_too_large_function_lists_largest_packages(entry: Path, cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (entry / "requirements.txt").write_text("six==1.17.0\nidna==3.10\n")
    monkeypatch.setattr(tree, "UNZIPPED_LIMIT_BYTES", 100_000)
    with pytest.raises(BundlingError, match=r"largest packages are\n +\d+\.\d MB  idna\n(.|\n)*lambda/python:3\.13'"):
        bundle(entry, (3, 13))
    assert files_in(cache) == []


def test_large_zip_is_warned_about_each_time(entry: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (entry / "requirements.txt").write_text("six==1.17.0\n")
    monkeypatch.setattr(tree, "ZIPPED_WARNING_BYTES", 1000)
    assert [warning.id for warning in bundle(entry).warnings] == ["largeBundle"]
    monkeypatch.setattr(shutil, "copy2", None)
    assert [warning.id for warning in bundle(entry).warnings] == ["largeBundle"]


def test_silent_tool_is_reported_with_its_status(entry: Path) -> None:
    (entry / "requirements.txt").write_text("# none\n")
    with pytest.raises(BundlingError, match=r"after_bundling 'exit 3' failed:\nit ended with status 3 and no output"):
        bundle(entry, after_bundling=["exit 3"])
    with pytest.raises(BundlingError, match=r"failed:\nthe signal SIGKILL ended it"):
        bundle(entry, after_bundling=["kill -9 $$"])


def test_offline_error_does_not_blame_hashes(entry: Path, cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("UV_OFFLINE", "1")
    monkeypatch.setenv("UV_CACHE_DIR", str(cache.parent / "uv"))
    (entry / "requirements.txt").write_text(f"six==1.17.0 --hash={WRONG_HASH}\n")
    with pytest.raises(BundlingError, match="UV_OFFLINE is set, so uv uses only packages in its cache"):
        bundle(entry)
