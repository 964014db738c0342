"""Fixtures: cloud assemblies, an emulator that serves them, and a stand-in for the construct's bundler."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from lambda_emulator import EmulatorThread

from .cloud_assembly import CloudAssembly
from .command import Start
from .gates import Gate, Life
from .served import Log, Served

FOLDER = Path(__file__).parent

MARKERS = {"pure", "process", "cdk", "network"}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark every test of this folder `pure` that has no other marker."""
    for item in items:
        if FOLDER in item.path.parents and MARKERS.isdisjoint(marker.name for marker in item.iter_markers()):
            item.add_marker(pytest.mark.pure)


@pytest.fixture
def gate(tmp_path: Path) -> Iterator[Callable[[str], Gate]]:
    folder = tmp_path / "gates"
    folder.mkdir(exist_ok=True)
    with ExitStack() as stack:

        def make(name: str) -> Gate:
            made = Gate(folder / name)
            stack.callback(made.close)
            return made

        yield make


@pytest.fixture
def life(tmp_path: Path) -> Iterator[Life]:
    """Life of a function and its descendants, which call `stay_alive`."""
    (tmp_path / "gates").mkdir(exist_ok=True)
    life = Life(tmp_path / "gates" / "life")
    yield life
    life.close()


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Start the command with temporary files in a folder of the test."""
    with ExitStack() as stack:

        def start(*arguments: str, **options: Any) -> subprocess.Popen[str]:
            temporary = tmp_path / "temporary"
            temporary.mkdir(exist_ok=True)
            folders = {"TMPDIR": str(temporary), "XDG_STATE_HOME": str(tmp_path / "state")}
            process = subprocess.Popen(
                [sys.executable, "-m", "lambda_emulator", *arguments],
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
                env={**os.environ, **folders},
                **options,
            )
            stack.callback(process.communicate)
            stack.callback(process.kill)
            return process

        yield start


@pytest.fixture
def cloud_assembly(tmp_path: Path) -> CloudAssembly:
    return CloudAssembly(tmp_path / "cdk.out", tmp_path / "gates")


@pytest.fixture
def app_folder(cloud_assembly: CloudAssembly) -> Path:
    """Folder in which the app of the assembly runs, with the files that `BUNDLING_METADATA` names."""
    folder = cloud_assembly.folder.parent
    (folder / "src" / "chat").mkdir(parents=True)
    (folder / "src" / "uv.lock").touch()
    return folder


@pytest.fixture
def install_bundler(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], Path]:
    """Install a stand-in for `lambda_bundling`, with the given body of `main`. Return the folder that holds it.

    This process and its children find it before the real package.
    """
    site = tmp_path / "site"

    def install(body: str) -> Path:
        package = site / "lambda_bundling"
        package.mkdir(parents=True)
        (package / "__init__.py").touch()
        (package / "names.py").write_text("import json, os, signal, sys\n")
        main = f"def main():\n{textwrap.indent(textwrap.dedent(body) or 'pass', '    ')}\n\nmain()\n"
        (package / "__main__.py").write_text(f"from .names import *\n\n{main}")
        monkeypatch.syspath_prepend(site)
        return site

    monkeypatch.setenv("PYTHONPATH", str(site))
    monkeypatch.delitem(sys.modules, "lambda_bundling", raising=False)
    return install


@pytest.fixture
def serve(cloud_assembly: CloudAssembly) -> Iterator[Callable[..., Served]]:
    """Serve the assembly with the functions added so far, and with options of `EmulatorThread`."""
    with ExitStack() as stack:

        def start(**options: Any) -> Served:
            log = Log()
            thread = EmulatorThread(cloud_assembly.write(), print_line=log.print_line, **options)
            return Served(stack.enter_context(thread), log, stop=stack.close)

        yield start


@pytest.fixture
def serve_app(cloud_assembly: CloudAssembly, serve: Callable[..., Served]) -> Callable[..., Served]:
    """Serve one function, `App`, with a streaming Function URL."""

    def start(
        program: str,
        url: Mapping[str, Any] | None = None,
        options: Mapping[str, Any] | None = None,
        **properties: Any,
    ) -> Served:
        cloud_assembly.add_function("App", program, **properties)
        cloud_assembly.add_url("App", **(url or {}))
        return serve(**(options or {}))

    return start
