"""`python -m benchmarks.synth`: time of a synth with StreamingFunction and with a plain Function.

Each run is a process. Plain and streaming runs alternate, so other load affects both. The seconds include imports and
the CDK's Node.js process. They exclude the CDK's own validation (`CDK_VALIDATION=false`), which takes seconds for
any app.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

COUNTS = (1, 10, 50, 100)
# Most seconds that StreamingFunctions may add, by their number.
TARGETS_S = {1: 0.1, 100: 1.5}

PLAIN = """
import sys
from aws_cdk import App, Duration, Stack, aws_lambda
app = App(outdir=sys.argv[2])
stack = Stack(app, "Stack")
for number in range(int(sys.argv[3])):
    function = aws_lambda.Function(
        stack, f"Chat{number}", code=aws_lambda.Code.from_asset(sys.argv[1]), handler="index.handler",
        runtime=aws_lambda.Runtime.PYTHON_3_14, architecture=aws_lambda.Architecture.ARM_64, memory_size=1024,
        timeout=Duration.minutes(5),
    )
    function.add_function_url(invoke_mode=aws_lambda.InvokeMode.RESPONSE_STREAM)
app.synth()
"""
STREAMING = """
import sys
from aws_cdk import App, Stack
from cdk_lambda_streaming import StreamingFunction
app = App(outdir=sys.argv[2])
stack = Stack(app, "Stack")
for number in range(int(sys.argv[3])):
    StreamingFunction(stack, f"Chat{number}", entry=sys.argv[1])
app.synth()
"""


# Peak memory of Python and of the CDK's process. Linux only.
PEAK = """
import os
def peak():
    total = 0
    for entry in os.listdir("/proc"):
        if entry.isdigit():
            try:
                status = dict(line.split(":", 1) for line in open(f"/proc/{entry}/status"))
            except OSError:
                continue
            if str(os.getpid()) in (status["Pid"].strip(), status["PPid"].strip()):
                total += int(status["VmHWM"].split()[0])
    return total
"""


def run(program: str, count: int) -> tuple[float, float]:
    """Return the seconds and megabytes of one synth, in a new process."""
    environment = {**os.environ, "CDK_VALIDATION": "false"}
    # Each run would compile the CDK, which takes seconds.
    environment.pop("PYTHONDONTWRITEBYTECODE", None)
    with tempfile.TemporaryDirectory() as folder:
        entry = Path(folder, "chat")
        entry.mkdir()
        (entry / "index.py").write_text("def handler(event, context):\n    yield 'hello'\n")
        measured = (
            "import sys, time\n"
            "began = time.perf_counter()\n"
            f"exec(compile({program!r}, 'app', 'exec'))\n"
            "print(time.perf_counter() - began)\n"
            f"{PEAK}"
            "print(peak())\n"
        )
        process = subprocess.run(
            [sys.executable, "-c", measured, str(entry), str(Path(folder, "cdk.out")), str(count)],
            check=True,
            capture_output=True,
            text=True,
            env=environment,
        )
    seconds, kilobytes = process.stdout.split()
    return float(seconds), float(kilobytes) / 1024


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    rounds = parser.parse_args().rounds
    run(STREAMING, 1)  # Compiles and unpacks what later runs reuse.
    print(f"median of {rounds} alternating runs; Python {sys.version.split()[0]}, {os.cpu_count()} cores")
    print(f"{'functions':>9} {'plain s':>9} {'streaming s':>12} {'more s':>8} {'more ms each':>13} {'more MB':>8}")
    for count in COUNTS:
        pairs = [(run(PLAIN, count), run(STREAMING, count)) for _ in range(rounds)]
        plain, streaming = (statistics.median(pair[side][0] for pair in pairs) for side in (0, 1))
        more = statistics.median(pair[1][0] - pair[0][0] for pair in pairs)
        megabytes = statistics.median(pair[1][1] - pair[0][1] for pair in pairs)
        suffix = f"  (target: {TARGETS_S[count]} s)" if count in TARGETS_S else ""
        row = f"{count:>9} {plain:>9.2f} {streaming:>12.2f} {more:>8.2f} {more / count * 1000:>13.1f} {megabytes:>8.1f}"
        print(row + suffix)


if __name__ == "__main__":
    main()
