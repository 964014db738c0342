"""Hooks and other options: their effect, and errors for options without effect."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import pytest
from lambda_bundling.errors import BundlingError
from lambda_bundling.install import uv_installer
from lambda_bundling.options import ByteCode, Installer

from ..interpreters import require_python
from .conftest import bundle, ids, packages, plan
from .private_index import write_wheel
from .test_sources import lock, write_member, write_project


def test_hooks_run_without_dependencies(entry: Path) -> None:
    made = bundle(entry, before_bundling=["echo 1 > made.txt"], after_bundling=["mv made.txt moved.txt"])
    assert {path.name for path in made.folder.iterdir()} == {"index.py", "moved.txt"}
    same = bundle(
        entry,
        installer=Installer.NONE,
        before_bundling=["echo six==1.16.0 > requirements.txt"],
    )
    assert packages(same) == {}


def test_required_byte_code_is_compiled_without_dependencies(entry: Path) -> None:
    require_python((3, 13))
    made = bundle(entry, (3, 13), byte_code=ByteCode.REQUIRED)
    assert [path.name for path in made.folder.rglob("*.pyc")] == ["index.cpython-313.pyc"]


def test_requirements_written_by_hook_are_installed(entry: Path) -> None:
    hook = "echo six==1.16.0 > requirements.txt"
    assert packages(bundle(entry, before_bundling=[hook])) == {"six": "1.16.0"}
    (entry / "requirements.txt").write_text("idna==3.10\n")
    assert packages(bundle(entry, before_bundling=[hook])) == {"six": "1.16.0"}
    assert packages(bundle(entry, before_bundling=["true"])) == {"idna": "3.10"}
    named = bundle(entry, before_bundling=["echo click==8.1.8 > lambda.txt"], requirements="lambda.txt")
    assert packages(named) == {"click": "8.1.8"}
    assert (entry / "requirements.txt").read_text() == "idna==3.10\n"


@pytest.mark.parametrize("is_locked", [True, False])
def test_changes_of_hook_to_own_package_are_installed(entry: Path, is_locked: bool) -> None:
    """The project stays in its folder, because the copy lacks its paths and workspace."""
    write_member(entry.parent / "common")
    write_project(
        entry,
        'dependencies = ["common"]\n[tool.uv.sources]\ncommon = { path = "../common" }\n'
        '[build-system]\nrequires = ["hatchling"]\nbuild-backend = "hatchling.build"\n',
    )
    (entry / "src" / "chat").mkdir(parents=True)
    (entry / "src" / "chat" / "__init__.py").write_text("version = 1\n")
    if is_locked:
        lock(entry)
    hooks = ["echo version = 2 > src/chat/__init__.py", "echo made = 1 > src/chat/made.py"]
    made = bundle(entry, before_bundling=hooks)
    assert packages(made).keys() == {"chat", "common", "idna"}
    assert (made.folder / "chat" / "__init__.py").read_text() == "version = 2\n"
    assert (made.folder / "chat" / "made.py").exists()


def test_warnings_are_about_requirements_after_hooks(entry: Path) -> None:
    (entry / "requirements.txt").write_text("six\n")
    assert ids(bundle(entry, before_bundling=["true"])) == ["unpinnedRequirements"]
    assert ids(bundle(entry, before_bundling=["echo six==1.16.0 > requirements.txt"])) == []


def test_requirements_outside_entry_work_with_hooks(entry: Path) -> None:
    (entry.parent / "base.txt").write_text("six==1.16.0\n")
    (entry / "requirements.txt").write_text("-r ../base.txt\n")
    made = bundle(entry, before_bundling=["echo 1 > made.txt"])
    assert packages(made) == {"six": "1.16.0"}
    assert (made.folder / "made.txt").exists()


def test_extras_without_requirements_from_hook_are_rejected(entry: Path) -> None:
    with pytest.raises(BundlingError, match=r"bundling.extras is \['fast'\], but .* has no dependencies"):
        bundle(entry, before_bundling=["true"], extras=["fast"])


def test_excluded_requirements_work_with_hooks(entry: Path) -> None:
    (entry / "requirements.txt").write_text("six==1.16.0\n")
    made = bundle(entry, before_bundling=["echo 1 > made.txt"], asset_excludes=["requirements.txt"])
    assert packages(made) == {"six": "1.16.0"}
    assert not (made.folder / "requirements.txt").exists()


def test_project_changed_by_hook_is_built_once(entry: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_project(entry, '[build-system]\nrequires = ["hatchling"]\nbuild-backend = "hatchling.build"\n')
    (entry / "src" / "chat").mkdir(parents=True)
    (entry / "src" / "chat" / "__init__.py").write_text("")
    hook = "echo >> pyproject.toml; echo answer = 42 > src/chat/__init__.py"
    made = bundle(entry, before_bundling=[hook])
    assert (made.folder / "chat" / "__init__.py").read_text() == "answer = 42\n"
    monkeypatch.setattr(uv_installer.UvInstaller, "install", None)
    assert bundle(entry, before_bundling=[hook]) == made


def test_hook_that_writes_no_requirements_is_reported(entry: Path) -> None:
    with pytest.raises(BundlingError, match=r"bundling.requirements is 'lambda.txt', which does not exist in"):
        bundle(entry, before_bundling=["true"], requirements="lambda.txt")


def test_lock_of_workspace_works_with_hooks(tmp_path: Path) -> None:
    root = tmp_path / "shop"
    entry = root / "chat"
    write_project(entry, 'dependencies = ["six==1.16.0"]\n')
    (root / "pyproject.toml").write_text('[tool.uv.workspace]\nmembers = ["chat"]\n')
    lock(root)
    made = bundle(entry, before_bundling=["echo 1 > made.txt"])
    assert packages(made) == {"six": "1.16.0"}
    assert (made.folder / "made.txt").exists()


@pytest.mark.parametrize(
    ("file", "options", "message"),
    [
        (
            None,
            {"extras": ["fast"]},
            r"bundling.extras is \['fast'\], but '.*' has no dependencies. Remove extras, or add a uv.lock with "
            "pyproject.toml, a pylock.toml or a pyproject.toml.$",
        ),
        (None, {"groups": ["a"]}, "Remove groups, or add a uv.lock .*, a pylock.toml or a pyproject.toml.$"),
        (None, {"package": "a"}, "Remove package, or add a uv.lock with pyproject.toml.$"),
        (
            None,
            {"build_from_source": ["six"]},
            "bundling.build_from_source is .* has no dependencies. .* a requirements.txt or a pyproject.toml.$",
        ),
        (
            None,
            {"groups": ["a"], "installer": Installer.NONE},
            "bundling.groups is .* bundling.installer is NONE, which installs nothing. Remove groups, or pass another",
        ),
        (
            "requirements.txt",
            {"extras": ["fast"]},
            r"bundling.extras is \['fast'\], but the dependencies come from",
        ),
        (
            "requirements.txt",
            {"groups": ["jobs"]},
            r"bundling.groups is \['jobs'\], but the dependencies come from",
        ),
        (
            "requirements.txt",
            {"package": "a"},
            "bundling.package is 'a', but the dependencies come from",
        ),
        (
            "pylock.toml",
            {"extras": ["fast"]},
            r"has 'fast', but the extras of '.*pylock.toml' are: none",
        ),
        (
            "pyproject.toml",
            {"extras": ["fst"]},
            r"has 'fst', but the extras of '.*pyproject.toml' are: fast",
        ),
        (
            "pyproject.toml",
            {"groups": ["job"]},
            r"has 'job', but the groups of '.*pyproject.toml' are: jobs",
        ),
    ],
)
def test_missing_choices_are_rejected(entry: Path, file: str | None, options: dict[str, Any], message: str) -> None:
    if file == "requirements.txt":
        (entry / file).write_text("six\n")
    elif file == "pylock.toml":
        (entry / file).write_text('lock-version = "1.0"\ncreated-by = "hand"\n')
    elif file == "pyproject.toml":
        write_project(
            entry,
            'dependencies = []\n[project.optional-dependencies]\nFast = ["six"]\n'
            '[dependency-groups]\njobs = ["idna"]\n',
        )
    with pytest.raises(BundlingError, match=message):
        plan(entry, **options)


def test_project_without_lock_has_extras_and_groups(entry: Path) -> None:
    write_project(
        entry,
        'dependencies = []\n[project.optional-dependencies]\nFast = ["six==1.16.0"]\n'
        '[dependency-groups]\njobs = ["idna==3.10"]\n',
    )
    assert packages(bundle(entry, extras=["fast"], groups=["jobs"])) == {"six": "1.16.0", "idna": "3.10"}


def test_pylock_has_extras_and_groups(entry: Path) -> None:
    """The lock has the markers of PEP 751, as pdm writes them."""
    text = 'lock-version = "1.0"\ncreated-by = "hand"\nextras = ["fast"]\ndependency-groups = ["jobs"]\n'
    for name, marker in (("house", "'fast' in extras"), ("garden", "'jobs' in dependency_groups")):
        wheel = write_wheel(entry.parent / "wheels", name, "")
        text += f'[[packages]]\nname = "{name}"\nversion = "1.0"\nmarker = "{marker}"\n'
        text += f'[[packages.wheels]]\npath = "../wheels/{wheel.name}"\n'
        text += f'hashes = {{ sha256 = "{hashlib.sha256(wheel.read_bytes()).hexdigest()}" }}\n'
    (entry / "pylock.toml").write_text(text)
    assert packages(bundle(entry)) == {}
    assert packages(bundle(entry, extras=["fast"])) == {"house": "1.0"}
    assert packages(bundle(entry, groups=["jobs"])) == {"garden": "1.0"}


def test_project_without_dependencies_is_not_a_source(entry: Path) -> None:
    write_project(entry, "dependencies = []\n")
    assert plan(entry).source is None


def test_project_without_dependencies_has_no_warning(entry: Path) -> None:
    write_project(entry, '[build-system]\nrequires = ["hatchling"]\nbuild-backend = "hatchling.build"\n')
    (entry / "chat").mkdir()
    (entry / "chat" / "__init__.py").write_text("")
    made = bundle(entry)
    assert packages(made) == {"chat": "1"}
    assert ids(made) == []


def test_cache_inside_entry_is_rejected(entry: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (entry / "requirements.txt").write_text("six\n")
    monkeypatch.setenv("CDK_LAMBDA_STREAMING_CACHE", str(entry / "cache"))
    with pytest.raises(BundlingError, match=r"'.*cache' is inside the function's folder .*\. Set the variable"):
        plan(entry)
