"""Installation with pip, which reads only `requirements.txt`: this interpreter's pip, or pip in AWS's build image."""

from __future__ import annotations

import os
import re
import shutil
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from lambda_bundling.errors import BundlingError, BundlingWarning
from lambda_bundling.install.installation import Installation, Installed, LocalInput
from lambda_bundling.install.local_project import hash_input
from lambda_bundling.options import BundlingOptions
from lambda_bundling.sources.not_installed import NOT_INSTALLED, warnings_about
from lambda_bundling.sources.requirements_file import package_name, pinned_version, read_lines
from lambda_bundling.sources.requirements_source import REQUIREMENTS, RequirementsSource
from lambda_bundling.target import Target
from lambda_bundling.tools import pip_version, run

# The first version with the locks and commands that this package uses.
OLDEST_UV = "0.9"
INSTALL_UV = f"Install uv with `pip install 'uv>={OLDEST_UV}'`, or put it on PATH."


@dataclass(frozen=True, slots=True)
class PipInstaller:
    """Installer that runs this interpreter's pip."""

    options: BundlingOptions

    @property
    def name(self) -> str:
        # pip evaluates environment markers for the Python that runs it.
        return f"pip {pip_version()} on Python {sys.version_info[0]}.{sys.version_info[1]}"

    def install(self, installation: Installation) -> Installed:
        source, target = installation.source, installation.target
        self._check(source, target)
        wanted = _Wanted.read(source, installation.scratch)
        if not wanted.packages:
            return Installed(wanted.warnings)
        command = self._command(target, installation.into, wanted.file)
        run(command, cwd=source.path.parent, action=f"installing for {target} with pip")
        return Installed([*_warn_of_markers(wanted.packages, target), *wanted.warnings], wanted.local)

    def _check(self, source: RequirementsSource, target: Target) -> None:
        if source.kind != REQUIREMENTS:
            raise BundlingError(
                f"'{source.path}' needs uv, which was not found: pip reads only requirements.txt. {INSTALL_UV}"
            )
        if self.options.build_from_source and target.interpreter is None:
            raise BundlingError(
                f"bundling.build_from_source is {list(self.options.build_from_source)!r}, but pip cannot build "
                f"packages for another machine, and uv was not found. {INSTALL_UV}"
            )

    def _command(self, target: Target, into: Path, requirements: Path) -> list[str]:
        # The target's interpreter may have no pip of its own. This interpreter's pip installs for it.
        for_python = [] if target.interpreter is None else ["--python", target.interpreter]
        command = [sys.executable, "-m", "pip", *for_python, "install", "--quiet", "--disable-pip-version-check"]
        command += ["--no-compile", "--no-input", "--target", str(into)]
        if target.interpreter is None:
            command += ["--implementation", "cp", "--python-version", target.version]
            command += [f"--platform={platform}" for platform in target.pip_platforms]
        command += ["--only-binary=:all:", *(f"--no-binary={name}" for name in self.options.build_from_source)]
        return [*command, "--requirement", str(requirements)]


def _warn_of_markers(packages: Sequence[str], target: Target) -> list[BundlingWarning]:
    if target.python == sys.version_info[:2] or not any(";" in line for line in packages):
        return []
    return [
        BundlingWarning(
            "pipConditions",
            f"pip evaluates environment markers such as python_version for this machine's Python "
            f"{sys.version_info[0]}.{sys.version_info[1]}, but the function has {target.version}. It may install the "
            f"wrong packages. {INSTALL_UV}",
        )
    ]


@dataclass(frozen=True, slots=True)
class DockerInstaller:
    """Installer that runs pip in AWS's build image."""

    options: BundlingOptions

    @property
    def name(self) -> str:
        return "docker"

    def install(self, installation: Installation) -> Installed:
        docker, source = os.environ.get("CDK_DOCKER", "docker"), installation.source
        _check_docker(docker, source)
        wanted = _Wanted.read(source, installation.scratch)
        if not wanted.packages:
            return Installed(wanted.warnings)
        # Constraints files are beside the requirements. In the container that folder is /in.
        folder = source.path.parent.absolute()
        text = wanted.file.read_text("utf-8").replace(f"--constraint {folder}/", "--constraint /in/")
        wanted.file.write_text(text, "utf-8")
        command = [docker, *_docker_run(installation, folder, wanted.file)]
        command += ["python", "-m", "pip", "install", "--no-compile", "--target", "/out"]
        command += ["--requirement", "/requirements.txt"]
        run(command, cwd=installation.entry, action=f"installing for {installation.target} with {docker}")
        return Installed(wanted.warnings, wanted.local)


def _check_docker(docker: str, source: RequirementsSource) -> None:
    if shutil.which(docker) is None:
        raise BundlingError(
            f"bundling.installer is DOCKER, but {docker} is not on PATH. Install Docker, name another program in the "
            "variable CDK_DOCKER, or leave installer out."
        )
    if source.kind != REQUIREMENTS:
        raise BundlingError(
            f"bundling.installer DOCKER reads only requirements.txt, got '{source.path.name}'. Write that file."
        )


def _docker_run(installation: Installation, folder: Path, requirements: Path) -> list[str]:
    """Return the arguments of `docker run`, up to the image."""
    target = installation.target
    machine = "arm64" if target.machine == "aarch64" else "amd64"
    arguments = ["run", "--rm", "--platform", f"linux/{machine}", "--user", f"{os.getuid()}:{os.getgid()}"]
    arguments += ["--volume", f"{folder}:/in:ro", "--volume", f"{installation.into}:/out", "--env", "HOME=/tmp"]
    arguments += ["--volume", f"{requirements}:/requirements.txt:ro", "--workdir", "/in"]
    # Docker reads the values itself, so no command line shows them.
    for name in sorted(name for name in os.environ if name.startswith("PIP_")):
        arguments += ["--env", name]
    return [*arguments, f"public.ecr.aws/sam/build-python{target.version}"]


@dataclass(frozen=True, slots=True)
class _Wanted:
    """Requirements file for pip, with included files inserted and without packages that are never installed."""

    file: Path
    packages: Sequence[str]
    warnings: Sequence[BundlingWarning]
    local: Sequence[LocalInput]

    @classmethod
    def read(cls, source: RequirementsSource, scratch: Path) -> _Wanted:
        lines = read_lines(source.path)
        kept = [line for line in lines if package_name(line) not in NOT_INSTALLED]
        local = [path for line in kept for path in _local_paths(line, source)]
        file = scratch / "requirements.txt"
        file.write_text("\n".join(kept) + "\n", "utf-8")
        packages = [line for line in kept if not line.startswith("-")]
        warnings = warnings_about((package_name(line), pinned_version(line)) for line in lines)
        return cls(file, packages, warnings, [LocalInput(path, hash_input(path)) for path in local])


def _local_paths(line: str, source: RequirementsSource) -> Iterator[Path]:
    """Yield the files and wheel folders that a line names. Reject a project folder, which needs a build."""
    if line.startswith("--constraint"):  # A constraints file is an input of the source already.
        return
    for word in re.split(r"[\s@;\[=]+", line):
        is_path = word == "." or "/" in word or word.endswith((".whl", ".gz", ".zip"))
        path = source.path.parent / word.removeprefix("file://")
        if not is_path or not path.exists():
            continue
        if path.is_dir() and not line.startswith(("-f", "--find-links")):
            raise BundlingError(f"'{source.path}' names the folder '{word}', which only uv can build. {INSTALL_UV}")
        yield path
