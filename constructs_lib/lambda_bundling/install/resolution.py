"""Resolution of the dependencies with uv, into a `pylock.toml` for the target."""

from __future__ import annotations

import sys
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from packaging.utils import canonicalize_name

from lambda_bundling.errors import BundlingError, BundlingWarning
from lambda_bundling.install.installation import LocalInput
from lambda_bundling.install.local_project import (
    WheelBuilder,
    extras_of,
    locked_folders,
    needs_build,
    related_folders,
    version_without_git,
    without_egg_info,
)
from lambda_bundling.install.lock_check import check_lock
from lambda_bundling.options import BundlingOptions
from lambda_bundling.sources.not_installed import NOT_INSTALLED
from lambda_bundling.sources.project import Project
from lambda_bundling.sources.pylock import LockedPackage, Pylock, check_python, read_pylock
from lambda_bundling.sources.requirements_file import folders, package_name, pinned_version
from lambda_bundling.sources.requirements_source import (
    PYLOCK,
    PYPROJECT,
    REQUIREMENTS,
    UV_LOCK,
    RequirementsSource,
    check_names,
)
from lambda_bundling.target import Target
from lambda_bundling.tools import OFFLINE, run

NO_PACKAGE = "\nIf the project is not a package, write package = false under [tool.uv] in its pyproject.toml."


@dataclass(frozen=True, slots=True)
class Resolved:
    """Result of a resolution."""

    lock: Pylock
    named: list[tuple[str, str | None]]
    """Name of each requirement, and its version or None. Packages in `NOT_INSTALLED` are in the list too."""
    local: Sequence[LocalInput] = ()
    warnings: Sequence[BundlingWarning] = ()


@dataclass(frozen=True, slots=True)
class _Compile:
    """Arguments of one `uv pip compile`."""

    arguments: Sequence[str]
    projects: Iterable[Path]
    """Folders of the projects that uv may build to read their dependencies."""
    environment: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Resolution:
    """Resolution for one target."""

    uv: str
    options: BundlingOptions
    target: Target
    scratch: Path

    def resolve(self, source: RequirementsSource, lines: list[str]) -> Resolved:
        """Return the locked packages of a source. `lines` are those of a requirements file."""
        if source.kind == UV_LOCK:
            return self._export(source)
        if source.kind == PYLOCK:
            lock = read_pylock(source.path)
            check_python(f"'{source.path}'", lock.requires_python, self.target)
            return Resolved(lock, _named(lock))
        if source.kind == REQUIREMENTS:
            return self._resolve_requirements(source, lines)
        return self._resolve_project(source)

    def _export(self, source: RequirementsSource) -> Resolved:
        lock = self._run_export(source, "whole")
        named = _named(lock)
        warnings = self._check_lock(source, lock)
        if any(name in NOT_INSTALLED for name, _ in named):
            # --prune also removes the packages that only a pruned package needs.
            prune = [flag for name in NOT_INSTALLED for flag in ("--prune", name)]
            lock = self._run_export(source, "pruned", *prune)
        return Resolved(lock, named, warnings=warnings)

    def _run_export(self, source: RequirementsSource, name: str, *flags: str) -> Pylock:
        options, written = self.options, self.scratch / f"pylock.{name}.toml"
        command = [self.uv, "export", "--quiet", "--frozen", "--no-editable", "--no-header", "--no-annotate"]
        command += ["--no-default-groups", "--format", "pylock.toml", "--project", str(source.project)]
        command += [flag for extra in options.extras for flag in ("--extra", extra)]
        command += [flag for group in options.groups for flag in ("--group", group)]
        command += ["--package", options.package] if options.package else []
        command += [*flags, "--output-file", str(written)]
        run(command, cwd=source.project, action=f"reading '{source.path}'", environment=OFFLINE)
        return read_pylock(written)

    def _check_lock(self, source: RequirementsSource, lock: Pylock) -> list[BundlingWarning]:
        folders = [source.project, *(package.folder for package in lock.packages if package.folder is not None)]
        files = dict.fromkeys(folder.resolve() / PYPROJECT for folder in folders)
        projects = [Project.read(file) for file in files if file.is_file()]
        with without_egg_info(locked_folders(source.path)):
            return check_lock(self.uv, source.path, projects, self.target, self.options.groups)

    def _resolve_requirements(self, source: RequirementsSource, lines: list[str]) -> Resolved:
        flags, environment = _flags_for_folders(lines, source.path)
        projects = related_folders([folder for _, _, folder in folders(lines, source.path.parent)])
        compiled = self._compile(source, _Compile([str(source.path), *flags], projects, environment))
        return Resolved(compiled, named_by(lines))

    def _resolve_project(self, source: RequirementsSource) -> Resolved:
        """Resolve a project without a lock. If it is a package, install the project too."""
        project = Project.read(source.path)
        groups = [f"--group={project.path}:{group}" for group in self.options.groups]
        if project.has_dynamic_dependencies:
            return self._resolve_dynamic(source, project, groups)
        arguments = [str(project.path), *(f"--extra={extra}" for extra in self.options.extras), *groups]
        lock = self._compile(source, _Compile(arguments, related_folders([project.folder])))
        if project.is_package:
            own = LockedPackage(source.path, {"name": project.name, "directory": {"path": "."}})
            # A project may depend on itself to get one of its extras.
            others = [package for package in lock.packages if package.name != project.name]
            lock = Pylock(lock.path, lock.requires_python, (*others, own))
        extras = [line for lines in project.extras.values() for line in lines]
        return Resolved(lock, named_by([*project.dependencies, *extras]))

    def _resolve_dynamic(self, source: RequirementsSource, project: Project, groups: Sequence[str]) -> Resolved:
        """Resolve a project with dynamic dependencies. Its wheel names them, so build it first."""
        if project.needs_poetry:
            raise BundlingError(
                f"'{project.path}' is a Poetry project and not a package, so only Poetry can read it. Write "
                "requirements, for example with before_bundling=['poetry export --output requirements.txt']."
            )
        wheel, built_from = WheelBuilder(self.uv, self.target, self.scratch).build(project.folder, hint=NO_PACKAGE)
        if project.uses_poetry:
            wheel = WheelBuilder(self.uv, self.target, self.scratch / "in-place").build_in_place(project.folder)
        check_names("extras", self.options.extras, extras_of(wheel), project.path)
        name = canonicalize_name(wheel.name.partition("-")[0])
        arguments = [str(self._require_wheel(wheel, name)), *groups]
        arguments += [f"--no-binary={folder}" for folder in project.poetry_folders]
        lock = self._compile(source, _Compile(arguments, related_folders([project.folder])))
        if not project.is_package:
            others = tuple(package for package in lock.packages if package.name != name)
            lock = Pylock(lock.path, lock.requires_python, others)
        return Resolved(lock, _named(lock), [built_from])

    def _require_wheel(self, wheel: Path, name: str) -> Path:
        extras = f"[{','.join(self.options.extras)}]" if self.options.extras else ""
        requirements = self.scratch / "project.txt"
        requirements.write_text(f"{name}{extras} @ {wheel.as_uri()}\n", "utf-8")
        return requirements

    def _compile(self, source: RequirementsSource, request: _Compile) -> Pylock:
        """Resolve requirements or a project without a lock."""
        resolved = self.scratch / "pylock.resolved.toml"
        command = [self.uv, "pip", "compile", "--quiet", "--no-header", "--no-annotate", "--format", "pylock.toml"]
        command += ["--output-file", str(resolved), *override_flags(self.scratch)]
        command += [*self.target.uv_flags(sys.executable), *wheel_flags(self.options), *request.arguments]
        action = f"resolving '{source.path}' for {self.target}"
        with without_egg_info(request.projects):
            run(command, cwd=source.path.parent, action=action, environment={**OFFLINE, **request.environment})
        return read_pylock(resolved)


