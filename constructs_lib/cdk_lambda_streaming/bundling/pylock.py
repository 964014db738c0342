"""`pylock.toml` (PEP 751) as requirements, which uv installs for a Python that the desk does not have."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from .errors import BundlingError
from .local_projects import read_toml


def to_requirements(path: Path) -> list[str]:
    """Return one line a package: name, version, marker, hashes of its wheels."""
    lock = read_toml(path)
    if lock.get("lock-version") != "1.0":
        raise BundlingError(f"'{path}' has the lock-version {lock.get('lock-version')!r}; 1.0 is read here")
    return [_requirement(package, path) for package in lock.get("packages", [])]


def _requirement(package: dict[str, Any], path: Path) -> str:
    name = package["name"]
    if "version" not in package or not ({"wheels", "sdist"} & set(package)):
        raise BundlingError(
            f"'{path}' has {name} from a folder, archive or repository, which is not supported; use uv.lock"
        )
    files = [*package.get("wheels", []), *([package["sdist"]] if "sdist" in package else [])]
    hashes = sorted({f"--hash={kind}:{value}" for file in files for kind, value in file.get("hashes", {}).items()})
    marker = f" ; {package['marker']}" if "marker" in package else ""
    return " ".join([f"{name}=={package['version']}{marker}", *hashes])
