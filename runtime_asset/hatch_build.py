"""Byte code of the runtime for every Python it runs on, put into a wheel that is to be released.

`BYTE_CODE_PYTHONS` names the interpreters, separated by `os.pathsep`; `scripts/build_wheels` sets it. Without
it the wheel has none. It lies in a folder of its own, since installers write their own `__pycache__`; the construct
puts it beside the sources in the layer, where it belongs to them (`layer_content.py`).
"""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import tempfile
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

VARIABLE = "BYTE_CODE_PYTHONS"
# Each compiles all modules; names are those that tracebacks show on Lambda.
COMPILE = """
import pathlib, py_compile, sys
package, out = map(pathlib.Path, sys.argv[1:])
for source in sorted(package.glob("*.py")):
    py_compile.compile(
        str(source),
        cfile=str(out / sys.implementation.cache_tag / (source.stem + ".pyc")),
        dfile="/opt/python/lambda_streaming/" + source.name,
        doraise=True,
        invalidation_mode=py_compile.PycInvalidationMode.UNCHECKED_HASH,
    )
"""


class ByteCodeHook(BuildHookInterface):  # type: ignore[type-arg]
    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        interpreters = [path for path in os.environ.get(VARIABLE, "").split(os.pathsep) if path]
        if version == "editable" or not interpreters:
            return
        package = Path(self.root, "python", "lambda_streaming")
        out = Path(tempfile.mkdtemp(prefix="lambda-streaming-byte-code-"))
        for interpreter in interpreters:
            subprocess.run([interpreter, "-I", "-c", COMPILE, str(package), str(out)], check=True)
        # What it was made from: Python keeps that to itself, and each version in its own way.
        sources = {path.stem: hashlib.sha256(path.read_bytes()).hexdigest() for path in package.glob("*.py")}
        (out / "sources.json").write_text(json.dumps(sources, indent=1, sort_keys=True) + "\n")
        build_data["force_include"][str(out)] = "lambda_streaming/byte_code"
