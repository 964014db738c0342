"""Cache of finished bundles, by name. A cached bundle is checked before it is used.

<name>/function         the deployed files
<name>/.bundle.json     the bundle's warnings and size; written last, so it marks a finished bundle
<plan's name>.json      the local projects and files in the bundles of a plan, if there are any
building-...            a bundle that a process is building, or left when it was killed
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

from lambda_bundling.errors import BundlingError, BundlingWarning

CACHE_VARIABLE = "CDK_LAMBDA_STREAMING_CACHE"
ABANDONED_AFTER_SECONDS = 24 * 60 * 60
FUNCTION = "function"
_RECORD = ".bundle.json"


def cache_folder() -> Path:
    """Return the folder in `CDK_LAMBDA_STREAMING_CACHE`, or a folder in the user's cache."""
    named = os.environ.get(CACHE_VARIABLE)
    if named:
        return Path(named).absolute()
    base = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
    return Path(base, "cdk-lambda-streaming", "bundles")


@contextlib.contextmanager
def open_scratch(cache: Path) -> Iterator[Path]:
    """Make a private folder to build in, and remove it at the end."""
    try:
        cache.mkdir(parents=True, exist_ok=True)
        remove_abandoned(cache, "building-*")
        scratch = Path(tempfile.mkdtemp(prefix="building-", dir=cache))
    except OSError as error:
        raise BundlingError(
            f"the cache '{cache}' is not writable: {error}. Set the variable {CACHE_VARIABLE} to another folder."
        ) from error
    try:
        yield scratch
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def finish(scratch: Path, place: Path, warnings: Sequence[BundlingWarning]) -> None:
    """Move a finished bundle to its place in one step. If another process was faster, keep its bundle."""
    record = {"warnings": warnings, "content": _count(scratch / FUNCTION)}
    (scratch / _RECORD).write_text(json.dumps(record), "utf-8")
    for leftover in scratch.iterdir():
        if leftover.name not in (_RECORD, FUNCTION):
            shutil.rmtree(leftover) if leftover.is_dir() else leftover.unlink()
    try:
        scratch.rename(place)
    except OSError:
        if not (place / _RECORD).is_file():
            raise


def read_warnings(place: Path) -> list[BundlingWarning] | None:
    """Return the warnings of a cached bundle, or None if the bundle is missing or incomplete."""
    try:
        record = json.loads((place / _RECORD).read_text("utf-8"))
        if record["content"] == _count(place / FUNCTION):
            return [BundlingWarning(*warning) for warning in record["warnings"]]
    except (OSError, ValueError, KeyError):
        pass
    shutil.rmtree(place, ignore_errors=True)
    return None


def read_local_inputs(cache: Path, plan_name: str, entry: Path) -> list[Path]:
    """Return the local projects and files found by the previous build of a plan, without the entry itself."""
    with contextlib.suppress(OSError, ValueError):
        return [entry / path for path in json.loads((cache / f"{plan_name}.json").read_text("utf-8"))]
    return []


def write_local_inputs(cache: Path, plan_name: str, entry: Path, paths: Sequence[Path]) -> None:
    """Record the local projects and files of a build for the next one."""
    file = cache / f"{plan_name}.json"
    if not paths:
        file.unlink(missing_ok=True)
        return
    relative = sorted(os.path.relpath(path.resolve(), entry.resolve()) for path in paths)
    with tempfile.NamedTemporaryFile("w", dir=cache, prefix="building-", delete=False) as new:
        json.dump(relative, new)
    os.replace(new.name, file)


def remove_abandoned(folder: Path, pattern: str) -> None:
    """Remove what killed processes left behind. No build takes a day."""
    for path in folder.glob(pattern):
        with contextlib.suppress(OSError):
            if time.time() - path.stat().st_mtime > ABANDONED_AFTER_SECONDS:
                shutil.rmtree(path, ignore_errors=True) if path.is_dir() else path.unlink()


def _count(folder: Path) -> list[int]:
    """Return the number of files in a folder and their bytes. A partly removed bundle has other numbers."""
    sizes = [os.lstat(os.path.join(place, name)).st_size for place, _, names in os.walk(folder) for name in names]
    return [len(sizes), sum(sizes)]
