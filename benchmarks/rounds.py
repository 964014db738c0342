"""Interleaved rounds of a benchmark, and the table of their medians."""

from __future__ import annotations

import os
import platform
import random
import statistics
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

Medians = dict[str, dict[str, float]]
"""The medians of each candidate, by its name and the key of the measure."""


@dataclass(frozen=True, slots=True)
class Measure:
    key: str
    title: str
    unit: str
    less_is_better: bool
    targets: tuple[tuple[str, float], ...] = ()
    """Targets for our value divided by that of a peer, by the start of the peer's name."""


def measured_in_rounds(names: Sequence[str], rounds: int, measure: Callable[[str], Mapping[str, float]]) -> Medians:
    """Measure every candidate in each round, in random order. Return the medians.

    A round before the others writes byte code and fills the page cache.
    """
    results: dict[str, dict[str, list[float]]] = {name: {} for name in names}
    for name in names:
        measure(name)
    for number in range(rounds):
        print(f"round {number + 1} of {rounds}", flush=True)
        for name in random.sample(names, len(names)):
            for key, value in measure(name).items():
                results[name].setdefault(key, []).append(value)
    return {name: {key: statistics.median(values) for key, values in each.items()} for name, each in results.items()}


def table_of(measures: Sequence[Measure], medians: Medians, rounds: int) -> str:
    """Return the table as Markdown. The first candidate is ours."""
    names = list(medians)
    ours, *peers = names
    lines = [
        f"Medians of {rounds} interleaved rounds on {platform.system()} {platform.machine()}, {os.cpu_count()} cores.",
        "",
        "| | " + " | ".join(names) + " | target | reached |",
        "|---|" + "---:|" * len(names) + "---|---|",
    ]
    for measure in measures:
        values = [medians[name].get(measure.key) for name in names]
        cells = ["-" if value is None else f"{value:,.{0 if value >= 100 else 1}f} {measure.unit}" for value in values]
        aims, reached = [], []
        for begins, target in measure.targets:
            peer = next(name for name in peers if name.startswith(begins))
            ratio = medians[ours][measure.key] / medians[peer][measure.key]
            met = ratio <= target if measure.less_is_better else ratio >= target
            aims.append(f"{'≤' if measure.less_is_better else '≥'} {target} x {begins}")
            reached.append(f"{ratio:.2f}{'' if met else ' (not met)'}")
        lines.append(f"| {measure.title} | {' | '.join(cells)} | {', '.join(aims)} | {', '.join(reached)} |")
    return "\n".join(lines) + "\n"
