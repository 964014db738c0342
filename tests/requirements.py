"""Requirements of a test on the machine. Without them the test is skipped, or fails with REQUIRE_ALL=1."""

from __future__ import annotations

import os
import shutil
from typing import NoReturn

import pytest


def require_program(*names: str, because: str) -> str:
    """Return the path of the first program on PATH. `because` is where to get it."""
    for name in names:
        path = shutil.which(name)
        if path is not None:
            return path
    return miss(f"{' or '.join(names)} is not on PATH ({because})")


def miss(reason: str) -> NoReturn:
    """Skip the test, or fail it with REQUIRE_ALL=1."""
    if os.environ.get("REQUIRE_ALL") == "1":
        pytest.fail(f"REQUIRE_ALL=1, but {reason}", pytrace=False)
    pytest.skip(reason)
