"""Installing with uv: what names the dependencies is brought to a `pylock.toml`, and that is installed."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from packaging.utils import canonicalize_name

from .errors import BundlingError
from .installed import Installed, LocalInput
from .local_project import build_wheel, hash_of, is_told_by_build_alone, version_without_git
from .lock_check import check_lock
from .not_installed import NOT_INSTALLED, name_of, notices_about, pinned_version
from .options import BundlingOptions
from .project import Project
from .pylock import LockedPackage, Pylock, check_python, from_wheel, read_pylock, select, write_pylock
from .requirements_file import folders, indexes, read_lines
from .requirements_source import PYLOCK, PYPROJECT, REQUIREMENTS, UV_LOCK, RequirementsSource
from .target import Target
from .tools import run, version_of

# No interpreter is worth a download at synth.
_OFFLINE = {"UV_PYTHON_DOWNLOADS": "never"}
_NO_PACKAGE = "\nIf it is no package, write package = false under [tool.uv] in its pyproject.toml"


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
        if any("--hash=" in line for line in lines):
            # A lock already: resolved again, it would get the index's hashes for its own.
            return self._install_hashed(source, lines, target, into)
        if source.kind == UV_LOCK:
            lock, requirements = self._export(source, entry, scratch)
            check_lock(source.path, self._local_projects(lock, entry), target, self.options.groups)
        elif source.kind == PYLOCK:
            lock = read_pylock(source.path)
            check_python(f"'{source.path}'", lock.requires_python, target)
            requirements = _named(lock)
        else:
            lock, requirements = self._compile(source, lines, target, scratch)
        chosen = select(lock, target, self.options.extras, self.options.groups)
        packages, local = self._build_local(
            [package for package in chosen if package.name not in NOT_INSTALLED], entry, target, scratch
        )
        self._install(packages, indexes(lines), source.path.parent, target, into)
        return Installed(notices_about(requirements), local)

    def _install_hashed(self, source: RequirementsSource, lines: list[str], target: Target, into: Path) -> Installed:
        file = source.path
        if any(line.startswith("--constraint") for line in lines):
            # They choose nothing where all is pinned, and uv wants hashes of them too.
            file = into.parent / "requirements.txt"
            file.write_text("".join(f"{line}\n" for line in lines if not line.startswith("--constraint")), "utf-8")
        arguments = ["--require-hashes", *self._left_out(into.parent), "--requirement", str(file)]
        self._run_install(arguments, source.path.parent, target, into, {})
        return Installed(notices_about((name_of(line), pinned_version(line)) for line in lines))

    def _export(
        self, source: RequirementsSource, entry: Path, scratch: Path
    ) -> tuple[Pylock, list[tuple[str, str | None]]]:
        """Return what a uv.lock has for the project, and all that it named."""
        options = self.options
        command = [self.uv, "export", "--quiet", "--frozen", "--no-editable", "--no-header", "--no-annotate"]
        command += ["--no-default-groups", "--format", "pylock.toml", "--project", str(entry)]
        command += [flag for extra in options.extras for flag in ("--extra", extra)]
        command += [flag for group in options.groups for flag in ("--group", group)]
        command += ["--package", options.package] if options.package else []

        def export(name: str, *flags: str) -> Pylock:
            written = scratch / f"pylock.{name}.toml"
            what = f"reading '{source.path}'"
            run([*command, *flags, "--output-file", str(written)], cwd=entry, what=what, environment=_OFFLINE)
            return read_pylock(written)

        lock = export("whole")
        requirements = _named(lock)
        if any(name in NOT_INSTALLED for name, _ in requirements):
            # What only they need goes too.
            lock = export("pruned", *(flag for name in NOT_INSTALLED for flag in ("--prune", name)))
        return lock, requirements

    def _local_projects(self, lock: Pylock, entry: Path) -> list[Project]:
        """Return the projects in folders whose dependencies the lock has to have, that of the entry first."""
        folders = [entry, *(package.folder for package in lock.packages if package.folder is not None)]
        files = dict.fromkeys(folder.resolve() / PYPROJECT for folder in folders)
        return [Project.read(file) for file in files if file.is_file()]

    def _compile(
        self, source: RequirementsSource, lines: list[str], target: Target, scratch: Path
    ) -> tuple[Pylock, list[tuple[str, str | None]]]:
        """Resolve what is no lock; return the lock, and what was named."""
        resolved = scratch / "pylock.resolved.toml"
        command = [self.uv, "pip", "compile", "--quiet", "--no-header", "--no-annotate", "--format", "pylock.toml"]
        command += ["--output-file", str(resolved), *self._left_out(scratch), *target.uv_flags(sys.executable)]
        command += self._wheels_only()
        environment: dict[str, str] = {}
        if source.kind == REQUIREMENTS:
            flags, environment = _ways_to_ask_folders(lines, source.path)
            command += [str(source.path), *flags]
            named = lines
        else:
            project = Project.read(source.path)
            command += self._project_arguments(project, target, scratch)
            named = [*project.dependencies, *(line for extra in project.extras.values() for line in extra)]
        what = f"resolving '{source.path}' for {target}"
        run(command, cwd=source.path.parent, what=what, environment={**_OFFLINE, **environment})
        lock = read_pylock(resolved)
        if source.kind == PYPROJECT and project.is_package:
            own = LockedPackage(source.path, {"name": project.name, "directory": {"path": "."}})
            others = [package for package in lock.packages if package.name != project.name]
            lock = Pylock(lock.path, lock.requires_python, (*others, own))
        return lock, [(name_of(line), pinned_version(line)) for line in named]

    def _project_arguments(self, project: Project, target: Target, scratch: Path) -> list[str]:
        groups = [f"--group={project.path}:{group}" for group in self.options.groups]
        if not project.needs_build_to_tell:
            return [str(project.path), *(f"--extra={extra}" for extra in self.options.extras), *groups]
        wheel, _ = build_wheel(self.uv, project.folder, target, scratch / "told")
        extras = f"[{','.join(self.options.extras)}]" if self.options.extras else ""
        requirements = scratch / "project.txt"
        requirements.write_text(f"{project.name}{extras} @ {wheel.as_uri()}\n", "utf-8")
        return [str(requirements), *groups]

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
        self._run_install(["--no-deps", "--requirement", str(lock)], cwd, target, into, environment)

    def _run_install(
        self, arguments: Sequence[str], cwd: Path, target: Target, into: Path, environment: dict[str, str]
    ) -> None:
        command = [self.uv, "pip", "install", "--quiet", "--no-installer-metadata", "--link-mode", "copy"]
        command += [*target.uv_flags(sys.executable), "--target", str(into), *self._wheels_only(), *arguments]
        run(command, cwd=cwd, what=f"installing for {target}", environment={**_OFFLINE, **environment})

    def _left_out(self, scratch: Path) -> list[str]:
        """Return what keeps away what a function must not have, and all that only this needs."""
        file = scratch / "left_out.txt"
        file.write_text("".join(f"{name} ; python_version < '3'\n" for name in NOT_INSTALLED), "utf-8")
        return ["--override", str(file)]

    def _wheels_only(self) -> list[str]:
        # uv says for which package no wheel fits, and why.
        return ["--only-binary", ":all:", *(f"--no-binary={name}" for name in self.options.build_from_source)]


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
