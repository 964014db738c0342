"""A Function URL keeps its port when the app gets or loses another function."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from lambda_emulator.ports import assign_distances, port_distances


@pytest.fixture
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "state"
    monkeypatch.setenv("XDG_STATE_HOME", str(folder))
    return folder


def test_first_start_uses_the_next_ports_in_order() -> None:
    assert assign_distances(["a", "b", "c"], {}) == [1, 2, 3]


@pytest.mark.parametrize(
    ("names", "remembered", "distances"),
    [
        (["a", "b", "c"], {"b": 1, "c": 2}, [3, 1, 2]),
        (["b", "a"], {"a": 1, "b": 2}, [2, 1]),
        (["c"], {"a": 1, "b": 2, "c": 3}, [3]),
        (["d", "c"], {"a": 1, "c": 3}, [2, 3]),
        (["a", "a"], {}, [1, 2]),
        (["a", "a", "b"], {"a": 2, "a#1": 1}, [2, 1, 3]),
    ],
)
def test_remembered_url_keeps_its_port(names: list[str], remembered: dict[str, int], distances: list[int]) -> None:
    assert assign_distances(names, remembered) == distances


@pytest.mark.usefixtures("state")
def test_ports_stay_over_starts(tmp_path: Path) -> None:
    assembly = tmp_path / "cdk.out"

    assert port_distances(assembly, ["b", "c"]) == [1, 2]
    assert port_distances(assembly, ["a", "b", "c"]) == [3, 1, 2]
    assert port_distances(assembly, ["c"]) == [2]
    assert port_distances(assembly, ["c", "d"]) == [2, 4]
    assert port_distances(assembly, ["b"]) == [1]


@pytest.mark.usefixtures("state")
def test_each_assembly_has_its_own_ports(tmp_path: Path) -> None:
    assert port_distances(tmp_path / "one", ["a", "b"]) == [1, 2]
    assert port_distances(tmp_path / "two", ["b"]) == [1]


@pytest.mark.usefixtures("state")
def test_relative_and_absolute_path_mean_the_same_assembly(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)

    port_distances(Path("cdk.out"), ["b"])

    assert port_distances(tmp_path / "cdk.out", ["a", "b"]) == [2, 1]


def test_file_names_the_assembly(tmp_path: Path, state: Path) -> None:
    port_distances(tmp_path / "cdk.out", ["Demo/Chat"])

    [file] = (state / "lambda-streaming" / "ports").iterdir()
    assert json.loads(file.read_text()) == {"assembly": str(tmp_path / "cdk.out"), "distances": {"Demo/Chat": 1}}


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "{}",
        '{"distances": []}',
        '{"distances": {"b": "7"}}',
        '{"distances": {"b": 0}}',
        '{"distances": {"b": true}}',
        '{"distances": {"a": 7, "b": 7}}',
    ],
)
def test_file_of_another_form_is_ignored(tmp_path: Path, state: Path, text: str) -> None:
    port_distances(tmp_path, ["x"])
    [file] = (state / "lambda-streaming" / "ports").iterdir()
    file.write_text(text)

    assert port_distances(tmp_path, ["a", "b"]) == [1, 2]


def test_without_a_writable_folder_ports_are_not_remembered(tmp_path: Path, state: Path) -> None:
    state.write_text("a file, where a folder is expected")

    assert port_distances(tmp_path, ["b"]) == [1]
    assert port_distances(tmp_path, ["a", "b"]) == [1, 2]


def test_home_folder_is_used_without_the_variable(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("XDG_STATE_HOME", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))

    port_distances(tmp_path / "cdk.out", ["a"])

    assert len(os.listdir(tmp_path / ".local" / "state" / "lambda-streaming" / "ports")) == 1
