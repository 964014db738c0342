"""Equal inputs build equal bundles, once. Other inputs build other bundles."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import packaging
import pytest
from lambda_bundling import cache as cache_module
from lambda_bundling import plan as plan_module
from lambda_bundling import tree
from lambda_bundling.install import uv_installer
from lambda_bundling.options import ByteCode, LeaveOut

from ..interpreters import require_other_python, require_python
from .conftest import bundle, files_in, plan

PACKAGE = Path(cache_module.__file__).parents[1]
# Stands for another machine: a process with its own interpreter, umask, folder and cache.
ELSEWHERE = """
import json, os, sys
folder, entry, umask, options = sys.argv[1:]
os.umask(int(umask, 8))
sys.path.append(folder)
from pathlib import Path
from lambda_bundling.bundle import make_bundle
from lambda_bundling.options import BundlingOptions
from lambda_bundling.plan import plan_bundle, find_source
from lambda_bundling.target import Target
from lambda_bundling.tree import hash_folder
entry = Path(entry)
options = BundlingOptions.from_json(json.loads(options))
target = Target((3, 13), "aarch64")
made = make_bundle(plan_bundle(entry, find_source(entry, options), target, options, ["*.pyc"]))
print(made.name, hash_folder(made.folder, ["*.pyc"]), hash_folder(made.folder), made.folder)
"""
REQUIREMENTS = "markupsafe==3.0.2\nclick==8.1.8\nsix==1.17.0\n"


def start(python: str, entry: Path, cache: Path, umask: str = "022", **options: object) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [python, "-c", ELSEWHERE, str(PACKAGE), str(entry), umask, json.dumps(options)],
        env={
            **os.environ,
            # Let the other interpreter find the uv of this environment.
            "PATH": os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]]),
            "CDK_LAMBDA_STREAMING_CACHE": str(cache),
            "PYTHONDONTWRITEBYTECODE": "1",
            "PYTHONPATH": str(_folder_of_packaging(cache)),
        },
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def _folder_of_packaging(cache: Path) -> Path:
    """Return a folder with the packages that the bundler needs, for another interpreter."""
    folder = cache.parent / f"{cache.name}-library"
    if not folder.exists():
        folder.mkdir(parents=True)
        (folder / "packaging").symlink_to(Path(packaging.__file__).parent)
    return folder


def result(process: subprocess.Popen[str]) -> list[str]:
    output, errors = process.communicate(timeout=60)
    assert process.returncode == 0, errors
    return output.split()


def modes(folder: Path) -> dict[str, int]:
    return {str(path.relative_to(folder)): path.stat().st_mode for path in folder.rglob("*") if path.suffix != ".pyc"}


@pytest.mark.parametrize("byte_code", ["off", "auto"])
def test_bundle_is_equal_in_other_folder_time_umask_and_interpreter(
    entry: Path, tmp_path: Path, byte_code: str
) -> None:
    (entry / "requirements.txt").write_text(REQUIREMENTS)
    elsewhere = tmp_path / "deeper" / "elsewhere"
    shutil.copytree(entry, elsewhere)
    for path in elsewhere.iterdir():
        os.utime(path, (0, 0))
        path.chmod(0o600)
    other = require_other_python(oldest=(3, 12))
    here = result(start(sys.executable, entry, tmp_path / "one", "022", byte_code=byte_code))
    there = result(start(str(other), elsewhere, tmp_path / "two" / "deeper", "077", byte_code=byte_code))
    assert here[:2] == there[:2]
    if byte_code == "off":
        assert here[2] == there[2]
    else:
        assert list(Path(here[3]).rglob("*.pyc"))
    assert modes(Path(here[3])) == modes(Path(there[3]))


def test_byte_code_is_for_target_version_and_unchecked(entry: Path) -> None:
    require_python((3, 13))
    (entry / "requirements.txt").write_text("six==1.17.0\n")
    made = bundle(entry, (3, 13), byte_code=ByteCode.REQUIRED)
    compiled = sorted(path.relative_to(made.folder).as_posix() for path in made.folder.rglob("*.pyc"))
    assert compiled == ["__pycache__/index.cpython-313.pyc", "__pycache__/six.cpython-313.pyc"]
    for name in compiled:
        content = (made.folder / name).read_bytes()
        assert content[4:8] == b"\1\0\0\0"  # PEP 552: by hash, unchecked
        assert b"/var/task/" in content
        assert str(made.folder).encode() not in content
    assert plan(entry, (3, 13)).name != made.name


def _write(entry: Path, name: str, text: str) -> str:
    (entry / name).write_text(text)
    return plan(entry).name


def _set_mode(entry: Path, _: pytest.MonkeyPatch) -> str:
    (entry / "index.py").chmod(0o755)
    return plan(entry).name


def _set_bundler_version(entry: Path, patch: pytest.MonkeyPatch) -> str:
    patch.setattr(plan_module, "BUNDLER_VERSION", "0")
    return plan(entry).name


def _set_uv_version(entry: Path, patch: pytest.MonkeyPatch) -> str:
    patch.setattr(uv_installer, "version_of", lambda uv: "0.1")
    return plan(entry).name


CHANGES: dict[str, Callable[[Path, pytest.MonkeyPatch], str]] = {
    "requirements": lambda entry, _: _write(entry, "requirements.txt", "six==1.16.0\n"),
    "included requirements": lambda entry, _: _write(entry, "more.txt", "idna\n"),
    "a module": lambda entry, _: _write(entry, "index.py", "handler = print\n"),
    "a name": lambda entry, _: str((entry / "index.py").rename(entry / "main.py")) and plan(entry).name,
    "a mode": _set_mode,
    "python": lambda entry, _: plan(entry, (3, 13)).name,
    "machine": lambda entry, _: plan(entry, (3, 14), "x86_64").name,
    "an option": lambda entry, _: plan(entry, leave_out=[LeaveOut.TESTS]).name,
    "excluded files": lambda entry, _: plan(entry, asset_excludes=["*.md"]).name,
    "the bundler": _set_bundler_version,
    "uv": _set_uv_version,
}


@pytest.mark.parametrize("change", CHANGES)
def test_change_of_any_input_changes_name(entry: Path, monkeypatch: pytest.MonkeyPatch, change: str) -> None:
    (entry / "more.txt").write_text("")
    (entry / "requirements.txt").write_text("six==1.17.0\n-r more.txt\n")
    before = plan(entry).name
    assert plan(entry).name == before
    assert CHANGES[change](entry, monkeypatch) != before


def test_caches_and_times_do_not_change_name(entry: Path) -> None:
    (entry / "requirements.txt").write_text("six==1.17.0\n")
    before = plan(entry).name
    (entry / "__pycache__").mkdir()
    (entry / "__pycache__" / "index.cpython-311.pyc").write_bytes(b"x")
    os.utime(entry / "index.py", (0, 0))
    assert plan(entry).name == before


def test_cached_bundle_is_used_without_work(entry: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (entry / "requirements.txt").write_text("six==1.17.0\n")
    made = bundle(entry)
    monkeypatch.setattr(uv_installer.UvInstaller, "install", None)
    monkeypatch.setattr(tree, "copy_files", None)
    assert bundle(entry) == made


def test_killed_process_leaves_no_finished_bundle(entry: Path, tmp_path: Path) -> None:
    cache, fifo = tmp_path / "cache", tmp_path / "fifo"
    os.mkfifo(fifo)
    (entry / "requirements.txt").write_text("six==1.17.0\n")
    options: dict[str, Any] = {
        "byte_code": "off",
        "after_bundling": [f"echo ready > {fifo}; cat {fifo}; touch finished"],
    }
    process = start(sys.executable, entry, cache, **options)
    assert fifo.read_text() == "ready\n"
    process.send_signal(signal.SIGKILL)
    process.communicate()
    assert [name for name in files_in(cache) if not name.startswith("building-")] == []
    fifo.write_text("")  # Ends the hook of the killed process.
    process = start(sys.executable, entry, cache, **options)
    fifo.read_text()
    fifo.write_text("")
    assert (Path(result(process)[3]) / "finished").is_file()


def test_two_processes_get_same_bundle(entry: Path, tmp_path: Path) -> None:
    cache, ready, go = tmp_path / "cache", tmp_path / "ready", tmp_path / "go"
    for fifo in (ready, go):
        os.mkfifo(fifo)
    (entry / "requirements.txt").write_text("six==1.17.0\n")
    # Both install before either ends.
    hook = f"echo ready > {ready}; read line < {go}"
    with open(os.open(ready, os.O_RDWR), "rb", buffering=0) as reader, open(os.open(go, os.O_RDWR), "wb") as writer:
        both = [start(sys.executable, entry, cache, byte_code="off", after_bundling=[hook]) for _ in range(2)]
        output = b""
        while output.count(b"\n") < 2:
            output += reader.read(100)
        writer.write(b"go\ngo\n")
        writer.flush()
        first, second = (result(process) for process in both)
    assert first == second
    assert files_in(cache) == [first[0]]


def test_folder_of_killed_process_is_removed_after_a_day(entry: Path, cache: Path) -> None:
    """Another process may still build in a newer folder."""
    (entry / "requirements.txt").write_text("# none\n")
    abandoned, building = cache / "building-old", cache / "building-now"
    for folder in (abandoned, building):
        folder.mkdir(parents=True)
    yesterday = time.time() - 2 * 24 * 60 * 60
    os.utime(abandoned, (yesterday, yesterday))
    bundle(entry)
    assert (abandoned.exists(), building.exists()) == (False, True)
