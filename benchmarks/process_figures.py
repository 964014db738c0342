"""Memory and CPU time of processes, from `/proc`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path


def memory_mb(pid: int, field: str) -> float:
    """Return a field of the summary of a process's memory, such as `Pss`."""
    return _number(Path(f"/proc/{pid}/smaps_rollup"), field) / 1024


def peak_memory_mb(pid: int) -> float:
    return _number(Path(f"/proc/{pid}/status"), "VmHWM") / 1024


def cpu_us(pids: Iterable[int]) -> float:
    """Return the time that the threads of some processes have run."""
    files = (file for pid in pids for file in Path(f"/proc/{pid}/task").glob("*/schedstat"))
    return sum(int(file.read_text().split()[0]) for file in files) / 1e3


def with_children(pids: Iterable[int]) -> list[int]:
    """Return some processes and all processes that they have started."""
    found = list(pids)
    for pid in found:
        found += _children(pid)
    return found


def _children(pid: int) -> Iterator[int]:
    for file in Path(f"/proc/{pid}/task").glob("*/children"):
        yield from map(int, file.read_text().split())


def _number(file: Path, field: str) -> int:
    lines = file.read_text().splitlines()
    return int(next(line for line in lines if line.startswith(f"{field}:")).split()[1])
