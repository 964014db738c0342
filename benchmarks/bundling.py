"""`python -m benchmarks.bundling`: time and size of bundles, and the effect of byte code on starts.

It bundles FastAPI, pydantic and uvicorn, pinned, for Python 3.14 on arm64. Runs of uv and pip alternate, and so do
starts with and without byte code, so other load affects both. Figures are medians. All files are in a
temporary folder, uv's cache of the cold runs too.
"""

from __future__ import annotations

import argparse
import os
import platform
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
import zipfile
from pathlib import Path

from lambda_bundling.bundle import Bundle, make_bundle
from lambda_bundling.options import BundlingOptions, ByteCode, Installer
from lambda_bundling.plan import find_source, plan_bundle
from lambda_bundling.target import Target
from lambda_bundling.tools import find_uv

from benchmarks.measuring_runtime_api import MeasuringRuntimeApi
from tests.interpreters import installed_pythons

ROOT = Path(__file__).parents[1]
REQUIREMENTS = "fastapi==0.115.12\npydantic==2.12.3\nuvicorn==0.34.2\n"
HANDLER = """\
from fastapi import FastAPI
import uvicorn

app = FastAPI()


def handler(event, context):
    yield "hello"
"""
ARM = Target((3, 14), "aarch64")
# Targets: start with to without byte code, uv to pip, size to pip's, and added seconds.
BYTE_CODE_RATIO, TIME_RATIO, SIZE_RATIO, SYNTH_S = 0.55, 0.4, 0.6, 0.1
SYNTHESIZE = """
import sys, time
from aws_cdk import App, Stack
from cdk_lambda_streaming import BundlingOptions, Installer, StreamingFunction
stack = Stack(App(outdir=sys.argv[2]), "Stack")
StreamingFunction(stack, "Warm", entry=sys.argv[3])
options = BundlingOptions(installer=Installer[sys.argv[4]])
began = time.perf_counter()
StreamingFunction(stack, "Chat", entry=sys.argv[1], bundling=options)
print(time.perf_counter() - began)
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=7)
    rounds = parser.parse_args().rounds
    # Put the tests' interpreters on PATH, where the bundler looks.
    path = os.pathsep.join([os.environ["PATH"], *(str(Path(found).parent) for found in installed_pythons().values())])
    with tempfile.TemporaryDirectory() as folder:
        os.environ.update(PATH=path, CI="1", UV_CACHE_DIR=f"{folder}/uv", UV_PYTHON_DOWNLOADS="never")
        entry = Path(folder, "chat")
        entry.mkdir()
        (entry / "index.py").write_text(HANDLER)
        (entry / "requirements.txt").write_text(REQUIREMENTS)
        print(f"medians of {rounds}; Python {sys.version.split()[0]}, {os.cpu_count()} cores, {platform.machine()}")
        measure_bundling(Path(folder), entry, rounds)
        measure_starts(Path(folder), entry, rounds)
        measure_unchanged_synth(Path(folder), entry, rounds)


def bundled(entry: Path, cache: Path, target: Target = ARM, **options: object) -> tuple[float, Bundle]:
    """Return the seconds of one bundle in an empty cache, and the bundle."""
    os.environ["CDK_LAMBDA_STREAMING_CACHE"] = str(cache)
    chosen = BundlingOptions(**{"byte_code": ByteCode.OFF, **options})  # type: ignore[arg-type]
    began = time.perf_counter()
    made = make_bundle(plan_bundle(entry, find_source(entry, chosen), target, chosen, []))
    return time.perf_counter() - began, made


def measure_bundling(folder: Path, entry: Path, rounds: int) -> None:
    lock = folder / "locked"
    lock.mkdir()
    (lock / "index.py").write_text(HANDLER)
    (lock / "pyproject.toml").write_text(
        '[project]\nname = "chat"\nversion = "1"\nrequires-python = ">=3.10"\n'
        f"dependencies = {REQUIREMENTS.split()!r}\n"
    )
    subprocess.run([str(find_uv()), "lock", "--quiet"], cwd=lock, check=True)
    cold, warm, locked, plain_pip, ours_pip, byte_code = [], [], [], [], [], []
    for number in range(rounds):
        os.environ["UV_CACHE_DIR"] = str(folder / f"uv{number}")
        cold.append(bundled(entry, folder / f"cold{number}")[0])
        seconds, made = bundled(entry, folder / f"warm{number}")
        warm.append(seconds)
        os.environ["UV_CACHE_DIR"] = str(folder / "uv0")
        locked.append(bundled(lock, folder / f"locked{number}")[0])
        byte_code.append(bundled(entry, folder / f"compiled{number}", byte_code=ByteCode.AUTO))
        ours_pip.append(bundled(entry, folder / f"pip{number}", installer=Installer.PIP)[0])
        plain_pip.append(run_pip(entry, folder / f"plain{number}"))
    pip_folder = folder / "plain0"
    middle = statistics.median
    print(f"\n{'bundling for ' + str(ARM):<52} {'s':>7}")
    print(f"{'uv, its cache empty':<52} {middle(cold):>7.2f}")
    print(f"{'uv, its cache warm':<52} {middle(warm):>7.2f}")
    print(f"{'uv, its cache warm, from uv.lock':<52} {middle(locked):>7.2f}")
    print(f"{'uv, its cache warm, with byte code':<52} {middle(each[0] for each in byte_code):>7.2f}")
    print(f"{'pip through the bundler (Installer.PIP), warm':<52} {middle(ours_pip):>7.2f}")
    print(f"{'pip install --target, warm':<52} {middle(plain_pip):>7.2f}")
    print_ratio("uv / pip", middle(warm) / middle(plain_pip), TIME_RATIO)
    print(f"\n{'size':<52} {'MB':>7} {'zipped':>7}")
    for name, place in (("bundle", made.folder), ("with byte code", byte_code[0][1].folder), ("pip's", pip_folder)):
        print(f"{name:<52} {size(place):>7.1f} {zipped(place):>7.1f}")
    for name, place in (("bundle", made.folder), ("bundle with byte code", byte_code[0][1].folder)):
        print_ratio(f"{name} / pip's", size(place) / size(pip_folder), SIZE_RATIO)
        print_ratio(f"{name} / pip's, zipped", zipped(place) / zipped(pip_folder), SIZE_RATIO)


def run_pip(entry: Path, into: Path) -> float:
    """Run pip as its manual says, with the byte code that it writes by default. Return the seconds."""
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--target", str(into)]
    command += ["--implementation", "cp", "--python-version", ARM.version, "--only-binary=:all:"]
    command += [f"--platform={platform}" for platform in ARM.pip_platforms]
    began = time.perf_counter()
    subprocess.run([*command, "--requirement", str(entry / "requirements.txt")], check=True)
    return time.perf_counter() - began


def measure_starts(folder: Path, entry: Path, rounds: int) -> None:
    # As in Lambda, the standard library and the runtime have byte code in both cases.
    pythons = {version: found for version, found in installed_pythons().items() if has_compiled_library(found)}
    python = max(pythons)
    interpreter = pythons[python]
    runtime = folder / "runtime"
    shutil.copytree(ROOT / "runtime_asset", runtime, ignore=shutil.ignore_patterns("__pycache__"))
    subprocess.run([interpreter, "-m", "compileall", "-qq", str(runtime / "python")], check=True)
    target = Target(python, platform.machine())
    _, without = bundled(entry, folder / "starts", target, byte_code=ByteCode.OFF)
    _, compiled = bundled(entry, folder / "starts", target, byte_code=ByteCode.REQUIRED)
    starts: tuple[list[float], list[float]] = ([], [])
    for _ in range(rounds * 3):
        for made, times in zip((without, compiled), starts, strict=True):
            times.append(start(runtime / "bootstrap", interpreter, made.folder))
    slow, fast = (statistics.median(times) * 1000 for times in starts)
    print(f"\n{f'start to /next, import fastapi, Python {target.version}':<52} {'ms':>7}")
    print(f"{'without byte code':<52} {slow:>7.0f}")
    print(f"{'with byte code':<52} {fast:>7.0f}")
    print_ratio("with / without", fast / slow, BYTE_CODE_RATIO)


def has_compiled_library(interpreter: str) -> bool:
    code = "import asyncio, os, sys; sys.exit(not os.path.exists(asyncio.__cached__))"
    return subprocess.run([interpreter, "-I", "-B", "-c", code], check=False).returncode == 0


def start(bootstrap: Path, interpreter: str, task_root: Path) -> float:
    """Start the runtime as Lambda does, without writing byte code, and return the seconds to `/next`."""
    api = MeasuringRuntimeApi()
    environment = {
        "AWS_LAMBDA_RUNTIME_API": api.address,
        "AWS_LAMBDA_FUNCTION_NAME": "measured",
        "LAMBDA_TASK_ROOT": str(task_root),
        "PYTHONPATH": str(task_root),
        "PYTHONDONTWRITEBYTECODE": "1",
        "_HANDLER": "index.handler",
        "PATH": os.environ["PATH"],
    }
    began = time.perf_counter()
    process = subprocess.Popen(
        [str(bootstrap), interpreter, "/var/runtime/bootstrap.py"], cwd=task_root, env=environment
    )
    try:
        return api.wait_for_next() - began
    finally:
        process.kill()
        process.wait()
        api.close()


def measure_unchanged_synth(folder: Path, entry: Path, rounds: int) -> None:
    plain = folder / "plain"
    plain.mkdir()
    (plain / "index.py").write_text("def handler(event, context):\n    yield 'hello'\n")
    os.environ["CDK_LAMBDA_STREAMING_CACHE"] = str(folder / "synth")

    def synthesize(installer: str) -> float:
        arguments = [str(entry), str(folder / f"cdk.out.{installer}"), str(plain), installer]
        environment = {**os.environ, "CDK_VALIDATION": "false"}
        command = [sys.executable, "-c", SYNTHESIZE, *arguments]
        return float(subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout)

    for installer in ("NONE", "AUTO"):
        synthesize(installer)
    pairs = [(synthesize("NONE"), synthesize("AUTO")) for _ in range(rounds)]
    without, bundling = (statistics.median(pair[side] for pair in pairs) for side in (0, 1))
    print(f"\n{'a function in a synth without changes':<52} {'s':>7}")
    print(f"{'the folder as it is':<52} {without:>7.3f}")
    print(f"{'its bundle':<52} {bundling:>7.3f}")
    print_ratio("added", bundling - without, SYNTH_S)


def size(folder: Path) -> float:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file()) / 1e6


def zipped(folder: Path) -> float:
    with tempfile.NamedTemporaryFile(suffix=".zip") as file:
        with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
            for path in folder.rglob("*"):
                archive.write(path, path.relative_to(folder))
        return Path(file.name).stat().st_size / 1e6


def print_ratio(name: str, value: float, target: float) -> None:
    print(f"{name:<52} {value:>7.2f}  target: at most {target}{'' if value <= target else ', MISSED'}")


if __name__ == "__main__":
    main()
