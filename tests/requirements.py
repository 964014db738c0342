"""What a test needs of the machine: without it the test is skipped, or fails where everything is required."""

from __future__ import annotations

import os
import shutil

import pytest


def require_program(*names: str, because: str) -> str:
    """Return the path of the first program that is on PATH; `because` says where it comes from."""
    for name in names:
        path = shutil.which(name)
        if path is not None:
            return path
    return miss(f"{' or '.join(names)} is not on PATH ({because})")


def miss(reason: str) -> str:
    """Skip the test for `reason`; with REQUIRE_ALL=1 fail it."""
    if os.environ.get("REQUIRE_ALL") == "1":
        pytest.fail(f"REQUIRE_ALL=1, but {reason}", pytrace=False)
    pytest.skip(reason)
