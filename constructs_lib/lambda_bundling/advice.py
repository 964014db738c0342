"""Advice on the errors of uv and pip.

Each row has a pattern of a tool's output and the advice for it. The advice may name the package that the output names.
The first row that matches counts: uv reports an unreachable index as a missing package or a missing wheel.
"""

from __future__ import annotations

import os
import re

_OTHER_WAYS = "pass installer=Installer.DOCKER to compile it, or pass base_image= for a container image"
_OFFLINE = (
    "UV_OFFLINE is set, so uv uses only packages in its cache. Bundle once without UV_OFFLINE, or fill the cache first."
)
_OTHER_PROCESSOR = " More packages have wheels for x86_64: pass architecture=Architecture.X86_64."
_TABLE = (
    (
        r"network was disabled|Network connectivity is disabled",
        _OFFLINE,
    ),
    (
        r"\b40[13] (Unauthorized|Forbidden)|lack of valid authentication|40[13] Client Error|Credentials not correct",
        "The index rejected the credentials. Check the address in UV_DEFAULT_INDEX or UV_INDEX (pip: PIP_INDEX_URL), "
        "and the user name and password in it, in a keyring or in ~/.netrc.",
    ),
    (
        r"Failed to fetch: |after connection broken by|Failed to establish a new connection",
        "Check the network and its proxy. Name another index in UV_DEFAULT_INDEX or UV_INDEX (pip: PIP_INDEX_URL). "
        "With a warm cache, uv needs no network: UV_OFFLINE=1.",
    ),
    (
        r"Building source distributions for `(?P<name>[\w.-]+)` is disabled",
        'Only a build shows the dependencies of {name}. Pass build_from_source=["{name}"], or write its name before '
        "its folder.",
    ),
    (
        r"(?P<name>[\w.-]+) was not found in the package registry",
        "Check the spelling of {name}, and that the index has it. Name your own index in UV_DEFAULT_INDEX or UV_INDEX.",
    ),
    (
        r"Hash mismatch for `(?P<name>[\w.-]+)|DO NOT MATCH THE HASHES[^\n]*\n\s*(?P<other>[\w.-]+)",
        "The file in the index is not the locked file. Find out why before you trust it. Then lock again: "
        "uv lock --upgrade-package {name}.",
    ),
    (
        r"Wheels are required for `(?P<name>[\w.-]+)`|`(?P<other>[\w.-]+)` can't be installed because it is marked as",
        "{name} has no wheel for the function. Choose a version that has a wheel, or a newer runtime (Python 3.12 and "
        'newer accept wheels for glibc 2.27 and newer). If it is pure Python, pass build_from_source=["{name}"]. '
        f"Otherwise {_OTHER_WAYS}.",
    ),
    (
        r"(?P<name>[\w.-]+?)(==\S+)?\s+ha(s|ve) no wheels with a matching",
        "Choose a version of {name} that has a wheel for the function, or another runtime or architecture.",
    ),
    (
        r"No matching distribution found for (?P<name>[\w.-]+)",
        "pip found no {name} with a wheel for the function. Check its name and the index (PIP_INDEX_URL), or choose a "
        'version that has a wheel. If it is pure Python, pass build_from_source=["{name}"]. '
        f"Otherwise {_OTHER_WAYS}.",
    ),
    (
        r"failed to read from file `|Could not open requirements file|error: File not found: ",
        "The requirements name a missing file. The paths after -r and -c start at the file that names them.",
    ),
    (
        r"requirements are unsatisfiable|conflicting dependencies|ResolutionImpossible",
        "Change one of the versions above so that all of them fit. If you have a lock, lock again.",
    ),
)


def advice_on(output: str, action: str = "") -> str | None:
    """Return advice on a tool's error, or None for an unknown error. `action` may name the target."""
    if os.environ.get("UV_OFFLINE", "").lower() in ("1", "true", "yes") and "No solution found" in output:
        return _OFFLINE
    for pattern, advice in _TABLE:
        found = re.search(pattern, output)
        if found is not None:
            names = found.groupdict()
            named = advice.replace("{name}", names.get("name") or names.get("other") or "")
            return named + _OTHER_PROCESSOR if "has a wheel" in advice and "aarch64" in action else named
    return None
