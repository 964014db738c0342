from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from cdk_lambda_streaming.entry import find_entry, find_index, handler_string


def test_a_folder_is_found_by_str_and_by_path(entry: Path) -> None:
    assert find_entry(str(entry)) == find_entry(entry) == entry


def test_a_relative_folder_starts_at_the_working_directory(entry: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(entry.parent)
    assert find_index(find_entry("chat"), "index.py").samefile(entry / "index.py")


def test_a_missing_folder_is_an_error_that_says_where_it_was_looked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ValueError, match=f"entry folder 'chat' does not exist.*'{tmp_path}/chat'"):
        find_entry("chat")


def test_a_file_for_a_folder_is_an_error_that_names_both_options(entry: Path) -> None:
    with pytest.raises(ValueError, match=f"pass entry='{entry}', index='index.py'"):
        find_entry(entry / "index.py")


def test_an_empty_path_is_not_taken_for_the_working_directory() -> None:
    with pytest.raises(ValueError, match=r"entry must be the path of a folder, got ''; pass entry='.'"):
        find_entry("")


@pytest.mark.parametrize("value", [None, 3, ["chat"]])
def test_an_entry_that_is_no_path_is_named(value: Any) -> None:
    with pytest.raises(TypeError, match="entry must be the path of the folder"):
        find_entry(value)


@pytest.mark.parametrize(
    ("sources", "index", "said"),
    [
        ({"index": ""}, "indx.py", "did you mean 'index.py'?"),
        ({"app__main": "", "app__other": ""}, "main.py", "did you mean 'app/main.py'?"),
        ({"server": ""}, "index.py", "it has 'server.py'"),
        ({f"m{n:02}": "" for n in range(12)}, "index.py", "'m09.py' and 2 more"),
    ],
)
def test_a_missing_index_is_an_error_that_lists_what_is_there(
    make_entry: Callable[..., Path], sources: dict[str, str], index: str, said: str
) -> None:
    with pytest.raises(ValueError, match=f"has no file '{index}'; ") as caught:
        find_index(make_entry(**sources), index)
    assert str(caught.value).endswith(said)


def test_a_folder_without_modules_says_so(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="it holds no Python file"):
        find_index(tmp_path, "index.py")


@pytest.mark.parametrize("index", ["/tmp/index.py", "../index.py", "app/../../index.py"])
def test_an_index_outside_the_folder_is_refused(tmp_path: Path, index: str) -> None:
    with pytest.raises(ValueError, match="index must be a path inside entry"):
        find_index(tmp_path, index)


@pytest.mark.parametrize("index", ["index", "index.js", "my.app/main.py", "app.main", ""])
def test_an_index_that_a_handler_string_cannot_name_is_refused(tmp_path: Path, index: str) -> None:
    with pytest.raises(ValueError, match="index must be the path of a Python file, without other dots"):
        find_index(tmp_path, index)


def test_the_handler_string_separates_modules_by_dots() -> None:
    assert handler_string("index.py", "handler") == "index.handler"
    assert handler_string("app/api/main.py", "stream") == "app.api.main.stream"


@pytest.mark.parametrize("handler", ["app.main.handler", "handler()", ""])
def test_a_handler_that_is_no_name_is_refused_and_index_is_offered(handler: str) -> None:
    with pytest.raises(ValueError, match="the module is named by index"):
        handler_string("index.py", handler)


def test_options_of_another_type_are_named(entry: Path) -> None:
    with pytest.raises(TypeError, match="index must be"):
        find_index(entry, 3)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="handler must be"):
        handler_string("index.py", 3)  # type: ignore[arg-type]
