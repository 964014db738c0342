"""From what names the dependencies to a `pylock.toml` that has all of them, for the target: uv resolves or exports."""

from __future__ import annotations

import sys
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from packaging.utils import canonicalize_name

from .errors import BundlingError, Notice
from .installed import LocalInput
from .local_project import (
    build_wheel,
    build_wheel_in_place,
    extras_of,
    is_told_by_build_alone,
    leaving_nothing,
    locked_folders,
    related_folders,
    version_without_git,
)
from .lock_check import check_lock
from .not_installed import NOT_INSTALLED, name_of, pinned_version
from .options import BundlingOptions
from .project import Project
from .pylock import LockedPackage, Pylock, check_python, read_pylock
from .requirements_file import folders
from .requirements_source import PYLOCK, PYPROJECT, REQUIREMENTS, UV_LOCK, RequirementsSource, check_names
from .target import Target
from .tools import OFFLINE, run

NO_PACKAGE = "\nIf it is no package, write package = false under [tool.uv] in its pyproject.toml"


@dataclass(frozen=True)
class Resolved:
    lock: Pylock
    named: list[tuple[str, str | None]]
    """Names and pinned versions of what was asked for, installed or not."""
    local: Sequence[LocalInput] = ()
    notices: Sequence[Notice] = ()


@dataclass(frozen=True)
class Resolution:
    uv: str
    options: BundlingOptions
    target: Target
    scratch: Path

    def of(self, source: RequirementsSource, lines: list[str]) -> Resolved:
        """Return what a source comes to; `lines` are those of requirements."""
        if source.kind == UV_LOCK:
            return self._export(source)
        if source.kind == PYLOCK:
            lock = read_pylock(source.path)
            check_python(f"'{source.path}'", lock.requires_python, self.target)
            return Resolved(lock, _named(lock))
        if source.kind == REQUIREMENTS:
            arguments, environment = _ways_to_ask_folders(lines, source.path)
            asked = related_folders([folder for _, _, folder in folders(lines, source.path.parent)])
            lock = self._compile(source, [str(source.path), *arguments], environment, asked)
            return Resolved(lock, named_by(lines))
        return self._resolve_project(source)

    def _export(self, source: RequirementsSource) -> Resolved:
        options = self.options
        command = [self.uv, "export", "--quiet", "--frozen", "--no-editable", "--no-header", "--no-annotate"]
        command += ["--no-default-groups", "--format", "pylock.toml", "--project", str(source.project)]
        command += [flag for extra in options.extras for flag in ("--extra", extra)]
        command += [flag for group in options.groups for flag in ("--group", group)]
        command += ["--package", options.package] if options.package else []

        def export(name: str, *flags: str) -> Pylock:
            written = self.scratch / f"pylock.{name}.toml"
            what = f"reading '{source.path}'"
            run([*command, *flags, "--output-file", str(written)], cwd=source.project, what=what, environment=OFFLINE)
            return read_pylock(written)

        lock = export("whole")
        named = _named(lock)
        notices = self._check(source, lock)
        if any(name in NOT_INSTALLED for name, _ in named):
            # What only they need goes too.
            lock = export("pruned", *(flag for name in NOT_INSTALLED for flag in ("--prune", name)))
        return Resolved(lock, named, notices=notices)

    def _check(self, source: RequirementsSource, lock: Pylock) -> list[Notice]:
        folders = [source.project, *(package.folder for package in lock.packages if package.folder is not None)]
        files = dict.fromkeys(folder.resolve() / PYPROJECT for folder in folders)
        projects = [Project.read(file) for file in files if file.is_file()]
        with leaving_nothing(locked_folders(source.path)):
            return check_lock(self.uv, source.path, projects, self.target, self.options.groups)

    def _resolve_project(self, source: RequirementsSource) -> Resolved:
        """Resolve a project without lock; it is installed itself where it is a package."""
        project = Project.read(source.path)
        groups = [f"--group={project.path}:{group}" for group in self.options.groups]
        if project.needs_build_to_tell:
            return self._resolve_told(source, project, groups)
        arguments = [str(project.path), *(f"--extra={extra}" for extra in self.options.extras), *groups]
        lock = self._compile(source, arguments, {}, related_folders([project.folder]))
        if project.is_package:
            own = LockedPackage(source.path, {"name": project.name, "directory": {"path": "."}})
            # It may have named itself, for one of its extras.
            others = [package for package in lock.packages if package.name != project.name]
            lock = Pylock(lock.path, lock.requires_python, (*others, own))
        return Resolved(
            lock, named_by([*project.dependencies, *(line for lines in project.extras.values() for line in lines)])
        )

    def _resolve_told(self, source: RequirementsSource, project: Project, groups: Sequence[str]) -> Resolved:
        """Resolve a project of which only its build tells what it depends on."""
        if project.is_told_by_poetry_alone:
            raise BundlingError(
                f"'{project.path}' is Poetry's and no package, so that Poetry alone can read it; write requirements, "
                "for example with before_bundling=['poetry export --output requirements.txt']"
            )
        wheel, built_from = build_wheel(self.uv, project.folder, self.target, self.scratch, NO_PACKAGE)
        if project.is_of_poetry:
            wheel = build_wheel_in_place(self.uv, project.folder, self.target, self.scratch / "told")
        name = canonicalize_name(wheel.name.partition("-")[0])
        check_names("extras", self.options.extras, extras_of(wheel), project.path)
        extras = f"[{','.join(self.options.extras)}]" if self.options.extras else ""
        requirements = self.scratch / "project.txt"
        requirements.write_text(f"{name}{extras} @ {wheel.as_uri()}\n", "utf-8")
        may_build = [f"--no-binary={folder}" for folder in project.poetry_folders]
        related = related_folders([project.folder])
        lock = self._compile(source, [str(requirements), *may_build, *groups], {}, related)
        if not project.is_package:
            others = tuple(package for package in lock.packages if package.name != name)
            lock = Pylock(lock.path, lock.requires_python, others)
        return Resolved(lock, _named(lock), [built_from])

    def _compile(
        self, source: RequirementsSource, arguments: Sequence[str], environment: dict[str, str], asked: Iterable[Path]
    ) -> Pylock:
        """Resolve what is no lock; `asked`: the folders of projects that may be asked for what they depend on."""
        resolved = self.scratch / "pylock.resolved.toml"
        command = [self.uv, "pip", "compile", "--quiet", "--no-header", "--no-annotate", "--format", "pylock.toml"]
        command += ["--output-file", str(resolved), *left_out(self.scratch), *self.target.uv_flags(sys.executable)]
        command += [*wheels_only(self.options), *arguments]
        what = f"resolving '{source.path}' for {self.target}"
        with leaving_nothing(asked):
            run(command, cwd=source.path.parent, what=what, environment={**OFFLINE, **environment})
        return read_pylock(resolved)


