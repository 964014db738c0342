"""What a bundle has of its packages, and how the function's own files get over them."""

from __future__ import annotations

import marshal
import subprocess
import sys
from pathlib import Path

import pytest
from bundling import tree
from bundling.byte_code import compile_sources
from bundling.errors import BundlingError
from bundling.imports import unused_tests
from bundling.options import LeaveOut

from ..interpreters import installed_pythons
from ..requirements import miss
from .conftest import bundle
from .test_reproducibility import result, start

SCRIPTS_OF_INSTALLERS = {
    "plain": "#!/home/ann/app/.venv/bin/python\nimport sys\n",
    "with a version": "#!/opt/python/bin/python3.11\nimport sys\n",
    "with a flag": "#!/opt/python/bin/python3 -X utf8=1 -c /etc/x\nimport sys\n",
    "pypy": "#! /opt/pypy/bin/pypy3.10\nimport sys\n",
    "in a folder with a space": "#!/bin/sh\n'''exec' \"/home/ann/my app/.venv/bin/python\" \"$0\" \"$@\"\n' '''\n",
    "in a long folder": "#!/bin/sh\n'''exec' /home/ann/a/long/folder/bin/python3 \"$0\" \"$@\"\n' '''\n",
}
PROGRAMS_OF_WHEELS = {
    "a shell's": "#!/bin/sh\nexec python3 -m chat\n",
    "another language's": "#!/usr/bin/env node\n",
    "Python's, wherever it is": "#!/usr/bin/env python3\nimport sys\n",
    "a shell's in a folder named for Python": "#!/opt/python/bin/sh\n",
    "one that is compiled": "\x7fELF",
    "one that is empty": "",
}
# What imports a package's folder of tests, written to a module of the package.
IMPORTS = {
    "from . import tests": "from . import tests\n",
    "from a module in it": "from .tests.helpers import values\n",
    "by its whole name": "import shop.tests.helpers\n",
    "by its whole name, as another": "import shop.tests as t\n",
    "from the package": "from shop import cart, tests\n",
    "over several lines": "from shop import (\n    cart,\n    tests,\n)\n",
    "in a function": "def f():\n    class A:\n        def g(self):\n            import shop.tests\n",
    "where it may fail": "try:\n    pass\nexcept ValueError:\n    pass\nelse:\n    from .tests import *\n",
    "in a case": "match 1:\n    case 1:\n        with open('x'):\n            from . import tests\n",
    "in what this Python cannot read": "x = ?\nif x:\n    from . import (\n        tests,\n    )\n",
}
NO_IMPORTS = {
    "of another package": "from other import tests\n",
    "of its own names": "import tests\nfrom .cart import tests_of\n",
    "from above the top": "from ...shop import tests\n",
    "in a text": "'from . import tests'\n",
}
IMPORT_IN_A_BARE_FOLDER = """
import sys
sys.path.insert(0, ".")
import numpy.testing, numpy.linalg, django.test
assert not [m for m in sys.modules.values() if "site-packages" in (getattr(m, "__file__", "") or "")]
print("imported")
"""


@pytest.fixture
def installed(tmp_path: Path) -> Path:
    """A folder with the package `shop` and its folder of tests."""
    folder = tmp_path / "installed"
    for name in ("shop/__init__.py", "shop/cart.py", "shop/tests/__init__.py", "shop/tests/helpers.py"):
        write(folder / name)
    return folder


def write(path: Path, text: str = "") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def left_out(folder: Path, *own: Path) -> list[str]:
    return sorted(path.relative_to(folder).as_posix() for path in unused_tests(folder, own))


@pytest.mark.parametrize("script", SCRIPTS_OF_INSTALLERS)
def test_a_script_that_names_the_desks_interpreter_is_removed(tmp_path: Path, script: str) -> None:
    write(tmp_path / "bin" / "tool", SCRIPTS_OF_INSTALLERS[script])
    tree.remove_traces(tmp_path)
    assert not (tmp_path / "bin").exists()


@pytest.mark.parametrize("program", PROGRAMS_OF_WHEELS)
def test_a_program_that_a_wheel_brings_stays(tmp_path: Path, program: str) -> None:
    path = write(tmp_path / "bin" / "tool", PROGRAMS_OF_WHEELS[program])
    path.chmod(0o775)
    write(tmp_path / "bin" / "of-the-desk", SCRIPTS_OF_INSTALLERS["plain"])
    tree.remove_traces(tmp_path)
    tree.set_modes(tmp_path)
    assert [each.name for each in path.parent.iterdir()] == ["tool"]
    assert path.read_text() == PROGRAMS_OF_WHEELS[program]
    assert path.stat().st_mode & 0o777 == 0o755


def test_a_package_named_bin_stays(tmp_path: Path) -> None:
    write(tmp_path / "bin" / "__init__.py", "from . import tools\n")
    write(tmp_path / "bin" / "tools" / "__init__.py")
    tree.remove_traces(tmp_path)
    assert (tmp_path / "bin" / "tools" / "__init__.py").is_file()


def test_programs_are_the_targets_and_the_same_whatever_interpreter_the_desk_has(entry: Path, tmp_path: Path) -> None:
    other = next((path for version, path in sorted(installed_pythons().items()) if version >= (3, 12)), None)
    if other is None:
        miss("there is no second Python of 3.12 or newer on this machine")
    (entry / "requirements.txt").write_text("ninja==1.13.0\nidna==3.10\nuvicorn==0.34.0\n")
    here = result(start(sys.executable, entry, tmp_path / "one", byte_code="off"))
    there = result(start(str(other), entry, tmp_path / "two", byte_code="off"))
    assert here[:3] == there[:3]
    bin_folder = Path(here[3]) / "bin"
    assert [path.name for path in bin_folder.iterdir()] == ["ninja"]
    assert (bin_folder / "ninja").read_bytes()[18:20] == b"\xb7\0"  # EM_AARCH64
    assert (bin_folder / "ninja").stat().st_mode & 0o777 == 0o755


