"""Content of the layer: the files of the distribution `lambda-streaming`.

The distribution is read and never imported, because it may need a newer Python than this one. The layer's name is a
hash of paths, modes and sources, so every machine gets the same layer, if it has the same byte code. Modes are part of
it, because Lambda starts only an executable wrapper. The bytes of byte code are not: patch versions of a Python write
different ones of the same source.
"""

from __future__ import annotations

import hashlib
import importlib.util
import json
import stat
import tempfile
import zipfile
from collections.abc import Collection, Iterable, Iterator
from functools import cache
from pathlib import Path, PurePosixPath
from typing import NamedTuple

from lambda_bundling.byte_code import compile_folder
from lambda_bundling.errors import BundlingError
from lambda_bundling.interpreters import find_interpreter

PACKAGE = "lambda_streaming"
WRAPPER = "bootstrap"
# Folder in a released wheel: `byte_code/<cache tag>/<module path>.pyc`. `sources.json` in it has the SHA-256 of the
# source that each module was compiled from, by the module's path without suffix, such as `wire/http1`.
BYTE_CODE = "byte_code"
# Module with the distribution's version. It is not in the layer: otherwise a new version with the same runtime files
# would replace every layer and publish every function again.
VERSION = "version"
# The first time that a zip archive can name.
_ARCHIVE_TIME = (1980, 1, 1, 0, 0, 0)
# Zip's number for systems with modes.
_UNIX = 3


class LayerFile(NamedTuple):
    """File in the layer. `path` is relative to /opt, with slashes on every machine."""

    path: str
    mode: int
    content: bytes


def read_layer_files() -> tuple[LayerFile, ...]:
    """Return the layer's files from the installed distribution `lambda-streaming`, sorted by path."""
    package = _find_package()
    wrapper = LayerFile(WRAPPER, 0o755, _find_wrapper(package).read_bytes())
    not_in_layer = (package / WRAPPER, package / f"{VERSION}.py")
    modules = (
        LayerFile(f"python/{PACKAGE}/{file.relative_to(package).as_posix()}", 0o644, file.read_bytes())
        for file in _package_files(package)
        if file not in not_in_layer
    )
    return tuple(sorted((wrapper, *modules, *_byte_code_files(package))))


def has_byte_code(files: Collection[LayerFile], python: tuple[int, int]) -> bool:
    """Return True if that Python finds byte code of every module."""
    paths = {file.path for file in files}
    return all(_compiled_path(path, python) in paths for path in paths if path.endswith(".py"))


@cache
def compile_layer_files(files: tuple[LayerFile, ...], python: tuple[int, int]) -> tuple[LayerFile, ...] | None:
    """Return the files with byte code for that Python; None if this machine has no such Python, or it fails."""
    interpreter = find_interpreter(python)
    if interpreter is None:
        return None
    modules = [file for file in files if file.path.endswith(".py")]
    with tempfile.TemporaryDirectory(prefix="lambda-streaming-") as folder:
        write_layer_files(modules, Path(folder))
        try:
            compile_folder(Path(folder, "python"), interpreter, deployed_at="/opt/python")
            compiled = tuple(_read_compiled(Path(folder), file.path, python) for file in modules)
        except (OSError, BundlingError):
            return None  # A cold start takes longer, and synth goes on.
    paths = {file.path for file in compiled}
    return tuple(sorted((*(file for file in files if file.path not in paths), *compiled)))


def _read_compiled(folder: Path, module: str, python: tuple[int, int]) -> LayerFile:
    path = _compiled_path(module, python)
    return LayerFile(path, 0o644, (folder / path).read_bytes())


def _compiled_path(module: str, python: tuple[int, int]) -> str:
    path = PurePosixPath(module)
    return str(path.parent / "__pycache__" / f"{path.stem}.cpython-{python[0]}{python[1]}.pyc")


def hash_layer_files(files: Iterable[LayerFile]) -> str:
    """Return a hash of paths, modes and contents; of byte code, which the sources decide, only paths and modes."""
    digest = hashlib.sha256()
    for file in files:
        content = b"" if file.path.endswith(".pyc") else file.content
        # The length marks the end of a file, so that two different lists of files never have the same bytes.
        digest.update(f"{file.path}\0{file.mode:o}\0{len(content)}\0".encode())
        digest.update(content)
    return digest.hexdigest()


def write_layer_files(files: Iterable[LayerFile], folder: Path) -> None:
    """Write the files to a folder with their modes. Every user can read the folders. The umask has no effect."""
    for file in files:
        path = folder / file.path
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(file.content)
        path.chmod(file.mode)
    open_folder(folder)


def write_layer_archive(files: Iterable[LayerFile], path: Path) -> None:
    """Write the files to a zip archive with their modes, also on Windows. The bytes are the same on every machine."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as archive:
        for file in files:
            entry = zipfile.ZipInfo(file.path, _ARCHIVE_TIME)
            entry.create_system = _UNIX
            entry.external_attr = (stat.S_IFREG | file.mode) << 16
            archive.writestr(entry, file.content)


def open_folder(folder: Path) -> None:
    """Let every user read a folder and the folders in it. Lambda reads them as another user."""
    for path in (folder, *folder.rglob("*")):
        if path.is_dir() and not path.is_symlink():
            path.chmod(0o755)


def _find_package() -> Path:
    spec = importlib.util.find_spec(PACKAGE)
    if spec is None or spec.origin is None:
        raise ModuleNotFoundError(
            f"the package {PACKAGE!r} for the layer was not found; "
            "install the distribution 'lambda-streaming' into this Python environment"
        )
    return Path(spec.origin).parent


def _find_wrapper(package: Path) -> Path:
    """Return the wrapper script. A wheel has it inside the package, a checkout above the package."""
    places = (package / WRAPPER, package.parents[1] / WRAPPER)
    for place in places:
        if place.is_file():
            return place
    raise FileNotFoundError(
        f"the wrapper script {WRAPPER!r} was found neither at '{places[0]}' nor at '{places[1]}'; "
        "install the distribution 'lambda-streaming' again"
    )


def _byte_code_files(package: Path) -> Iterator[LayerFile]:
    """Yield the byte code of a released wheel, at the paths where Python looks for it: in `__pycache__`.

    Python does not compare it with the source. So leave out byte code of another source.
    """
    folder = package / BYTE_CODE
    if not folder.is_dir():
        return
    compiled_from = json.loads((folder / "sources.json").read_text("utf-8"))
    for compiled in sorted(folder.glob("*/**/*.pyc")):
        tag, *parts = compiled.relative_to(folder).with_suffix("").parts
        module = PurePosixPath(*parts)
        source = package / f"{module}.py"
        if str(module) == VERSION:
            continue
        if source.is_file() and hashlib.sha256(source.read_bytes()).hexdigest() == compiled_from.get(str(module)):
            path = PurePosixPath("python", PACKAGE, module.parent, "__pycache__", f"{module.name}.{tag}.pyc")
            yield LayerFile(str(path), 0o644, compiled.read_bytes())


def _package_files(folder: Path) -> Iterator[Path]:
    for path in folder.iterdir():
        # Files of interpreters, editors and operating systems differ between machines.
        if path.name.startswith(".") or path.name in ("__pycache__", BYTE_CODE) or path.suffix == ".pyc":
            continue
        if path.is_dir():
            yield from _package_files(path)
        else:
            yield path
