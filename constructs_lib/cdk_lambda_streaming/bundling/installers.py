"""How the dependencies get into a folder: by uv, by pip, or by pip in a container."""

from __future__ import annotations

import os
import re
import shutil
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Protocol

from . import pylock
from .errors import BundlingError, Notice
from .local_projects import folder_of, read_toml
from .options import BundlingOptions
from .options import Installer as Choice
from .requirements_file import join_lines, read_lines
from .requirements_source import (
    PYLOCK,
    PYPROJECT,
    REQUIREMENTS,
    UV_LOCK,
    RequirementsSource,
)
from .target import Target
from .tools import find_uv, pip_version, run, version_of

# What a function must not have, and what it has already.
SYNTH_ONLY = ("cdk-lambda-streaming", "aws-cdk-lib")
IN_THE_LAYER = "lambda-streaming"


class Installer(Protocol):
    @property
    def name(self) -> str:
        """The tool and what of its version decides what it installs."""

    def install(self, source: RequirementsSource, entry: Path, target: Target, into: Path) -> list[Notice]:
        """Install into a folder that is empty; return what the user should be warned of."""


def choose_installer(
    options: BundlingOptions, source: RequirementsSource, target: Target
) -> tuple[Installer, list[Notice]]:
    """Return the installer, and notices about the choice."""
    if options.installer is Choice.DOCKER:
        return DockerInstaller(options), []
    uv = find_uv()
    if options.installer in (Choice.AUTO, Choice.UV) and uv is not None:
        return UvInstaller(uv, options), []
    if options.installer is Choice.UV:
        raise BundlingError(f"uv was not found; {_WAYS_TO_UV}")
    if pip_version() is None:
        raise BundlingError(
            f"neither uv nor pip was found; {_WAYS_TO_UV}; or pass bundling=BundlingOptions(installer=Installer.DOCKER)"
        )
    if source.kind != REQUIREMENTS:
        raise BundlingError(
            f"'{source.path}' needs uv, which was not found: pip reads requirements.txt only; {_WAYS_TO_UV}"
        )
    notices = []
    if target.python != sys.version_info[:2] and ";" in source.path.read_text("utf-8", "replace"):
        notices.append(
            Notice(
                "pipConditions",
                f"pip decides about conditions such as python_version by this machine's Python "
                f"{sys.version_info[0]}.{sys.version_info[1]}, while the function has {target.version}: what is "
                f"installed may be wrong; {_WAYS_TO_UV}",
            )
        )
    return PipInstaller(options), notices


_WAYS_TO_UV = "install it with pip install 'cdk-lambda-streaming[bundling]', or put it on PATH"


