"""Byte code of the layer, compiled at synth with the Python of each function."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import pytest
from aws_cdk import App, Stack, assertions, aws_lambda
from cdk_lambda_streaming import StreamingLayer
from cdk_lambda_streaming.code import layer_content
from cdk_lambda_streaming.code.layer_content import compile_layer_files, hash_layer_files, read_layer_files

from ..interpreters import installed_pythons

OWN = sys.version_info[:2]
PYTHONS = installed_pythons()
OTHER = next(version for version in ((3, 12), (3, 13), (3, 10)) if version != OWN)
NO_PYTHON = (layer_content, "find_interpreter", lambda python: None)


@pytest.fixture(autouse=True)
def forget_compiled() -> None:
    compile_layer_files.cache_clear()


def function_of(stack: Stack, python: tuple[int, int], id: str = "Chat") -> aws_lambda.Function:
    return aws_lambda.Function(
        stack,
        id,
        code=aws_lambda.Code.from_inline("def handler(event, context):\n    yield 'x'\n"),
        handler="index.handler",
        runtime=getattr(aws_lambda.Runtime, f"PYTHON_{python[0]}_{python[1]}"),
    )


def attach(stack: Stack, python: tuple[int, int] = OWN, id: str = "Chat") -> aws_lambda.Function:
    function = function_of(stack, python, id)
    StreamingLayer.of(function).attach_to(function)
    return function


def deployed_layer(outdir: Path) -> Path:
    """Return a folder with the layer's content, which is the archive that its resource names."""
    (resource,) = [
        resource
        for resource in json.loads((outdir / "Stack.template.json").read_text())["Resources"].values()
        if resource["Type"] == "AWS::Lambda::LayerVersion"
    ]
    key = str(resource["Properties"]["Content"]["S3Key"])
    assert resource["Metadata"]["aws:asset:path"] == f"asset.{key}"
    with zipfile.ZipFile(outdir / f"asset.{key}") as archive:
        modes = {entry.filename: entry.external_attr >> 16 & 0o777 for entry in archive.infolist()}
        assert {mode for path, mode in modes.items() if path != "bootstrap"} == {0o644}
        archive.extractall(outdir / "layer")
    return outdir / "layer"


def synthesized(outdir: Path, *pythons: tuple[int, int]) -> Path:
    app = App(outdir=str(outdir), context={"aws:cdk:enable-asset-metadata": True})  # As the CDK's command line sets it.
    stack = Stack(app, "Stack")
    for number, python in enumerate(pythons):
        attach(stack, python, f"Chat{number}")
    app.synth()
    return deployed_layer(outdir)


def run_without_sources(layer: Path, interpreter: str) -> str:
    for source in (layer / "python/lambda_streaming").rglob("*.py"):
        source.write_text("raise SystemExit('the source was read')\n")
    program = "import lambda_streaming.__main__ as module; print(module.__cached__)"
    environment = {"PATH": os.environ["PATH"], "PYTHONPATH": str(layer / "python")}
    return subprocess.check_output([interpreter, "-c", program], env=environment, text=True).strip()


def test_layer_runs_without_compiling(tmp_path: Path) -> None:
    layer = synthesized(tmp_path, OWN)
    compiled = list(layer.rglob("*.pyc"))
    assert len(compiled) == len(list(layer.rglob("*.py")))
    assert run_without_sources(layer, sys.executable) in map(str, compiled)


@pytest.mark.skipif(OTHER not in PYTHONS, reason=f"this machine has no Python {OTHER}")
@pytest.mark.parametrize("pythons", [(OWN, OTHER), (OTHER, OWN), (OWN, OTHER, OWN)])
def test_layer_has_byte_code_for_all_its_functions(pythons: tuple[tuple[int, int], ...], tmp_path: Path) -> None:
    layer = synthesized(tmp_path, *pythons)
    tags = {file.name.split(".")[1] for file in layer.rglob("*.pyc")}
    assert tags == {f"cpython-{major}{minor}" for major, minor in (OWN, OTHER)}
    for python in (OWN, OTHER):
        assert run_without_sources(layer, PYTHONS[python]).endswith(f"__main__.cpython-{python[0]}{python[1]}.pyc")


def test_byte_code_is_the_same_each_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    once = compile_layer_files(read_layer_files(), OWN)
    compile_layer_files.cache_clear()
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    assert compile_layer_files(read_layer_files(), OWN) == once
    assert once is not None
    # Paths of Lambda are in it, for tracebacks, and none of this machine.
    compiled = {file.path: file.content for file in once if file.path.endswith(".pyc")}
    assert all(b"/opt/python/lambda_streaming/" in content for content in compiled.values())
    assert not [path for path, content in compiled.items() if str(tmp_path).encode() in content]


def test_name_depends_on_the_pythons_and_not_on_their_patch_versions() -> None:
    sources = read_layer_files()
    compiled = compile_layer_files(sources, OWN)
    assert compiled is not None
    patched = [file._replace(content=b"x") if file.path.endswith(".pyc") else file for file in compiled]
    assert hash_layer_files(compiled) == hash_layer_files(patched) != hash_layer_files(sources)


def test_layer_without_byte_code_is_said_once_an_app(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(*NO_PYTHON)
    for _ in range(2):
        app = App()
        stacks = [Stack(app, "First"), Stack(app, "Second")]
        for stack in stacks:
            attach(stack)
            attach(stack, id="Other")
        infos = [info for stack in stacks for info in infos_of(stack)]
        assert len(infos) == 1
        assert infos[0].startswith(f"This machine cannot compile byte code for Python {OWN[0]}.{OWN[1]}, ")
        assert infos[0].endswith("[ack: cdk-lambda-streaming:layerWithoutByteCode]")


def test_python_that_fails_does_not_end_the_synth(stack: Stack, monkeypatch: pytest.MonkeyPatch) -> None:
    for interpreter in ("/nonexistent/python", "/bin/false"):
        monkeypatch.setattr(layer_content, "find_interpreter", lambda python, found=interpreter: found)
        attach(stack, id=f"Chat{len(interpreter)}")
    assert len(infos_of(stack)) == 1


def test_nothing_is_said_with_byte_code_or_without_a_known_python(stack: Stack) -> None:
    attach(stack)
    function = aws_lambda.Function(
        stack,
        "OsOnly",
        code=aws_lambda.Code.from_asset(str(Path(__file__).parent)),
        handler="index.handler",
        runtime=aws_lambda.Runtime.PROVIDED_AL2023,
    )
    StreamingLayer.of(function).attach_to(function)
    assert infos_of(stack) == []


def infos_of(stack: Stack) -> list[str]:
    found: list[Any] = assertions.Annotations.from_stack(stack).find_info("*", assertions.Match.any_value())
    return [str(message.entry.data) for message in found]
