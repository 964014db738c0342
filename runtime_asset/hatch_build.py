"""Build hook: adds byte code of the runtime for each Python to a released wheel.

`BYTE_CODE_PYTHONS` lists the interpreters, separated by `os.pathsep`; `scripts/build_wheels` sets it. Without it the
wheel has no byte code. The byte code has a folder of its own, because installers write their own `__pycache__`; the
construct puts it beside the sources in the layer (`layer_content.py`).
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
# Each interpreter compiles all modules. `dfile` is the path that tracebacks show on Lambda.
COMPILE = """
import pathlib, py_compile, sys
package, out = map(pathlib.Path, sys.argv[1:])
for source in sorted(package.rglob("*.py")):
    module = source.relative_to(package)
    py_compile.compile(
        str(source),
        cfile=str(out / sys.implementation.cache_tag / module.with_suffix(".pyc")),
        dfile="/opt/python/lambda_streaming/" + module.as_posix(),
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
        # The hashes of the sources: byte code itself holds them in a form that differs between versions.
        sources = {
            path.relative_to(package).with_suffix("").as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
            for path in package.rglob("*.py")
        }
        (out / "sources.json").write_text(json.dumps(sources, indent=1, sort_keys=True) + "\n")
        build_data["force_include"][str(out)] = "lambda_streaming/byte_code"
