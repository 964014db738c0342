"""Sources of requirements, their installers, and packages that are never installed."""

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
from lambda_bundling import tools
from lambda_bundling.errors import BundlingError
from lambda_bundling.install import installers
from lambda_bundling.options import Installer, LeaveOut

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
    """Write a workspace whose member `chat` needs its member `common`. Return the folder of `chat`."""
    write_member(root / "common")
    sources = "[tool.uv.sources]\ncommon = { workspace = true }\n"
    write_project(root / "chat", f'dependencies = ["{dependency}"]\n{sources}')
    (root / "pyproject.toml").write_text('[tool.uv.workspace]\nmembers = ["chat", "common"]\n')
    return root / "chat"


def kind_of(entry: Path) -> str | None:
    source = plan(entry).source
    return None if source is None else source.kind


def test_uv_lock_is_installed_with_requested_extras_and_groups(entry: Path) -> None:
    write_project(
        entry,
        'dependencies = ["six==1.16.0"]\n[project.optional-dependencies]\nfast = ["idna==3.10"]\n'
        '[dependency-groups]\njobs = ["iniconfig==2.0.0"]\ndev = ["packaging==24.2"]\n',
    )
    lock(entry)
    made = bundle(entry)
    assert packages(made) == {"six": "1.16.0"}
    assert made.warnings == ()
    assert packages(bundle(entry, extras=["fast"])) == {"six": "1.16.0", "idna": "3.10"}
    assert packages(bundle(entry, groups=["jobs"])) == {"six": "1.16.0", "iniconfig": "2.0.0"}


def test_workspace_member_includes_other_members_and_their_changes(tmp_path: Path) -> None:
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


def test_pylock_is_installed_with_hashes_and_markers(entry: Path) -> None:
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


def test_requirements_can_include_files_and_have_hashes(entry: Path) -> None:
    (entry / "more.txt").write_text(f"six==1.17.0 \\\n    --hash={SIX}  # why\n")
    (entry / "requirements.txt").write_text("-r more.txt\n")
    first = bundle(entry)
    assert packages(first) == {"six": "1.17.0"}
    (entry / "more.txt").write_text("six==1.16.0\n")
    assert packages(bundle(entry)) == {"six": "1.16.0"}


def test_requirements_with_hashes_can_have_constraints(entry: Path) -> None:
    (entry / "limits.txt").write_text("six<2\n")
    (entry / "requirements.txt").write_text(
        f"-c limits.txt\naws-cdk-lib==2.275.0 --hash={SIX}\nsix==1.17.0 --hash={SIX}\n"
    )
    made = bundle(entry)
    assert packages(made) == {"six": "1.17.0"}
    assert ids(made) == ["synthOnlyRequirement"]


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16"])
@pytest.mark.parametrize("installer", [Installer.UV, Installer.PIP])
def test_requirements_with_byte_order_mark_are_read(entry: Path, encoding: str, installer: Installer) -> None:
    (entry / "requirements.txt").write_text("six==1.16.0\r\n", encoding)
    assert packages(bundle(entry, installer=installer)) == {"six": "1.16.0"}


def test_missing_included_file_is_reported(entry: Path) -> None:
    (entry / "requirements.txt").write_text("-r mroe.txt\n")
    with pytest.raises(BundlingError, match=r"has '-r mroe.txt', but the file '.*mroe.txt' does not exist"):
        plan(entry)


def test_requirements_can_have_constraints_and_folders(entry: Path) -> None:
    write_member(entry.parent / "common")
    (entry / "limits.txt").write_text("six==1.16.0\n")
    (entry / "requirements.txt").write_text("-c limits.txt\nsix\n../common\n")
    assert packages(bundle(entry)) == {"six": "1.16.0", "common": "1", "idna": "3.10"}


def test_project_without_lock_is_resolved_with_warning(entry: Path) -> None:
    write_project(entry, 'dependencies = ["six<1.17"]\n')
    made = bundle(entry)
    assert packages(made) == {"six": "1.16.0"}
    assert ids(made) == ["unpinnedRequirements"]


def test_first_source_in_order_is_used_unless_another_is_named(entry: Path) -> None:
    write_project(entry, 'dependencies = ["six==1.17.0"]\n')
    (entry / "requirements.txt").write_text("six==1.16.0\n")
    assert kind_of(entry) == "requirements.txt"
    (entry / "pylock.toml").write_text('lock-version = "1.0"\n')
    assert kind_of(entry) == "pylock.toml"
    lock(entry)
    assert kind_of(entry) == "uv.lock"
    (entry / "lambda.txt").write_text("six==1.15.0\n")
    assert packages(bundle(entry, requirements="lambda.txt")) == {"six": "1.15.0"}
    with pytest.raises(BundlingError, match=r"'other.txt', which does not exist in .* has .*pylock.toml.*uv.lock"):
        plan(entry, requirements="other.txt")


