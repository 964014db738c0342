"""The story of a bundle: name it, look for it, build it where nobody looks, put it in its place at once."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import re
import shutil
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from . import byte_code, tree
from .errors import BundlingError, Notice
from .installers import IN_THE_LAYER, SYNTH_ONLY, Installer, choose_installer
from .local_projects import NOT_SOURCE, local_projects
from .lock_check import check_lock
from .options import BundlingOptions, ByteCode
from .requirements_file import read_lines
from .requirements_source import PYPROJECT, REQUIREMENTS, UV_LOCK, RequirementsSource
from .target import Target
from .tools import run

# Changes with what the code here makes of the same inputs.
BUNDLER_VERSION = "1"
CACHE_VARIABLE = "CDK_LAMBDA_STREAMING_CACHE"
_DONE = ".bundle.json"
ABANDONED_AFTER_SECONDS = 24 * 60 * 60


@dataclass(frozen=True)
class Bundle:
    """What is deployed. `folder` has nothing but the function; `name` is a hash of all that went into it."""

    name: str
    folder: Path
    notices: tuple[Notice, ...]


@dataclass(frozen=True)
class Plan:
    """What is to be bundled, before anything is."""

    entry: Path
    source: RequirementsSource
    target: Target
    options: BundlingOptions
    excluded: tuple[str, ...]
    local: tuple[Path, ...]
    installer: Installer
    interpreter: str | None
    notices: tuple[Notice, ...]

    @property
    def name(self) -> str:
        """The same for the same inputs, on every machine and in every folder."""
        magic = byte_code.version_and_magic(self.interpreter)[1] if self.interpreter else "no byte code"
        parts = [
            BUNDLER_VERSION,
            self.target.identity,
            json.dumps(self.options.to_json(), sort_keys=True),
            json.dumps(self.excluded),
            self.installer.name,
            magic,
            *(_hash(path) for path in self.source.inputs),
            tree.hash_of(self.entry, self.excluded),
            *(tree.hash_of(folder, NOT_SOURCE) for folder in self.local),
        ]
        return hashlib.sha256("\0".join(parts).encode()).hexdigest()


def plan_bundle(
    entry: Path, source: RequirementsSource, target: Target, options: BundlingOptions, excluded: Sequence[str]
) -> Plan:
    """Decide what will be done; raises `BundlingError` where it could not."""
    entry = entry.absolute()
    if source.kind == UV_LOCK:
        check_lock(source.path, entry)
    installer, notices = choose_installer(options, source, target)
    interpreter = byte_code.choose_interpreter(options.byte_code, target)
    if source.kind == PYPROJECT:
        notices.append(
            Notice(
                "unpinnedRequirements",
                f"'{source.path}' has no lock: each machine and each day may install other versions; run uv lock",
            )
        )
    elif source.kind == REQUIREMENTS and not all(_is_pinned(line) for line in read_lines(source.path)):
        notices.append(
            Notice(
                "unpinnedRequirements",
                f"'{source.path}' pins not all that it names: versions that come out later are not deployed until it "
                "changes, since a bundle is named by it, and other machines may have others; run uv lock, or pin all",
            )
        )
    if interpreter is None and options.byte_code is ByteCode.AUTO:
        notices.append(
            Notice(
                "noByteCode",
                f"this machine has no Python {target.version}, so the function has no byte code and compiles its "
                f"sources at each cold start; {byte_code.ways_to(target)}, or pass byte_code=ByteCode.OFF",
            )
        )
    local = tuple(local_projects(source, entry, options.package))
    return Plan(entry, source, target, options, tuple(excluded), local, installer, interpreter, tuple(notices))


def _is_pinned(line: str) -> bool:
    # Options, paths and addresses are no names without a version; some names are left out.
    name = re.sub(r"[-_.]+", "-", re.split(r"[^A-Za-z0-9._-]", line)[0]).lower()
    return (
        name in (*SYNTH_ONLY, IN_THE_LAYER) or "==" in line or "@" in line or line.startswith(("-", ".", "/", "file:"))
    )


def make_bundle(plan: Plan) -> Bundle:
    """Return the bundle of a plan: the one that is there, or a new one."""
    name = plan.name
    place = cache_folder() / name
    notices = _read_notices(place)
    if notices is None:
        _build(plan, place)
        notices = _read_notices(place) or []
    return Bundle(name, place / "function", (*plan.notices, *(Notice(*notice) for notice in notices)))


def _read_notices(place: Path) -> list[list[str]] | None:
    """Return what was noted of the bundle that is there, or None where there is none, or no whole one."""
    try:
        notices: list[list[str]] = json.loads((place / _DONE).read_text("utf-8"))["notices"]
    except (OSError, ValueError, KeyError):
        notices = []
        is_whole = False
    else:
        is_whole = (place / "function").is_dir()
    if not is_whole:
        shutil.rmtree(place, ignore_errors=True)
    return notices if is_whole else None


def cache_folder() -> Path:
    """Return where bundles are kept: what `CDK_LAMBDA_STREAMING_CACHE` names, or a folder of the user's cache."""
    named = os.environ.get(CACHE_VARIABLE)
    if named:
        return Path(named).absolute()
    base = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
    return Path(base, "cdk-lambda-streaming", "bundles")


