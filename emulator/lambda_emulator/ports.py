"""Ports of Function URLs, which stay the same when an app gets another function.

The first start gives each URL the next port after the Lambda API's. A file remembers the distances for each assembly.
A URL that is new later gets the lowest distance that no other has, and those of removed URLs stay reserved.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path

from .json_text import decode_json


def port_distances(assembly_folder: Path, url_names: Sequence[str]) -> list[int]:
    """Return the distance of each URL's port from the Lambda API's, and remember them for the next start.

    Without a writable folder for the state of programs, nothing is remembered.
    """
    file = _memory_file(assembly_folder)
    remembered = _read(file)
    distances = assign_distances(url_names, remembered)
    everything = {**remembered, **dict(zip(_unique(url_names), distances, strict=True))}
    if everything != remembered:
        _write(file, assembly_folder, everything)
    return distances


def assign_distances(url_names: Sequence[str], remembered: Mapping[str, int]) -> list[int]:
    """Return the remembered distances, and free ones for names without."""
    taken = set(remembered.values())
    distances = []
    for name in _unique(url_names):
        distance = remembered.get(name) or _lowest_free(taken)
        taken.add(distance)
        distances.append(distance)
    return distances


def _unique(names: Sequence[str]) -> list[str]:
    """Return a separate name for each URL, also if two have the same construct path."""
    return [
        f"{name}#{names[:place].count(name)}" if name in names[:place] else name for place, name in enumerate(names)
    ]


def _lowest_free(taken: set[int]) -> int:
    return next(distance for distance in range(1, len(taken) + 2) if distance not in taken)


def _memory_file(assembly_folder: Path) -> Path:
    base = os.environ.get("XDG_STATE_HOME") or os.path.expanduser("~/.local/state")
    digest = hashlib.sha256(os.fsencode(assembly_folder.absolute())).hexdigest()
    return Path(base, "lambda-streaming", "ports", f"{digest[:16]}.json")


def _read(file: Path) -> dict[str, int]:
    """Return the distances in a file, or none if it is missing or has another form."""
    try:
        distances = decode_json(file.read_text("utf-8"))["distances"]
        valid = {str(name): distance for name, distance in distances.items() if type(distance) is int and distance > 0}
    except (OSError, ValueError, LookupError, TypeError, AttributeError):
        return {}
    return valid if len(set(valid.values())) == len(valid) else {}


def _write(file: Path, assembly_folder: Path, distances: Mapping[str, int]) -> None:
    document = {"assembly": str(assembly_folder.absolute()), "distances": distances}
    scratch = file.with_name(f"{file.name}.{os.getpid()}")
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        scratch.write_text(json.dumps(document, indent=1), "utf-8")
        scratch.replace(file)
    except OSError:
        return
