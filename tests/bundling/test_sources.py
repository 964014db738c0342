"""Where requirements come from, what installs them, and what a function does not get of them."""

from __future__ import annotations

import hashlib
import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from bundling import installers, not_installed, tools
from bundling.errors import BundlingError
from bundling.options import Installer, LeaveOut

from .conftest import bundle, ids, packages, plan
from .private_index import write_wheel

SIX = "sha256:4721f391ed90541fddacab5acf947aa0d3dc7d27b2e1e8eda2be8970586c3274"
PROJECT = '[project]\nname = "chat"\nversion = "1"\nrequires-python = ">=3.10"\n'
BUILD = '[build-system]\nrequires = ["hatchling"]\nbuild-backend = "hatchling.build"\n'


def lock(folder: Path, interpreter: str = sys.executable) -> None:
    subprocess.run([str(tools.find_uv()), "lock", "--quiet", "--python", interpreter], cwd=folder, check=True)


def write_project(folder: Path, rest: str) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "pyproject.toml").write_text(PROJECT.replace("chat", folder.name) + rest)


def write_member(folder: Path) -> None:
    write_project(folder, 'dependencies = ["idna==3.10"]\n' + BUILD)
    module = folder / folder.name / "__init__.py"
    module.parent.mkdir()
    module.write_text("answer = 42\n")


def write_workspace(root: Path, dependency: str = "common") -> Path:
    """Write a workspace whose member `chat` needs its member `common`; return chat's folder."""
    write_member(root / "common")
    sources = "[tool.uv.sources]\ncommon = { workspace = true }\n"
    write_project(root / "chat", f'dependencies = ["{dependency}"]\n{sources}')
    (root / "pyproject.toml").write_text('[tool.uv.workspace]\nmembers = ["chat", "common"]\n')
    return root / "chat"


def test_a_lock_of_uv_installs_what_it_names_and_extras_and_groups_when_asked(entry: Path) -> None:
    write_project(
        entry,
        'dependencies = ["six==1.16.0"]\n[project.optional-dependencies]\nfast = ["idna==3.10"]\n'
        '[dependency-groups]\njobs = ["iniconfig==2.0.0"]\ndev = ["packaging==24.2"]\n',
    )
    lock(entry)
    made = bundle(entry)
    assert packages(made) == {"six": "1.16.0"}
    assert made.notices == ()
    assert packages(bundle(entry, extras=["fast"])) == {"six": "1.16.0", "idna": "3.10"}
    assert packages(bundle(entry, groups=["jobs"])) == {"six": "1.16.0", "iniconfig": "2.0.0"}


def test_a_member_of_a_workspace_brings_other_members_and_their_changes_count(tmp_path: Path) -> None:
    root = tmp_path / "shop"
    entry = root / "functions" / "orders"
    write_member(root / "common")
    write_member(root / "stranger")
    write_project(entry, 'dependencies = ["common", "six==1.16.0"]\n[tool.uv.sources]\ncommon = { workspace = true }\n')
    (entry / "index.py").write_text("import common\n")
    (root / "pyproject.toml").write_text('[tool.uv.workspace]\nmembers = ["common", "stranger", "functions/*"]\n')
    lock(root)
    made = bundle(entry)
    assert packages(made) == {"common": "1", "six": "1.16.0", "idna": "3.10"}
    assert (made.folder / "common" / "__init__.py").read_text() == "answer = 42\n"
    (root / "stranger" / "stranger" / "__init__.py").write_text("answer = 43\n")
    assert bundle(entry).name == made.name
    (root / "common" / "common" / "__init__.py").write_text("answer = 43\n")
    assert (bundle(entry).folder / "common" / "__init__.py").read_text() == "answer = 43\n"


def test_a_standard_lock_is_read_with_its_hashes_and_markers(entry: Path) -> None:
    write_project(entry, 'dependencies = ["six==1.17.0", "idna==3.10; python_version < \'3.14\'"]\n')
    lock(entry)
    command = [str(tools.find_uv()), "export", "--quiet", "--format", "pylock.toml", "--output-file", "pylock.toml"]
    subprocess.run(command, cwd=entry, check=True)
    (entry / "uv.lock").unlink()
    assert packages(bundle(entry)) == {"six": "1.17.0"}
    assert packages(bundle(entry, (3, 13))) == {"six": "1.17.0", "idna": "3.10"}
    text = (entry / "pylock.toml").read_text()
    (entry / "pylock.toml").write_text(text.replace(SIX[7:], "0" * 64))
    with pytest.raises(BundlingError, match=r"Hash mismatch for `six==1\.17\.0`"):
        bundle(entry)


