"""`make bench`: compare our runtime with AWS's own clients in the same run. The results are medians and ratios.

Each round starts every candidate again, in random order, so that other load of the machine affects all of them.
`--write` writes the table and the chart to `docs/`.
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from benchmarks.candidates import HANDLERS, Candidate, candidates
from benchmarks.chart import draw
from benchmarks.lambda_variables import lambda_variables
from benchmarks.measuring_runtime_api import MeasuringRuntimeApi
from benchmarks.process_figures import memory_mb, peak_memory_mb
from benchmarks.rounds import Measure, measured_in_rounds, table_of

DOCS = Path(__file__).parents[1] / "docs"
IDLE_S = 0.002
SMALL_BYTES = 10_000 * 32
LARGE_BYTES = 3_200 * 64 * 1024

_PEAK = (("awslambdaric", 0.65),)
MEASURES = (
    Measure("start", "process start to first /next", "ms", True, (("awslambdaric", 0.65), ("aws-lambda-ric", 0.65))),
    Measure("start_uncompiled", "the same, the runtime without byte code", "ms", True),
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
    all_candidates = candidates(options.python)
    by_name = {candidate.name: candidate for candidate in all_candidates}
    medians = measured_in_rounds(list(by_name), options.rounds, lambda name: _measure(by_name[name]))
    table = f"{table_of(MEASURES, medians, options.rounds)}\n{_modules_line(options.python)}"
    print(f"\n{table}")
    if options.write:
        (DOCS / "benchmarks.md").write_text(f"{_INTRODUCTION}\n{table}", encoding="utf-8")
        (DOCS / "benchmarks.svg").write_text(draw(MEASURES, medians), encoding="utf-8")


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--python", default=sys.executable, help="interpreter to measure with (default: this one)")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--write", action="store_true", help="write docs/benchmarks.md and docs/benchmarks.svg")
    return parser.parse_args()


def _measure(candidate: Candidate) -> dict[str, float]:
    with _started(candidate, candidate.command) as (api, process, start_ms):
        measured = _measure_streaming(api, process.pid) if candidate.streams else _measure_whole(api, process.pid)
    return {"start": start_ms, **measured, **_measure_uncompiled(candidate)}


def _measure_uncompiled(candidate: Candidate) -> dict[str, float]:
    if candidate.uncompiled is None:
        return {}
    with _started(candidate, candidate.uncompiled, PYTHONDONTWRITEBYTECODE="1") as (_, _, start_ms):
        return {"start_uncompiled": start_ms}


@contextmanager
def _started(
    candidate: Candidate, command: tuple[str, ...], **variables: str
) -> Iterator[tuple[MeasuringRuntimeApi, subprocess.Popen[bytes], float]]:
    """Start a candidate; yield its Runtime API, its process and the milliseconds to its first `/next`."""
    api = MeasuringRuntimeApi()
    start = time.perf_counter()
    process = subprocess.Popen(
        command,
        cwd=HANDLERS,
        env=lambda_variables(HANDLERS, api.address, _HANDLER="index.handler", **candidate.variables, **variables),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        yield api, process, (api.wait_for_next() - start) * 1e3
    finally:
        process.kill()
        process.wait()
        api.close()


def _measure_streaming(api: MeasuringRuntimeApi, pid: int) -> dict[str, float]:
    first = _first_byte_us(api, "one")
    idle = memory_mb(pid, "Pss")
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
        "peak": peak_memory_mb(pid),
    }


def _measure_whole(api: MeasuringRuntimeApi, pid: int) -> dict[str, float]:
    first = _first_byte_us(api, "whole")
    idle = memory_mb(pid, "Pss")
    api.invoke("most")
    return {"first": first, "idle": idle, "peak": peak_memory_mb(pid)}


def _first_byte_us(api: MeasuringRuntimeApi, response: str) -> float:
    values = []
    for _ in range(60):
        time.sleep(IDLE_S)
        values.append(api.invoke(response).first_byte_s)
    return statistics.median(values[10:]) * 1e6


def _modules_line(python: str) -> str:
    """Return the number of modules of the runtime, packages included, in `sys.modules` before the first `/next`."""
    program = (
        "import sys, lambda_streaming.__main__\n"
        "print(sum(name.partition('.')[0] == 'lambda_streaming' for name in sys.modules))"
    )
    environment = {"PYTHONPATH": str(Path(__file__).parents[1] / "runtime_asset" / "python")}
    done = subprocess.run([python, "-S", "-c", program], env=environment, capture_output=True, text=True, check=True)
    return f"A generator handler loads {done.stdout.strip()} modules of the runtime, packages included.\n"


_INTRODUCTION = """\
# Benchmarks

`make bench ARGS=--write` writes this page. A server on the same machine stands in for the Runtime API.

- Absolute values depend on the machine. Ratios depend on it less, and vary by about a tenth between runs. First bytes
  took 0.24 to 0.27 of the time of Node.js.
- The start is measured with byte code of the runtime, as a layer has it, and without: then Python compiles the runtime.
- AWS's Python client does not stream. Its first byte is that of a whole small response.
- Load is a stream of 200 MB. For AWS's Python client it is 6 MB, the largest response that it can return.

![chart of the table below](benchmarks.svg)
"""


if __name__ == "__main__":
    main()
