"""Plan of a bundle: all decisions and checks before anything is built."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from lambda_bundling import byte_code, tree
from lambda_bundling.cache import CACHE_VARIABLE, cache_folder
from lambda_bundling.errors import BundlingError, BundlingWarning
from lambda_bundling.install.installers import DependencyInstaller, choose_installer
from lambda_bundling.install.local_project import hash_input
from lambda_bundling.interpreters import version_and_magic
from lambda_bundling.options import BundlingOptions, ByteCode, Installer
from lambda_bundling.sources.pins import find_unpinned
from lambda_bundling.sources.project import Project
from lambda_bundling.sources.requirements_file import read_lines
from lambda_bundling.sources.requirements_source import (
    PYPROJECT,
    REQUIREMENTS,
    RequirementsSource,
    find_requirements,
    reject_missing_choices,
)
from lambda_bundling.target import Target

# Increase it when this code builds other bundles from the same inputs.
BUNDLER_VERSION = "2"
# Options that need a source, and the sources that `reject_missing_choices` accepts for each.
_WITH_EXTRAS = "a uv.lock with pyproject.toml, a pylock.toml or a pyproject.toml"
_SOURCES = {
    "extras": _WITH_EXTRAS,
    "groups": _WITH_EXTRAS,
    "package": "a uv.lock with pyproject.toml",
    "build_from_source": "a uv.lock with pyproject.toml, a pylock.toml, a requirements.txt or a pyproject.toml",
}


@dataclass(frozen=True, slots=True)
class Plan:
    """Plan of a bundle. Without a source the bundler installs nothing, unless a hook writes a source."""

    entry: Path
    source: RequirementsSource | None
    target: Target
    options: BundlingOptions
    excluded: tuple[str, ...]
    installer: DependencyInstaller
    interpreter: str | None
    warnings: tuple[BundlingWarning, ...]

    @property
    def name(self) -> str:
        """Hash of the inputs, equal on every machine and in every folder. Local projects are added later."""
        magic = version_and_magic(self.interpreter)[1] if self.interpreter else "no byte code"
        return hash_parts(
            BUNDLER_VERSION,
            self.target.identity,
            json.dumps(self.options.to_json(), sort_keys=True),
            json.dumps(self.excluded),
            self.installer.name,
            magic,
            *(hash_input(path) for path in (self.source.inputs if self.source else ())),
            tree.hash_folder(self.entry, self.excluded),
        )


def find_source(entry: Path, options: BundlingOptions) -> RequirementsSource | None:
    """Return the file that names the dependencies of `entry`, or None if nothing is to be installed."""
    if options.installer is Installer.NONE:
        return None
    if options.before_bundling and options.requirements is not None and not (entry / options.requirements).exists():
        return None  # A hook writes it.
    return find_requirements(entry, options.requirements)


def is_needed(source: RequirementsSource | None, options: BundlingOptions) -> bool:
    """Return True if the folder needs bundling. Otherwise it is deployed as it is."""
    hooks = options.before_bundling or options.after_bundling
    return bool(source or hooks or options.byte_code is ByteCode.REQUIRED or _options_about_requirements(options))


def plan_bundle(
    entry: Path,
    source: RequirementsSource | None,
    target: Target,
    options: BundlingOptions,
    excluded: Sequence[str],
) -> Plan:
    """Decide how to build a bundle. Raise `BundlingError` if it cannot be built."""
    entry = entry.absolute()
    _check_cache(entry)
    if source is not None or not options.before_bundling:
        check_options(entry, source, target, options)
    installer = choose_installer(options, source)
    interpreter = byte_code.choose_interpreter(options.byte_code, target)
    warnings = [] if source is None or options.before_bundling else warn_of_unpinned(source)
    if interpreter is None and options.byte_code is ByteCode.AUTO:
        warnings.append(_no_byte_code(target))
    return Plan(
        entry=entry,
        source=source,
        target=target,
        options=options,
        excluded=tuple(excluded),
        installer=installer,
        interpreter=interpreter,
        warnings=tuple(warnings),
    )


def _check_cache(entry: Path) -> None:
    if cache_folder().is_relative_to(entry):
        raise BundlingError(
            f"the cache '{cache_folder()}' is inside the function's folder '{entry}'. Set the variable "
            f"{CACHE_VARIABLE} to another folder."
        )


def check_options(entry: Path, source: RequirementsSource | None, target: Target, options: BundlingOptions) -> None:
    """Reject options that do not fit the source, or that need a source if there is none."""
    if source is not None:
        reject_missing_choices(source, options, target)
    elif given := _options_about_requirements(options):
        option, value = given[0], getattr(options, given[0])
        if options.installer is Installer.NONE:
            raise BundlingError(
                f"bundling.{option} is {value!r}, but bundling.installer is NONE, which installs nothing. Remove "
                f"{option}, or pass another installer."
            )
        raise BundlingError(
            f"bundling.{option} is {value!r}, but '{entry}' has no dependencies. Remove {option}, or add "
            f"{_SOURCES[option]}."
        )


def _options_about_requirements(options: BundlingOptions) -> list[str]:
    return [name for name in _SOURCES if getattr(options, name)]


def _no_byte_code(target: Target) -> BundlingWarning:
    return BundlingWarning(
        "noByteCode",
        f"the function has no byte code, because this machine has no Python {target.version}. Every cold start "
        f"compiles its modules. Install it, for example with `{byte_code.install_command(target)}`, or pass "
        "byte_code=ByteCode.OFF.",
    )


def warn_of_unpinned(source: RequirementsSource) -> list[BundlingWarning]:
    """Return a warning if the requirements do not pin all versions."""
    if source.kind == PYPROJECT and Project.read(source.path).has_dependencies:
        return [
            BundlingWarning(
                "unpinnedRequirements",
                f"'{source.path}' has no lock. Other machines may install other versions. Run `uv lock`.",
            )
        ]
    if source.kind == REQUIREMENTS and (names := find_unpinned(read_lines(source.path))):
        return [
            BundlingWarning(
                "unpinnedRequirements",
                f"'{source.path}' does not pin {', '.join(names)}. Other machines may install other versions, and this "
                "machine installs newer ones only when the file changes. Run `uv lock`, or pin them.",
            )
        ]
    return []


def hash_parts(*parts: str) -> str:
    """Return one hash of several texts."""
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()
