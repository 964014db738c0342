from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from cdk_lambda_streaming.code.entry import find_entry, find_index, handler_string


def test_folder_can_be_str_or_path(entry: Path) -> None:
    assert find_entry(str(entry)) == find_entry(entry) == entry


def test_relative_folder_starts_at_working_directory(entry: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(entry.parent)
    assert find_index(find_entry("chat"), "index.py").samefile(entry / "index.py")


def test_missing_folder_is_rejected_with_full_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ValueError, match=f"entry folder 'chat' does not exist.*'{tmp_path}/chat'"):
        find_entry("chat")


def test_file_instead_of_folder_is_rejected(entry: Path) -> None:
    with pytest.raises(ValueError, match=f"pass entry='{entry}', index='index.py'"):
        find_entry(entry / "index.py")


def test_empty_path_is_rejected() -> None:
    with pytest.raises(ValueError, match=r"entry must be the path of a folder, got ''; pass entry='.'"):
        find_entry("")


@pytest.mark.parametrize("value", [None, 3, ["chat"]])
def test_entry_of_wrong_type_is_rejected(value: Any) -> None:
    with pytest.raises(TypeError, match="entry must be the path of the folder"):
        find_entry(value)


@pytest.mark.parametrize(
    ("sources", "index", "message"),
    [
        ({"index": ""}, "indx.py", "did you mean 'index.py'?"),
        ({"app__main": "", "app__other": ""}, "main.py", "did you mean 'app/main.py'?"),
        ({"server": ""}, "index.py", "it has 'server.py'"),
        ({f"m{n:02}": "" for n in range(12)}, "index.py", "'m09.py' and 2 more"),
    ],
)
def test_missing_index_is_rejected_with_list_of_modules(
    make_entry: Callable[..., Path], sources: dict[str, str], index: str, message: str
) -> None:
    with pytest.raises(ValueError, match=f"has no file '{index}'; ") as caught:
        find_index(make_entry(**sources), index)
    assert str(caught.value).endswith(message)


def test_folder_without_modules_is_rejected(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="it has no Python files"):
        find_index(tmp_path, "index.py")


@pytest.mark.parametrize("index", ["/tmp/index.py", "../index.py", "app/../../index.py"])
def test_index_outside_folder_is_rejected(tmp_path: Path, index: str) -> None:
    with pytest.raises(ValueError, match="index must be a path inside entry"):
        find_index(tmp_path, index)


@pytest.mark.parametrize("index", ["index", "index.js", "my.app/main.py", "app.main", ""])
def test_index_with_dots_is_rejected(tmp_path: Path, index: str) -> None:
    with pytest.raises(ValueError, match="index must be the path of a Python file, without other dots"):
        find_index(tmp_path, index)


def test_handler_string_separates_modules_with_dots() -> None:
    assert handler_string("index.py", "handler") == "index.handler"
    assert handler_string("app/api/main.py", "stream") == "app.api.main.stream"


@pytest.mark.parametrize("handler", ["app.main.handler", "handler()", ""])
def test_handler_that_is_not_a_name_is_rejected(handler: str) -> None:
    with pytest.raises(ValueError, match="name the module in index"):
        handler_string("index.py", handler)


def test_options_of_wrong_type_are_rejected(entry: Path) -> None:
    with pytest.raises(TypeError, match="index must be"):
        find_index(entry, 3)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="handler must be"):
        handler_string("index.py", 3)  # type: ignore[arg-type]
