"""Functions that the CDK makes for itself take one line at the start."""

from __future__ import annotations

from pathlib import Path

import pytest
from lambda_emulator.emulator import Emulator
from lambda_emulator.welcome import welcome

from .conftest import synthesize

pytestmark = pytest.mark.cdk

APP = Path(__file__).parent / "app" / "with_cdk_functions.py"


def test_functions_of_the_cdk_take_one_line(tmp_path: Path) -> None:
    emulator = Emulator(synthesize(APP, tmp_path / "cdk.out"))
    own = {function.construct_path for function in emulator.functions if not function.is_made_by_cdk}

    lines = list(welcome(emulator, "127.0.0.1"))

    assert own == {"Demo/Own", "Demo/OnEvent", "Demo/IsComplete"}
    assert len(emulator.functions) > 8
    assert sum(line.startswith("Functions of the CDK itself, which do not run here: ") for line in lines) == 1
    assert {line.split("   ")[0] for line in lines if line.startswith("Demo/")} == own
