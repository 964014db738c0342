"""Files of packages: scripts, test folders, and files that clash with the function's own."""

from __future__ import annotations

from pathlib import Path

import pytest
from lambda_bundling import tree
from lambda_bundling.errors import BundlingError
from lambda_bundling.options import LeaveOut
from lambda_bundling.unused_tests import unused_tests

pytestmark = pytest.mark.pure

INSTALLER_SCRIPTS = {
    "plain": "#!/home/ann/app/.venv/bin/python\nimport sys\n",
    "with a version": "#!/opt/python/bin/python3.11\nimport sys\n",
    "with a flag": "#!/opt/python/bin/python3 -X utf8=1 -c /etc/x\nimport sys\n",
    "pypy": "#! /opt/pypy/bin/pypy3.10\nimport sys\n",
    "in a folder with a space": "#!/bin/sh\n'''exec' \"/home/ann/my app/.venv/bin/python\" \"$0\" \"$@\"\n' '''\n",
    "in a long folder": "#!/bin/sh\n'''exec' /home/ann/a/long/folder/bin/python3 \"$0\" \"$@\"\n' '''\n",
}
WHEEL_PROGRAMS = {
    "a shell script": "#!/bin/sh\nexec python3 -m chat\n",
    "a script in another language": "#!/usr/bin/env node\n",
    "a script for any Python": "#!/usr/bin/env python3\nimport sys\n",
    "a shell in a folder named python": "#!/opt/python/bin/sh\n",
    "a compiled program": "\x7fELF",
    "an empty file": "",
}
# Statements that import a package's test folder, in a module of the package.
IMPORTS = {
    "from . import tests": "from . import tests\n",
    "from a module in it": "from .tests.helpers import values\n",
    "by its whole name": "import shop.tests.helpers\n",
    "by its whole name, with an alias": "import shop.tests as t\n",
    "from the package": "from shop import cart, tests\n",
    "over several lines": "from shop import (\n    cart,\n    tests,\n)\n",
    "in a function": "def f():\n    class A:\n        def g(self):\n            import shop.tests\n",
    "in an else block": "try:\n    pass\nexcept ValueError:\n    pass\nelse:\n    from .tests import *\n",
    "in a case": "match 1:\n    case 1:\n        with open('x'):\n            from . import tests\n",
    "in a module that this Python cannot parse": "x = ?\nif x:\n    from . import (\n        tests,\n    )\n",
}
NO_IMPORTS = {
    "of another package": "from other import tests\n",
    "of its own names": "import tests\nfrom .cart import tests_of\n",
    "from above the top": "from ...shop import tests\n",
    "in a text": "'from . import tests'\n",
}


@pytest.fixture
def installed(tmp_path: Path) -> Path:
    """Return a folder with the package `shop` and its test folder."""
    folder = tmp_path / "installed"
    for name in ("shop/__init__.py", "shop/cart.py", "shop/tests/__init__.py", "shop/tests/helpers.py"):
        write(folder / name)
    return folder


def write(path: Path, text: str = "") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def unused(folder: Path, *own: Path) -> list[str]:
    return sorted(path.relative_to(folder).as_posix() for path in unused_tests(folder, own))


@pytest.mark.parametrize("script", INSTALLER_SCRIPTS)
def test_script_that_names_this_machines_interpreter_is_removed(tmp_path: Path, script: str) -> None:
    write(tmp_path / "bin" / "tool", INSTALLER_SCRIPTS[script])
    tree.remove_traces(tmp_path)
    assert not (tmp_path / "bin").exists()


@pytest.mark.parametrize("program", WHEEL_PROGRAMS)
def test_program_from_wheel_stays(tmp_path: Path, program: str) -> None:
    path = write(tmp_path / "bin" / "tool", WHEEL_PROGRAMS[program])
    path.chmod(0o775)
    write(tmp_path / "bin" / "of-this-machine", INSTALLER_SCRIPTS["plain"])
    tree.remove_traces(tmp_path)
    tree.set_modes(tmp_path)
    assert [each.name for each in path.parent.iterdir()] == ["tool"]
    assert path.read_text() == WHEEL_PROGRAMS[program]
    assert path.stat().st_mode & 0o777 == 0o755


