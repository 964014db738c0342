"""Installing with uv: what names the dependencies is brought to a `pylock.toml`, and that is installed."""

from __future__ import annotations

import hashlib
import os
import sys
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

from packaging.utils import canonicalize_name

from .errors import BundlingError
from .installed import Installed, LocalInput
from .local_project import build_wheel, build_wheel_in_place, hash_of, is_told_by_build_alone, version_without_git
from .lock_check import check_lock
from .not_installed import NOT_INSTALLED, name_of, notices_about, pinned_version
from .options import BundlingOptions
from .project import Project
from .pylock import LockedPackage, Pylock, check_python, from_wheel, read_pylock, select, write_pylock
from .requirements_file import folders, hashed_files, indexes, read_lines
from .requirements_source import PYLOCK, PYPROJECT, REQUIREMENTS, UV_LOCK, RequirementsSource
from .target import Target
from .tools import OFFLINE, run, version_of

_NO_PACKAGE = "\nIf it is no package, write package = false under [tool.uv] in its pyproject.toml"


@dataclass(frozen=True)
class _Resolved:
    lock: Pylock
    named: list[tuple[str, str | None]]
    """Names and pinned versions of what was asked for, installed or not."""
    local: Sequence[LocalInput] = ()


@dataclass(frozen=True)
class UvInstaller:
    uv: str
    options: BundlingOptions

    @property
    def name(self) -> str:
        return f"uv {version_of(self.uv)}"

    def install(self, source: RequirementsSource, entry: Path, target: Target, into: Path) -> Installed:
        scratch = into.parent
        lines = read_lines(source.path) if source.kind == REQUIREMENTS else []
        _check_hashes(lines, source.path)
        if _have_hashes(lines):
            # A lock already: resolved again, it would get the index's hashes for its own.
            return self._install_hashed(source, lines, target, into)
        resolved = self._resolve(source, lines, target, scratch)
        chosen = select(resolved.lock, target, self.options.extras, self.options.groups)
        packages, local = self._build_local(
            [package for package in chosen if package.name not in NOT_INSTALLED], entry, target, scratch
        )
        self._install(packages, indexes(lines), source.path.parent, target, into)
        return Installed(notices_about(resolved.named), [*resolved.local, *local])

    def _resolve(self, source: RequirementsSource, lines: list[str], target: Target, scratch: Path) -> _Resolved:
        if source.kind == UV_LOCK:
            return self._export(source, target, scratch)
        if source.kind == PYLOCK:
            lock = read_pylock(source.path)
            check_python(f"'{source.path}'", lock.requires_python, target)
            return _Resolved(lock, _named(lock))
        if source.kind == REQUIREMENTS:
            arguments, environment = _ways_to_ask_folders(lines, source.path)
            lock = self._compile(source, [str(source.path), *arguments], environment, target, scratch)
            return _Resolved(lock, _named_by(lines))
        return self._resolve_project(source, target, scratch)

    def _install_hashed(self, source: RequirementsSource, lines: list[str], target: Target, into: Path) -> Installed:
        file = source.path
        if any(line.startswith("--constraint") for line in lines):
            # They choose nothing where all is pinned, and uv wants hashes of them too.
            file = into.parent / "requirements.txt"
            file.write_text("".join(f"{line}\n" for line in lines if not line.startswith("--constraint")), "utf-8")
        arguments = ["--require-hashes", *self._left_out(into.parent), "--requirement", str(file)]
        self._run_install(arguments, source.path.parent, target, into, {})
        return Installed(notices_about(_named_by(lines)))

    def _export(self, source: RequirementsSource, target: Target, scratch: Path) -> _Resolved:
        options = self.options
        command = [self.uv, "export", "--quiet", "--frozen", "--no-editable", "--no-header", "--no-annotate"]
        command += ["--no-default-groups", "--format", "pylock.toml", "--project", str(source.project)]
        command += [flag for extra in options.extras for flag in ("--extra", extra)]
        command += [flag for group in options.groups for flag in ("--group", group)]
        command += ["--package", options.package] if options.package else []

        def export(name: str, *flags: str) -> Pylock:
            written = scratch / f"pylock.{name}.toml"
            what = f"reading '{source.path}'"
            run([*command, *flags, "--output-file", str(written)], cwd=source.project, what=what, environment=OFFLINE)
            return read_pylock(written)

        lock = export("whole")
        named = _named(lock)
        self._check(source, lock, target)
        if any(name in NOT_INSTALLED for name, _ in named):
            # What only they need goes too.
            lock = export("pruned", *(flag for name in NOT_INSTALLED for flag in ("--prune", name)))
        return _Resolved(lock, named)

    def _check(self, source: RequirementsSource, lock: Pylock, target: Target) -> None:
        folders = [source.project, *(package.folder for package in lock.packages if package.folder is not None)]
        files = dict.fromkeys(folder.resolve() / PYPROJECT for folder in folders)
        projects = [Project.read(file) for file in files if file.is_file()]
        check_lock(self.uv, source.path, projects, target, self.options.groups)

    def _resolve_project(self, source: RequirementsSource, target: Target, scratch: Path) -> _Resolved:
        """Resolve a project without lock; it is installed itself where it is a package."""
        project = Project.read(source.path)
        groups = [f"--group={project.path}:{group}" for group in self.options.groups]
        if project.needs_build_to_tell:
            return self._resolve_told(source, project, groups, target, scratch)
        arguments = [str(project.path), *(f"--extra={extra}" for extra in self.options.extras), *groups]
        lock = self._compile(source, arguments, {}, target, scratch)
        if project.is_package:
            own = LockedPackage(source.path, {"name": project.name, "directory": {"path": "."}})
            # It may have named itself, for one of its extras.
            others = [package for package in lock.packages if package.name != project.name]
            lock = Pylock(lock.path, lock.requires_python, (*others, own))
        return _Resolved(
            lock, _named_by([*project.dependencies, *(line for lines in project.extras.values() for line in lines)])
        )

    def _resolve_told(
        self, source: RequirementsSource, project: Project, groups: Sequence[str], target: Target, scratch: Path
    ) -> _Resolved:
        """Resolve a project of which only its build tells what it depends on."""
        if project.is_told_by_poetry_alone:
            raise BundlingError(
                f"'{project.path}' is Poetry's and no package, so that Poetry alone can read it; write requirements, "
                "for example with before_bundling=['poetry export --output requirements.txt']"
            )
        wheel, built_from = build_wheel(self.uv, project.folder, target, scratch, _NO_PACKAGE)
        if project.is_of_poetry:
            wheel = build_wheel_in_place(self.uv, project.folder, target, scratch / "told")
        name = canonicalize_name(wheel.name.partition("-")[0])
        extras = f"[{','.join(self.options.extras)}]" if self.options.extras else ""
        requirements = scratch / "project.txt"
        requirements.write_text(f"{name}{extras} @ {wheel.as_uri()}\n", "utf-8")
        folders = [f"--no-binary={folder}" for folder in project.poetry_folders]
        lock = self._compile(source, [str(requirements), *folders, *groups], {}, target, scratch)
        if not project.is_package:
            others = tuple(package for package in lock.packages if package.name != name)
            lock = Pylock(lock.path, lock.requires_python, others)
        return _Resolved(lock, _named(lock), [built_from])

    def _compile(
        self,
        source: RequirementsSource,
        arguments: Sequence[str],
        environment: dict[str, str],
        target: Target,
        scratch: Path,
    ) -> Pylock:
        """Resolve what is no lock."""
        resolved = scratch / "pylock.resolved.toml"
        command = [self.uv, "pip", "compile", "--quiet", "--no-header", "--no-annotate", "--format", "pylock.toml"]
        command += ["--output-file", str(resolved), *self._left_out(scratch), *target.uv_flags(sys.executable)]
        command += [*self._wheels_only(), *arguments]
        what = f"resolving '{source.path}' for {target}"
        run(command, cwd=source.path.parent, what=what, environment={**OFFLINE, **environment})
        return read_pylock(resolved)

    def _build_local(
        self, packages: Sequence[LockedPackage], entry: Path, target: Target, scratch: Path
    ) -> tuple[list[LockedPackage], list[LocalInput]]:
        """Build the projects in folders; return what is to be installed, and what of this machine is part of it."""
        installed, local = [], []
        for package in packages:
            if package.folder is None:
                files = [file for file in package.files if not file.is_relative_to(scratch)]
                local += [LocalInput(file, hash_of(file)) for file in files]
                installed.append(package)
            else:
                hint = _NO_PACKAGE if package.folder.resolve() == entry.resolve() else ""
                wheel, built_from = build_wheel(self.uv, package.folder, target, scratch, hint)
                local.append(built_from)
                installed.append(from_wheel(package.name, wheel))
        return installed, local

    def _install(
        self, packages: Sequence[LockedPackage], named_indexes: Sequence[str], cwd: Path, target: Target, into: Path
    ) -> None:
        if not packages:
            return
        lock = into.parent / "pylock.function.toml"
        write_pylock(lock, packages)
        # The lock has no passwords; uv takes them from the addresses of indexes.
        environment = {}
        if named_indexes:
            environment["UV_INDEX"] = " ".join([*named_indexes, os.environ.get("UV_INDEX", "")]).strip()
        # uv refuses a wheel of what it is told to build.
        built = {package.name for package in packages if package.lock.suffix == ".whl"}
        self._run_install(["--no-deps", "--requirement", str(lock)], cwd, target, into, environment, built)

    def _run_install(
        self,
        arguments: Sequence[str],
        cwd: Path,
        target: Target,
        into: Path,
        environment: dict[str, str],
        built: Collection[str] = (),
    ) -> None:
        command = [self.uv, "pip", "install", "--quiet", "--no-installer-metadata", "--link-mode", "copy"]
        command += [*target.uv_flags(sys.executable), "--target", str(into), *self._wheels_only(built), *arguments]
        run(command, cwd=cwd, what=f"installing for {target}", environment={**OFFLINE, **environment})

    def _left_out(self, scratch: Path) -> list[str]:
        """Return what keeps away what a function must not have, and all that only this needs."""
        file = scratch / "left_out.txt"
        file.write_text("".join(f"{name} ; python_version < '3'\n" for name in NOT_INSTALLED), "utf-8")
        return ["--override", str(file)]

    def _wheels_only(self, built: Collection[str] = ()) -> list[str]:
        # uv says for which package no wheel fits, and why.
        names = [name for name in self.options.build_from_source if canonicalize_name(name) not in built]
        return ["--only-binary", ":all:", *(f"--no-binary={name}" for name in names)]


def _named(lock: Pylock) -> list[tuple[str, str | None]]:
    return [(package.name, package.version) for package in lock.packages]


def _named_by(lines: Sequence[str]) -> list[tuple[str, str | None]]:
    return [(name_of(line), pinned_version(line)) for line in lines]


def _check_hashes(lines: list[str], file: Path) -> None:
    """Refuse the hashes that uv would not look at: of files on this machine, and of constraints."""
    for path, kind, wanted in hashed_files(lines, file.parent):
        found = hashlib.new(kind, path.read_bytes()).hexdigest()
        if found != wanted:
            raise BundlingError(f"'{file}' names '{path}' with the {kind} {wanted}, and it has {found}: another file")
    for line in lines:
        option, _, other = line.partition(" ")
        if option == "--constraint" and not _have_hashes(lines) and _have_hashes(read_lines(Path(other))):
            raise BundlingError(f"'{other}' has hashes, which count in requirements alone; write them in '{file}'")


def _have_hashes(lines: Sequence[str]) -> bool:
    return any("--hash=" in line or line == "--require-hashes" for line in lines)


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
