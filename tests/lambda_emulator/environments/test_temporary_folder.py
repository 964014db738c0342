"""Only folders that no emulator uses are collected, and only those of this user."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import Any

import pytest
from lambda_emulator.environments.temporary_folder import PREFIX, make_folder, remove_dead_folders


@pytest.fixture(autouse=True)
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return tmp_path


def test_folder_is_kept_until_its_lock_is_released() -> None:
    folder = make_folder()

    remove_dead_folders()
    assert folder.path.exists()

    os.close(folder.lock)
    remove_dead_folders()
    assert not folder.path.exists()


def test_lock_that_a_child_process_has_inherited_keeps_the_folder() -> None:
    folder = make_folder()
    inherited = os.dup(folder.lock)
    os.close(folder.lock)

    remove_dead_folders()

    assert folder.path.exists()
    os.close(inherited)


@pytest.mark.parametrize("call", [(tempfile, "mkdtemp"), (os, "open")], ids=["mkdtemp", "open"])
def test_folder_that_is_collected_before_its_lock_is_replaced(
    monkeypatch: pytest.MonkeyPatch, call: tuple[Any, str]
) -> None:
    module, name = call
    original = getattr(module, name)
    collected: list[str] = []

    def collect_after(*arguments: Any, **options: Any) -> Any:
        result = original(*arguments, **options)
        if not collected:
            collected.append(name)
            remove_dead_folders()
        return result

    monkeypatch.setattr(module, name, collect_after)

    folder = make_folder()

    assert collected
    assert folder.path.exists()
    assert list(folder.path.parent.iterdir()) == [folder.path]
    os.close(folder.lock)


def test_folder_of_another_user_is_kept(temporary: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = temporary / f"{PREFIX}dead"
    folder.mkdir()
    monkeypatch.setattr(os, "geteuid", lambda: os.getuid() + 1)

    remove_dead_folders()

    assert folder.exists()


def test_links_and_files_with_the_name_of_a_folder_are_kept(temporary: Path) -> None:
    target = temporary / "target"
    target.mkdir()
    (temporary / f"{PREFIX}link").symlink_to(target)
    (temporary / f"{PREFIX}file").touch()

    remove_dead_folders()

    assert target.exists()
    assert (temporary / f"{PREFIX}file").exists()


def test_folders_of_other_programs_are_kept(temporary: Path) -> None:
    (temporary / "lambda-other").mkdir()

    remove_dead_folders()

    assert (temporary / "lambda-other").exists()