def test_package_named_bin_stays(tmp_path: Path) -> None:
    write(tmp_path / "bin" / "__init__.py", "from . import tools\n")
    write(tmp_path / "bin" / "tools" / "__init__.py")
    tree.remove_traces(tmp_path)
    assert (tmp_path / "bin" / "tools" / "__init__.py").is_file()


def test_unused_test_folder_is_left_out(installed: Path) -> None:
    write(installed / "shop" / "api" / "test" / "data.json")
    write(installed / "shop" / "tests" / "test" / "deeper.py", "from shop.tests import helpers\n")
    tree.leave_out(installed, [LeaveOut.TESTS])
    left = {path.relative_to(installed).as_posix() for path in installed.rglob("*") if path.is_file()}
    assert left == {"shop/__init__.py", "shop/cart.py"}


@pytest.mark.parametrize("statement", IMPORTS)
def test_imported_test_folder_stays_whole(installed: Path, statement: str) -> None:
    write(installed / "shop" / "tests" / "tests" / "deeper.py")
    write(installed / "shop" / "api.py", IMPORTS[statement])
    assert unused(installed) == []


@pytest.mark.parametrize("statement", NO_IMPORTS)
def test_text_that_looks_like_import_keeps_no_test_folder(installed: Path, statement: str) -> None:
    write(installed / "shop" / "api.py", NO_IMPORTS[statement])
    assert unused(installed) == ["shop/tests"]


def test_test_folder_that_stays_keeps_its_imports(installed: Path) -> None:
    write(installed / "shop" / "api.py", "from .tests import helpers\n")
    write(installed / "shop" / "tests" / "helpers.py", "from bank.test import money\n")
    write(installed / "bank" / "test" / "money.py", "import bank.coin.tests\n")
    write(installed / "bank" / "coin" / "tests" / "__init__.py")
    write(installed / "bank" / "note" / "tests" / "__init__.py", "import bank.note.tests\n")
    assert unused(installed) == ["bank/note/tests"]


def test_entry_point_keeps_test_folder(installed: Path) -> None:
    write(installed / "shop-1.dist-info" / "entry_points.txt", "[pytest11]\nshop = shop.tests.helpers:plugin [x]\n")
    assert unused(installed) == []


def test_top_level_modules_and_own_modules_keep_test_folders(installed: Path, tmp_path: Path) -> None:
    write(installed / "bank" / "test" / "__init__.py")
    assert unused(installed) == ["bank/test", "shop/tests"]
    assert unused(installed, write(tmp_path / "index.py", "import bank.test\n")) == ["shop/tests"]
    write(installed / "till.py", "import shop.tests\n")
    assert unused(installed) == ["bank/test"]


def test_file_with_name_of_installed_folder_is_rejected(installed: Path, entry: Path) -> None:
    write(entry / "shop")
    message = r"'.*/chat/shop' is a file, but 'shop' is a folder of an installed package. Rename the file"
    with pytest.raises(BundlingError, match=message):
        tree.copy_files(entry, installed)
    assert not (installed / "shop" / "shop").exists()


def test_link_with_name_of_installed_folder_is_rejected(installed: Path, entry: Path) -> None:
    write(entry / "common" / "a.py")
    (entry / "shop").symlink_to("common")
    with pytest.raises(BundlingError, match=r"'.*/chat/shop' .*'shop' is a folder of an installed package"):
        tree.copy_files(entry, installed)


@pytest.mark.parametrize("inside", ["x.py", "deeper/x.py"])
def test_folder_with_name_of_installed_file_is_rejected(installed: Path, entry: Path, inside: str) -> None:
    write(installed / "bin" / "tool")
    write(entry / "bin" / "tool" / inside)
    message = r"'.*/chat/bin/tool' is a folder, but 'bin/tool' is a file of an installed package. Rename the folder"
    with pytest.raises(BundlingError, match=message):
        tree.copy_files(entry, installed)


def test_own_file_replaces_file_of_package(installed: Path, entry: Path) -> None:
    write(entry / "shop" / "cart.py", "own = True\n")
    tree.copy_files(entry, installed)
    assert (installed / "shop" / "cart.py").read_text() == "own = True\n"
    assert (installed / "shop" / "__init__.py").is_file()
