"""Choice of the installer: uv, pip, or pip in a container."""

from __future__ import annotations

from typing import Protocol

from packaging.version import Version

from lambda_bundling.errors import BundlingError
from lambda_bundling.install.installation import Installation, Installed
from lambda_bundling.install.pip_installer import INSTALL_UV, OLDEST_UV, DockerInstaller, PipInstaller
from lambda_bundling.install.uv_installer import UvInstaller
from lambda_bundling.options import BundlingOptions, Installer
from lambda_bundling.sources.requirements_source import REQUIREMENTS, RequirementsSource
from lambda_bundling.tools import find_uv, pip_version, version_of


class DependencyInstaller(Protocol):
    """Program that installs the dependencies of a function."""

    @property
    def name(self) -> str:
        """Name of the tool, with the part of its version that changes results."""

    def install(self, installation: Installation) -> Installed:
        """Install the dependencies into the folder of the installation."""


class NoInstaller:
    """Installer for a folder without dependencies."""

    name = "nothing"

    def install(self, installation: Installation) -> Installed:
        return Installed()


def choose_installer(options: BundlingOptions, source: RequirementsSource | None) -> DependencyInstaller:
    """Return the installer for a source. Without a source, hooks may still write one."""
    if options.installer is Installer.NONE or (source is None and not options.before_bundling):
        return NoInstaller()
    if options.installer is Installer.DOCKER:
        return DockerInstaller(options)
    uv = find_uv()
    if options.installer in (Installer.AUTO, Installer.UV) and uv is not None:
        _check_uv_version(uv)
        return UvInstaller(uv, options)
    if options.installer is Installer.UV:
        raise BundlingError(f"uv was not found. {INSTALL_UV}")
    return _choose_pip(options, source)


def _choose_pip(options: BundlingOptions, source: RequirementsSource | None) -> PipInstaller:
    if pip_version() is None:
        raise BundlingError(
            f"neither uv nor pip was found. {INSTALL_UV} Or pass bundling=BundlingOptions(installer=Installer.DOCKER)."
        )
    if source is not None and source.kind != REQUIREMENTS:
        raise BundlingError(
            f"'{source.path}' needs uv, which was not found: pip reads only requirements.txt. {INSTALL_UV}"
        )
    return PipInstaller(options)


def _check_uv_version(uv: str) -> None:
    if Version(version_of(uv)) < Version(OLDEST_UV):
        raise BundlingError(
            f"bundling needs uv {OLDEST_UV} or newer, got uv {version_of(uv)} at '{uv}'. "
            f"Update it, for example with `pip install 'uv>={OLDEST_UV}'`."
        )