def test_requirements_may_include_others_and_have_hashes(entry: Path) -> None:
    (entry / "more.txt").write_text(f"six==1.17.0 \\\n    --hash={SIX}  # why\n")
    (entry / "requirements.txt").write_text("-r more.txt\n")
    first = bundle(entry)
    assert packages(first) == {"six": "1.17.0"}
    (entry / "more.txt").write_text("six==1.16.0\n")
    assert packages(bundle(entry)) == {"six": "1.16.0"}


def test_requirements_with_hashes_may_be_constrained(entry: Path) -> None:
    (entry / "limits.txt").write_text("six<2\n")
    (entry / "requirements.txt").write_text(
        f"-c limits.txt\naws-cdk-lib==2.275.0 --hash={SIX}\nsix==1.17.0 --hash={SIX}\n"
    )
    made = bundle(entry)
    assert packages(made) == {"six": "1.17.0"}
    assert ids(made) == ["synthOnlyRequirement"]


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16"])
@pytest.mark.parametrize("installer", [Installer.UV, Installer.PIP])
def test_requirements_are_read_whatever_editor_wrote_them(entry: Path, encoding: str, installer: Installer) -> None:
    (entry / "requirements.txt").write_text("six==1.16.0\r\n", encoding)
    assert packages(bundle(entry, installer=installer)) == {"six": "1.16.0"}


def test_requirements_that_name_a_file_which_is_not_there_say_so(entry: Path) -> None:
    (entry / "requirements.txt").write_text("-r mroe.txt\n")
    with pytest.raises(BundlingError, match=r"requirements.txt' names 'mroe.txt' by -r, and there is no file '.*mroe"):
        plan(entry)


def test_requirements_may_be_constrained_and_name_a_folder(entry: Path) -> None:
    write_member(entry.parent / "common")
    (entry / "limits.txt").write_text("six==1.16.0\n")
    (entry / "requirements.txt").write_text("-c limits.txt\nsix\n../common\n")
    assert packages(bundle(entry)) == {"six": "1.16.0", "common": "1", "idna": "3.10"}


def test_a_project_without_lock_is_resolved_and_said_to_be_unpinned(entry: Path) -> None:
    write_project(entry, 'dependencies = ["six<1.17"]\n')
    made = bundle(entry)
    assert packages(made) == {"six": "1.16.0"}
    assert ids(made) == ["unpinnedRequirements"]


def test_the_first_source_in_order_counts_unless_another_is_named(entry: Path) -> None:
    write_project(entry, 'dependencies = ["six==1.17.0"]\n')
    (entry / "requirements.txt").write_text("six==1.16.0\n")
    assert plan(entry).source.kind == "requirements.txt"
    (entry / "pylock.toml").write_text('lock-version = "1.0"\n')
    assert plan(entry).source.kind == "pylock.toml"
    lock(entry)
    assert plan(entry).source.kind == "uv.lock"
    (entry / "lambda.txt").write_text("six==1.15.0\n")
    assert packages(bundle(entry, requirements="lambda.txt")) == {"six": "1.15.0"}
    with pytest.raises(BundlingError, match=r"'other.txt', which is not in .*; it has .*pylock.toml.*uv.lock"):
        plan(entry, requirements="other.txt")


def test_a_lock_above_counts_where_a_workspace_says_so(entry: Path) -> None:
    (entry / "requirements.txt").write_text("six\n")
    (entry / "pyproject.toml").write_text("[tool.ruff]\n")
    (entry.parent / "uv.lock").write_text("")
    assert plan(entry).source.kind == "requirements.txt"