def test_lock_above_entry_is_used_only_for_workspace(entry: Path) -> None:
    (entry / "requirements.txt").write_text("six\n")
    (entry / "pyproject.toml").write_text("[tool.ruff]\n")
    (entry.parent / "uv.lock").write_text("")
    assert kind_of(entry) == "requirements.txt"


@pytest.fixture
def no_uv(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(installers, "find_uv", lambda: None)


@pytest.mark.usefixtures("no_uv")
def test_pip_installs_without_uv_and_warns_about_markers(entry: Path) -> None:
    (entry / "more.txt").write_text("markupsafe==3.0.2\n")
    (entry / "requirements.txt").write_text('six==1.17.0; python_version >= "3.8"\n-r more.txt\naws-cdk-lib\n')
    made = bundle(entry, (3, 13))
    assert packages(made) == {"six": "1.17.0", "markupsafe": "3.0.2"}
    assert ids(made) == ["pipConditions", "synthOnlyRequirement"]
    assert [path.name for path in made.folder.rglob("*.so")] == ["_speedups.cpython-313-aarch64-linux-gnu.so"]
    assert not (made.folder / "aws_cdk").exists()


@pytest.mark.usefixtures("no_uv")
def test_pip_rejects_locks_and_folders(entry: Path) -> None:
    (entry / "pylock.toml").write_text('lock-version = "1.0"\n')
    with pytest.raises(BundlingError, match=r"needs uv, which was not found.*pip install 'uv>=0.9'"):
        plan(entry)
    with pytest.raises(BundlingError, match=r"uv was not found\. Install uv"):
        plan(entry, installer=Installer.UV)
    write_member(entry.parent / "common")
    (entry / "requirements.txt").write_text("../common\n")
    with pytest.raises(BundlingError, match=r"names the folder '\.\./common', which only uv can build"):
        bundle(entry, requirements="requirements.txt")


@pytest.mark.usefixtures("no_uv")
def test_error_without_uv_and_pip_names_alternatives(entry: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(installers, "pip_version", lambda: None)
    (entry / "requirements.txt").write_text("six\n")
    with pytest.raises(BundlingError, match=r"neither uv nor pip .*'uv>=0.9'.*PATH.*Installer.DOCKER"):
        plan(entry)


FAKE_DOCKER = f"""#!{sys.executable}
import json, pathlib, sys
out = next(a for a in sys.argv if a.endswith(":/out"))[:-5]
given = next(a for a in sys.argv if a.endswith(":/requirements.txt:ro"))[:-21]
record = {{"arguments": sys.argv[1:], "requirements": open(given).read()}}
pathlib.Path(out, "record.json").write_text(json.dumps(record))
"""


def test_docker_is_used_only_on_request(entry: Path, monkeypatch: pytest.MonkeyPatch) -> None:
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
    record: dict[str, Any] = json.loads((made.folder / "record.json").read_text())
    assert record["arguments"][:4] == ["run", "--rm", "--platform", "linux/arm64"]
    assert "public.ecr.aws/sam/build-python3.12" in record["arguments"]
    assert record["requirements"] == "--constraint /in/limits.txt\nsix==1.17.0\n"
    assert "PIP_INDEX_URL" in record["arguments"]
    assert "secret" not in str(record)
    assert ids(made) == ["synthOnlyRequirement"]
    monkeypatch.setenv("CDK_DOCKER", "no-such-program")
    with pytest.raises(BundlingError, match=r"no-such-program is not on PATH\. Install Docker"):
        bundle(entry, installer=Installer.DOCKER)


def test_synth_only_packages_and_their_dependencies_are_left_out(entry: Path) -> None:
    lines = ("cdk-lambda-streaming==0.1.0", "aws-cdk.lib", "lambda-streaming==0.1.0", "six==1.17.0")
    (entry / "requirements.txt").write_text("\n".join(lines))
    made = bundle(entry)
    assert packages(made).keys() == {"six"}
    assert ids(made) == ["synthOnlyRequirement", "synthOnlyRequirement"]


def test_synth_only_packages_are_pruned_from_lock(entry: Path) -> None:
    write_project(entry, 'dependencies = ["aws-cdk-lib>=2.273", "six"]\n')
    lock(entry)
    made = bundle(entry)
    assert packages(made).keys() <= {"six", "typing-extensions", "python-dateutil"}
    assert ids(made) == ["synthOnlyRequirement"]


def test_other_version_of_runtime_is_warned_about(entry: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (entry / "requirements.txt").write_text("lambda-streaming==0.0.9\nsix==1.17.0\n")
    monkeypatch.setattr("importlib.metadata.version", lambda name: "0.1.0")
    made = bundle(entry)
    assert packages(made).keys() == {"six"}
    assert ids(made) == ["runtimeVersion"]
    assert "pin lambda-streaming 0.0.9, but the function runs 0.1.0 from the layer" in made.warnings[0].message


def test_own_files_replace_packages_and_hooks_see_them(entry: Path) -> None:
    (entry / "requirements.txt").write_text("six==1.17.0\n")
    (entry / "six.py").write_text("mine = True\n")
    made = bundle(
        entry, before_bundling=["echo 1 > generated.txt"], after_bundling=["test -f six.py", "mv generated.txt g.txt"]
    )
    assert (made.folder / "six.py").read_text() == "mine = True\n"
    assert (made.folder / "g.txt").exists()
    assert not (entry / "generated.txt").exists()


def test_boto3_and_type_stubs_can_be_left_out(entry: Path) -> None:
    (entry / "requirements.txt").write_text("markupsafe==3.0.2\njmespath==1.0.1\n")
    whole = bundle(entry, (3, 13))
    less = bundle(entry, (3, 13), leave_out=[LeaveOut.BOTO3, LeaveOut.TYPE_STUBS])
    assert list(whole.folder.rglob("*.pyi"))
    assert not list(less.folder.rglob("*.pyi"))
    assert packages(less).keys() == {"markupsafe"}


@pytest.mark.parametrize(
    ("lines", "warnings"),
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
def test_unpinned_requirements_are_warned_about(entry: Path, lines: str, warnings: list[str]) -> None:
    """Their bundle keeps its name when the index gets newer versions, so those are not deployed."""
    (entry / "limits.txt").write_text("six==1.17.0\n")
    (entry / "outer.txt").write_text("-c limits.txt\n")
    (entry / "other.txt").write_text("six==1.16.0 ; python_version < '3'\n")
    (entry / "requirements.txt").write_text(f"{lines}\n")
    assert [warning.id for warning in plan(entry).warnings] == warnings


def test_summary_line_is_printed_except_in_pipelines(
    entry: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    (entry / "requirements.txt").write_text("six==1.16.0\n")
    bundle(entry)
    assert capfd.readouterr() == ("", "")
    monkeypatch.delenv("CI")
    made = bundle(entry, machine="x86_64")
    line = r"Bundled chat for Python 3.14 on x86_64: 1 package from requirements.txt with uv [\d.]+; 0.0 MB, [\d.]+ s\n"
    printed = capfd.readouterr()
    assert printed.out == ""
    assert re.fullmatch(line, printed.err)
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
def test_hash_in_url_of_file_is_checked(entry: Path, line: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SHELF", str(entry.parent / "wheels"))
    wheel = write_wheel(entry.parent / "wheels", "house", "")
    right = hashlib.sha256(wheel.read_bytes()).hexdigest()
    (entry / "requirements.txt").write_text(line.format(url=wheel.as_uri(), name=wheel.name, hash=right))
    assert packages(bundle(entry)) == {"house": "1.0"}
    (entry / "requirements.txt").write_text(line.format(url=wheel.as_uri(), name=wheel.name, hash="0" * 64))
    with pytest.raises(BundlingError, match=rf"sha256 of '.*house-1.0-.*whl' must be 000.*, got {right}"):
        bundle(entry)


def test_required_hashes_are_checked(entry: Path) -> None:
    (entry / "requirements.txt").write_text("--require-hashes\nsix==1.17.0\n")
    with pytest.raises(BundlingError, match="must have a hash, but none were provided for: six"):
        bundle(entry)
    (entry / "limits.txt").write_text(f"six==1.17.0 --hash={SIX}\n")
    (entry / "requirements.txt").write_text("-c limits.txt\nsix==1.17.0\n")
    with pytest.raises(BundlingError, match=r"limits.txt' has hashes, but uv checks hashes only in requirements. Move"):
        bundle(entry)


def test_relative_cache_folder_is_relative_to_app(entry: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """uv runs in the function's folder. A cache there would become part of the asset."""
    (entry / "requirements.txt").write_text("six==1.17.0\n")
    before = sorted(entry.rglob("*"))
    (tmp_path / "app").mkdir()
    monkeypatch.chdir(tmp_path / "app")
    monkeypatch.setenv("UV_CACHE_DIR", ".uv-cache")
    bundle(entry)
    assert sorted(entry.rglob("*")) == before
    assert (tmp_path / "app" / ".uv-cache").is_dir()


def test_caches_in_entry_are_not_deployed(entry: Path) -> None:
    """A cache has a `CACHEDIR.TAG`: https://bford.info/cachedir/."""
    (entry / "requirements.txt").write_text("six==1.17.0\n")
    before = plan(entry).name
    (entry / "cache").mkdir()
    (entry / "cache" / "CACHEDIR.TAG").write_text("Signature: 8a477f597d28d172789f06886806bc55")
    assert plan(entry).name == before
    assert not (bundle(entry).folder / "cache").exists()
