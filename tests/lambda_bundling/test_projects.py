"""Local projects: the function's own, members of its workspace, and folders in requirements."""

from __future__ import annotations

import platform
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from lambda_bundling.errors import BundlingError
from lambda_bundling.options import Installer
from lambda_bundling.tools import find_uv

from .conftest import THIS_MACHINE, bundle, ids, packages
from .private_index import write_wheel
from .test_sources import BUILD, lock, write_member, write_project

SETUPTOOLS = '[build-system]\nrequires = ["setuptools"]\nbuild-backend = "setuptools.build_meta"\n'
POETRY = """\
[tool.poetry]
name = "chat"
version = "1"
description = ""
authors = []
[tool.poetry.dependencies]
python = "^3.10"
six = "1.16.0"
[build-system]
requires = ["poetry-core"]
build-backend = "poetry.core.masonry.api"
"""


def files_of(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*")}


def write_module(path: Path, text: str = "answer = 42\n") -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def test_project_with_src_folder_is_installed(entry: Path) -> None:
    """The handler imports `chat`, and nothing puts its folder on the path."""
    write_project(entry, 'dependencies = ["six==1.16.0"]\n' + BUILD)
    write_module(entry / "src" / "chat" / "__init__.py")
    lock(entry)
    made = bundle(entry)
    assert packages(made) == {"chat": "1", "six": "1.16.0"}
    assert (made.folder / "chat" / "__init__.py").read_text() == "answer = 42\n"
    write_module(entry / "src" / "chat" / "__init__.py", "answer = 43\n")
    assert (bundle(entry).folder / "chat" / "__init__.py").read_text() == "answer = 43\n"


def test_project_that_is_not_a_package_is_not_installed(entry: Path) -> None:
    write_project(entry, 'dependencies = ["six==1.16.0"]\n' + BUILD + "[tool.uv]\npackage = false\n")
    lock(entry)
    assert packages(bundle(entry)) == {"six": "1.16.0"}


def test_failed_build_names_package_false(entry: Path) -> None:
    """hatchling needs a package with the project's name."""
    write_project(entry, "dependencies = []\n" + BUILD)
    lock(entry)
    with pytest.raises(BundlingError, match=r"building '.*chat' failed(.|\n)*package = false under \[tool\.uv\]"):
        bundle(entry)


def test_member_is_chosen_at_workspace_root(tmp_path: Path) -> None:
    root = tmp_path / "shop"
    write_project(root, 'dependencies = ["idna==3.10"]\n[tool.uv.workspace]\nmembers = ["orders"]\n')
    write_project(root / "orders", 'dependencies = ["six==1.16.0"]\n' + BUILD)
    write_module(root / "orders" / "src" / "orders" / "__init__.py")
    lock(root)
    assert packages(bundle(root)) == {"idna": "3.10"}
    assert packages(bundle(root, package="orders")) == {"orders": "1", "six": "1.16.0"}
    with pytest.raises(BundlingError, match="does not have a member ordres"):
        bundle(root, package="ordres")


def test_member_for_another_system_is_not_built(tmp_path: Path) -> None:
    """Its build fails on this machine."""
    root = tmp_path / "shop"
    entry = root / "chat"
    write_project(
        entry,
        "dependencies = [\"tray; sys_platform == 'win32'\"]\n[tool.uv.sources]\ntray = { workspace = true }\n",
    )
    write_project(root / "tray", BUILD)
    (root / "pyproject.toml").write_text('[tool.uv.workspace]\nmembers = ["chat", "tray"]\n')
    lock(root)
    assert packages(bundle(entry)) == {}


def test_build_leaves_nothing_in_project(entry: Path) -> None:
    """setuptools writes `build` and `*.egg-info`, which would change the next bundle."""
    write_project(entry, "dependencies = []\n" + SETUPTOOLS)
    write_module(entry / "src" / "chat" / "__init__.py")
    (entry / "requirements.txt").write_text("-e .\n")
    before = files_of(entry)
    made = bundle(entry, requirements="requirements.txt")
    assert packages(made) == {"chat": "1"}
    assert files_of(entry) == before
    assert bundle(entry, requirements="requirements.txt").name == made.name


def test_files_of_earlier_builds_are_ignored(entry: Path) -> None:
    write_project(entry.parent / "common", SETUPTOOLS)
    write_module(entry.parent / "common" / "src" / "common" / "__init__.py")
    write_module(entry.parent / "common" / "build" / "lib" / "common" / "stale.py")
    write_module(entry.parent / "common" / "src" / "common" / "build" / "__init__.py")
    (entry / "requirements.txt").write_text("../common\n")
    assert files_of(bundle(entry).folder / "common") == {"__init__.py", "build", "build/__init__.py"}


def test_version_from_git_needs_no_history(entry: Path) -> None:
    write_project(
        entry.parent / "common",
        '[build-system]\nrequires = ["hatchling", "hatch-vcs"]\nbuild-backend = "hatchling.build"\n'
        '[tool.hatch.version]\nsource = "vcs"\n',
    )
    pyproject = entry.parent / "common" / "pyproject.toml"
    pyproject.write_text(pyproject.read_text().replace('version = "1"', 'dynamic = ["version"]'))
    write_module(entry.parent / "common" / "common" / "__init__.py")
    (entry / "requirements.txt").write_text("common @ ../common\n")
    assert packages(bundle(entry)) == {"common": "0"}


@pytest.mark.parametrize("line", ["{url}", "-e {url}", "common @ {url}", "common[more] @ {url}"])
def test_folder_can_be_a_url(entry: Path, line: str) -> None:
    folder = entry.parent / "my common"
    write_member(folder.with_name("common"))
    folder.with_name("common").rename(folder)
    with (folder / "pyproject.toml").open("a") as pyproject:
        pyproject.write('[project.optional-dependencies]\nmore = ["six==1.16.0"]\n')
    (entry / "requirements.txt").write_text(line.format(url=folder.as_uri()) + "\n")
    made = bundle(entry)
    assert packages(made).items() >= {"common": "1", "idna": "3.10"}.items()
    assert ("six" in packages(made)) == ("more" in line)
    write_module(folder / "common" / "__init__.py", "answer = 43\n")
    assert (bundle(entry).folder / "common" / "__init__.py").read_text() == "answer = 43\n"


def test_content_of_local_wheel_changes_bundle(entry: Path) -> None:
    wheels = entry.parent / "wheels"
    write_wheel(wheels, "house", "version = 1\n")
    (entry / "requirements.txt").write_text("../wheels/house-1.0-py3-none-any.whl\n")
    first = bundle(entry)
    assert (first.folder / "house.py").read_text() == "version = 1\n"
    write_wheel(wheels, "house", "version = 2\n")
    second = bundle(entry)
    assert (second.folder / "house.py").read_text() == "version = 2\n"
    assert second.name != first.name
    write_wheel(wheels, "house", "version = 1\n")
    assert bundle(entry).name == first.name


def test_folder_of_wheels_is_relative_to_requirements(entry: Path) -> None:
    write_wheel(entry.parent / "wheels", "house", "version = 1\n")
    (entry / "requirements.txt").write_text("--find-links ../wheels\n--no-index\nhouse==1.0\n")
    assert packages(bundle(entry)) == {"house": "1.0"}
    write_wheel(entry.parent / "wheels", "house", "version = 2\n")
    assert (bundle(entry).folder / "house.py").read_text() == "version = 2\n"


def test_repository_is_built_at_named_commit(entry: Path) -> None:
    repository = entry.parent / "common"
    write_member(repository)
    git = ["git", "-c", "user.name=a", "-c", "user.email=a@example.com", "-C", str(repository)]
    for command in (["init", "--quiet"], ["add", "."], ["commit", "--quiet", "--message", "one"]):
        subprocess.run([*git, *command], check=True)
    commit = subprocess.run([*git, "rev-parse", "HEAD"], check=True, capture_output=True, text=True).stdout.strip()
    (entry / "requirements.txt").write_text(f"common @ git+{repository.as_uri()}@{commit}\n")
    assert packages(bundle(entry, build_from_source=["common"])) == {"common": "1", "idna": "3.10"}


def test_poetry_project_is_installed_with_dependencies(entry: Path) -> None:
    (entry / "pyproject.toml").write_text(POETRY)
    write_module(entry / "src" / "chat" / "__init__.py")
    made = bundle(entry)
    assert packages(made) == {"chat": "1", "six": "1.16.0"}
    assert ids(made) == ["unpinnedRequirements"]


def test_project_with_dynamic_dependencies_is_installed(entry: Path) -> None:
    write_project(entry, SETUPTOOLS + '[tool.setuptools.dynamic]\ndependencies = { file = ["deps.txt"] }\n')
    pyproject = entry / "pyproject.toml"
    pyproject.write_text(pyproject.read_text().replace('version = "1"', 'version = "1"\ndynamic = ["dependencies"]'))
    (entry / "deps.txt").write_text("six==1.16.0\n")
    write_module(entry / "src" / "chat" / "__init__.py")
    assert packages(bundle(entry)) == {"chat": "1", "six": "1.16.0"}


def test_project_without_pyproject_needs_its_name(entry: Path) -> None:
    legacy = entry.parent / "legacy"
    write_module(legacy / "legacy" / "__init__.py")
    (legacy / "setup.py").write_text(
        'from setuptools import setup\nsetup(name="legacy", version="1", packages=["legacy"], '
        'install_requires=["six==1.16.0"])\n'
    )
    (entry / "requirements.txt").write_text("../legacy\n")
    with pytest.raises(BundlingError, match=r"Write the name before the folder, such as legacy @ \.\./legacy"):
        bundle(entry)
    (entry / "requirements.txt").write_text("legacy @ ../legacy\n")
    assert packages(bundle(entry)) == {"legacy": "1", "six": "1.16.0"}


def test_compiled_project_is_rejected(entry: Path) -> None:
    native = entry.parent / "native"
    write_native(native)
    (entry / "requirements.txt").write_text("native @ ../native\n")
    with pytest.raises(BundlingError, match=r"native' is not pure Python: its wheel native-1-cp\d+.* is for"):
        bundle(entry)
    assert packages(bundle(entry, sys.version_info[:2], THIS_MACHINE)) == {"native": "1"}


def write_native(native: Path) -> None:
    """Write a project with a wheel for this machine only. Its build needs no compiler."""
    write_project(native, SETUPTOOLS)
    (native / "setup.py").write_text(
        "from setuptools import setup\nfrom setuptools.dist import Distribution\n"
        "class Binary(Distribution):\n    has_ext_modules = lambda self: True\n"
        "setup(distclass=Binary, packages=[])\n"
    )


def test_package_compiled_for_this_machine_is_rejected(entry: Path) -> None:
    """Packages in `build_from_source` must be pure Python."""
    native = entry.parent / "native"
    write_native(native)
    sdists = entry.parent / "sdists"
    subprocess.run([str(find_uv()), "build", "--quiet", "--sdist", "--out-dir", str(sdists), str(native)], check=True)
    (entry / "requirements.txt").write_text(f"--find-links {sdists}\nnative==1\n")
    with pytest.raises(BundlingError, match=r"native-1-cp\d+.*whl` is not compatible with the target Python 3\.14"):
        bundle(entry, build_from_source=["native"])
    here = bundle(entry, sys.version_info[:2], platform.machine(), build_from_source=["native"])
    assert packages(here) == {"native": "1"}
    with pytest.raises(BundlingError, match=r"build_from_source is \['native'\], but pip cannot build"):
        bundle(entry, installer=Installer.PIP, build_from_source=["native"])


def test_poetry_project_can_depend_on_local_projects(entry: Path) -> None:
    (entry / "pyproject.toml").write_text(
        POETRY.replace('six = "1.16.0"', 'common = { path = "../common", develop = true }')
    )
    write_module(entry / "src" / "chat" / "__init__.py")
    (entry.parent / "common").mkdir()
    (entry.parent / "common" / "pyproject.toml").write_text(POETRY.replace('"chat"', '"common"'))
    write_module(entry.parent / "common" / "common" / "__init__.py")
    assert packages(bundle(entry)) == {"chat": "1", "common": "1", "six": "1.16.0"}


@pytest.mark.parametrize("kind", ["package-mode", "no build-system"])
def test_project_that_only_poetry_can_read_is_rejected(entry: Path, kind: str) -> None:
    text = POETRY.replace("[tool.poetry]", "[tool.poetry]\npackage-mode = false")
    if kind == "no build-system":
        text = POETRY[: POETRY.index("[build-system]")]
    (entry / "pyproject.toml").write_text(text)
    with pytest.raises(BundlingError, match=r"is a Poetry project and not a package, .*before_bundling="):
        bundle(entry)
    made = bundle(entry, before_bundling=["echo six==1.16.0 > requirements.txt"])
    assert packages(made) == {"six": "1.16.0"}


def test_project_with_setup_cfg_is_installed(entry: Path) -> None:
    (entry / "pyproject.toml").write_text(SETUPTOOLS)
    (entry / "setup.cfg").write_text(
        "[metadata]\nname = chat\nversion = 1\n[options]\ninstall_requires = six==1.16.0\npackage_dir =\n    = src\n"
        "packages = find:\n[options.packages.find]\nwhere = src\n"
    )
    write_module(entry / "src" / "chat" / "__init__.py")
    assert packages(bundle(entry)) == {"chat": "1", "six": "1.16.0"}


def test_project_for_other_pythons_is_rejected(entry: Path) -> None:
    write_project(entry, 'dependencies = ["six==1.16.0"]\n')
    pyproject = entry / "pyproject.toml"
    pyproject.write_text(pyproject.read_text().replace(">=3.10", ">=3.10,<3.14"))
    with pytest.raises(BundlingError, match=r"pyproject.toml' requires Python >=3.10,<3.14, but the function has 3.14"):
        bundle(entry)
    write_module(entry / "src" / "chat" / "__init__.py")
    pyproject.write_text(POETRY.replace("^3.10", ">=3.10,<3.14"))
    with pytest.raises(BundlingError, match=r"requires Python (>=3.10,<3.14|<3.14,>=3.10), but the function has 3.14"):
        bundle(entry)


def test_local_project_can_be_in_build_from_source(entry: Path) -> None:
    write_member(entry.parent / "common")
    (entry / "requirements.txt").write_text("../common\n")
    assert packages(bundle(entry, build_from_source=["Common"])) == {"common": "1", "idna": "3.10"}


def test_failed_build_shows_output_of_tool(entry: Path) -> None:
    write_project(entry.parent / "common", BUILD)
    (entry / "requirements.txt").write_text("../common\n")
    with pytest.raises(BundlingError, match=r"building '.*common' failed(.|\n)*one file selection option must be def"):
        bundle(entry)


@pytest.mark.parametrize("kind", ["a lock", "an old lock", "a folder", "Poetry", "a source"])
def test_reading_dependencies_leaves_nothing_in_project(
    entry: Path, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    """setuptools writes `*.egg-info` when it lists the dependencies, if uv's cache does not have them."""
    common = entry.parent / "common"
    write_project(common, SETUPTOOLS + '[tool.setuptools.dynamic]\ndependencies = { file = ["deps.txt"] }\n')
    pyproject = common / "pyproject.toml"
    pyproject.write_text(pyproject.read_text().replace('version = "1"', 'version = "1"\ndynamic = ["dependencies"]'))
    (common / "deps.txt").write_text("six==1.16.0\n")
    write_module(common / "src" / "common" / "__init__.py")
    if kind == "a folder":
        (entry / "requirements.txt").write_text("common @ ../common\n")
    elif kind == "Poetry":
        (entry / "pyproject.toml").write_text(POETRY.replace('six = "1.16.0"', 'common = { path = "../common" }'))
        write_module(entry / "src" / "chat" / "__init__.py")
    else:
        write_project(entry, 'dependencies = ["common"]\n[tool.uv.sources]\ncommon = { path = "../common" }\n')
    if kind.endswith("lock"):
        lock(entry)
        shutil.rmtree(common / "src" / "common.egg-info")
    if kind == "an old lock":
        (common / "deps.txt").write_text("idna==3.10\n")
    before = files_of(entry.parent)
    monkeypatch.setenv("UV_CACHE_DIR", str(entry.parent.parent / f"uv of {entry.parent.name}"))
    if kind == "an old lock":
        with pytest.raises(BundlingError, match="Run `uv lock`"):
            bundle(entry)
    else:
        assert "common" in packages(bundle(entry, build_from_source=["common"]))
    assert {file for file in files_of(entry.parent) if not file.startswith("cache")} == before


def test_dependency_that_needs_build_names_option(entry: Path) -> None:
    write_project(entry.parent / "common", SETUPTOOLS)
    pyproject = entry.parent / "common" / "pyproject.toml"
    pyproject.write_text(pyproject.read_text().replace('version = "1"', 'dynamic = ["version"]'))
    write_project(entry, 'dependencies = ["common"]\n[tool.uv.sources]\ncommon = { path = "../common" }\n')
    with pytest.raises(BundlingError, match=r'Only a build shows .*\. Pass build_from_source=\["common"\]'):
        bundle(entry)


def test_extra_unknown_to_build_is_rejected(entry: Path) -> None:
    (entry / "pyproject.toml").write_text(POETRY)
    write_module(entry / "src" / "chat" / "__init__.py")
    with pytest.raises(BundlingError, match=r"has 'fsat', but the extras of '.*pyproject.toml' are: none"):
        bundle(entry, extras=["fsat"])
