"""Private indexes in the environment, in a project or in requirements. Their passwords never leave this machine."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from lambda_bundling.errors import BundlingError
from lambda_bundling.options import Installer

from .conftest import bundle, packages
from .private_index import NAME, PASSWORD, serve_index, write_wheel
from .test_sources import lock, write_project


@pytest.fixture
def index(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    monkeypatch.setenv("UV_CACHE_DIR", str(tmp_path / "uv"))
    with serve_index([write_wheel(tmp_path / "served", "house", "answer = 42\n")]) as url:
        yield url


def assert_no_password(folder: Path) -> None:
    assert [path for path in folder.rglob("*") if path.is_file() and PASSWORD.encode() in path.read_bytes()] == []


def test_index_in_environment_is_used(entry: Path, index: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("UV_DEFAULT_INDEX", f"http://{NAME}:{PASSWORD}@{index}/simple")
    (entry / "requirements.txt").write_text("house\n")
    assert packages(bundle(entry)) == {"house": "1.0"}
    assert_no_password(entry.parent / "cache")


def test_explicit_index_is_used_for_its_package(entry: Path, index: str, monkeypatch: pytest.MonkeyPatch) -> None:
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
    assert_no_password(entry.parent / "cache")


@pytest.mark.parametrize("installer", [Installer.UV, Installer.PIP])
def test_requirements_with_password_are_not_deployed(entry: Path, index: str, installer: Installer) -> None:
    (entry / "requirements.txt").write_text(f"--index-url http://{NAME}:{PASSWORD}@{index}/simple\nhouse==1.0\n")
    made = bundle(entry, installer=installer)
    assert packages(made) == {"house": "1.0"}
    assert not (made.folder / "requirements.txt").exists()
    assert_no_password(entry.parent / "cache")


def test_password_in_variable_is_used(entry: Path, index: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOUSE", PASSWORD)
    url = f"http://{NAME}:${{HOUSE}}@{index}/simple"
    (entry / "requirements.txt").write_text(f"--extra-index-url {url}\nhouse==1.0\nsix==1.16.0\n")
    made = bundle(entry)
    assert packages(made) == {"house": "1.0", "six": "1.16.0"}
    assert (made.folder / "requirements.txt").exists()
    assert_no_password(entry.parent / "cache")


def test_wrong_password_is_reported_and_hidden(entry: Path, index: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("UV_DEFAULT_INDEX", f"http://{NAME}:wrong-{PASSWORD}@{index}/simple")
    (entry / "requirements.txt").write_text("house\n")
    with pytest.raises(BundlingError, match=r"401 Unauthorized(.|\n)*The index rejected the credentials") as caught:
        bundle(entry)
    assert PASSWORD not in str(caught.value)


def test_lock_without_hashes_is_installed(entry: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Some indexes have no hashes to compare with."""
    monkeypatch.setenv("UV_CACHE_DIR", str(tmp_path / "uv"))
    with serve_index([write_wheel(tmp_path / "served", "house", "")], with_hashes=False) as url:
        monkeypatch.setenv("UV_DEFAULT_INDEX", f"http://{NAME}:{PASSWORD}@{url}/simple")
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
def test_file_with_password_is_not_deployed(entry: Path, index: str, name: str, text: str) -> None:
    (entry / "requirements.txt").write_text("six==1.16.0\n")
    (entry / name).write_text(text.format(index=index))
    made = bundle(entry)
    assert packages(made) == {"six": "1.16.0"}
    assert not (made.folder / name).exists()
    assert_no_password(entry.parent / "cache")


def test_metadata_of_own_package_has_no_password(entry: Path, index: str) -> None:
    url = f"http://{NAME}:{PASSWORD}@{index}/files/house-1.0-py3-none-any.whl"
    write_project(
        entry,
        f'dependencies = ["house @ {url}"]\n[build-system]\nrequires = ["uv_build"]\nbuild-backend = "uv_build"\n',
    )
    (entry / "src" / "chat").mkdir(parents=True)
    (entry / "src" / "chat" / "__init__.py").write_text("")
    made = bundle(entry)
    assert packages(made) == {"chat": "1", "house": "1.0"}
    assert f"http://{index}/files" in (made.folder / "chat-1.dist-info" / "METADATA").read_text()
    assert_no_password(entry.parent / "cache")


def test_requirements_with_password_are_not_deployed_with_hooks(entry: Path, index: str) -> None:
    (entry / "lambda.txt").write_text(f"--index-url http://{NAME}:{PASSWORD}@{index}/simple\nhouse==1.0\n")
    made = bundle(entry, requirements="lambda.txt", before_bundling=["true"])
    assert packages(made) == {"house": "1.0"}
    assert_no_password(entry.parent / "cache")
