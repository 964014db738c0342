"""What would help, by what uv or pip said.

Each row is a tool's own words and an answer, which may name the package that the words do. The first row that fits
counts: a package that no index could be asked for is told of as one that is not there, or has no wheel.
"""

from __future__ import annotations

import os
import re

_OTHER_WAYS = "installer=Installer.DOCKER to compile it, or base_image= for a container image"
_OFFLINE = "UV_OFFLINE is set, so packages come from uv's cache alone: bundle once without it, or fill the cache before"
_TABLE = (
    (
        r"network was disabled|Network connectivity is disabled",
        _OFFLINE,
    ),
    (
        r"\b40[13] (Unauthorized|Forbidden)|lack of valid authentication|40[13] Client Error|Credentials not correct",
        "the index wants credentials, or others: check the address in UV_DEFAULT_INDEX or UV_INDEX (pip: "
        "PIP_INDEX_URL), and the user name and password in it, in a keyring or in ~/.netrc",
    ),
    (
        r"Failed to fetch: |after connection broken by|Failed to establish a new connection",
        "check the network and its proxy; another index is named in UV_DEFAULT_INDEX or UV_INDEX (pip: PIP_INDEX_URL), "
        "and with a warm cache uv needs none: UV_OFFLINE=1",
    ),
    (
        r"Building source distributions for `(?P<name>[\w.-]+)` is disabled",
        "{name} has to be built to tell what it needs: "
        'build_from_source=["{name}"], or write its name before its folder',
    ),
    (
        r"(?P<name>[\w.-]+) was not found in the package registry",
        "check how {name} is spelled, and that the index has it: one of your own is named in UV_DEFAULT_INDEX or "
        "UV_INDEX",
    ),
    (
        r"Hash mismatch for `(?P<name>[\w.-]+)|DO NOT MATCH THE HASHES[^\n]*\n\s*(?P<other>[\w.-]+)",
        "the file that the index has is not the one that was locked: find out why before you trust it, then lock again "
        "(uv lock --upgrade-package {name})",
    ),
    (
        r"Wheels are required for `(?P<name>[\w.-]+)`|`(?P<other>[\w.-]+)` can't be installed because it is marked as",
        "{name} has no wheel for the function: name a version that has one, a newer runtime (those for glibc 2.27 and "
        f'newer fit Python 3.12 and newer), build_from_source=["{{name}}"] where it is pure Python, {_OTHER_WAYS}',
    ),
    (
        r"(?P<name>[\w.-]+?)(==\S+)?\s+ha(s|ve) no wheels with a matching",
        "name a version of {name} that has a wheel for the function, or another runtime or architecture for the "
        "function",
    ),
    (
        r"No matching distribution found for (?P<name>[\w.-]+)",
        "pip found no {name} with a wheel for the function: check its name and the index (PIP_INDEX_URL), name a "
        f'version that has one, build_from_source=["{{name}}"] where it is pure Python, {_OTHER_WAYS}',
    ),
    (
        r"failed to read from file `|Could not open requirements file|error: File not found: ",
        "requirements name a file that is not there: what -r and -c name is looked for from the file that names it",
    ),
    (
        r"requirements are unsatisfiable|conflicting dependencies|ResolutionImpossible",
        "change one of the versions named above so that all fit, and lock again where there is a lock",
    ),
)


def advice_on(said: str) -> str | None:
    """Return one line on what would help against a tool's error, or None for one that is not known."""
    if os.environ.get("UV_OFFLINE", "").lower() in ("1", "true", "yes") and "No solution found" in said:
        return _OFFLINE
    for words, answer in _TABLE:
        found = re.search(words, said)
        if found is not None:
            names = found.groupdict()
            return answer.replace("{name}", names.get("name") or names.get("other") or "")
    return None
