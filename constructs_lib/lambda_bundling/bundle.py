"""The story of a bundle: name it, look in the cache, else build it in a private folder and move it to its place."""

from __future__ import annotations

import glob
import os
import re
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from lambda_bundling import byte_code, cache, tree
from lambda_bundling.errors import BundlingError, BundlingWarning
from lambda_bundling.install.installation import Installation, Installed, LocalInput
from lambda_bundling.install.local_project import hash_input
from lambda_bundling.options import Installer
from lambda_bundling.plan import Plan, check_options, hash_parts, warn_of_unpinned
from lambda_bundling.sources.requirements_file import has_password
from lambda_bundling.sources.requirements_source import IN_ORDER, RequirementsSource, find_requirements
from lambda_bundling.tools import run

# Files that may name an index with its password.
_MAY_NAME_INDEX = re.compile(
    r".*requirements.*\.(txt|in)|constraints.*\.txt|pyproject\.toml|uv\.toml|uv\.lock|pylock.*\.toml|setup\.cfg|pip\.conf|Pipfile.*"
)


@dataclass(frozen=True, slots=True)
class Bundle:
    """Finished bundle. `folder` has only the deployed files. `name` is a hash of all inputs."""

    name: str
    folder: Path
    warnings: tuple[BundlingWarning, ...]


def make_bundle(plan: Plan) -> Bundle:
    """Return the bundle of a plan, from the cache or newly built."""
    folder, plan_name = cache.cache_folder(), plan.name
    # Local projects found by the previous build. Their current content is part of the name.
    local = cache.read_local_inputs(folder, plan_name, plan.entry)
    name = _name_bundle(plan_name, [hash_input(path) for path in local])
    warnings = cache.read_warnings(folder / name)
    if warnings is None:
        name, warnings = _build(plan, plan_name, folder)
    return Bundle(name, folder / name / cache.FUNCTION, (*plan.warnings, *warnings))


def _name_bundle(plan_name: str, local: Sequence[str]) -> str:
    return hash_parts(plan_name, *sorted(local)) if local else plan_name


def _build(plan: Plan, plan_name: str, folder: Path) -> tuple[str, list[BundlingWarning]]:
    """Build a bundle in the cache. Return its name and its warnings."""
    began = time.monotonic()
    # Two processes build in two folders. Both use the bundle of the first to finish.
    with cache.open_scratch(folder) as scratch:
        try:
            warnings, local = _fill(plan, scratch, scratch / cache.FUNCTION)
            name = _name_bundle(plan_name, [each.hash for each in local])
            cache.finish(scratch, folder / name, warnings)
            cache.write_local_inputs(folder, plan_name, plan.entry, [each.path for each in local])
        except OSError as error:
            raise BundlingError(
                f"bundling '{plan.entry}' failed: {error}. To use another folder, set the variable "
                f"{cache.CACHE_VARIABLE}."
            ) from error
    _report(plan, folder / name / cache.FUNCTION, time.monotonic() - began)
    return name, warnings


def _fill(plan: Plan, scratch: Path, function: Path) -> tuple[list[BundlingWarning], Sequence[LocalInput]]:
    function.mkdir()
    entry, source = plan.entry, plan.source
    if plan.options.before_bundling:
        entry = scratch / "entry"
        tree.copy_files(plan.entry, entry, plan.excluded)
        _run_hooks(plan.options.before_bundling, entry, "before_bundling")
        source = _source_after_hooks(plan, entry)
    installed = Installed() if source is None else _install(plan, source, entry, function)
    tree.remove_traces(function)
    excluded = (*plan.excluded, *_files_with_passwords(plan, source, entry))
    tree.leave_out(function, plan.options.leave_out, tree.files_of(entry, excluded))
    _reject_shadowed_packages(entry, function, excluded)
    # Copy the function's own files last. They replace files of packages with the same name.
    tree.copy_files(entry, function, excluded)
    _run_hooks(plan.options.after_bundling, function, "after_bundling")
    tree.set_modes(function)
    if plan.interpreter is not None:
        byte_code.compile_folder(function, plan.interpreter)
        tree.set_modes(function)
    tree.check_size(function, plan.target.version)
    return [*installed.warnings, *tree.warn_of_size(function)], installed.local


