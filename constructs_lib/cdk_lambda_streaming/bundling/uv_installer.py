"""Installing with uv: what names the dependencies is brought to a `pylock.toml`, and that is installed."""

from __future__ import annotations

import hashlib
import os
import sys
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

from .errors import BundlingError
from .installed import Installed, LocalInput
from .local_project import build_wheel, hash_of
from .not_installed import NOT_INSTALLED, notices_about
from .options import BundlingOptions
from .pylock import LockedPackage, from_wheel, select, write_pylock
from .requirements_file import hashed_files, indexes, read_lines
from .requirements_source import REQUIREMENTS, RequirementsSource
from .resolution import NO_PACKAGE, Resolution, left_out, named_by, wheels_only
from .target import Target
from .tools import OFFLINE, run, version_of


@dataclass(frozen=True)
class UvInstaller:
    uv: str
    options: BundlingOptions

    @property
    def name(self) -> str:
        return f"uv {version_of(self.uv)}"

    def install(
        self, source: RequirementsSource, entry: Path, target: Target, into: Path, changed: Path | None = None
    ) -> Installed:
        scratch = into.parent
        lines = read_lines(source.path) if source.kind == REQUIREMENTS else []
        _check_hashes(lines, source.path)
        if _have_hashes(lines):
            # A lock already: resolved again, it would get the index's hashes for its own.
            return self._install_hashed(source, lines, target, into)
        resolved = Resolution(self.uv, self.options, target, scratch).of(source, lines)
        chosen = select(resolved.lock, target, self.options.extras, self.options.groups)
        packages, local = self._build_local(
            [package for package in chosen if package.name not in NOT_INSTALLED], entry, target, scratch, changed
        )
        self._install(packages, indexes(lines), source.path.parent, target, into)
        return Installed([*resolved.notices, *notices_about(resolved.named)], [*resolved.local, *local])

    def _install_hashed(self, source: RequirementsSource, lines: list[str], target: Target, into: Path) -> Installed:
        file = source.path
        if any(line.startswith("--constraint") for line in lines):
            # They choose nothing where all is pinned, and uv wants hashes of them too.
            file = into.parent / "requirements.txt"
            file.write_text("".join(f"{line}\n" for line in lines if not line.startswith("--constraint")), "utf-8")
        arguments = ["--require-hashes", *left_out(into.parent), "--requirement", str(file)]
        self._run_install(arguments, source.path.parent, target, into, {})
        return Installed(notices_about(named_by(lines)))

    def _build_local(
        self,
        packages: Sequence[LockedPackage],
        entry: Path,
        target: Target,
        scratch: Path,
        changed: Path | None,
    ) -> tuple[list[LockedPackage], list[LocalInput]]:
        """Build the projects in folders; return what is to be installed, and what of this machine is part of it."""
        installed, local = [], []
        for package in packages:
            if package.folder is None:
                found = [file for file in package.files if not file.is_relative_to(scratch)]
                local += [LocalInput(file, hash_of(file)) for file in found]
                installed.append(package)
            else:
                is_own = package.folder.resolve() == entry.resolve()
                hint, files = (NO_PACKAGE, changed) if is_own else ("", None)
                wheel, built_from = build_wheel(self.uv, package.folder, target, scratch, hint, files)
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
        command += [
            *target.uv_flags(sys.executable),
            "--target",
            str(into),
            *wheels_only(self.options, built),
            *arguments,
        ]
        run(command, cwd=cwd, what=f"installing for {target}", environment={**OFFLINE, **environment})


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
