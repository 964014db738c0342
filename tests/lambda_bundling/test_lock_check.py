"""Check of uv.lock: outdated locks are rejected, other spellings of the same are not."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from lambda_bundling.errors import BundlingError
from lambda_bundling.install import lock_check

from ..interpreters import installed_pythons
from ..requirements import miss
from .conftest import bundle, ids, packages
from .test_sources import lock, write_project, write_workspace


@pytest.fixture(params=["uv", "no interpreter"])
def judge(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Run a test with uv's own check, and with the comparison that replaces it if no interpreter fits the lock."""
    if request.param == "no interpreter":
        monkeypatch.setattr(lock_check, "_interpreters_for", lambda *_: iter(()))
    return str(request.param)


@pytest.mark.usefixtures("judge")
@pytest.mark.parametrize(
    ("now", "differs"),
    [
        ('dependencies = ["six>=1.16"]', "six"),
        ('dependencies = ["six==1.16.0", "idna"]', "idna"),
        ("dependencies = []", "six"),
        ('dependencies = ["six[fast]==1.16.0"]', "six"),
        ('dependencies = ["six==1.16.0"]\n[project.optional-dependencies]\nfast = ["idna>3"]', "idna"),
    ],
)
def test_lock_older_than_project_is_rejected(entry: Path, cache: Path, now: str, differs: str) -> None:
    write_project(entry, 'dependencies = ["six==1.16.0"]\n')
    lock(entry)
    bundle(entry)
    write_project(entry, f"{now}\n")
    with pytest.raises(BundlingError, match=rf"uv.lock' is out of date: .* Changed: {differs}\. Run `uv lock`"):
        bundle(entry)
    assert len(list(cache.iterdir())) == 1


@pytest.mark.usefixtures("judge")
def test_extra_that_includes_extras_is_checked(entry: Path) -> None:
    extras = '[project.optional-dependencies]\na = ["six==1.16.0"]\nb = ["idna==3.10"]\nall = ["chat[a]"]\n'
    write_project(entry, extras)
    lock(entry)
    assert packages(bundle(entry, extras=["all"])) == {"six": "1.16.0"}
    write_project(entry, extras.replace("chat[a]", "chat[a,b]"))
    with pytest.raises(BundlingError, match=r"Changed: chat\. Run `uv lock`"):
        bundle(entry, extras=["all"])


@pytest.mark.parametrize(
    "now",
    [
        '[tool.uv]\noverride-dependencies = ["idna==3.9"]\n',
        '[tool.uv]\nconstraint-dependencies = ["idna<3.10"]\n',
        '[tool.uv]\nexclude-dependencies = ["idna"]\n',
        '[tool.uv.sources]\nidna = { index = "corp" }\n[[tool.uv.index]]\nname = "corp"\n'
        'url = "http://127.0.0.1:9/simple"\nexplicit = true\n',
        '[tool.uv.sources]\nidna = { git = "https://example.com/idna" }\n',
    ],
)
def test_settings_of_uv_are_checked(entry: Path, now: str) -> None:
    write_project(entry, 'dependencies = ["idna>=3"]\n')
    lock(entry)
    write_project(entry, 'dependencies = ["idna>=3"]\n' + now)
    with pytest.raises(BundlingError, match=r"uv.lock' (is out of date: .*Run `uv lock`|failed)"):
        bundle(entry)


@pytest.mark.usefixtures("judge")
def test_versions_of_workspace_members_are_not_compared(tmp_path: Path) -> None:
    entry = write_workspace(tmp_path / "shop", "common>=1")
    lock(entry.parent)
    assert packages(bundle(entry)).keys() == {"common", "idna"}