@dataclass(frozen=True)
class UvInstaller:
    uv: str
    options: BundlingOptions

    @property
    def name(self) -> str:
        return f"uv {version_of(self.uv)}"

    def install(self, source: RequirementsSource, entry: Path, target: Target, into: Path) -> list[Notice]:
        scratch = into.parent
        asked: list[str] = []
        if source.kind == UV_LOCK:
            lines = self._export(source, entry, [*SYNTH_ONLY, IN_THE_LAYER])
            if any(f'name = "{name}"' in source.path.read_text("utf-8") for name in (*SYNTH_ONLY, IN_THE_LAYER)):
                asked = self._export(source, entry, [])
        elif source.kind == PYLOCK:
            lines = asked = pylock.to_requirements(source.path)
        else:
            asked = read_lines(source.path) if source.kind == REQUIREMENTS else self._named_by_project(source.path)
            # One that names hashes is a lock already: resolved again, it would get the index's hashes for its own.
            is_hashed = any("--hash=" in line for line in asked)
            lines = asked if is_hashed else self._compile(source, target, scratch)
        _, _, notices = sort_requirements(asked)
        kept, local, _ = sort_requirements(lines)
        indexes = [line for line in kept if line.startswith("-")]
        packages = [line for line in kept if not line.startswith("-")]
        if packages:
            requirements = scratch / "requirements.txt"
            requirements.write_text("\n".join([*indexes, *packages]) + "\n", "utf-8")
            # What was resolved is installed and nothing else. Where some have hashes, all must.
            flags = [] if lines is asked and source.kind == REQUIREMENTS and not notices else ["--no-deps"]
            if any("--hash=" in line for line in packages):
                flags.append("--require-hashes")
            self._install(flags, ["--requirement", str(requirements)], source.path.parent, target, into)
        for folder in local:
            self._install(["--no-deps"], [str(self._build(folder, source.path.parent, scratch))], entry, target, into)
        return notices

    def _export(self, source: RequirementsSource, entry: Path, pruned: Sequence[str]) -> list[str]:
        options = self.options
        command = [self.uv, "export", "--frozen", "--no-editable", "--no-header", "--no-annotate"]
        # uv leaves a group out that it was told to, also where it is asked for.
        command += [] if "dev" in options.groups else ["--no-dev"]
        command += ["--no-emit-project", "--format", "requirements-txt", "--project", str(entry)]
        command += [flag for extra in options.extras for flag in ("--extra", extra)]
        command += [flag for group in options.groups for flag in ("--group", group)]
        command += ["--package", options.package] if options.package else []
        command += [flag for name in pruned for flag in ("--prune", name)]
        return join_lines(run(command, cwd=entry, what=f"reading '{source.path}'", environment=_OFFLINE))

    def _named_by_project(self, pyproject: Path) -> list[str]:
        project = read_toml(pyproject).get("project", {})
        extras = project.get("optional-dependencies", {})
        return [
            *project.get("dependencies", []),
            *(line for name in self.options.extras for line in extras.get(name, [])),
        ]

    def _compile(self, source: RequirementsSource, target: Target, scratch: Path) -> list[str]:
        """Resolve what is no lock, without what a function must not have and all that only this needs."""
        left_out = scratch / "left_out.txt"
        left_out.write_text(
            "".join(f"{name} ; python_version < '3'\n" for name in (*SYNTH_ONLY, IN_THE_LAYER)), "utf-8"
        )
        command = [self.uv, "pip", "compile", str(source.path), "--no-header", "--no-annotate", "--quiet"]
        command += ["--override", str(left_out), "--emit-find-links"]
        if any("index-url" in file.read_text("utf-8", "replace") for file in source.inputs):
            # What the environment names is there for the next step too, and its password in no file.
            command += ["--emit-index-url"]
        command += [*target.uv_flags(sys.executable), *self._wheels_only()]
        if source.kind == PYPROJECT:
            command += [flag for extra in self.options.extras for flag in ("--extra", extra)]
            command += [flag for group in self.options.groups for flag in ("--group", group)]
        what = f"resolving '{source.path}' for {target}"
        return join_lines(run(command, cwd=source.path.parent, what=what, environment=_OFFLINE))

    def _install(self, flags: Sequence[str], what: Sequence[str], entry: Path, target: Target, into: Path) -> None:
        command = [self.uv, "pip", "install", "--quiet", "--no-installer-metadata", "--link-mode", "copy"]
        command += [*target.uv_flags(sys.executable), "--target", str(into), *self._wheels_only(), *flags, *what]
        run(command, cwd=entry, what=f"installing for {target}", environment=_OFFLINE)

    def _wheels_only(self) -> list[str]:
        # uv says for which package no wheel fits, and why.
        return ["--only-binary", ":all:", *(f"--no-binary={name}" for name in self.options.build_from_source)]

    def _build(self, folder: str, root: Path, scratch: Path) -> Path:
        """Build a project of the workspace, which has to be pure Python: it is built by this machine."""
        wheels = scratch / "wheels" / re.sub(r"\W", "_", folder)
        command = [self.uv, "build", "--wheel", "--quiet", "--python", sys.executable, "--out-dir", str(wheels), folder]
        run(command, cwd=root, what=f"building '{folder}'", environment=_OFFLINE)
        (wheel,) = wheels.glob("*.whl")
        if not wheel.name.endswith("-any.whl"):
            raise BundlingError(
                f"'{folder}' is not pure Python, and {wheel.name} is for this machine; build its wheel for Lambda "
                "elsewhere and name it in the requirements, or pass installer=Installer.DOCKER"
            )
        return wheel


# No interpreter is worth a download at synth.
_OFFLINE = {"UV_PYTHON_DOWNLOADS": "never"}


