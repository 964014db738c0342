"""The command `lambda-streaming` as a process."""

from __future__ import annotations

import os
import select
import subprocess
from collections.abc import Callable

from .gates import PATIENCE_SECONDS

Start = Callable[..., "subprocess.Popen[str]"]


def read_until(process: subprocess.Popen[str], text: str) -> str:
    """Read the output of the command until it contains `text`."""
    assert process.stdout is not None
    read = b""
    while text.encode() not in read:
        assert select.select([process.stdout], [], [], PATIENCE_SECONDS)[0], read
        data = os.read(process.stdout.fileno(), 4096)
        assert data, f"the command ended: {read!r}"
        read += data
    return read.decode()
