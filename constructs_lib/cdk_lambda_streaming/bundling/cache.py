"""Where bundles are kept, under their names; what is there is looked at before it is believed.

<name>/function         what is deployed
<name>/.bundle.json     what was noted of it, and how much it is: written last, so that what has it was finished
<plan's name>.json      the local projects and files that bundles of a plan are made of, if any
building-...            what some process is making, or left when it was killed
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from .errors import BundlingError, Notice
from .installed import LocalInput

CACHE_VARIABLE = "CDK_LAMBDA_STREAMING_CACHE"
ABANDONED_AFTER_SECONDS = 24 * 60 * 60
FUNCTION = "function"
_NOTES = ".bundle.json"


def cache_folder() -> Path:
    """Return where bundles are kept: what `CDK_LAMBDA_STREAMING_CACHE` names, or a folder of the user's cache."""
    named = os.environ.get(CACHE_VARIABLE)
    if named:
        return Path(named).absolute()
    base = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
    return Path(base, "cdk-lambda-streaming", "bundles")


@contextlib.contextmanager
def open_scratch(cache: Path) -> Iterator[Path]:
    """Make a folder to build in, out of sight, and remove what is left of it."""
    try:
        cache.mkdir(parents=True, exist_ok=True)
        remove_abandoned(cache, "building-*")
        scratch = Path(tempfile.mkdtemp(prefix="building-", dir=cache))
    except OSError as error:
        raise BundlingError(
            f"'{cache}' cannot be written to: {error}; name another folder in the variable {CACHE_VARIABLE}"
        ) from error
    try:
        yield scratch
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def finish(scratch: Path, place: Path, notices: Sequence[Notice]) -> None:
    """Give what was built its place, at once; where another process was quicker, its bundle stays."""
    notes = {"notices": notices, "content": _count(scratch / FUNCTION)}
    (scratch / _NOTES).write_text(json.dumps(notes), "utf-8")
    for leftover in scratch.iterdir():
        if leftover.name not in (_NOTES, FUNCTION):
            shutil.rmtree(leftover) if leftover.is_dir() else leftover.unlink()
    try:
        scratch.rename(place)
    except OSError:
        if not (place / _NOTES).is_file():
            raise


def read_notices(place: Path) -> list[Notice] | None:
    """Return what was noted of the bundle that is there, or None where there is none, or no whole one."""
    try:
        notes = json.loads((place / _NOTES).read_text("utf-8"))
        if notes["content"] == _count(place / FUNCTION):
            return [Notice(*notice) for notice in notes["notices"]]
    except (OSError, ValueError, KeyError):
        pass
    shutil.rmtree(place, ignore_errors=True)
    return None


def read_local_inputs(cache: Path, plan_name: str, entry: Path) -> list[Path]:
    """Return the folders and files of this machine that the last bundle of a plan was made of, beside the entry."""
    with contextlib.suppress(OSError, ValueError):
        return [entry / path for path in json.loads((cache / f"{plan_name}.json").read_text("utf-8"))]
    return []


def write_local_inputs(cache: Path, plan_name: str, entry: Path, local: Sequence[LocalInput]) -> None:
    file = cache / f"{plan_name}.json"
    if not local:
        file.unlink(missing_ok=True)
        return
    paths = sorted(os.path.relpath(each.path.resolve(), entry.resolve()) for each in local)
    with tempfile.NamedTemporaryFile("w", dir=cache, prefix="building-", delete=False) as new:
        json.dump(paths, new)
    os.replace(new.name, file)


def remove_abandoned(folder: Path, pattern: str) -> None:
    """Remove what processes that were killed have left: none builds for a day."""
    for path in folder.glob(pattern):
        with contextlib.suppress(OSError):
            if time.time() - path.stat().st_mtime > ABANDONED_AFTER_SECONDS:
                shutil.rmtree(path, ignore_errors=True) if path.is_dir() else path.unlink()


def _count(folder: Path) -> list[int]:
    """Return how many files a folder has, and their bytes: what is lost when a part of it was removed."""
    sizes = [os.lstat(os.path.join(place, name)).st_size for place, _, names in os.walk(folder) for name in names]
    return [len(sizes), sum(sizes)]