def _install(plan: Plan, source: RequirementsSource, entry: Path, function: Path) -> Installed:
    """Install the dependencies of a source. `entry` is a copy if hooks have run."""
    if not plan.options.before_bundling:
        return plan.installer.install(Installation(source, entry, plan.target, function))
    is_planned = source is plan.source
    installation = Installation(
        source=source,
        entry=plan.entry if is_planned else entry,
        target=plan.target,
        into=function,
        changed=entry if is_planned else None,
    )
    installed = plan.installer.install(installation)
    # Projects inside the copy belong to the entry.
    local = [each for each in installed.local if not each.path.is_relative_to(installation.scratch)]
    return Installed([*warn_of_unpinned(source), *installed.warnings], local)


def _source_after_hooks(plan: Plan, copy: Path) -> RequirementsSource | None:
    """Return the source in the copy if the hooks wrote or changed one, else the plan's source."""
    planned = plan.source
    if plan.options.installer is Installer.NONE or (planned and not planned.path.is_relative_to(plan.entry)):
        return planned
    inside = [] if planned is None else [file for file in planned.inputs if file.is_relative_to(plan.entry)]
    names: set[str | Path] = {*IN_ORDER, *(file.relative_to(plan.entry) for file in inside)}
    if planned and not any(_is_changed(copy / name, plan.entry / name) for name in names):
        return planned
    found = find_requirements(copy, plan.options.requirements)
    check_options(copy, found, plan.target, plan.options)
    return found


def _is_changed(file: Path, planned: Path) -> bool:
    """Return True if a hook wrote or changed a file. A file that is missing in the copy was excluded, not changed."""
    return file.is_file() and (not planned.is_file() or hash_input(file) != hash_input(planned))


def _files_with_passwords(plan: Plan, source: RequirementsSource | None, entry: Path) -> list[str]:
    """Return patterns of the files that name an index with its password. They must not be deployed."""
    inputs = () if source is None else source.inputs
    named = {path.relative_to(root) for path in inputs for root in {plan.entry, entry} if path.is_relative_to(root)}
    files = [path.relative_to(entry) for path in tree.files_of(entry, plan.excluded) if path.is_file()]
    suspects = [file for file in files if file in named or _MAY_NAME_INDEX.fullmatch(file.name)]
    return [f"/{glob.escape(file.as_posix())}" for file in suspects if has_password(entry / file)]


def _reject_shadowed_packages(entry: Path, function: Path, excluded: Sequence[str]) -> None:
    """Reject a module beside a package of the same name. Python would import the package."""
    for path in tree.files_of(entry, excluded):
        if path.parent == entry and path.suffix == ".py" and (function / path.stem / "__init__.py").is_file():
            raise BundlingError(
                f"'{path.name}' has the same name as the installed package '{path.stem}', and Python would import the "
                "package. Rename the module."
            )


def _run_hooks(commands: Sequence[str], folder: Path, option: str) -> None:
    for command in commands:
        run(["sh", "-c", command], cwd=folder, action=f"bundling.{option} {command!r}")


def _report(plan: Plan, function: Path, seconds: float) -> None:
    if os.environ.get("CI"):
        return
    count = sum(1 for _ in function.glob("*.dist-info"))
    origin = f" from {plan.source.path.name} with {plan.installer.name}" if plan.source else ""
    compiled = ", byte code" if plan.interpreter else ""
    megabytes = tree.size_of(function) / 1024 / 1024
    print(
        f"Bundled {plan.entry.name} for {plan.target}: {count} package{'' if count == 1 else 's'}{origin}{compiled}; "
        f"{megabytes:.1f} MB, {seconds:.1f} s",
        file=sys.stderr,
    )
