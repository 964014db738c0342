"""A lock that is not of its projects any more is refused, and one that is only written otherwise is not."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from bundling import lock_check
from bundling.errors import BundlingError

from ..interpreters import installed_pythons
from ..requirements import miss
from .conftest import bundle, ids, packages
from .test_sources import lock, write_project, write_workspace


@pytest.fixture(params=["uv", "no interpreter"])
def judge(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """uv, or what stands in for it where the machine has no interpreter that the lock allows."""
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
def test_a_lock_that_is_older_than_its_project_is_refused(entry: Path, cache: Path, now: str, differs: str) -> None:
    write_project(entry, 'dependencies = ["six==1.16.0"]\n')
    lock(entry)
    bundle(entry)
    write_project(entry, f"{now}\n")
    with pytest.raises(BundlingError, match=rf"uv.lock' was made before .*they differ in {differs}; run uv lock"):
        bundle(entry)
    assert len(list(cache.iterdir())) == 1


@pytest.mark.usefixtures("judge")
def test_an_extra_that_names_others_counts(entry: Path) -> None:
    extras = '[project.optional-dependencies]\na = ["six==1.16.0"]\nb = ["idna==3.10"]\nall = ["chat[a]"]\n'
    write_project(entry, extras)
    lock(entry)
    assert packages(bundle(entry, extras=["all"])) == {"six": "1.16.0"}
    write_project(entry, extras.replace("chat[a]", "chat[a,b]"))
    with pytest.raises(BundlingError, match="they differ in chat; run uv lock"):
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
def test_what_uv_is_told_besides_counts(entry: Path, now: str) -> None:
    write_project(entry, 'dependencies = ["idna>=3"]\n')
    lock(entry)
    write_project(entry, 'dependencies = ["idna>=3"]\n' + now)
    with pytest.raises(BundlingError, match=r"uv.lock' (was made before .*run uv lock|failed)"):
        bundle(entry)


@pytest.mark.usefixtures("judge")
def test_versions_of_what_has_a_source_are_the_sources(tmp_path: Path) -> None:
    entry = write_workspace(tmp_path / "shop", "common>=1")
    lock(entry.parent)
    assert packages(bundle(entry)).keys() == {"common", "idna"}


def test_any_interpreter_that_the_lock_allows_asks_uv(entry: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither the running one nor the function's is; where there is none, that is said."""
    other = next((version for version in sorted(installed_pythons()) if version > sys.version_info[:2]), None)
    if other is None:
        miss("there is no newer Python on this machine")
    others = {other: str(installed_pythons()[other])}
    monkeypatch.setattr(lock_check, "find_interpreter", others.get)
    write_project(entry, 'dependencies = ["idna>=3"]\n')
    pyproject = entry / "pyproject.toml"
    pyproject.write_text(pyproject.read_text().replace(">=3.10", f">={other[0]}.{other[1]}"))
    lock(entry, others[other])
    assert ids(bundle(entry, (3, 15))) == []
    pyproject.write_text(pyproject.read_text() + '[tool.uv]\noverride-dependencies = ["idna==3.9"]\n')
    with pytest.raises(BundlingError, match="run uv lock"):
        bundle(entry, (3, 15))
    others.clear()
    made = bundle(entry, (3, 15))
    assert ids(made) == ["lockNotChecked"]
    assert f"has no Python >={other[0]}.{other[1]}, so uv could not say" in made.notices[0].message


def test_a_lock_for_other_systems_is_refused(entry: Path) -> None:
    write_project(entry, 'dependencies = ["idna"]\n[tool.uv]\nenvironments = ["sys_platform == \'darwin\'"]\n')
    lock(entry)
    with pytest.raises(BundlingError, match=r"is for sys_platform == 'darwin' alone, by environments under"):
        bundle(entry)


def test_what_the_root_of_a_workspace_is_told_counts_for_its_members(tmp_path: Path) -> None:
    root = tmp_path / "shop"
    entry = root / "chat"
    write_project(entry, 'dependencies = ["idna>=3"]\n')
    (root / "pyproject.toml").write_text('[tool.uv.workspace]\nmembers = ["chat"]\n')
    lock(root)
    bundle(entry)
    with (root / "pyproject.toml").open("a") as pyproject:
        pyproject.write('[tool.uv]\noverride-dependencies = ["idna==3.9"]\n')
    with pytest.raises(BundlingError, match="run uv lock"):
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
def test_another_spelling_of_the_same_needs_no_other_lock(entry: Path, old: str, new: str) -> None:
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
def test_a_group_counts_where_it_is_asked_for(entry: Path) -> None:
    write_project(
        entry,
        "dependencies = []\n[dependency-groups]\n"
        'jobs = ["click==8.1.8", { include-group = "more" }]\nmore = ["idna"]\n',
    )
    lock(entry)
    assert packages(bundle(entry, groups=["jobs"])).keys() == {"click", "idna"}
    pyproject = entry / "pyproject.toml"
    pyproject.write_text(pyproject.read_text().replace('"idna"', '"idna>2"'))
    with pytest.raises(BundlingError, match="they differ in idna"):
        bundle(entry, groups=["jobs"])


@pytest.mark.usefixtures("judge")
def test_a_lock_that_is_older_than_a_member_is_refused(tmp_path: Path) -> None:
    entry = write_workspace(tmp_path / "shop")
    lock(entry.parent)
    bundle(entry)
    pyproject = entry.parent / "common" / "pyproject.toml"
    pyproject.write_text(pyproject.read_text().replace("idna==3.10", "idna==3.9"))
    with pytest.raises(BundlingError, match=r"chat/pyproject.toml', or a project that it needs, was .* in idna; run"):
        bundle(entry)


def test_a_lock_for_other_pythons_is_refused(entry: Path) -> None:
    write_project(entry, 'dependencies = ["six"]\n')
    pyproject = entry / "pyproject.toml"
    pyproject.write_text(pyproject.read_text().replace(">=3.10", ">=3.11"))
    lock(entry)
    with pytest.raises(BundlingError, match=r"uv.lock' is for Python >=3.11, and the function has 3.10; choose"):
        bundle(entry, (3, 10))
    bundle(entry, (3, 11))


def test_a_lock_beside_no_project_is_named(entry: Path) -> None:
    (entry / "uv.lock").write_text("version = 1\n")
    with pytest.raises(BundlingError, match=r"uv.lock' needs the pyproject.toml that it was made of, and neither"):
        bundle(entry)


def test_a_lock_above_may_be_named(tmp_path: Path) -> None:
    """One project for all functions, each in its folder."""
    root = tmp_path / "shop"
    entry = root / "functions" / "chat"
    write_project(root, 'dependencies = ["six==1.16.0"]\n')
    lock(root)
    entry.mkdir(parents=True)
    (entry / "index.py").write_text("import six\n")
    assert packages(bundle(entry, requirements="../../uv.lock")) == {"six": "1.16.0"}
    write_project(root, 'dependencies = ["six==1.17.0"]\n')
    with pytest.raises(BundlingError, match="they differ in six; run uv lock"):
        bundle(entry, requirements="../../uv.lock")
