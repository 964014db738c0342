"""A project in a folder that a function's requirements name: its wheel is built here, from a copy."""

from __future__ import annotations

import hashlib
import os
import shutil
import sys
import zipfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from email.message import Message
from email.parser import HeaderParser
from pathlib import Path

from . import tree
from .errors import BundlingError
from .installed import LocalInput
from .project import Project, read_toml
from .pylock import check_python
from .requirements_source import PYPROJECT
from .target import Target
from .tools import OFFLINE, run

# What tools leave beside sources, and no build reads.
NOT_SOURCE = (
    "/build",
    "/dist",
    "*.egg-info",
    "__pycache__",
    "*.pyc",
    ".git",
    ".venv",
    ".tox",
    ".nox",
    ".mypy_cache",
    ".pytest_cache",
    ".ruff_cache",
    ".DS_Store",
    "node_modules",
    "cdk.out",
)
# Tools that ask git for a version: a copy has no history, and one that changes would change the bundle.
_VERSION_OF_GIT = ("setuptools_scm", "setuptools-scm", "hatch-vcs")
PRETENDED_VERSION = {"SETUPTOOLS_SCM_PRETEND_VERSION": "0"}


def hash_of(path: Path) -> str:
    """Return the hash of a project's sources, or of a file."""
    if path.is_dir():
        return tree.hash_of(path, NOT_SOURCE)
    return hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else "nothing"


def build_wheel(
    uv: str, folder: Path, target: Target, scratch: Path, hint: str = "", changed: Path | None = None
) -> tuple[Path, LocalInput]:
    """Build a project, which has to be pure Python unless it is for this machine; return its wheel.

    :param changed: A folder with files that stand in for those of the project.
    """
    if not folder.is_dir():
        raise BundlingError(f"the requirements name the folder '{folder}', which does not exist")
    # A build leaves files beside the sources, and takes what an earlier one left.
    place = _place(folder, scratch)
    copy = place / folder.name
    tree.copy_files(folder, copy, NOT_SOURCE)
    built_from = LocalInput(folder, tree.hash_of(copy, NOT_SOURCE))
    if changed is not None:
        tree.copy_files(changed, copy, NOT_SOURCE)
    wheel = _build(uv, copy, folder, target, place, hint)
    if target.interpreter is None and not wheel.name.endswith("-any.whl"):
        raise BundlingError(
            f"'{folder}' is not pure Python, and {wheel.name} is for this machine; build its wheel for Lambda "
            "elsewhere and name it in the requirements, or pass installer=Installer.DOCKER"
        )
    check_python(f"'{folder}'", _metadata(wheel).get("Requires-Python"), target)
    return wheel, built_from


def build_wheel_in_place(uv: str, folder: Path, target: Target, scratch: Path) -> Path:
    """Build a wheel whose metadata has folders that are named from where it is; Poetry leaves nothing there."""
    return _build(uv, folder, folder, target, _place(folder, scratch), "")


def _place(folder: Path, scratch: Path) -> Path:
    return scratch / "projects" / hashlib.sha256(os.fsencode(folder)).hexdigest()[:16]


def _build(uv: str, source: Path, folder: Path, target: Target, place: Path, hint: str) -> Path:
    wheels = place / "wheels"
    command = [uv, "build", "--wheel", "--python", target.interpreter or sys.executable, "--out-dir", str(wheels)]
    environment = {**OFFLINE, **version_without_git(folder)}
    try:
        # Indexes that the folder's configuration names are found from the folder.
        run([*command, str(source)], cwd=folder, what=f"building '{folder}'", environment=environment)
    except BundlingError as error:
        raise BundlingError(f"{error}{hint}") from error
    (wheel,) = wheels.glob("*.whl")
    return wheel


def extras_of(wheel: Path) -> list[str]:
    return _metadata(wheel).get_all("Provides-Extra") or []


def _metadata(wheel: Path) -> Message:
    """https://packaging.python.org/en/latest/specifications/core-metadata/"""
    with zipfile.ZipFile(wheel) as archive:
        (name,) = (name for name in archive.namelist() if name.endswith(".dist-info/METADATA") and name.count("/") == 1)
        return HeaderParser().parsestr(archive.read(name).decode("utf-8", "replace"))


def is_told_by_build_alone(folder: Path) -> bool:
    """Whether only a build tells the name or the dependencies of a project."""
    pyproject = folder / PYPROJECT
    return not pyproject.is_file() or Project.read(pyproject).has_dynamic_metadata


@contextmanager
def leaving_nothing(folders: Iterable[Path]) -> Iterator[None]:
    """Take away what setuptools leaves in projects that it is asked about, where they are; what was there stays."""
    patterns = ("*.egg-info", "*/*.egg-info")
    there = {folder: {found for pattern in patterns for found in folder.glob(pattern)} for folder in folders}
    try:
        yield
    finally:
        for folder, before in there.items():
            for found in {found for pattern in patterns for found in folder.glob(pattern)} - before:
                shutil.rmtree(found, ignore_errors=True)


def locked_folders(lock: Path) -> list[Path]:
    """Return the folders of the projects that a uv.lock has."""
    sources = [package.get("source", {}) for package in read_toml(lock).get("package", ())]
    named = [source.get(kind) for source in sources for kind in ("editable", "directory", "virtual")]
    return [folder for name in named if name is not None and (folder := lock.parent / name).is_dir()]


def related_folders(folders: Iterable[Path]) -> list[Path]:
    """Return the folders of projects, and of those that they name by their paths."""
    found = [folder.resolve() for folder in folders]
    for folder in found:
        pyproject = folder / PYPROJECT
        paths = Project.read(pyproject).paths if pyproject.is_file() else []
        found += [other for path in paths if (other := (folder / path).resolve()).is_dir() and other not in found]
    return found


def version_without_git(folder: Path) -> dict[str, str]:
    """Return what gives a project a version whose build would ask git for it."""
    pyproject = folder / PYPROJECT
    text = pyproject.read_text("utf-8", "replace") if pyproject.is_file() else ""
    asks_git = any(name in text for name in _VERSION_OF_GIT) and not set(PRETENDED_VERSION) & set(os.environ)
    return PRETENDED_VERSION if asks_git else {}
