"""`make bench`: our runtime beside AWS's own clients, in the same run, interleaved; medians and ratios.

Each round starts every candidate afresh, in another order each time, so that what the machine does meanwhile falls on
all of them. `--write` puts the table and its drawing into `docs/`.
"""

from __future__ import annotations

import argparse
import os
import platform
import random
import statistics
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from benchmarks.candidates import HANDLERS, Candidate, candidates
from benchmarks.chart import draw
from benchmarks.measuring_runtime_api import MeasuringRuntimeApi

DOCS = Path(__file__).parents[1] / "docs"
IDLE_S = 0.002
SMALL_BYTES = 10_000 * 32
LARGE_BYTES = 3_200 * 64 * 1024

Results = dict[str, list[float]]


@dataclass(frozen=True)
class Measure:
    key: str
    title: str
    unit: str
    less_is_better: bool
    # What was aimed at: our value divided by that of the peer whose name begins so.
    targets: tuple[tuple[str, float], ...] = ()


_PEAK = (("awslambdaric", 0.65),)
MEASURES = (
    Measure("start", "process start to first /next", "ms", True, (("awslambdaric", 0.65), ("aws-lambda-ric", 0.65))),
    Measure("first", "event to first byte of payload, warm", "µs", True, (("aws-lambda-ric", 0.25),)),
    Measure("small", "10,000 items of 32 bytes", "MB/s", False, (("aws-lambda-ric", 1.5),)),
    Measure("large", "200 MB in items of 64 KiB", "MB/s", False, (("aws-lambda-ric", 1.3),)),
    Measure("pair_first", "two items every 10 ms: delay of the first", "µs", True, (("aws-lambda-ric", 1.0),)),
    Measure("pair_second", "two items every 10 ms: delay of the second", "µs", True, (("aws-lambda-ric", 1.0),)),
    Measure("idle", "memory after the first invocation (PSS)", "MB", True),
    Measure("peak", "memory at its highest, under load (RSS)", "MB", True, _PEAK),
)


def main() -> None:
    options = _parse()
    everyone = candidates(options.python)
    results: dict[str, Results] = {candidate.name: {} for candidate in everyone}
    for candidate in everyone:
        _measure(candidate)  # Byte code is written, files are in the page cache.
    for number in range(options.rounds):
        print(f"round {number + 1} of {options.rounds}", flush=True)
        for candidate in random.sample(everyone, len(everyone)):
            for key, value in _measure(candidate).items():
                results[candidate.name].setdefault(key, []).append(value)
    medians = {name: {key: statistics.median(values) for key, values in each.items()} for name, each in results.items()}
    table = _table(medians, options.rounds)
    print(f"\n{table}")
    if options.write:
        (DOCS / "benchmarks.md").write_text(f"{_INTRODUCTION}\n{table}", encoding="utf-8")
        (DOCS / "benchmarks.svg").write_text(draw(MEASURES, medians), encoding="utf-8")


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--python", default=sys.executable, help="the interpreter; default: the one that runs this")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--write", action="store_true", help="write docs/benchmarks.md and docs/benchmarks.svg")
    return parser.parse_args()


def _measure(candidate: Candidate) -> dict[str, float]:
    api = MeasuringRuntimeApi()
    start = time.perf_counter()
    process = subprocess.Popen(
        candidate.command,
        cwd=HANDLERS,
        env={
            "PATH": os.environ["PATH"],
            "AWS_LAMBDA_RUNTIME_API": api.address,
            "_HANDLER": "index.handler",
            "LAMBDA_TASK_ROOT": str(HANDLERS),
            "AWS_LAMBDA_FUNCTION_NAME": "measured",
            "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
            "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "1024",
            "AWS_LAMBDA_LOG_GROUP_NAME": "/aws/lambda/measured",
            "AWS_LAMBDA_LOG_STREAM_NAME": "measured",
            **candidate.variables,
        },
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        started = {"start": (api.wait_for_next() - start) * 1e3}
        measured = _measure_streaming(api, process.pid) if candidate.streams else _measure_whole(api, process.pid)
        return {**started, **measured}
    finally:
        process.kill()
        process.wait()
        api.close()


def _measure_streaming(api: MeasuringRuntimeApi, pid: int) -> dict[str, float]:
    first = _first_byte_us(api, "one")
    idle = _memory_mb(pid, "Pss")
    small = statistics.median(SMALL_BYTES / api.invoke("small").last_byte_s / 1e6 for _ in range(5))
    delays = api.invoke("pairs").delays_s
    large = statistics.median(LARGE_BYTES / api.invoke("large").last_byte_s / 1e6 for _ in range(7))
    return {
        "first": first,
        "small": small,
        "large": large,
        "pair_first": statistics.median(delays[0::2]) * 1e6,
        "pair_second": statistics.median(delays[1::2]) * 1e6,
        "idle": idle,
        "peak": _peak_memory_mb(pid),
    }


def _measure_whole(api: MeasuringRuntimeApi, pid: int) -> dict[str, float]:
    first = _first_byte_us(api, "whole")
    idle = _memory_mb(pid, "Pss")
    api.invoke("most")
    return {"first": first, "idle": idle, "peak": _peak_memory_mb(pid)}


def _first_byte_us(api: MeasuringRuntimeApi, what: str) -> float:
    values = []
    for _ in range(60):
        time.sleep(IDLE_S)
        values.append(api.invoke(what).first_byte_s)
    return statistics.median(values[10:]) * 1e6


def _memory_mb(pid: int, field: str) -> float:
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    return int(next(line for line in lines if line.startswith(f"{field}:")).split()[1]) / 1024


def _peak_memory_mb(pid: int) -> float:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return int(next(line for line in lines if line.startswith("VmHWM:")).split()[1]) / 1024


def _table(medians: dict[str, dict[str, float]], rounds: int) -> str:
    names = list(medians)
    ours, *peers = names
    lines = [
        f"Medians of {rounds} interleaved rounds on {platform.system()} {platform.machine()}, {os.cpu_count()} cores.",
        "",
        "| | " + " | ".join(names) + " | aimed at | reached |",
        "|---|" + "---:|" * len(names) + "---|---|",
    ]
    for measure in MEASURES:
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


_INTRODUCTION = """\
# Benchmarks

Printed and drawn by `make bench ARGS=--write`. The Runtime API is played by a server on the same machine that
acknowledges at once; absolute figures depend on the machine, ratios less so. AWS's Python client does not stream: its
first byte is that of a whole small response. Load is 200 MB streamed; for AWS's Python client 6 MB, as much as it can
answer. Between runs the ratios move by a tenth or so; first bytes were seen at 0.24 to 0.27 of Node.js's.

![the table below as bars](benchmarks.svg)
"""


if __name__ == "__main__":
    main()
