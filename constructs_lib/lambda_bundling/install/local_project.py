"""Local projects that a function's requirements name. Their wheels are built on this machine, from a copy."""

from __future__ import annotations

import hashlib
import os
import shutil
import sys
import zipfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from email.message import Message
from email.parser import HeaderParser
from pathlib import Path

from lambda_bundling import tree
from lambda_bundling.errors import BundlingError
from lambda_bundling.install.installation import LocalInput
from lambda_bundling.sources.project import Project, read_toml
from lambda_bundling.sources.pylock import check_python
from lambda_bundling.sources.requirements_source import PYPROJECT
from lambda_bundling.target import Target
from lambda_bundling.tools import OFFLINE, run

# Files that tools write beside a project's files. No build reads them.
NOT_PART_OF_PROJECT = (
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
# These tools get the version from git. A copy has no git history, and a version that changes would change the bundle.
_GIT_VERSION_TOOLS = ("setuptools_scm", "setuptools-scm", "hatch-vcs")
PRETENDED_VERSION = {"SETUPTOOLS_SCM_PRETEND_VERSION": "0"}


def hash_input(path: Path) -> str:
    """Return the hash of a file, or of the files in a project's folder."""
    if path.is_dir():
        return tree.hash_folder(path, NOT_PART_OF_PROJECT)
    return hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else "nothing"


@dataclass(frozen=True, slots=True)
class WheelBuilder:
    """Builder of wheels for a target, with uv."""

    uv: str
    target: Target
    scratch: Path

    def build(self, folder: Path, *, hint: str = "", changed: Path | None = None) -> tuple[Path, LocalInput]:
        """Build a project and return its wheel. For Lambda the project must be pure Python.

        :param hint: Text to append to an error.
        :param changed: Folder with files that replace those of the project.
        """
        if not folder.is_dir():
            raise BundlingError(f"the requirements name the folder '{folder}', which does not exist")
        # A build writes files beside the project's files and reads files of earlier builds. So build a copy.
        place = self._place_of(folder)
        copy = place / folder.name
        tree.copy_files(folder, copy, NOT_PART_OF_PROJECT)
        built_from = LocalInput(folder, tree.hash_folder(copy, NOT_PART_OF_PROJECT))
        if changed is not None:
            tree.copy_files(changed, copy, NOT_PART_OF_PROJECT)
        wheel = self._run_build(copy, original=folder, place=place, hint=hint)
        self._check_wheel(wheel, folder)
        return wheel, built_from

    def build_in_place(self, folder: Path) -> Path:
        """Build a project in its own folder, so that relative paths in its metadata stay right.

        Only for Poetry, which writes nothing beside the project's files.
        """
        return self._run_build(folder, original=folder, place=self._place_of(folder), hint="")

    def _place_of(self, folder: Path) -> Path:
        return self.scratch / "projects" / hashlib.sha256(os.fsencode(folder)).hexdigest()[:16]

    def _run_build(self, folder: Path, *, original: Path, place: Path, hint: str) -> Path:
        wheels, python = place / "wheels", self.target.interpreter or sys.executable
        command = [self.uv, "build", "--wheel", "--python", python, "--out-dir", str(wheels), str(folder)]
        environment = {**OFFLINE, **version_without_git(original)}
        try:
            # Run in the original folder, where uv finds the project's configuration of indexes.
            run(command, cwd=original, action=f"building '{original}'", environment=environment)
        except BundlingError as error:
            raise BundlingError(f"{error}{hint}") from error
        (wheel,) = wheels.glob("*.whl")
        return wheel

    def _check_wheel(self, wheel: Path, folder: Path) -> None:
        if self.target.interpreter is None and not wheel.name.endswith("-any.whl"):
            raise BundlingError(
                f"'{folder}' is not pure Python: its wheel {wheel.name} is for this machine only. Build a wheel for "
                "Lambda elsewhere and name it in the requirements, or pass installer=Installer.DOCKER."
            )
        check_python(f"'{folder}'", _metadata(wheel).get("Requires-Python"), self.target)


def extras_of(wheel: Path) -> list[str]:
    """Return the extras that a wheel offers."""
    return _metadata(wheel).get_all("Provides-Extra") or []


def _metadata(wheel: Path) -> Message:
    # https://packaging.python.org/en/latest/specifications/core-metadata/
    with zipfile.ZipFile(wheel) as archive:
        (name,) = (name for name in archive.namelist() if name.endswith(".dist-info/METADATA") and name.count("/") == 1)
        return HeaderParser().parsestr(archive.read(name).decode("utf-8", "replace"))


def needs_build(folder: Path) -> bool:
    """Return True if only a build shows the name or the dependencies of a project."""
    pyproject = folder / PYPROJECT
    return not pyproject.is_file() or Project.read(pyproject).has_dynamic_metadata


@contextmanager
def without_egg_info(folders: Iterable[Path]) -> Iterator[None]:
    """Remove the `*.egg-info` folders that setuptools adds to projects meanwhile. Existing ones stay."""
    before = {folder: set(_egg_info(folder)) for folder in folders}
    try:
        yield
    finally:
        for folder, existing in before.items():
            for found in set(_egg_info(folder)) - existing:
                shutil.rmtree(found, ignore_errors=True)


def _egg_info(folder: Path) -> Iterator[Path]:
    for pattern in ("*.egg-info", "*/*.egg-info"):
        yield from folder.glob(pattern)


def locked_folders(lock: Path) -> list[Path]:
    """Return the folders of the local projects in a uv.lock."""
    origins = [package.get("source", {}) for package in read_toml(lock).get("package", ())]
    named = [origin.get(kind) for origin in origins for kind in ("editable", "directory", "virtual")]
    return [folder for name in named if name is not None and (folder := lock.parent / name).is_dir()]


def related_folders(folders: Iterable[Path]) -> list[Path]:
    """Return the folders of projects, and of the local projects that they depend on."""
    found = [folder.resolve() for folder in folders]
    for folder in found:
        pyproject = folder / PYPROJECT
        paths = Project.read(pyproject).paths if pyproject.is_file() else []
        found += [other for path in paths if (other := (folder / path).resolve()).is_dir() and other not in found]
    return found


def version_without_git(folder: Path) -> dict[str, str]:
    """Return variables that set the version of a project whose build would get it from git."""
    pyproject = folder / PYPROJECT
    text = pyproject.read_text("utf-8", "replace") if pyproject.is_file() else ""
    uses_git = any(name in text for name in _GIT_VERSION_TOOLS) and not set(PRETENDED_VERSION) & set(os.environ)
    return PRETENDED_VERSION if uses_git else {}