def override_flags(scratch: Path) -> list[str]:
    """Return flags that keep packages in `NOT_INSTALLED`, and their dependencies, out of the resolution."""
    file = scratch / "not_installed.txt"
    file.write_text("".join(f"{name} ; python_version < '3'\n" for name in NOT_INSTALLED), "utf-8")
    return ["--override", str(file)]


def wheel_flags(options: BundlingOptions, built: Collection[str] = ()) -> list[str]:
    """Return flags that allow uv to build only the packages in `build_from_source`.

    For any other package without a wheel for the target, uv then reports the reason. `built` names packages that
    already have a wheel from a local build. They get no --no-binary, because uv would reject that wheel.
    """
    names = [name for name in options.build_from_source if canonicalize_name(name) not in built]
    return ["--only-binary", ":all:", *(f"--no-binary={name}" for name in names)]


def named_by(lines: Sequence[str]) -> list[tuple[str, str | None]]:
    """Return the names of requirements, and their versions if they are pinned."""
    return [(package_name(line), pinned_version(line)) for line in lines]


def _named(lock: Pylock) -> list[tuple[str, str | None]]:
    return [(package.name, package.version) for package in lock.packages]


def _flags_for_folders(lines: list[str], file: Path) -> tuple[list[str], dict[str, str]]:
    """Return flags and variables with which uv builds local projects to read their metadata.

    The flag names the package, so the requirement must have its name.
    """
    flags, environment = [], {}
    for name, written, folder in folders(lines, file.parent):
        if name:
            flags.append(f"--no-binary={canonicalize_name(name)}")
        elif needs_build(folder):
            raise BundlingError(
                f"'{file}' names the folder '{written}' without its package name, which uv needs to build it. "
                f"Write the name before the folder, such as {folder.resolve().name} @ {written}."
            )
        environment.update(version_without_git(folder))
    return flags, environment