@pytest.fixture
def no_uv(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(installers, "find_uv", lambda: None)


@pytest.mark.usefixtures("no_uv")
def test_pip_installs_where_there_is_no_uv_and_says_what_it_cannot_know(entry: Path) -> None:
    (entry / "more.txt").write_text("markupsafe==3.0.2\n")
    (entry / "requirements.txt").write_text('six==1.17.0; python_version >= "3.8"\n-r more.txt\naws-cdk-lib\n')
    made = bundle(entry, (3, 13))
    assert packages(made) == {"six": "1.17.0", "markupsafe": "3.0.2"}
    assert ids(made) == ["pipConditions", "synthOnlyRequirement"]
    assert [path.name for path in made.folder.rglob("*.so")] == ["_speedups.cpython-313-aarch64-linux-gnu.so"]
    assert not (made.folder / "aws_cdk").exists()


@pytest.mark.usefixtures("no_uv")
def test_pip_says_that_locks_and_folders_need_uv(entry: Path) -> None:
    (entry / "pylock.toml").write_text('lock-version = "1.0"\n')
    with pytest.raises(BundlingError, match=r"needs uv, which was not found.*pip install 'cdk-lambda-streaming"):
        plan(entry)
    with pytest.raises(BundlingError, match="uv was not found; install it"):
        plan(entry, installer=Installer.UV)
    write_member(entry.parent / "common")
    (entry / "requirements.txt").write_text("../common\n")
    with pytest.raises(BundlingError, match=r"names the folder '\.\./common', which uv alone can build"):
        bundle(entry, requirements="requirements.txt")


@pytest.mark.usefixtures("no_uv")
def test_without_uv_and_pip_the_ways_out_are_named(entry: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(installers, "pip_version", lambda: None)
    (entry / "requirements.txt").write_text("six\n")
    with pytest.raises(BundlingError, match=r"neither uv nor pip .*\[bundling\].*PATH.*Installer.DOCKER"):
        plan(entry)


FAKE_DOCKER = f"""#!{sys.executable}
import json, pathlib, sys
out = next(a for a in sys.argv if a.endswith(":/out"))[:-5]
given = next(a for a in sys.argv if a.endswith(":/requirements.txt:ro"))[:-21]
said = {{"arguments": sys.argv[1:], "requirements": open(given).read()}}
pathlib.Path(out, "said.json").write_text(json.dumps(said))
"""


def test_docker_is_used_on_request_alone(entry: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program = entry.parent / "programs" / "finch"
    program.parent.mkdir()
    program.write_text(FAKE_DOCKER)
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setenv("CDK_DOCKER", "finch")
    monkeypatch.setenv("PIP_INDEX_URL", "https://me:secret@example.com/simple")
    (entry / "limits.txt").write_text("six<2\n")
    (entry / "requirements.txt").write_text("-c limits.txt\nsix==1.17.0\naws-cdk-lib\n")
    made = bundle(entry, (3, 12), installer=Installer.DOCKER)
    said: dict[str, Any] = json.loads((made.folder / "said.json").read_text())
    assert said["arguments"][:4] == ["run", "--rm", "--platform", "linux/arm64"]
    assert "public.ecr.aws/sam/build-python3.12" in said["arguments"]
    assert said["requirements"] == "--constraint /in/limits.txt\nsix==1.17.0\n"
    assert "PIP_INDEX_URL" in said["arguments"]
    assert "secret" not in str(said)
    assert ids(made) == ["synthOnlyRequirement"]
    monkeypatch.setenv("CDK_DOCKER", "no-such-program")
    with pytest.raises(BundlingError, match="no no-such-program on PATH; install Docker"):
        bundle(entry, installer=Installer.DOCKER)


def test_what_only_synth_needs_is_left_out_with_all_that_it_brings(entry: Path) -> None:
    lines = ("cdk-lambda-streaming==0.1.0", "aws-cdk.lib", "lambda-streaming==0.1.0", "six==1.17.0")
    (entry / "requirements.txt").write_text("\n".join(lines))
    made = bundle(entry)
    assert packages(made).keys() == {"six"}
    assert ids(made) == ["synthOnlyRequirement", "synthOnlyRequirement"]


def test_a_lock_is_pruned_of_what_only_synth_needs(entry: Path) -> None:
    write_project(entry, 'dependencies = ["aws-cdk-lib>=2.273", "six"]\n')
    lock(entry)
    made = bundle(entry)
    assert packages(made).keys() <= {"six", "typing-extensions", "python-dateutil"}
    assert ids(made) == ["synthOnlyRequirement"]


def test_another_version_of_the_runtime_is_said(entry: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (entry / "requirements.txt").write_text("lambda-streaming==0.0.9\nsix==1.17.0\n")
    monkeypatch.setattr(not_installed.metadata, "version", lambda name: "0.1.0")
    made = bundle(entry)
    assert packages(made).keys() == {"six"}
    assert ids(made) == ["runtimeVersion"]
    assert "pin lambda-streaming 0.0.9, and the layer has 0.1.0" in made.notices[0].message


def test_the_functions_own_files_win_and_hooks_see_what_they_should(entry: Path) -> None:
    (entry / "requirements.txt").write_text("six==1.17.0\n")
    (entry / "six.py").write_text("mine = True\n")
    made = bundle(
        entry, before_bundling=["echo 1 > generated.txt"], after_bundling=["test -f six.py", "mv generated.txt g.txt"]
    )
    assert (made.folder / "six.py").read_text() == "mine = True\n"
    assert (made.folder / "g.txt").exists()
    assert not (entry / "generated.txt").exists()


def test_what_lambda_never_needs_can_be_left_out(entry: Path) -> None:
    (entry / "requirements.txt").write_text("markupsafe==3.0.2\njmespath==1.0.1\n")
    whole = bundle(entry, (3, 13))
    less = bundle(entry, (3, 13), leave_out=[LeaveOut.BOTO3, LeaveOut.TYPE_STUBS])
    assert list(whole.folder.rglob("*.pyi"))
    assert not list(less.folder.rglob("*.pyi"))
    assert packages(less).keys() == {"markupsafe"}


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        ("six", ["unpinnedRequirements"]),
        ("six>=1", ["unpinnedRequirements"]),
        ("six==1.*", ["unpinnedRequirements"]),
        ("six; python_version == '3.14'", ["unpinnedRequirements"]),
        ("six @ git+https://example.com/six@main", ["unpinnedRequirements"]),
        ("git+https://example.com/six", ["unpinnedRequirements"]),
        (f"six @ git+https://example.com/six@{'a1' * 20}#egg=six", []),
        ("six==1.17.0", []),
        ("six[fast] == 1.17.0 ; python_version > '3'", []),
        ("https://example.com/six-1.17.0-py2.py3-none-any.whl", []),
        ("--no-index\n--find-links .\nsix", []),
        ("-c limits.txt\nsix", []),
        ("-c outer.txt\nsix", []),
        ("-c other.txt\nsix", ["unpinnedRequirements"]),
        ("# six", []),
        ("aws-cdk-lib", []),
    ],
)
def test_requirements_that_pin_nothing_are_said(entry: Path, lines: str, said: list[str]) -> None:
    """Their bundle keeps its name while the index moves on: what is newer would not be deployed."""
    (entry / "limits.txt").write_text("six==1.17.0\n")
    (entry / "outer.txt").write_text("-c limits.txt\n")
    (entry / "other.txt").write_text("six==1.16.0 ; python_version < '3'\n")
    (entry / "requirements.txt").write_text(f"{lines}\n")
    assert [notice.id for notice in plan(entry).notices] == said


def test_a_line_says_what_was_installed_but_not_to_a_pipeline(
    entry: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    (entry / "requirements.txt").write_text("six==1.16.0\n")
    bundle(entry)
    assert capfd.readouterr() == ("", "")
    monkeypatch.delenv("CI")
    made = bundle(entry, machine="x86_64")
    line = r"Bundled chat for Python 3.14 on x86_64: 1 package from requirements.txt with uv [\d.]+; 0.0 MB, [\d.]+ s\n"
    said = capfd.readouterr()
    assert said.out == ""
    assert re.fullmatch(line, said.err)
    assert bundle(entry, machine="x86_64") == made
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize(
    "line",
    [
        "house @ {url}#sha256={hash}",
        "house @ ../wheels/{name}#sha256={hash}",
        "house @ file://${{SHELF}}/{name}#sha256={hash}",
    ],
)
def test_a_hash_in_the_address_of_a_file_is_enforced(entry: Path, line: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SHELF", str(entry.parent / "wheels"))
    wheel = write_wheel(entry.parent / "wheels", "house", "")
    right = hashlib.sha256(wheel.read_bytes()).hexdigest()
    (entry / "requirements.txt").write_text(line.format(url=wheel.as_uri(), name=wheel.name, hash=right))
    assert packages(bundle(entry)) == {"house": "1.0"}
    (entry / "requirements.txt").write_text(line.format(url=wheel.as_uri(), name=wheel.name, hash="0" * 64))
    with pytest.raises(BundlingError, match=rf"house-1.0-.*whl' with the sha256 000.*, and it has {right}: another"):
        bundle(entry)


def test_hashes_that_are_asked_for_are_needed(entry: Path) -> None:
    (entry / "requirements.txt").write_text("--require-hashes\nsix==1.17.0\n")
    with pytest.raises(BundlingError, match="must have a hash, but none were provided for: six"):
        bundle(entry)
    (entry / "limits.txt").write_text(f"six==1.17.0 --hash={SIX}\n")
    (entry / "requirements.txt").write_text("-c limits.txt\nsix==1.17.0\n")
    with pytest.raises(BundlingError, match=r"limits.txt' has hashes, which count in requirements alone; write"):
        bundle(entry)


def test_a_cache_that_is_named_from_where_the_app_runs_is_there(
    entry: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """uv runs in the function's folder, and would have it there, and in the asset."""
    (entry / "requirements.txt").write_text("six==1.17.0\n")
    before = sorted(entry.rglob("*"))
    (tmp_path / "app").mkdir()
    monkeypatch.chdir(tmp_path / "app")
    monkeypatch.setenv("UV_CACHE_DIR", ".uv-cache")
    bundle(entry)
    assert sorted(entry.rglob("*")) == before
    assert (tmp_path / "app" / ".uv-cache").is_dir()


def test_caches_in_a_folder_are_not_deployed(entry: Path) -> None:
    """They have the standard's mark: https://bford.info/cachedir/."""
    (entry / "requirements.txt").write_text("six==1.17.0\n")
    before = plan(entry).name
    (entry / "cache").mkdir()
    (entry / "cache" / "CACHEDIR.TAG").write_text("Signature: 8a477f597d28d172789f06886806bc55")
    assert plan(entry).name == before
    assert not (bundle(entry).folder / "cache").exists()
