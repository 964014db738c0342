"""Tools that run between Lambda and a handler, laid out as in their layers. The packages come from PyPI, pinned.

Each tool is installed once, for the interpreter of the runtime, into its own folder under `.peers/`.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import subprocess
from pathlib import Path

import uv

from tests import requirements
from tests.lambda_streaming.conftest import INTERPRETER, RUNTIME_ASSET

PEERS = Path(__file__).parents[2] / ".peers"
LAYERS = Path(__file__).parent / "layers"

# boto3 stands in for the one of a managed runtime.
POWERTOOLS = ("aws-lambda-powertools[tracer]==3.37.0", "boto3==1.44.5")
DATADOG = ("datadog-lambda==8.130.0", "ddtrace==4.16.0")
NEW_RELIC = ("newrelic==14.1.0", "newrelic-lambda==1.0.0")
SENTRY = ("sentry-sdk==2.75.0",)
ADOT = ("aws-opentelemetry-distro==0.21.0",)
OPENTELEMETRY = ("opentelemetry-distro==0.66b1", "opentelemetry-instrumentation-aws-lambda==0.66b1")


def packages_of(pins: tuple[str, ...]) -> Path:
    """Return the folder of the packages. Skip the test if they cannot be installed."""
    key = hashlib.sha256("\n".join((INTERPRETER, *pins)).encode()).hexdigest()[:8]
    folder = PEERS / f"{pins[0].partition('=')[0].partition('[')[0]}-{key}"
    PEERS.mkdir(exist_ok=True)
    with open(folder.with_suffix(".lock"), "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # Several test runs can share the folder.
        if not (folder / ".ready").exists():
            _install(pins, folder)
    return folder


def _install(pins: tuple[str, ...], folder: Path) -> None:
    # Byte code is compiled now, because tests write none. Only wheels are used, because layers have no compiler.
    options = ["--quiet", "--compile-bytecode", "--only-binary", ":all:", "--python", INTERPRETER]
    command = [uv.find_uv_bin(), "pip", "install", *options, "--target", str(folder), *pins]
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    if done.returncode:
        requirements.miss(f"{' '.join(pins)} cannot be installed: {done.stdout.strip()[-300:]}")
    (folder / ".ready").touch()


def mount(opt: Path, packages: Path, inside: str, *extra: Path) -> None:
    """Make `opt` an `/opt` with our layer and the tool's, whose packages go to the folder `inside`.

    `extra` are other files of the tool's layer: scripts go to `/opt`, modules to the packages.
    """
    for source in (RUNTIME_ASSET / "bootstrap", RUNTIME_ASSET / "python" / "lambda_streaming"):
        _link(opt / source.relative_to(RUNTIME_ASSET), source)
    for source in packages.iterdir():
        _link(opt / inside / source.name, source)
    for source in extra:
        _link(opt / (inside if source.suffix == ".py" else "") / source.name, source)


def _link(place: Path, source: Path) -> None:
    place.parent.mkdir(parents=True, exist_ok=True)
    os.symlink(source, place)
