"""Real packages for processors and Python versions that this machine does not have."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest
from lambda_bundling.errors import BundlingError

from ..interpreters import require_python
from .conftest import bundle, packages
from .elf import read_shared_object

# Compiled: numpy, pydantic, cryptography. Pure: six. An entry point: uvicorn. A namespace: zope. `jsonschema` and
# `click` read their own metadata.
REAL = """\
pydantic
numpy
cryptography
six; python_version >= "3.14"
iniconfig; python_version < "3.12"
uvicorn
zope.interface
jsonschema
"""
# Amazon Linux 2 and 2023: https://docs.aws.amazon.com/lambda/latest/dg/lambda-runtimes.html
GLIBC = {(3, 10): (2, 26), (3, 11): (2, 26), (3, 12): (2, 34), (3, 13): (2, 34), (3, 14): (2, 34)}
TARGETS = [(python, machine) for python in GLIBC for machine in ("aarch64", "x86_64")]
IMPORTS = """
import sys
sys.path.insert(0, ".")
import cryptography.hazmat.primitives.hashes, jsonschema, numpy, pydantic, uvicorn, zope.interface
from importlib.metadata import entry_points, version
assert int(numpy.arange(4).sum()) == 6
assert pydantic.TypeAdapter(int).validate_python("3") == 3
assert version("jsonschema") == jsonschema.__version__
assert "uvicorn" in {point.name for point in entry_points(group="console_scripts")}
outsiders = [m.__file__ for m in sys.modules.values() if "site-packages" in (getattr(m, "__file__", "") or "")]
assert not outsiders, outsiders
print("imported")
"""


@pytest.mark.parametrize(("python", "machine"), TARGETS, ids=lambda value: str(value))
def test_compiled_files_are_for_target(entry: Path, python: tuple[int, int], machine: str) -> None:
    (entry / "requirements.txt").write_text(REAL)
    made = bundle(entry, python, machine)
    shared = [path for path in made.folder.rglob("*.so*") if path.is_file()]
    assert {"numpy", "pydantic_core", "cryptography"} <= {path.relative_to(made.folder).parts[0] for path in shared}
    for path in shared:
        found = read_shared_object(path)
        assert found.machine == machine, path
        assert found.glibc <= GLIBC[python], path
        tag = re.search(r"\.(cpython-\d+|abi3)\b", path.name)
        assert tag is None or tag[1] in ("abi3", f"cpython-3{python[1]}"), path
    # Environment markers are evaluated for the target, not for this Python.
    assert ("six" in packages(made)) == (python >= (3, 14))
    assert ("iniconfig" in packages(made)) == (python < (3, 12))
    # Nothing is about this machine, and Lambda's user can read everything.
    assert not (made.folder / "bin").exists()
    assert not [path for path in made.folder.rglob("*") if path.name in ("RECORD", "INSTALLER", "__pycache__")]
    assert all(path.stat().st_mode & 0o777 in (0o644, 0o755) for path in made.folder.rglob("*"))
    if machine == "x86_64":
        import_in_a_bare_folder(made.folder, python)


def import_in_a_bare_folder(folder: Path, python: tuple[int, int]) -> None:
    interpreter = require_python(python)
    command = [str(interpreter), "-I", "-S", "-B", "-c", IMPORTS]
    done = subprocess.run(command, cwd=folder, env={}, capture_output=True, text=True, check=False)
    assert done.stdout == "imported\n", done.stderr


def test_package_without_wheel_is_rejected_and_can_be_built_on_request(entry: Path) -> None:
    (entry / "requirements.txt").write_text("docopt==0.6.2\n")
    with pytest.raises(BundlingError, match=r"docopt(.|\n)*no usable wheels"):
        bundle(entry)
    assert "docopt" in packages(bundle(entry, build_from_source=["docopt"]))
