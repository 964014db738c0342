"""What a bundle has of its packages, and how the function's own files get over them."""

from __future__ import annotations

import marshal
import sys
from pathlib import Path

from bundling.byte_code import compile_sources



def write(path: Path, text: str = "") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


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


