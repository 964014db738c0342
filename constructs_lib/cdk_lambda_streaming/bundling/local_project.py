"""A project in a folder that a function's requirements name: its wheel is built here, from a copy."""

from __future__ import annotations

import hashlib
import os
import sys
from pathlib import Path

from . import tree
from .errors import BundlingError
from .installed import LocalInput
from .project import Project
from .requirements_source import PYPROJECT
from .target import Target
from .tools import run

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


def build_wheel(uv: str, folder: Path, target: Target, scratch: Path, hint: str = "") -> tuple[Path, LocalInput]:
    """Build a project, which has to be pure Python unless it is for this machine; return its wheel."""
    if not folder.is_dir():
        raise BundlingError(f"the requirements name the folder '{folder}', which does not exist")
    # A build leaves files beside the sources, and takes what an earlier one left.
    place = scratch / "projects" / hashlib.sha256(os.fsencode(folder)).hexdigest()[:16]
    copy, wheels = place / folder.name, place / "wheels"
    tree.copy_files(folder, copy, NOT_SOURCE)
    built_from = LocalInput(folder, tree.hash_of(copy, NOT_SOURCE))
    command = [uv, "build", "--wheel", "--quiet", "--python", target.interpreter or sys.executable]
    try:
        # Indexes that the folder's configuration names are found from the folder.
        run(
            [*command, "--out-dir", str(wheels), str(copy)],
            cwd=folder,
            what=f"building '{folder}'",
            environment={"UV_PYTHON_DOWNLOADS": "never", **version_without_git(folder)},
        )
    except BundlingError as error:
        raise BundlingError(f"{error}{hint}") from error
    (wheel,) = wheels.glob("*.whl")
    if target.interpreter is None and not wheel.name.endswith("-any.whl"):
        raise BundlingError(
            f"'{folder}' is not pure Python, and {wheel.name} is for this machine; build its wheel for Lambda "
            "elsewhere and name it in the requirements, or pass installer=Installer.DOCKER"
        )
    return wheel, built_from


def is_told_by_build_alone(folder: Path) -> bool:
    """Whether only a build tells the name or the dependencies of a project."""
    pyproject = folder / PYPROJECT
    return not pyproject.is_file() or not (project := Project.read(pyproject)).name or project.needs_build_to_tell


def version_without_git(folder: Path) -> dict[str, str]:
    """Return what gives a project a version whose build would ask git for it."""
    pyproject = folder / PYPROJECT
    text = pyproject.read_text("utf-8", "replace") if pyproject.is_file() else ""
    asks_git = any(name in text for name in _VERSION_OF_GIT) and not set(PRETENDED_VERSION) & set(os.environ)
    return PRETENDED_VERSION if asks_git else {}
