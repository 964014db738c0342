"""Real packages in a bundle: programs, imports and byte code."""

from __future__ import annotations

import marshal
import subprocess
import sys
from pathlib import Path

from lambda_bundling.byte_code import compile_folder
from lambda_bundling.options import LeaveOut

from ..interpreters import require_other_python
from .conftest import THIS_MACHINE, bundle
from .test_content import write
from .test_reproducibility import result, start

IMPORT_IN_A_BARE_FOLDER = """
import sys
sys.path.insert(0, ".")
import numpy.testing, numpy.linalg, django.test
assert not [m for m in sys.modules.values() if "site-packages" in (getattr(m, "__file__", "") or "")]
print("imported")
"""


def test_programs_are_for_target_and_equal_under_every_interpreter(entry: Path, tmp_path: Path) -> None:
    other = require_other_python(oldest=(3, 12))
    (entry / "requirements.txt").write_text("ninja==1.13.0\nidna==3.10\nuvicorn==0.34.0\n")
    here = result(start(sys.executable, entry, tmp_path / "one", byte_code="off"))
    there = result(start(str(other), entry, tmp_path / "two", byte_code="off"))
    assert here[:3] == there[:3]
    bin_folder = Path(here[3]) / "bin"
    assert [path.name for path in bin_folder.iterdir()] == ["ninja"]
    assert (bin_folder / "ninja").read_bytes()[18:20] == b"\xb7\0"  # EM_AARCH64
    assert (bin_folder / "ninja").stat().st_mode & 0o777 == 0o755


def test_packages_import_without_their_test_folders(entry: Path) -> None:
    """NumPy 2.2 has helpers of `numpy.testing` in a test folder, and `django.test` is public API."""
    (entry / "requirements.txt").write_text("numpy==2.2.6\ndjango==5.2.1\n")
    made = bundle(entry, sys.version_info[:2], THIS_MACHINE, leave_out=[LeaveOut.TESTS])
    command = [sys.executable, "-I", "-S", "-B", "-c", IMPORT_IN_A_BARE_FOLDER]
    done = subprocess.run(command, cwd=made.folder, capture_output=True, text=True, check=False)
    assert done.stdout == "imported\n", done.stderr
    assert not (made.folder / "numpy" / "fft" / "tests").exists()


def test_byte_code_has_lambda_paths_in_every_folder(tmp_path: Path) -> None:
    folders = [tmp_path / "one", tmp_path / "deeper" / "two"]
    for folder in folders:
        write(folder / "index.py", "def handler(event, context): ...\n")
        write(folder / "shop" / "cart.py", "def add(): ...\n")
        compile_folder(folder, sys.executable)
    one, two = ({path.relative_to(folder): path.read_bytes() for path in folder.rglob("*.pyc")} for folder in folders)
    assert one == two
    # PEP 552: the code object follows 16 bytes.
    assert {marshal.loads(content[16:]).co_filename for content in one.values()} == {
        "/var/task/index.py",
        "/var/task/shop/cart.py",
    }
