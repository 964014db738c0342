"""AWS SDK for Python. AWS's managed runtimes include it; here it is the one that is installed beside the emulator.

It is linked into the runtime's folder. On the function's path that folder comes after code and layers, as on AWS. The
SDK is pure Python, so any interpreter can import it.
"""

from __future__ import annotations

import importlib.util
from pathlib import Path

SDK_MODULES = ("boto3", "botocore", "s3transfer", "jmespath", "dateutil", "urllib3", "six")


def link_sdk(folder: Path) -> None:
    """Link the SDK and its dependencies into `folder`. Do nothing if it is not installed."""
    for name in SDK_MODULES:
        place = _installed(name)
        if place is not None:
            (folder / place.name).symlink_to(place)


def has_sdk() -> bool:
    return _installed("boto3") is not None


def _installed(name: str) -> Path | None:
    """Return the folder of a package or the file of a module, or None if it is not installed."""
    found = importlib.util.find_spec(name)
    if found is None or found.origin is None:
        return None
    return Path(found.origin).parent if found.submodule_search_locations else Path(found.origin)
