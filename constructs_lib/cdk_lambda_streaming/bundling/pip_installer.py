"""Installing with pip, which reads `requirements.txt` alone: by this interpreter's, or in AWS's build image."""

from __future__ import annotations

import os
import re
import shutil
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from .errors import BundlingError, Notice
from .installed import Installed, LocalInput
from .local_project import hash_of
from .not_installed import NOT_INSTALLED, name_of, notices_about, pinned_version
from .options import BundlingOptions
from .requirements_file import read_lines
from .requirements_source import REQUIREMENTS, RequirementsSource
from .target import Target
from .tools import pip_version, run

WAYS_TO_UV = "install it with pip install 'cdk-lambda-streaming[bundling]', or put it on PATH"


@dataclass(frozen=True)
class PipInstaller:
    options: BundlingOptions

    @property
    def name(self) -> str:
        # pip decides about conditions by the Python that runs it.
        return f"pip {pip_version()} on Python {sys.version_info[0]}.{sys.version_info[1]}"

    def install(
        self, source: RequirementsSource, entry: Path, target: Target, into: Path, changed: Path | None = None
    ) -> Installed:
        if source.kind != REQUIREMENTS:
            raise BundlingError(
                f"'{source.path}' needs uv, which was not found: pip reads requirements.txt only; {WAYS_TO_UV}"
            )
        if self.options.build_from_source and target.interpreter is None:
            raise BundlingError(
                f"bundling.build_from_source is {list(self.options.build_from_source)!r}, which uv alone can do: pip "
                f"builds nothing for another machine; {WAYS_TO_UV}"
            )
        wanted = _Wanted.read(source, into.parent)
        if not wanted.packages:
            return Installed(wanted.notices)
        # The desk's interpreter may have no pip of its own; this one's installs for it.
        for_desk = [] if target.interpreter is None else ["--python", target.interpreter]
        command = [sys.executable, "-m", "pip", *for_desk, "install", "--quiet", "--disable-pip-version-check"]
        command += ["--no-compile", "--no-input", "--target", str(into)]
        if target.interpreter is None:
            command += ["--implementation", "cp", "--python-version", target.version]
            command += [f"--platform={platform}" for platform in target.pip_platforms]
        command += ["--only-binary=:all:", *(f"--no-binary={name}" for name in self.options.build_from_source)]
        command += ["--requirement", str(wanted.file)]
        run(command, cwd=source.path.parent, what=f"installing for {target} with pip")
        return Installed([*self._doubts(wanted.packages, target), *wanted.notices], wanted.local)

    def _doubts(self, packages: Sequence[str], target: Target) -> list[Notice]:
        if target.python == sys.version_info[:2] or not any(";" in line for line in packages):
            return []
        return [
            Notice(
                "pipConditions",
                f"pip decides about conditions such as python_version by this machine's Python "
                f"{sys.version_info[0]}.{sys.version_info[1]}, while the function has {target.version}: what is "
                f"installed may be wrong; {WAYS_TO_UV}",
            )
        ]


@dataclass(frozen=True)
class DockerInstaller:
    options: BundlingOptions

    @property
    def name(self) -> str:
        return "docker"

    def install(
        self, source: RequirementsSource, entry: Path, target: Target, into: Path, changed: Path | None = None
    ) -> Installed:
        docker = os.environ.get("CDK_DOCKER", "docker")
        if shutil.which(docker) is None:
            raise BundlingError(
                f"bundling.installer is DOCKER, and there is no {docker} on PATH; install Docker, name another program "
                "in the variable CDK_DOCKER, or leave installer out"
            )
        if source.kind != REQUIREMENTS:
            raise BundlingError(
                f"bundling.installer DOCKER reads requirements.txt alone, got '{source.path.name}'; write one"
            )
        wanted = _Wanted.read(source, into.parent)
        if not wanted.packages:
            return Installed(wanted.notices)
        # Constraints are beside the file that names them, which is elsewhere in the container.
        folder = source.path.parent.absolute()
        text = wanted.file.read_text("utf-8").replace(f"--constraint {folder}/", "--constraint /in/")
        wanted.file.write_text(text, "utf-8")
        machine = "arm64" if target.machine == "aarch64" else "amd64"
        image = f"public.ecr.aws/sam/build-python{target.version}"
        command = [docker, "run", "--rm", "--platform", f"linux/{machine}", "--user", f"{os.getuid()}:{os.getgid()}"]
        command += ["--volume", f"{folder}:/in:ro", "--volume", f"{into}:/out", "--env", "HOME=/tmp"]
        command += ["--volume", f"{wanted.file}:/requirements.txt:ro", "--workdir", "/in"]
        for name in sorted(os.environ):
            if name.startswith("PIP_"):
                command += ["--env", name]  # The value is Docker's to read: it is in no command line.
        command += [image, "python", "-m", "pip", "install", "--no-compile", "--target", "/out"]
        command += ["--requirement", "/requirements.txt"]
        run(command, cwd=entry, what=f"installing for {target} with {docker}")
        return Installed(wanted.notices, wanted.local)


@dataclass(frozen=True)
class _Wanted:
    """What pip is given: the lines of requirements, included files in their places, without what is not installed."""

    file: Path
    packages: Sequence[str]
    notices: Sequence[Notice]
    local: Sequence[LocalInput]

    @classmethod
    def read(cls, source: RequirementsSource, scratch: Path) -> _Wanted:
        lines = read_lines(source.path)
        kept = [line for line in lines if name_of(line) not in NOT_INSTALLED]
        local = [path for line in kept for path in _paths(line, source)]
        file = scratch / "requirements.txt"
        file.write_text("\n".join(kept) + "\n", "utf-8")
        packages = [line for line in kept if not line.startswith("-")]
        notices = notices_about((name_of(line), pinned_version(line)) for line in lines)
        return cls(file, packages, notices, [LocalInput(path, hash_of(path)) for path in local])


def _paths(line: str, source: RequirementsSource) -> Iterator[Path]:
    """Yield the files that a line names, and folders of wheels; a folder to be built is refused."""
    if line.startswith("--constraint"):  # It is among the requirements' own files.
        return
    for word in re.split(r"[\s@;\[=]+", line):
        is_path = word == "." or "/" in word or word.endswith((".whl", ".gz", ".zip"))
        path = source.path.parent / word.removeprefix("file://")
        if not is_path or not path.exists():
            continue
        if path.is_dir() and not line.startswith(("-f", "--find-links")):
            raise BundlingError(f"'{source.path}' names the folder '{word}', which uv alone can build; {WAYS_TO_UV}")
        yield path
