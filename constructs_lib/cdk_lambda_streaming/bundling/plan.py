"""What is to be bundled, decided before anything is, and what is wrong with it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from . import byte_code, tree
from .cache import CACHE_VARIABLE, cache_folder
from .errors import BundlingError, Notice
from .installers import Installer, choose_installer
from .local_project import hash_of
from .options import BundlingOptions, ByteCode
from .options import Installer as Choice
from .pins import unpinned
from .project import Project
from .requirements_file import read_lines
from .requirements_source import (
    PYPROJECT,
    REQUIREMENTS,
    RequirementsSource,
    check_choices,
    find_requirements,
)
from .target import Target

# Changes with what the code here makes of the same inputs.
BUNDLER_VERSION = "2"


@dataclass(frozen=True)
class Plan:
    """What is to be bundled, before anything is. Without a source nothing is installed, unless a hook names some."""

    entry: Path
    source: RequirementsSource | None
    target: Target
    options: BundlingOptions
    excluded: tuple[str, ...]
    installer: Installer
    interpreter: str | None
    notices: tuple[Notice, ...]

    @property
    def name(self) -> str:
        """The same for the same inputs, on every machine and in every folder; local projects come to it later."""
        magic = byte_code.version_and_magic(self.interpreter)[1] if self.interpreter else "no byte code"
        return hash_of_parts(
            BUNDLER_VERSION,
            self.target.identity,
            json.dumps(self.options.to_json(), sort_keys=True),
            json.dumps(self.excluded),
            self.installer.name,
            magic,
            *(hash_of(path) for path in (self.source.inputs if self.source else ())),
            tree.hash_of(self.entry, self.excluded),
        )


def source_of(entry: Path, options: BundlingOptions) -> RequirementsSource | None:
    """Return where the dependencies of `entry` are named, if anything is to be installed."""
    if options.installer is Choice.NONE:
        return None
    if options.before_bundling and options.requirements is not None and not (entry / options.requirements).exists():
        return None  # The hooks write it.
    return find_requirements(entry, options.requirements)


def is_needed(source: RequirementsSource | None, options: BundlingOptions) -> bool:
    """Whether anything is to be done; otherwise the folder is the function as it is."""
    hooks = options.before_bundling or options.after_bundling
    return bool(source or hooks or options.byte_code is ByteCode.REQUIRED or _asked_of_requirements(options))


def plan_bundle(
    entry: Path,
    source: RequirementsSource | None,
    target: Target,
    options: BundlingOptions,
    excluded: Sequence[str],
) -> Plan:
    """Decide what will be done; raises `BundlingError` where it could not."""
    entry = entry.absolute()
    if cache_folder().is_relative_to(entry):
        raise BundlingError(
            f"the cache '{cache_folder()}' is inside the function's folder '{entry}'; name another folder in the "
            f"variable {CACHE_VARIABLE}"
        )
    if source is not None or not options.before_bundling:
        check_source(entry, source, target, options)
    installer = choose_installer(options, source)
    interpreter = byte_code.choose_interpreter(options.byte_code, target)
    notices = [] if source is None or options.before_bundling else doubts_about(source)
    if interpreter is None and options.byte_code is ByteCode.AUTO:
        notices.append(
            Notice(
                "noByteCode",
                f"this machine has no Python {target.version}, so the function has no byte code and compiles its "
                f"sources at each cold start; {byte_code.ways_to(target)}, or pass byte_code=ByteCode.OFF",
            )
        )
    return Plan(entry, source, target, options, tuple(excluded), installer, interpreter, tuple(notices))


def check_source(entry: Path, source: RequirementsSource | None, target: Target, options: BundlingOptions) -> None:
    """Refuse options that the source cannot meet, or that ask something of none."""
    if source is not None:
        check_choices(source, options, target)
    elif asked := _asked_of_requirements(options):
        why = "bundling.installer is NONE" if options.installer is Choice.NONE else f"'{entry}' names no dependencies"
        raise BundlingError(
            f"bundling.{asked[0]} is {getattr(options, asked[0])!r}, and {why}; leave it out, or write a uv.lock with "
            "pyproject.toml, a pylock.toml or a requirements.txt there"
        )


def _asked_of_requirements(options: BundlingOptions) -> list[str]:
    return [name for name in ("extras", "groups", "package", "build_from_source") if getattr(options, name)]


def doubts_about(source: RequirementsSource) -> list[Notice]:
    if source.kind == PYPROJECT and Project.read(source.path).names_versions_to_choose:
        return [
            Notice(
                "unpinnedRequirements",
                f"'{source.path}' has no lock: each machine and each day may install other versions; run uv lock",
            )
        ]
    if source.kind == REQUIREMENTS and (names := unpinned(read_lines(source.path))):
        return [
            Notice(
                "unpinnedRequirements",
                f"'{source.path}' pins not all that it names ({', '.join(names)}): versions that come out later are "
                "not deployed until it changes, since a bundle is named by it, and other machines may have others; run "
                "uv lock, or pin all",
            )
        ]
    return []


def hash_of_parts(*parts: str) -> str:
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()
