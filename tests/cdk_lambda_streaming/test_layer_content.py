from __future__ import annotations

import hashlib
import json
import os
import py_compile
import stat
import sys
from pathlib import Path

import pytest
from cdk_lambda_streaming.code.layer_content import (
    LayerFile,
    hash_layer_files,
    read_layer_files,
    write_layer_files,
)

WRAPPER = LayerFile("bootstrap", 0o755, b"#!/bin/sh\n")
MODULE = LayerFile("python/lambda_streaming/__init__.py", 0o644, b"")


def test_layer_has_wrapper_and_package() -> None:
    files = {file.path: file for file in read_layer_files()}
    assert files["bootstrap"].mode == 0o755
    assert files["bootstrap"].content.startswith(b"#!/bin/sh\n")
    assert files["python/lambda_streaming/__init__.py"].mode == 0o644
    assert {path.rpartition("/")[0] for path in files} >= {"", "python/lambda_streaming"}
    assert all(path == "bootstrap" or path.startswith("python/lambda_streaming/") for path in files)


def test_wrapper_of_wheel_is_found_inside_package(installed: Path) -> None:
    paths = [file.path for file in read_layer_files()]
    assert paths == ["bootstrap", "python/lambda_streaming/__init__.py", "python/lambda_streaming/deep/a.py"]


def test_files_of_tools_are_left_out(installed: Path) -> None:
    before = read_layer_files()
    for trace in ("__pycache__/a.pyc", "deep/__pycache__/a.pyc", "stray.pyc", ".DS_Store"):
        path = installed / trace
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(b"trace")
    (installed / "bootstrap").chmod(0o600)
    assert read_layer_files() == before


def test_package_without_wrapper_is_rejected(installed: Path) -> None:
    (installed / "bootstrap").unlink()
    with pytest.raises(FileNotFoundError, match="'bootstrap' was found neither at"):
        read_layer_files()


def test_missing_distribution_is_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(ModuleNotFoundError, match="install the distribution 'lambda-streaming'"):
        read_layer_files()


@pytest.mark.parametrize(
    "changed",
    [
        WRAPPER._replace(mode=0o644),
        WRAPPER._replace(content=b"#!/bin/bash\n"),
        WRAPPER._replace(path="boot"),
    ],
)
def test_path_mode_and_content_are_in_hash(changed: LayerFile) -> None:
    assert hash_layer_files([changed, MODULE]) != hash_layer_files([WRAPPER, MODULE])


def test_version_of_a_wheel_is_not_in_the_layer(installed: Path) -> None:
    before = read_layer_files()
    (installed / "version.py").write_text("__version__ = '9'\n")
    compile_to(installed, "__version__ = '9'\n", "version")
    assert read_layer_files() == before


def test_ends_of_files_are_in_hash() -> None:
    joined = LayerFile("a", 0o644, b"xb\x00644\x000\x00")
    apart = [LayerFile("a", 0o644, b"x"), LayerFile("b", 0o644, b"")]
    assert hash_layer_files([joined]) != hash_layer_files(apart)


def test_modes_do_not_depend_on_umask(tmp_path: Path) -> None:
    before = os.umask(0o077)
    try:
        write_layer_files([WRAPPER, MODULE], tmp_path)
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / WRAPPER.path).stat().st_mode) == 0o755
    assert stat.S_IMODE((tmp_path / MODULE.path).stat().st_mode) == 0o644
    assert stat.S_IMODE((tmp_path / "python").stat().st_mode) == 0o755
    assert stat.S_IMODE((tmp_path / "python/lambda_streaming").stat().st_mode) == 0o755


class TestByteCode:
    """A released wheel has byte code in a folder that no installer writes to."""

    def test_byte_code_is_where_python_looks_for_it(self, installed: Path) -> None:
        for module in ("__init__", "deep/a"):
            (installed / f"{module}.py").write_text("print('one')\n")
            compile_to(installed, "print('one')\n", module)
        paths = [file.path for file in read_layer_files()]
        assert paths == [
            "bootstrap",
            "python/lambda_streaming/__init__.py",
            "python/lambda_streaming/__pycache__/__init__.cpython-314.pyc",
            "python/lambda_streaming/deep/__pycache__/a.cpython-314.pyc",
            "python/lambda_streaming/deep/a.py",
        ]

    def test_byte_code_of_other_source_is_left_out(self, installed: Path) -> None:
        """Python would run it without reading the source."""
        for module in ("__init__", "deep/a"):
            (installed / f"{module}.py").write_text("print('two')\n")
            compile_to(installed, "print('one')\n", module)
        assert not [file for file in read_layer_files() if "__pycache__" in file.path or "byte_code" in file.path]


def compile_to(package: Path, source: str, module: str) -> None:
    """Add the byte code of a source to the package, as a released wheel has it."""
    file = package.parent / "source.py"
    file.write_text(source)
    compiled = package / "byte_code" / "cpython-314" / f"{module}.pyc"
    mode = py_compile.PycInvalidationMode.UNCHECKED_HASH
    py_compile.compile(str(file), cfile=str(compiled), invalidation_mode=mode)
    record = package / "byte_code" / "sources.json"
    hashes = json.loads(record.read_text()) if record.exists() else {}
    record.write_text(json.dumps({**hashes, module: hashlib.sha256(source.encode()).hexdigest()}))


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the package as a wheel installs it, with the wrapper inside."""
    package = tmp_path / "lambda_streaming"
    (package / "deep").mkdir(parents=True)
    (package / "bootstrap").write_bytes(WRAPPER.content)
    (package / "__init__.py").touch()
    (package / "deep" / "a.py").touch()
    monkeypatch.delitem(sys.modules, "lambda_streaming", raising=False)
    monkeypatch.syspath_prepend(tmp_path)
    return package
