"""What installs the dependencies: uv, or pip, or pip in a container."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

from .errors import BundlingError
from .installed import Installed
from .options import BundlingOptions
from .options import Installer as Choice
from .pip_installer import WAYS_TO_UV, DockerInstaller, PipInstaller
from .requirements_source import REQUIREMENTS, RequirementsSource
from .target import Target
from .tools import find_uv, pip_version, version_of
from .uv_installer import UvInstaller

# The first whose locks and commands are as they are used here.
OLDEST_UV = (0, 9)


class Installer(Protocol):
    @property
    def name(self) -> str:
        """The tool and what of its version decides what it installs."""

    def install(
        self, source: RequirementsSource, entry: Path, target: Target, into: Path, changed: Path | None = None
    ) -> Installed:
        """Install into a folder that is empty.

        :param changed: A copy of the entry, whose files count for the entry's own project.
        """


class NoInstaller:
    """For a folder that names no dependencies."""

    name = "nothing"

    def install(
        self, source: RequirementsSource, entry: Path, target: Target, into: Path, changed: Path | None = None
    ) -> Installed:
        return Installed()


def choose_installer(options: BundlingOptions, source: RequirementsSource | None) -> Installer:
    """Return the installer for a source, or for what hooks will leave to be installed."""
    if options.installer is Choice.NONE or (source is None and not options.before_bundling):
        return NoInstaller()
    if options.installer is Choice.DOCKER:
        return DockerInstaller(options)
    uv = find_uv()
    if options.installer in (Choice.AUTO, Choice.UV) and uv is not None:
        if tuple(int(number) for number in version_of(uv).split(".")) < OLDEST_UV:
            raise BundlingError(
                f"'{uv}' is uv {version_of(uv)}, and bundling needs {'.'.join(map(str, OLDEST_UV))} or newer; update "
                "it, for example with pip install 'cdk-lambda-streaming[bundling]'"
            )
        return UvInstaller(uv, options)
    if options.installer is Choice.UV:
        raise BundlingError(f"uv was not found; {WAYS_TO_UV}")
    if pip_version() is None:
        raise BundlingError(
            f"neither uv nor pip was found; {WAYS_TO_UV}; or pass bundling=BundlingOptions(installer=Installer.DOCKER)"
        )
    if source is not None and source.kind != REQUIREMENTS:
        raise BundlingError(
            f"'{source.path}' needs uv, which was not found: pip reads requirements.txt only; {WAYS_TO_UV}"
        )
    return PipInstaller(options)
