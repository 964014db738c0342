"""The story of a bundle: name it, look for it, build it where nobody looks, put it in its place at once."""

from __future__ import annotations

import glob
import os
import re
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from . import byte_code, cache, tree
from .errors import BundlingError, Notice
from .installed import Installed, LocalInput
from .local_project import hash_of
from .options import Installer as Choice
from .plan import Plan, check_source, doubts_about, hash_of_parts
from .requirements_file import has_password
from .requirements_source import IN_ORDER, RequirementsSource, find_requirements
from .tools import run

# Files in which an index may be named, with its password.
_NAMES_INDEXES = re.compile(
    r".*requirements.*\.(txt|in)|constraints.*\.txt|pyproject\.toml|uv\.toml|uv\.lock|pylock.*\.toml|setup\.cfg|pip\.conf|Pipfile.*"
)


@dataclass(frozen=True)
class Bundle:
    """What is deployed. `folder` has nothing but the function; `name` is a hash of all that went into it."""

    name: str
    folder: Path
    notices: tuple[Notice, ...]


def make_bundle(plan: Plan) -> Bundle:
    """Return the bundle of a plan: the one that is there, or a new one."""
    folder, plan_name = cache.cache_folder(), plan.name
    # What of this machine is installed besides the entry is known from the last time; its content counts now.
    local = cache.read_local_inputs(folder, plan_name, plan.entry)
    name = _name(plan_name, [hash_of(path) for path in local])
    notices = cache.read_notices(folder / name)
    if notices is None:
        name, notices = _build(plan, plan_name, folder)
    return Bundle(name, folder / name / cache.FUNCTION, (*plan.notices, *notices))


def _name(plan_name: str, local: Sequence[str]) -> str:
    return hash_of_parts(plan_name, *sorted(local)) if local else plan_name


def _build(plan: Plan, plan_name: str, folder: Path) -> tuple[str, list[Notice]]:
    """Build a bundle in the cache; return its name, and what was noted of it."""
    began = time.monotonic()
    # Two processes build in two folders; the first to finish is the one whose bundle both use.
    with cache.open_scratch(folder) as scratch:
        try:
            notices, local = _fill(plan, scratch, scratch / cache.FUNCTION)
            name = _name(plan_name, [each.hash for each in local])
            cache.finish(scratch, folder / name, notices)
            cache.write_local_inputs(folder, plan_name, plan.entry, local)
        except OSError as error:
            raise BundlingError(
                f"bundling '{plan.entry}' failed: {error}; another folder can be named in the variable "
                f"{cache.CACHE_VARIABLE}"
            ) from error
    _tell(plan, folder / name / cache.FUNCTION, time.monotonic() - began)
    return name, notices


def _fill(plan: Plan, scratch: Path, function: Path) -> tuple[list[Notice], Sequence[LocalInput]]:
    function.mkdir()
    entry, source = plan.entry, plan.source
    if plan.options.before_bundling:
        entry = scratch / "entry"
        tree.copy_files(plan.entry, entry, plan.excluded)
        _hook(plan.options.before_bundling, entry, "before_bundling")
        source = _source_after_hooks(plan, entry)
    installed = _install(plan, source, entry, scratch, function) if source is not None else Installed()
    tree.remove_traces(function)
    excluded = (*plan.excluded, *_files_with_passwords(plan, source, entry))
    tree.leave_out(function, plan.options.leave_out, tree.files_of(entry, excluded))
    _refuse_same_names(entry, function, excluded)
    # The function's own files come last: they win over a package's of the same name.
    tree.copy_files(entry, function, excluded)
    _hook(plan.options.after_bundling, function, "after_bundling")
    tree.set_modes(function)
    if plan.interpreter is not None:
        byte_code.compile_sources(function, plan.interpreter)
        tree.set_modes(function)
    tree.check_size(function, plan.target.version)
    return [*installed.notices, *tree.hint_at_size(function)], installed.local


def _install(plan: Plan, source: RequirementsSource, entry: Path, scratch: Path, function: Path) -> Installed:
    """Install what a source names; `entry` is a copy where hooks have run."""
    if not plan.options.before_bundling:
        return plan.installer.install(source, entry, plan.target, function)
    if source is plan.source:
        installed = plan.installer.install(source, plan.entry, plan.target, function, changed=entry)
    else:
        installed = plan.installer.install(source, entry, plan.target, function)
    # What is of the copy is a part of the entry.
    local = [each for each in installed.local if not each.path.is_relative_to(scratch)]
    return Installed([*doubts_about(source), *installed.notices], local)


def _source_after_hooks(plan: Plan, copy: Path) -> RequirementsSource | None:
    """Return the source in the copy where the hooks wrote or changed one, else that of the plan, in its own place."""
    planned = plan.source
    if plan.options.installer is Choice.NONE or (planned and not planned.path.is_relative_to(plan.entry)):
        return planned
    inside = [] if planned is None else [file for file in planned.inputs if file.is_relative_to(plan.entry)]
    names: set[str | Path] = {*IN_ORDER, *(file.relative_to(plan.entry) for file in inside)}
    if planned and not any(_is_changed(copy / name, plan.entry / name) for name in names):
        return planned
    found = find_requirements(copy, plan.options.requirements)
    check_source(copy, found, plan.target, plan.options)
    return found


def _is_changed(file: Path, planned: Path) -> bool:
    """Whether a hook wrote a file, or changed it; what is no part of the function is not in the copy, and counts."""
    return file.is_file() and (not planned.is_file() or hash_of(file) != hash_of(planned))


def _files_with_passwords(plan: Plan, source: RequirementsSource | None, entry: Path) -> list[str]:
    """Return patterns of the files that name an index with its password, which must not be deployed."""
    inputs = () if source is None else source.inputs
    named = {path.relative_to(root) for path in inputs for root in {plan.entry, entry} if path.is_relative_to(root)}
    files = [path.relative_to(entry) for path in tree.files_of(entry, plan.excluded) if path.is_file()]
    asked = [file for file in files if file in named or _NAMES_INDEXES.fullmatch(file.name)]
    return [f"/{glob.escape(file.as_posix())}" for file in asked if has_password(entry / file)]


def _refuse_same_names(entry: Path, function: Path, excluded: Sequence[str]) -> None:
    """Refuse a module beside a package of its name, which Python would import in its place."""
    for path in tree.files_of(entry, excluded):
        if path.parent == entry and path.suffix == ".py" and (function / path.stem / "__init__.py").is_file():
            raise BundlingError(
                f"'{path.name}' has the name of the installed package '{path.stem}', which Python would import in its "
                "place; rename the module"
            )


def _hook(commands: Sequence[str], folder: Path, option: str) -> None:
    for command in commands:
        run(["sh", "-c", command], cwd=folder, what=f"bundling.{option} {command!r}")


def _tell(plan: Plan, function: Path, seconds: float) -> None:
    if os.environ.get("CI"):
        return
    count = sum(1 for _ in function.glob("*.dist-info"))
    source = f" from {plan.source.path.name} with {plan.installer.name}" if plan.source else ""
    byte_code = ", byte code" if plan.interpreter else ""
    megabytes = tree.size_of(function) / 1024 / 1024
    print(
        f"Bundled {plan.entry.name} for {plan.target}: {count} package{'' if count == 1 else 's'}{source}{byte_code}; "
        f"{megabytes:.1f} MB, {seconds:.1f} s",
        file=sys.stderr,
    )