def test_uv_checks_with_any_interpreter_that_lock_allows(entry: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The lock allows neither this interpreter nor the function's. Without an interpreter there is a warning."""
    other = next((version for version in sorted(installed_pythons()) if version > sys.version_info[:2]), None)
    if other is None:
        miss("this machine has no newer Python")
    others = {other: str(installed_pythons()[other])}
    monkeypatch.setattr(lock_check, "find_interpreter", others.get)
    write_project(entry, 'dependencies = ["idna>=3"]\n')
    pyproject = entry / "pyproject.toml"
    pyproject.write_text(pyproject.read_text().replace(">=3.10", f">={other[0]}.{other[1]}"))
    lock(entry, others[other])
    assert ids(bundle(entry, (3, 15))) == []
    pyproject.write_text(pyproject.read_text() + '[tool.uv]\noverride-dependencies = ["idna==3.9"]\n')
    with pytest.raises(BundlingError, match="Run `uv lock`"):
        bundle(entry, (3, 15))
    others.clear()
    made = bundle(entry, (3, 15))
    assert ids(made) == ["lockNotChecked"]
    assert f"because this machine has no Python >={other[0]}.{other[1]}." in made.warnings[0].message


def test_lock_for_other_systems_is_rejected(entry: Path) -> None:
    write_project(entry, 'dependencies = ["idna"]\n[tool.uv]\nenvironments = ["sys_platform == \'darwin\'"]\n')
    lock(entry)
    with pytest.raises(BundlingError, match=r"is only for sys_platform == 'darwin', as environments under"):
        bundle(entry)


def test_settings_of_workspace_root_are_checked_for_members(tmp_path: Path) -> None:
    root = tmp_path / "shop"
    entry = root / "chat"
    write_project(entry, 'dependencies = ["idna>=3"]\n')
    (root / "pyproject.toml").write_text('[tool.uv.workspace]\nmembers = ["chat"]\n')
    lock(root)
    bundle(entry)
    with (root / "pyproject.toml").open("a") as pyproject:
        pyproject.write('[tool.uv]\noverride-dependencies = ["idna==3.9"]\n')
    with pytest.raises(BundlingError, match="Run `uv lock`"):
        bundle(entry)


@pytest.mark.usefixtures("judge")
@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("Six>=1.15,<1.17", "six < 1.17, >= 1.15"),
        ("idna==3.10 ; python_version >= '3.10'", "idna == 3.10 ; '3.10' <= python_version"),
        ('"Fast_Path"', "fast-path"),
        ('"click>=8,<9"', '"click>=8", "click<9"'),
        ('"click>=8,<9"', '"click<9,>=8"'),
    ],
)
def test_other_spelling_needs_no_new_lock(entry: Path, old: str, new: str) -> None:
    write_project(
        entry,
        'dependencies = ["Six>=1.15,<1.17", "idna==3.10 ; python_version >= \'3.10\'", "click>=8,<9"]\n'
        '[project.optional-dependencies]\n"Fast_Path" = ["iniconfig~=2.0"]\nall = ["chat[fast-path]"]\n',
    )
    lock(entry)
    text = (entry / "pyproject.toml").read_text()
    assert old in text
    (entry / "pyproject.toml").write_text(
        text.replace(old, new if not new.startswith("idna") else new.replace('"', "'"))
    )
    assert "six" in packages(bundle(entry))


@pytest.mark.usefixtures("judge")
def test_requested_group_is_checked(entry: Path) -> None:
    write_project(
        entry,
        "dependencies = []\n[dependency-groups]\n"
        'jobs = ["click==8.1.8", { include-group = "more" }]\nmore = ["idna"]\n',
    )
    lock(entry)
    assert packages(bundle(entry, groups=["jobs"])).keys() == {"click", "idna"}
    pyproject = entry / "pyproject.toml"
    pyproject.write_text(pyproject.read_text().replace('"idna"', '"idna>2"'))
    with pytest.raises(BundlingError, match="Changed: idna"):
        bundle(entry, groups=["jobs"])


@pytest.mark.usefixtures("judge")
def test_lock_older_than_member_is_rejected(tmp_path: Path) -> None:
    entry = write_workspace(tmp_path / "shop")
    lock(entry.parent)
    bundle(entry)
    pyproject = entry.parent / "common" / "pyproject.toml"
    pyproject.write_text(pyproject.read_text().replace("idna==3.10", "idna==3.9"))
    with pytest.raises(BundlingError, match=r"or a local project that it needs, has .* idna\. Run"):
        bundle(entry)


def test_lock_for_other_pythons_is_rejected(entry: Path) -> None:
    write_project(entry, 'dependencies = ["six"]\n')
    pyproject = entry / "pyproject.toml"
    pyproject.write_text(pyproject.read_text().replace(">=3.10", ">=3.11"))
    lock(entry)
    with pytest.raises(BundlingError, match=r"uv.lock' requires Python >=3.11, but the function has 3.10\. Choose"):
        bundle(entry, (3, 10))
    bundle(entry, (3, 11))


def test_lock_without_project_is_rejected(entry: Path) -> None:
    (entry / "uv.lock").write_text("version = 1\n")
    with pytest.raises(BundlingError, match=r"uv.lock' needs its pyproject.toml, but neither"):
        bundle(entry)


def test_lock_above_entry_can_be_chosen(tmp_path: Path) -> None:
    """One project has all functions, each in its own folder."""
    root = tmp_path / "shop"
    entry = root / "functions" / "chat"
    write_project(root, 'dependencies = ["six==1.16.0"]\n')
    lock(root)
    entry.mkdir(parents=True)
    (entry / "index.py").write_text("import six\n")
    assert packages(bundle(entry, requirements="../../uv.lock")) == {"six": "1.16.0"}
    write_project(root, 'dependencies = ["six==1.17.0"]\n')
    with pytest.raises(BundlingError, match=r"Changed: six\. Run `uv lock`"):
        bundle(entry, requirements="../../uv.lock")
