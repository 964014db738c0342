"""AWS's SDK for Python, which its managed runtimes bring along: here it is the one installed beside the emulator.

It is linked into the runtime's folder, which stands on the function's path behind its own code and layers, as on AWS.
All of it is pure Python, so it serves whichever interpreter runs the function.
"""

from __future__ import annotations

import importlib.util
from pathlib import Path

SDK_MODULES = ("boto3", "botocore", "s3transfer", "jmespath", "dateutil", "urllib3", "six")


def link_sdk(folder: Path) -> None:
    """Link the SDK and what it needs into `folder`; a desk without it links nothing."""
    for name in SDK_MODULES:
        place = _installed(name)
        if place is not None:
            (folder / place.name).symlink_to(place)


def has_sdk() -> bool:
    return _installed("boto3") is not None


def _installed(name: str) -> Path | None:
    """Return the folder of a package, or the file of a module, that this interpreter could import."""
    found = importlib.util.find_spec(name)
    if found is None or found.origin is None:
        return None
    return Path(found.origin).parent if found.submodule_search_locations else Path(found.origin)
