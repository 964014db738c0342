"""Wheels as users install them: under two Pythons and in two folders, without this checkout."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import sysconfig
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import uv

from ..interpreters import installed_pythons
from ..requirements import miss

ROOT = Path(__file__).parents[2]
THIS_PYTHON = sys.version_info[:2]

SYNTHESIZE = """
import importlib.util, sys
from aws_cdk import App, Stack
from cdk_lambda_streaming import StreamingFunction

site, entry, outdir = sys.argv[1:]
for package in ("cdk_lambda_streaming", "lambda_bundling", "lambda_streaming", "lambda_emulator"):
    assert importlib.util.find_spec(package).origin.startswith(site), package
app = App(outdir=outdir)
StreamingFunction(Stack(app, "Stack"), "Chat", entry=entry)
app.synth()
"""


@pytest.fixture
def wheels(built_wheels: Path) -> list[Path]:
    return sorted(built_wheels.glob("*.whl"))


@pytest.fixture(scope="module")
def other_python() -> str:
    """Return an interpreter of another version that runs."""
    for python in other_pythons():
        return python
    return miss(f"this machine has no second Python besides {sys.version.split()[0]}")


def test_two_pythons_synthesize_equal_assemblies(wheels: list[Path], other_python: str, tmp_path: Path) -> None:
    # Byte code beside the installed modules makes no difference: the layer has that of the function's Python.
    here = synthesize(wheels, sys.executable, tmp_path / "here", "--compile-bytecode")
    there = synthesize(wheels, other_python, tmp_path / "there" / "deeper", "--no-compile-bytecode")
    assert layer_key(here) == layer_key(there)
    assert template(here) == template(there)
    modes_here, modes_there = (layer_modes(outdir) for outdir in (here, there))
    assert modes_here == modes_there
    assert modes_here["bootstrap"] == 0o755
    assert "python/lambda_streaming/__main__.py" in modes_here
    assert [path for path in modes_here if path.endswith("bootstrap")] == ["bootstrap"]


def test_released_wheel_has_byte_code_for_every_python(tmp_path: Path) -> None:
    """The modules run without their source text, because Python imports the byte code."""
    pythons = installed_pythons()
    run_uv(
        *("build", "--wheel", "--no-build-isolation", "--offline", "--out-dir", tmp_path, ROOT / "runtime_asset"),
        environment={"BYTE_CODE_PYTHONS": os.pathsep.join(pythons.values())},
    )
    (wheel,) = tmp_path.glob("*.whl")
    site, opt = tmp_path / "site", tmp_path / "opt"
    run_uv("pip", "install", "--offline", "--no-deps", "--target", site, wheel)
    write = (
        "import sys; from pathlib import Path\n"
        "from cdk_lambda_streaming.code.layer_content import read_layer_files, write_layer_files\n"
        "write_layer_files(read_layer_files(), Path(sys.argv[1]))\n"
    )
    path = os.pathsep.join((str(site), str(ROOT / "constructs_lib"), sysconfig.get_path("purelib")))
    subprocess.run([sys.executable, "-c", write, str(opt)], check=True, env={**os.environ, "PYTHONPATH": path})
    for source in (opt / "python/lambda_streaming").rglob("*.py"):
        source.write_text("raise SystemExit('the source was read')\n")
    for python in pythons.values():
        program = "import sys, lambda_streaming.http_response as module; print(module.__cached__, module.HttpResponse)"
        run = subprocess.run(
            [python, "-c", program],
            env={**os.environ, "PYTHONPATH": str(opt / "python")},
            check=True,
            capture_output=True,
            text=True,
        )
        assert "__pycache__" in run.stdout


def layer_modes(outdir: Path) -> dict[str, int]:
    with zipfile.ZipFile(outdir / f"asset.{layer_key(outdir)}") as archive:
        return {entry.filename: entry.external_attr >> 16 & 0o777 for entry in archive.infolist()}


def synthesize(wheels: list[Path], python: str, folder: Path, compilation: str) -> Path:
    """Install the wheels into a folder, synthesize with them and return the assembly's folder."""
    site = folder / "site"
    run_uv("pip", "install", "--offline", "--no-deps", compilation, "--python", python, "--target", site, *wheels)
    entry = folder / "chat"
    entry.mkdir()
    (entry / "index.py").write_text("def handler(event, context):\n    yield 'hello'\n")
    # The CDK comes from this environment. PYTHONPATH ignores editable installs.
    path = os.pathsep.join((str(site), sysconfig.get_path("purelib")))
    subprocess.run(
        [python, "-c", SYNTHESIZE, str(site), str(entry), str(folder / "cdk.out")],
        env={**os.environ, "PYTHONPATH": path},
        cwd=folder,
        check=True,
    )
    return folder / "cdk.out"


def template(outdir: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((outdir / "Stack.template.json").read_text())
    return found


def layer_key(outdir: Path) -> str:
    (layer,) = (
        resource
        for resource in template(outdir)["Resources"].values()
        if resource["Type"] == "AWS::Lambda::LayerVersion"
    )
    key: str = layer["Properties"]["Content"]["S3Key"]
    return key


def other_pythons() -> Iterator[str]:
    """Yield interpreters of other versions that can import this environment's CDK, newer ones first.

    The CDK is installed for this Python, so an older one may lack a backport.
    """
    others = {version: python for version, python in installed_pythons().items() if version != THIS_PYTHON}
    for version in sorted(others, key=lambda version: (version < THIS_PYTHON, version)):
        if imports_cdk(others[version]):
            yield others[version]


def imports_cdk(python: str) -> bool:
    environment = {**os.environ, "PYTHONPATH": sysconfig.get_path("purelib")}
    return (
        subprocess.run([python, "-c", "import jsii"], env=environment, capture_output=True, check=False).returncode == 0
    )


def run_uv(*arguments: str | Path, environment: Mapping[str, str] | None = None) -> None:
    command = [uv.find_uv_bin(), "--quiet", *map(str, arguments)]
    subprocess.run(command, check=True, env={**os.environ, **(environment or {})})