@dataclass(frozen=True)
class PipInstaller:
    options: BundlingOptions

    @property
    def name(self) -> str:
        # pip decides about conditions by the Python that runs it.
        return f"pip {pip_version()} on Python {sys.version_info[0]}.{sys.version_info[1]}"

    def install(self, source: RequirementsSource, entry: Path, target: Target, into: Path) -> list[Notice]:
        kept, copy, notices = _without_local(source, into.parent)
        if not kept:
            return notices
        # The desk's interpreter may have no pip of its own; this one's installs for it.
        for_desk = [] if target.interpreter is None else ["--python", target.interpreter]
        command = [
            sys.executable,
            "-m",
            "pip",
            *for_desk,
            "install",
            "--quiet",
            "--disable-pip-version-check",
            "--no-compile",
        ]
        command += ["--no-input", "--target", str(into)]
        if target.interpreter is None:
            command += ["--implementation", "cp", "--python-version", target.version]
            command += [f"--platform={platform}" for platform in target.pip_platforms]
        command += ["--only-binary=:all:", *(f"--no-binary={name}" for name in self.options.build_from_source)]
        command += ["--requirement", str(copy)]
        run(command, cwd=source.path.parent, what=f"installing for {target} with pip")
        return notices


@dataclass(frozen=True)
class DockerInstaller:
    options: BundlingOptions

    @property
    def name(self) -> str:
        return "docker"

    def install(self, source: RequirementsSource, entry: Path, target: Target, into: Path) -> list[Notice]:
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
        kept, copy, notices = _without_local(source, into.parent)
        if not kept:
            return notices
        # Constraints are beside the file that names them, which is elsewhere in the container.
        folder = source.path.parent.absolute()
        copy.write_text(copy.read_text("utf-8").replace(f"--constraint {folder}/", "--constraint /in/"), "utf-8")
        machine = "arm64" if target.machine == "aarch64" else "amd64"
        image = f"public.ecr.aws/sam/build-python{target.version}"
        command = [docker, "run", "--rm", "--platform", f"linux/{machine}", "--user", f"{os.getuid()}:{os.getgid()}"]
        command += ["--volume", f"{folder}:/in:ro", "--volume", f"{into}:/out", "--env", "HOME=/tmp"]
        command += ["--volume", f"{copy}:/requirements.txt:ro", "--workdir", "/in"]
        for name in sorted(os.environ):
            if name.startswith("PIP_"):
                command += ["--env", name]  # The value is Docker's to read: it is in no command line.
        command += [image, "python", "-m", "pip", "install", "--no-compile", "--target", "/out"]
        command += ["--requirement", "/requirements.txt"]
        run(command, cwd=entry, what=f"installing for {target} with {docker}")
        return notices


def _without_local(source: RequirementsSource, scratch: Path) -> tuple[list[str], Path, list[Notice]]:
    """Return for pip what to install, a file of it, and notices."""
    kept, local, notices = sort_requirements(read_lines(source.path))
    if local:
        raise BundlingError(f"'{source.path}' names the folder '{local[0]}', which uv alone can build; {_WAYS_TO_UV}")
    copy = scratch / "requirements.txt"
    copy.write_text("\n".join(kept) + "\n", "utf-8")
    return [line for line in kept if not line.startswith("-")], copy, notices


def sort_requirements(lines: Sequence[str]) -> tuple[list[str], list[str], list[Notice]]:
    """Return what to install, the folders to build, and notices about what a function must not have."""
    kept, local, notices = [], [], []
    for line in lines:
        name = re.match(r"[A-Za-z0-9._-]+", line)
        normal = re.sub(r"[-_.]+", "-", name[0]).lower() if name else ""
        folder = folder_of(line)
        if folder is not None:
            local.append(folder)
        elif normal in SYNTH_ONLY:
            notices.append(
                Notice(
                    "synthOnlyRequirement",
                    f"{normal} is left out of the function: it makes constructs at synth and is too large for Lambda; "
                    "keep it in the requirements of the CDK app",
                )
            )
        elif normal == IN_THE_LAYER:
            notices += _compare_with_layer(line)
        else:
            kept.append(line)
    return kept, local, notices


def _compare_with_layer(line: str) -> list[Notice]:
    """Return a warning where the requirements pin another version of the runtime than the layer has."""
    pinned = re.match(r"[A-Za-z0-9._-]+\s*==\s*([^\s;]+)", line)
    try:
        deployed = metadata.version(IN_THE_LAYER)
    except metadata.PackageNotFoundError:
        return []
    if pinned is None or pinned[1] == deployed:
        return []
    return [
        Notice(
            "runtimeVersion",
            f"the requirements pin {IN_THE_LAYER} {pinned[1]}, and the layer has {deployed}, which the function gets; "
            "pin the same, and your tests run what is deployed",
        )
    ]