def _build(plan: Plan, place: Path) -> None:
    began = time.monotonic()
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        _remove_abandoned(place.parent)
        # Two processes build in two folders; the first to finish is the one whose bundle both use.
        scratch = Path(tempfile.mkdtemp(prefix="building-", dir=place.parent))
    except OSError as error:
        raise BundlingError(
            f"'{place.parent}' cannot be written to: {error}; name another folder in the variable {CACHE_VARIABLE}"
        ) from error
    try:
        function = scratch / "function"
        notices = _fill(plan, scratch, function)
        (scratch / _DONE).write_text(json.dumps({"notices": notices}), "utf-8")
        for leftover in scratch.iterdir():
            if leftover.name not in (_DONE, "function"):
                shutil.rmtree(leftover) if leftover.is_dir() else leftover.unlink()
        try:
            scratch.rename(place)
        except OSError:
            if not (place / _DONE).is_file():
                raise
        _tell(plan, place / "function", time.monotonic() - began)
    except OSError as error:
        raise BundlingError(
            f"bundling '{plan.entry}' failed: {error}; another folder can be named in the variable {CACHE_VARIABLE}"
        ) from error
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def _remove_abandoned(folder: Path) -> None:
    """Remove what processes that were killed have left: none builds for a day."""
    for scratch in folder.glob("building-*"):
        with contextlib.suppress(OSError):
            if time.time() - scratch.stat().st_mtime > ABANDONED_AFTER_SECONDS:
                shutil.rmtree(scratch, ignore_errors=True)


def _fill(plan: Plan, scratch: Path, function: Path) -> list[Notice]:
    function.mkdir()
    entry = plan.entry
    if plan.options.before_bundling:
        entry = scratch / "entry"
        tree.copy_files(plan.entry, entry, plan.excluded)
        _hook(plan.options.before_bundling, entry, "before_bundling")
    notices = plan.installer.install(plan.source, plan.entry, plan.target, function)
    tree.remove_traces(function)
    tree.leave_out(function, plan.options.leave_out)
    _refuse_same_names(entry, function, plan.excluded)
    # The function's own files come last: they win over a package's of the same name.
    tree.copy_files(entry, function, plan.excluded)
    _hook(plan.options.after_bundling, function, "after_bundling")
    tree.set_modes(function)
    if plan.interpreter is not None:
        byte_code.compile_sources(function, plan.interpreter)
        tree.set_modes(function)
    tree.check_size(function)
    return [*notices, *tree.hint_at_size(function)]


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


def _hash(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _tell(plan: Plan, function: Path, seconds: float) -> None:
    if os.environ.get("CI"):
        return
    megabytes = tree.size_of(function) / 1024 / 1024
    print(
        f"Bundled {plan.entry.name}: {plan.source.path.name} for {plan.target} with {plan.installer.name}, "
        f"{'byte code, ' if plan.interpreter else ''}{seconds:.1f} s, {megabytes:.1f} MB",
        file=sys.stderr,
    )
