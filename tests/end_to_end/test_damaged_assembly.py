"""Nothing in a real assembly ends the start of the emulator when it has another value."""

from __future__ import annotations

import json
import shutil
from itertools import cycle
from pathlib import Path

import pytest
from lambda_emulator.assembly.assembly import AssemblyError
from lambda_emulator.emulator import Emulator
from lambda_emulator.welcome import welcome

from ..lambda_emulator.damage import REPLACEMENTS, damaged_copy, paths_in

pytestmark = pytest.mark.cdk


@pytest.fixture(scope="module")
def folder(assembly: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Manifests and templates of the assembly, without the assets."""
    folder = tmp_path_factory.mktemp("damaged") / "cdk.out"
    shutil.copytree(assembly, folder, ignore=shutil.ignore_patterns("asset.*"))
    return folder


@pytest.mark.parametrize(
    "pattern", ["manifest.json", "Tests.template.json", "Tests.assets.json", "*.nested.template.json"]
)
def test_damaged_value_never_ends_the_start(folder: Path, pattern: str) -> None:
    """Each value is replaced once. The emulator's own tests replace those of a small assembly by all the others."""
    [file] = folder.glob(pattern)
    text = file.read_text()
    paths = paths_in(json.loads(text))
    for path, replacement in zip(paths, cycle(REPLACEMENTS.values())):
        file.write_text(json.dumps(damaged_copy(json.loads(text), path, replacement)))
        try:
            emulator = Emulator(folder)
        except AssemblyError:
            assert path == ("artifacts",)
            continue
        assert list(welcome(emulator, "127.0.0.1"))[-1].startswith("Ready"), path
    file.write_text(text)
