"""Private indexes: named in the environment, in a project or in requirements, and told to nobody."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from bundling.errors import BundlingError
from bundling.options import Installer

from .conftest import bundle, packages
from .private_index import NAME, PASSWORD, serve_index, write_wheel
from .test_sources import lock, write_project


@pytest.fixture
def index(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    monkeypatch.setenv("UV_CACHE_DIR", str(tmp_path / "uv"))
    with serve_index([write_wheel(tmp_path / "served", "house", "answer = 42\n")]) as address:
        yield address


def assert_untold(folder: Path) -> None:
    assert [path for path in folder.rglob("*") if path.is_file() and PASSWORD.encode() in path.read_bytes()] == []


def test_one_of_the_environment_is_asked(entry: Path, index: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("UV_DEFAULT_INDEX", f"http://{NAME}:{PASSWORD}@{index}/simple")
    (entry / "requirements.txt").write_text("house\n")
    assert packages(bundle(entry)) == {"house": "1.0"}
    assert_untold(entry.parent / "cache")


def test_one_that_only_some_packages_come_from_is_asked(
    entry: Path, index: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("UV_INDEX_HOUSE_USERNAME", NAME)
    monkeypatch.setenv("UV_INDEX_HOUSE_PASSWORD", PASSWORD)
    write_project(
        entry,
        'dependencies = ["house", "six==1.16.0"]\n[tool.uv.sources]\nhouse = { index = "house" }\n'
        f'[[tool.uv.index]]\nname = "house"\nurl = "http://{index}/simple"\nexplicit = true\n',
    )
    assert packages(bundle(entry)) == {"house": "1.0", "six": "1.16.0"}
    lock(entry)
    assert packages(bundle(entry)) == {"house": "1.0", "six": "1.16.0"}
    assert_untold(entry.parent / "cache")


@pytest.mark.parametrize("installer", [Installer.UV, Installer.PIP])
def test_a_file_that_names_one_with_its_password_stays_at_home(entry: Path, index: str, installer: Installer) -> None:
    (entry / "requirements.txt").write_text(f"--index-url http://{NAME}:{PASSWORD}@{index}/simple\nhouse==1.0\n")
    made = bundle(entry, installer=installer)
    assert packages(made) == {"house": "1.0"}
    assert not (made.folder / "requirements.txt").exists()
    assert_untold(entry.parent / "cache")


def test_a_password_of_a_variable_is_read(entry: Path, index: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOUSE", PASSWORD)
    address = f"http://{NAME}:${{HOUSE}}@{index}/simple"
    (entry / "requirements.txt").write_text(f"--extra-index-url {address}\nhouse==1.0\nsix==1.16.0\n")
    made = bundle(entry)
    assert packages(made) == {"house": "1.0", "six": "1.16.0"}
    assert (made.folder / "requirements.txt").exists()
    assert_untold(entry.parent / "cache")


def test_a_wrong_password_is_said_and_not_told(entry: Path, index: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("UV_DEFAULT_INDEX", f"http://{NAME}:wrong-{PASSWORD}@{index}/simple")
    (entry / "requirements.txt").write_text("house\n")
    with pytest.raises(BundlingError, match=r"401 Unauthorized(.|\n)*the index wants credentials") as caught:
        bundle(entry)
    assert PASSWORD not in str(caught.value)


def test_a_lock_without_hashes_is_installed(entry: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Some indexes give none: there is nothing to compare with."""
    monkeypatch.setenv("UV_CACHE_DIR", str(tmp_path / "uv"))
    with serve_index([write_wheel(tmp_path / "served", "house", "")], with_hashes=False) as address:
        monkeypatch.setenv("UV_DEFAULT_INDEX", f"http://{NAME}:{PASSWORD}@{address}/simple")
        write_project(entry, 'dependencies = ["house"]\n')
        lock(entry)
        assert "hash" not in (entry / "uv.lock").read_text()
        assert packages(bundle(entry)) == {"house": "1.0"}


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("requirements.txt", "# was http://open-sesame@{index}/simple\nsix==1.16.0\n"),
        ("dev-requirements.txt", "house @ http://robot:open-sesame@{index}/files/house-1.0-py3-none-any.whl\n"),
        ("requirements[dev].txt", "# http://robot:open-sesame@{index}/simple\n"),
        ("uv.toml", '[[index]]\nurl = "http://robot:open-sesame@{index}/simple"\n'),
        ("pyproject.toml", '[[tool.uv.index]]\nurl = "http://robot:open-sesame@{index}/simple"\n'),
    ],
)
def test_no_file_that_has_a_password_is_deployed(entry: Path, index: str, name: str, text: str) -> None:
    (entry / "requirements.txt").write_text("six==1.16.0\n")
    (entry / name).write_text(text.format(index=index))
    made = bundle(entry)
    assert packages(made) == {"six": "1.16.0"}
    assert not (made.folder / name).exists()
    assert_untold(entry.parent / "cache")


def test_the_metadata_of_a_package_of_ones_own_has_no_password(entry: Path, index: str) -> None:
    address = f"http://{NAME}:{PASSWORD}@{index}/files/house-1.0-py3-none-any.whl"
    write_project(
        entry,
        f'dependencies = ["house @ {address}"]\n[build-system]\nrequires = ["uv_build"]\nbuild-backend = "uv_build"\n',
    )
    (entry / "src" / "chat").mkdir(parents=True)
    (entry / "src" / "chat" / "__init__.py").write_text("")
    made = bundle(entry)
    assert packages(made) == {"chat": "1", "house": "1.0"}
    assert f"http://{index}/files" in (made.folder / "chat-1.dist-info" / "METADATA").read_text()
    assert_untold(entry.parent / "cache")


def test_a_file_with_a_password_stays_at_home_beside_hooks_too(entry: Path, index: str) -> None:
    (entry / "lambda.txt").write_text(f"--index-url http://{NAME}:{PASSWORD}@{index}/simple\nhouse==1.0\n")
    made = bundle(entry, requirements="lambda.txt", before_bundling=["true"])
    assert packages(made) == {"house": "1.0"}
    assert_untold(entry.parent / "cache")
