"""What the layer holds, found and written without the AWS CDK.

The distribution `lambda-streaming` is met as files and never imported: it may need a newer Python than the
desk's. The content is named by a hash of paths, modes and bytes, nothing else, so that every machine and
every Python arrives at the same layer. Modes count because Lambda will not start a wrapper that is not
executable.
"""

from __future__ import annotations

import hashlib
import importlib.util
import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

PACKAGE = "lambda_streaming"
WRAPPER = "bootstrap"
# A released wheel has a folder here for each Python, by the name that Python gives its byte code.
BYTE_CODE = "byte_code"


class LayerFile(NamedTuple):
    """One file of the layer; `path` is relative to /opt and separated by slashes on every machine."""

    path: str
    mode: int
    content: bytes


def read_layer_files() -> tuple[LayerFile, ...]:
    """Read the layer's files from the installed distribution `lambda-streaming`, sorted by path."""
    package = _find_package()
    wrapper = LayerFile(WRAPPER, 0o755, _find_wrapper(package).read_bytes())
    modules = (
        LayerFile(f"python/{PACKAGE}/{file.relative_to(package).as_posix()}", 0o644, file.read_bytes())
        for file in _package_files(package)
        if file != package / WRAPPER
    )
    return tuple(sorted((wrapper, *modules, *_byte_code_of(package))))


def hash_layer_files(files: Iterable[LayerFile]) -> str:
    """Return a hash that is the same wherever paths, modes and contents are."""
    digest = hashlib.sha256()
    for file in files:
        # The length says where one file ends, so that no two lists of files read alike.
        digest.update(f"{file.path}\0{file.mode:o}\0{len(file.content)}\0".encode())
        digest.update(file.content)
    return digest.hexdigest()


def write_layer_files(files: Iterable[LayerFile], folder: Path) -> None:
    """Write the files under `folder`, modes as they say and folders open to all, whatever the umask."""
    for file in files:
        path = folder / file.path
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(file.content)
        path.chmod(file.mode)
    open_folder(folder)


def open_folder(folder: Path) -> None:
    """Let everybody into a folder and those in it: Lambda reads them as a user of its own."""
    for path in (folder, *folder.rglob("*")):
        if path.is_dir() and not path.is_symlink():
            path.chmod(0o755)


def _find_package() -> Path:
    spec = importlib.util.find_spec(PACKAGE)
    if spec is None or spec.origin is None:
        raise ModuleNotFoundError(
            f"the package {PACKAGE!r}, which the layer is made of, was not found; "
            "install the distribution 'lambda-streaming' into this Python environment"
        )
    return Path(spec.origin).parent


def _find_wrapper(package: Path) -> Path:
    """Return the wrapper script: inside the package of a wheel, above the package in a checkout."""
    places = (package / WRAPPER, package.parents[1] / WRAPPER)
    for place in places:
        if place.is_file():
            return place
    raise FileNotFoundError(
        f"the wrapper script {WRAPPER!r} was found neither at '{places[0]}' nor at '{places[1]}'; "
        "install the distribution 'lambda-streaming' again"
    )


def _byte_code_of(package: Path) -> Iterator[LayerFile]:
    """Return the byte code that a released wheel brings, where Python looks for it: in `__pycache__`.

    Python will not compare it with its source, so that is done here: what was made from another source is left out.
    """
    folder = package / BYTE_CODE
    if not folder.is_dir():
        return
    made_from = json.loads((folder / "sources.json").read_text("utf-8"))
    for compiled in sorted(folder.glob("*/*.pyc")):
        module, tag = compiled.stem, compiled.parent.name
        source = package / f"{module}.py"
        if source.is_file() and hashlib.sha256(source.read_bytes()).hexdigest() == made_from.get(module):
            yield LayerFile(f"python/{PACKAGE}/__pycache__/{module}.{tag}.pyc", 0o644, compiled.read_bytes())


def _package_files(folder: Path) -> Iterator[Path]:
    for path in folder.iterdir():
        # What an interpreter, an editor or an operating system leaves behind differs from machine to machine.
        if path.name.startswith(".") or path.name in ("__pycache__", BYTE_CODE) or path.suffix == ".pyc":
            continue
        if path.is_dir():
            yield from _package_files(path)
        else:
            yield path