def test_a_folder_of_tests_that_nothing_imports_is_left_out(installed: Path) -> None:
    write(installed / "shop" / "api" / "test" / "data.json")
    write(installed / "shop" / "tests" / "test" / "deeper.py", "from shop.tests import helpers\n")
    tree.leave_out(installed, [LeaveOut.TESTS])
    left = {path.relative_to(installed).as_posix() for path in installed.rglob("*") if path.is_file()}
    assert left == {"shop/__init__.py", "shop/cart.py"}


@pytest.mark.parametrize("statement", IMPORTS)
def test_a_folder_of_tests_that_a_module_imports_stays_whole(installed: Path, statement: str) -> None:
    write(installed / "shop" / "tests" / "tests" / "deeper.py")
    write(installed / "shop" / "api.py", IMPORTS[statement])
    assert left_out(installed) == []


@pytest.mark.parametrize("statement", NO_IMPORTS)
def test_what_only_looks_like_an_import_of_tests_keeps_none(installed: Path, statement: str) -> None:
    write(installed / "shop" / "api.py", NO_IMPORTS[statement])
    assert left_out(installed) == ["shop/tests"]


def test_what_stays_keeps_what_it_imports(installed: Path) -> None:
    write(installed / "shop" / "api.py", "from .tests import helpers\n")
    write(installed / "shop" / "tests" / "helpers.py", "from bank.test import money\n")
    write(installed / "bank" / "test" / "money.py", "import bank.coin.tests\n")
    write(installed / "bank" / "coin" / "tests" / "__init__.py")
    write(installed / "bank" / "note" / "tests" / "__init__.py", "import bank.note.tests\n")
    assert left_out(installed) == ["bank/note/tests"]


def test_an_entry_point_keeps_a_folder_of_tests(installed: Path) -> None:
    write(installed / "shop-1.dist-info" / "entry_points.txt", "[pytest11]\nshop = shop.tests.helpers:plugin [x]\n")
    assert left_out(installed) == []


def test_a_module_at_the_top_and_the_functions_own_keep_folders_of_tests(installed: Path, tmp_path: Path) -> None:
    write(installed / "bank" / "test" / "__init__.py")
    assert left_out(installed) == ["bank/test", "shop/tests"]
    assert left_out(installed, write(tmp_path / "index.py", "import bank.test\n")) == ["shop/tests"]
    write(installed / "till.py", "import shop.tests\n")
    assert left_out(installed) == ["bank/test"]


def test_packages_import_in_a_bare_folder_without_their_tests(entry: Path) -> None:
    """NumPy 2.2 has helpers of `numpy.testing` in a folder of tests, and `django.test` is API."""
    (entry / "requirements.txt").write_text("numpy==2.2.6\ndjango==5.2.1\n")
    made = bundle(entry, sys.version_info[:2], "desk", leave_out=[LeaveOut.TESTS])
    command = [sys.executable, "-I", "-S", "-B", "-c", IMPORT_IN_A_BARE_FOLDER]
    done = subprocess.run(command, cwd=made.folder, capture_output=True, text=True, check=False)
    assert done.stdout == "imported\n", done.stderr
    assert not (made.folder / "numpy" / "fft" / "tests").exists()


def test_byte_code_has_lambdas_paths_wherever_it_is_made(tmp_path: Path) -> None:
    folders = [tmp_path / "one", tmp_path / "deeper" / "two"]
    for folder in folders:
        write(folder / "index.py", "def handler(event, context): ...\n")
        write(folder / "shop" / "cart.py", "def add(): ...\n")
        compile_sources(folder, sys.executable)
    one, two = ({path.relative_to(folder): path.read_bytes() for path in folder.rglob("*.pyc")} for folder in folders)
    assert one == two
    # PEP 552: the code object follows 16 bytes.
    assert {marshal.loads(content[16:]).co_filename for content in one.values()} == {
        "/var/task/index.py",
        "/var/task/shop/cart.py",
    }


def test_a_file_of_an_installed_folders_name_is_refused(installed: Path, entry: Path) -> None:
    write(entry / "shop")
    said = r"'.*/chat/shop' is a file, and 'shop' a folder of an installed package; rename the file"
    with pytest.raises(BundlingError, match=said):
        tree.copy_files(entry, installed)
    assert not (installed / "shop" / "shop").exists()


def test_a_link_of_an_installed_folders_name_is_refused(installed: Path, entry: Path) -> None:
    write(entry / "common" / "a.py")
    (entry / "shop").symlink_to("common")
    with pytest.raises(BundlingError, match=r"'.*/chat/shop' .*'shop' a folder of an installed package"):
        tree.copy_files(entry, installed)


@pytest.mark.parametrize("inside", ["x.py", "deeper/x.py"])
def test_a_folder_of_an_installed_files_name_is_refused(installed: Path, entry: Path, inside: str) -> None:
    write(installed / "bin" / "tool")
    write(entry / "bin" / "tool" / inside)
    said = r"'.*/chat/bin/tool' is a folder, and 'bin/tool' a file of an installed package; rename the folder"
    with pytest.raises(BundlingError, match=said):
        tree.copy_files(entry, installed)


def test_an_own_file_in_an_installed_folder_wins(installed: Path, entry: Path) -> None:
    write(entry / "shop" / "cart.py", "own = True\n")
    tree.copy_files(entry, installed)
    assert (installed / "shop" / "cart.py").read_text() == "own = True\n"
    assert (installed / "shop" / "__init__.py").is_file()
