"""What options do where they have something to do, and that they are refused where they would do nothing."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from bundling import options as options_module
from bundling import uv_installer
from bundling.errors import BundlingError
from bundling.options import BundlingOptions, ByteCode, Installer

from ..interpreters import installed_pythons
from ..requirements import miss
from .conftest import bundle, ids, packages, plan
from .private_index import write_wheel
from .test_sources import lock, write_member, write_project


def test_hooks_run_where_nothing_is_installed(entry: Path) -> None:
    made = bundle(entry, before_bundling=["echo 1 > made.txt"], after_bundling=["mv made.txt moved.txt"])
    assert {path.name for path in made.folder.iterdir()} == {"index.py", "moved.txt"}
    same = bundle(
        entry,
        installer=Installer.NONE,
        before_bundling=["echo six==1.16.0 > requirements.txt"],
    )
    assert packages(same) == {}


def test_required_byte_code_is_made_where_nothing_is_installed(entry: Path) -> None:
    if (3, 13) not in installed_pythons():
        miss("there is no Python 3.13 on this machine")
    made = bundle(entry, (3, 13), byte_code=ByteCode.REQUIRED)
    assert [path.name for path in made.folder.rglob("*.pyc")] == ["index.cpython-313.pyc"]


def test_what_a_hook_writes_is_installed(entry: Path) -> None:
    hook = "echo six==1.16.0 > requirements.txt"
    assert packages(bundle(entry, before_bundling=[hook])) == {"six": "1.16.0"}
    (entry / "requirements.txt").write_text("idna==3.10\n")
    assert packages(bundle(entry, before_bundling=[hook])) == {"six": "1.16.0"}
    assert packages(bundle(entry, before_bundling=["true"])) == {"idna": "3.10"}
    named = bundle(entry, before_bundling=["echo click==8.1.8 > lambda.txt"], requirements="lambda.txt")
    assert packages(named) == {"click": "8.1.8"}
    assert (entry / "requirements.txt").read_text() == "idna==3.10\n"


def test_what_a_hook_writes_is_installed_for_the_desk_too(entry: Path) -> None:
    """As the emulator asks for it, of the metadata in the template."""
    options = BundlingOptions(
        requirements="lambda.txt", before_bundling=["echo six==1.16.0 > lambda.txt"], byte_code=ByteCode.REQUIRED
    )
    asked = {"entry": str(entry), "requirements": None, "options": options.to_json(), "excluded": []}
    asked |= {"python": list(sys.version_info[:2]), "interpreter": sys.executable}
    command = [sys.executable, "-m", "bundling", json.dumps(asked)]
    made = subprocess.run(command, cwd=Path(options_module.__file__).parents[1], capture_output=True, text=True)
    assert made.returncode == 0, made.stderr
    folder = Path(made.stdout.strip())
    assert (folder / "six.py").exists()
    assert list(folder.rglob("*.pyc")) == []


@pytest.mark.parametrize("is_locked", [True, False])
def test_what_a_hook_changes_in_the_functions_own_package_is_installed(entry: Path, is_locked: bool) -> None:
    """The project stays where it is, whose paths and workspace the copy has not."""
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


def test_what_is_said_of_requirements_is_of_those_that_count(entry: Path) -> None:
    (entry / "requirements.txt").write_text("six\n")
    assert ids(bundle(entry, before_bundling=["true"])) == ["unpinnedRequirements"]
    assert ids(bundle(entry, before_bundling=["echo six==1.16.0 > requirements.txt"])) == []


def test_requirements_that_name_files_elsewhere_count_beside_hooks(entry: Path) -> None:
    (entry.parent / "base.txt").write_text("six==1.16.0\n")
    (entry / "requirements.txt").write_text("-r ../base.txt\n")
    made = bundle(entry, before_bundling=["echo 1 > made.txt"])
    assert packages(made) == {"six": "1.16.0"}
    assert (made.folder / "made.txt").exists()


def test_what_is_asked_of_requirements_that_no_hook_writes_is_refused(entry: Path) -> None:
    with pytest.raises(BundlingError, match=r"bundling.extras is \['fast'\], and .* names no dependencies"):
        bundle(entry, before_bundling=["true"], extras=["fast"])


def test_requirements_that_are_not_deployed_count_beside_hooks(entry: Path) -> None:
    (entry / "requirements.txt").write_text("six==1.16.0\n")
    made = bundle(entry, before_bundling=["echo 1 > made.txt"], asset_excludes=["requirements.txt"])
    assert packages(made) == {"six": "1.16.0"}
    assert not (made.folder / "requirements.txt").exists()


def test_a_project_that_a_hook_changes_is_built_once(entry: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_project(entry, '[build-system]\nrequires = ["hatchling"]\nbuild-backend = "hatchling.build"\n')
    (entry / "src" / "chat").mkdir(parents=True)
    (entry / "src" / "chat" / "__init__.py").write_text("")
    hook = "echo >> pyproject.toml; echo answer = 42 > src/chat/__init__.py"
    made = bundle(entry, before_bundling=[hook])
    assert (made.folder / "chat" / "__init__.py").read_text() == "answer = 42\n"
    monkeypatch.setattr(uv_installer.UvInstaller, "install", None)
    assert bundle(entry, before_bundling=[hook]) == made


def test_a_hook_that_writes_no_requirements_says_so(entry: Path) -> None:
    with pytest.raises(BundlingError, match=r"bundling.requirements is 'lambda.txt', which is not in"):
        bundle(entry, before_bundling=["true"], requirements="lambda.txt")


def test_a_hook_leaves_a_lock_of_a_workspace_where_it_is(tmp_path: Path) -> None:
    root = tmp_path / "shop"
    entry = root / "chat"
    write_project(entry, 'dependencies = ["six==1.16.0"]\n')
    (root / "pyproject.toml").write_text('[tool.uv.workspace]\nmembers = ["chat"]\n')
    lock(root)
    made = bundle(entry, before_bundling=["echo 1 > made.txt"])
    assert packages(made) == {"six": "1.16.0"}
    assert (made.folder / "made.txt").exists()


@pytest.mark.parametrize(
    ("file", "options", "said"),
    [
        (None, {"extras": ["fast"]}, r"bundling.extras is \['fast'\], and '.*' names no dependencies"),
        (None, {"build_from_source": ["six"]}, "bundling.build_from_source is .* names no dependencies"),
        (None, {"groups": ["a"], "installer": Installer.NONE}, "bundling.groups is .* bundling.installer is NONE"),
        ("requirements.txt", {"extras": ["fast"]}, r"bundling.extras is \['fast'\], which pyproject.toml names"),
        ("requirements.txt", {"groups": ["jobs"]}, r"bundling.groups is \['jobs'\], which pyproject.toml names"),
        ("requirements.txt", {"package": "a"}, "bundling.package is 'a', a member of a uv workspace, and the"),
        ("pylock.toml", {"extras": ["fast"]}, r"bundling.extras has 'fast', and '.*pylock.toml' has none"),
        ("pyproject.toml", {"extras": ["fst"]}, r"bundling.extras has 'fst', and '.*pyproject.toml' has fast"),
        ("pyproject.toml", {"groups": ["job"]}, r"bundling.groups has 'job', and '.*pyproject.toml' has jobs"),
    ],
)
def test_what_the_source_does_not_have_is_refused(
    entry: Path, file: str | None, options: dict[str, Any], said: str
) -> None:
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
    with pytest.raises(BundlingError, match=said):
        plan(entry, **options)


def test_a_project_without_lock_has_extras_and_groups(entry: Path) -> None:
    write_project(
        entry,
        'dependencies = []\n[project.optional-dependencies]\nFast = ["six==1.16.0"]\n'
        '[dependency-groups]\njobs = ["idna==3.10"]\n',
    )
    assert packages(bundle(entry, extras=["fast"], groups=["jobs"])) == {"six": "1.16.0", "idna": "3.10"}


def test_a_standard_lock_has_extras_and_groups(entry: Path) -> None:
    """PEP 751's markers, in a lock as pdm writes it."""
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


def test_a_project_that_has_nothing_to_install_is_no_source(entry: Path) -> None:
    write_project(entry, "dependencies = []\n")
    assert plan(entry).source is None


def test_nothing_is_said_of_a_project_that_is_all_there_is(entry: Path) -> None:
    write_project(entry, '[build-system]\nrequires = ["hatchling"]\nbuild-backend = "hatchling.build"\n')
    (entry / "chat").mkdir()
    (entry / "chat" / "__init__.py").write_text("")
    made = bundle(entry)
    assert packages(made) == {"chat": "1"}
    assert ids(made) == []


def test_a_cache_inside_the_function_is_refused(entry: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (entry / "requirements.txt").write_text("six\n")
    monkeypatch.setenv("CDK_LAMBDA_STREAMING_CACHE", str(entry / "cache"))
    with pytest.raises(BundlingError, match=r"the cache '.*cache' is inside the function's folder .*; name another"):
        plan(entry)