def left_out(scratch: Path) -> list[str]:
    """Return what keeps away what a function must not have, and all that only this needs."""
    file = scratch / "left_out.txt"
    file.write_text("".join(f"{name} ; python_version < '3'\n" for name in NOT_INSTALLED), "utf-8")
    return ["--override", str(file)]


def wheels_only(options: BundlingOptions, built: Collection[str] = ()) -> list[str]:
    """Return what makes uv say for which package no wheel fits, and why; it refuses a wheel of what it is to build."""
    names = [name for name in options.build_from_source if canonicalize_name(name) not in built]
    return ["--only-binary", ":all:", *(f"--no-binary={name}" for name in names)]


def named_by(lines: Sequence[str]) -> list[tuple[str, str | None]]:
    """Return the names that requirements begin with, and their versions where they pin them."""
    return [(name_of(line), pinned_version(line)) for line in lines]


def _named(lock: Pylock) -> list[tuple[str, str | None]]:
    return [(package.name, package.version) for package in lock.packages]


def _ways_to_ask_folders(lines: list[str], file: Path) -> tuple[list[str], dict[str, str]]:
    """Return what lets uv ask projects in folders for their dependencies, which it allows by their names alone."""
    flags, environment = [], {}
    for name, written, folder in folders(lines, file.parent):
        if name:
            flags.append(f"--no-binary={canonicalize_name(name)}")
        elif is_told_by_build_alone(folder):
            raise BundlingError(
                f"'{file}' names the folder '{written}', whose build alone tells what it is; write its name before it, "
                f"such as {folder.resolve().name} @ {written}"
            )
        environment.update(version_without_git(folder))
    return flags, environment
