"""One function streams through its own URL, and buffers through the URL of its alias."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from lambda_emulator.emulator import Emulator, EmulatorThread

from ..gate import Gate
from .conftest import synthesize
from .test_streaming import get, read_until

pytestmark = pytest.mark.cdk

APP = Path(__file__).parent / "app" / "with_two_modes.py"


@pytest.fixture(scope="module")
def two_modes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Emulator]:
    assembly = synthesize(APP, tmp_path_factory.mktemp("assembly") / "cdk.out")
    with EmulatorThread(assembly, print_line=lambda line: None) as emulator:
        yield emulator


def test_url_of_the_function_streams(two_modes: Emulator, gate: Gate) -> None:
    response = get(two_modes.url("Chat"), f"/?shape=generator&port={gate.port}")
    pieces = iter(lambda: response.read1(), b"")
    assert read_until(pieces, b"three,") == b"one,two,three,"
    gate.open()
    assert b"".join(pieces) == b"four"


def test_url_of_the_alias_buffers(two_modes: Emulator, gate: Gate) -> None:
    """In the proxy form the emulator reads status and body. A prelude would be an error there."""
    opener = threading.Thread(target=gate.open)
    opener.start()
    response = get(two_modes.url("Chat", "whole"), f"/?shape=generator&port={gate.port}")
    opener.join()
    assert response.status == 200
    assert response.headers["content-length"] == "18"
    assert response.read() == b"one,two,three,four"
