"""Installation with uv. The dependencies become a `pylock.toml`, which uv installs."""

from __future__ import annotations

import hashlib
import os
import sys
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from lambda_bundling.errors import BundlingError
from lambda_bundling.install.installation import Installation, Installed, LocalInput
from lambda_bundling.install.local_project import WheelBuilder, hash_input
from lambda_bundling.install.resolution import NO_PACKAGE, Resolution, named_by, override_flags, wheel_flags
from lambda_bundling.options import BundlingOptions
from lambda_bundling.sources.not_installed import NOT_INSTALLED, warnings_about
from lambda_bundling.sources.pylock import LockedPackage, from_wheel, select, write_pylock
from lambda_bundling.sources.requirements_file import hashed_files, indexes, read_lines
from lambda_bundling.sources.requirements_source import REQUIREMENTS
from lambda_bundling.tools import OFFLINE, run, version_of


@dataclass(frozen=True, slots=True)
class UvInstaller:
    """Installer that runs uv."""

    uv: str
    options: BundlingOptions

    @property
    def name(self) -> str:
        return f"uv {version_of(self.uv)}"

    def install(self, installation: Installation) -> Installed:
        source, target = installation.source, installation.target
        lines = read_lines(source.path) if source.kind == REQUIREMENTS else []
        _check_hashes(lines, source.path)
        if _have_hashes(lines):
            # This is a lock already. Resolving it again would replace its hashes with those of the index.
            return self._install_hashed(installation, lines)
        resolved = Resolution(self.uv, self.options, target, installation.scratch).resolve(source, lines)
        chosen = select(resolved.lock, target, self.options.extras, self.options.groups)
        packages, local = self._build_local(installation, [each for each in chosen if each.name not in NOT_INSTALLED])
        self._install_packages(installation, packages, indexes(lines))
        return Installed([*resolved.warnings, *warnings_about(resolved.named)], [*resolved.local, *local])

    def _install_hashed(self, installation: Installation, lines: list[str]) -> Installed:
        file = installation.source.path
        if any(line.startswith("--constraint") for line in lines):
            # Constraints have no effect on pinned requirements, and uv would require hashes in them too.
            file = installation.scratch / "requirements.txt"
            file.write_text("".join(f"{line}\n" for line in lines if not line.startswith("--constraint")), "utf-8")
        flags = ["--require-hashes", *override_flags(installation.scratch), "--requirement", str(file)]
        self._run_install(installation, _PipInstall(flags))
        return Installed(warnings_about(named_by(lines)))

    def _build_local(
        self, installation: Installation, packages: Sequence[LockedPackage]
    ) -> tuple[list[LockedPackage], list[LocalInput]]:
        """Build the local projects. Return the packages to install, and the local inputs among them."""
        builder = WheelBuilder(self.uv, installation.target, installation.scratch)
        installed, local = [], []
        for package in packages:
            if package.folder is None:
                found = [file for file in package.files if not file.is_relative_to(installation.scratch)]
                local += [LocalInput(file, hash_input(file)) for file in found]
                installed.append(package)
            else:
                is_own = package.folder.resolve() == installation.entry.resolve()
                hint, changed = (NO_PACKAGE, installation.changed) if is_own else ("", None)
                wheel, built_from = builder.build(package.folder, hint=hint, changed=changed)
                local.append(built_from)
                installed.append(from_wheel(package.name, wheel))
        return installed, local

    def _install_packages(
        self, installation: Installation, packages: Sequence[LockedPackage], index_urls: Sequence[str]
    ) -> None:
        if not packages:
            return
        lock = installation.scratch / "pylock.function.toml"
        write_pylock(lock, packages)
        # The lock has no passwords. uv reads them from the URLs of the indexes.
        environment = {}
        if index_urls:
            environment["UV_INDEX"] = " ".join([*index_urls, os.environ.get("UV_INDEX", "")]).strip()
        built = {package.name for package in packages if package.lock.suffix == ".whl"}
        flags = ["--no-deps", "--requirement", str(lock)]
        self._run_install(installation, _PipInstall(flags, environment=environment, built=built))

    def _run_install(self, installation: Installation, pip_install: _PipInstall) -> None:
        target = installation.target
        command = [self.uv, "pip", "install", "--quiet", "--no-installer-metadata", "--link-mode", "copy"]
        command += [*target.uv_flags(sys.executable), "--target", str(installation.into)]
        command += [*wheel_flags(self.options, pip_install.built), *pip_install.flags]
        environment = {**OFFLINE, **pip_install.environment}
        run(command, cwd=installation.source.path.parent, action=f"installing for {target}", environment=environment)


@dataclass(frozen=True, slots=True)
class _PipInstall:
    """Arguments of one `uv pip install`."""

    flags: Sequence[str]
    environment: dict[str, str] = field(default_factory=dict)
    built: Collection[str] = ()
    """Names of the packages whose wheels were built on this machine."""


def _check_hashes(lines: list[str], file: Path) -> None:
    """Check the hashes that uv ignores: those of local files, and those in constraints."""
    for path, algorithm, expected in hashed_files(lines, file.parent):
        found = hashlib.new(algorithm, path.read_bytes()).hexdigest()
        if found != expected:
            raise BundlingError(f"{algorithm} of '{path}' must be {expected}, as '{file}' says, got {found}")
    for line in lines:
        option, _, other = line.partition(" ")
        if option == "--constraint" and not _have_hashes(lines) and _have_hashes(read_lines(Path(other))):
            raise BundlingError(
                f"'{other}' has hashes, but uv checks hashes only in requirements. Move them to '{file}'."
            )


def _have_hashes(lines: Sequence[str]) -> bool:
    return any("--hash=" in line or line == "--require-hashes" for line in lines)
