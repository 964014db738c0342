"""Bundles for this machine, for functions whose dependencies are for another Python or machine.

The construct's bundler makes them: `lambda_bundling`, in a process of its own. The emulator finds that package without
importing it, and exchanges JSON with it: a request as the last argument, an answer as the last line of stdout. Both
carry `PROTOCOL_VERSION`. The bundler keeps its bundles, so the next start finds them.
"""

from __future__ import annotations

import asyncio
import importlib.util
import json
import os
import platform
import signal
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import BinaryIO

from ..functions import Bundling, Code, Function
from ..logs import FunctionLog, Print
from .interpreters import Interpreter, find_interpreter
from .launch import reason_not_run
from .processes import Processes

PROTOCOL_VERSION = 1

_PACKAGE = "lambda_bundling"

_RUN_MODULE = f"""\
import sys
sys.path = [*filter(None, sys.path), sys.argv.pop(1)]
import runpy
runpy.run_module("{_PACKAGE}", run_name="__main__", alter_sys=True)
"""
"""Program that runs the package as `python -m` does, but never imports from the current folder, which is the user's.

Python 3.10 has no option for that. To start it in another folder would change the meaning of relative paths in
variables such as `UV_CACHE_DIR`.
"""

_COMPILED = {".so", ".pyd", ".dylib"}


class NotBundled(Exception):
    """There is no bundle for this machine. The message says why and how to get one."""


class LocalBundler:
    """Bundler that gives each function the code for this machine. Equal requests share one bundle."""

    def __init__(self, assembly_folder: Path, processes: Processes, print_line: Print) -> None:
        self._processes = processes
        # Most apps run where `cdk.out` is. In another project's folder, the same path means another function.
        self._app_folders = list(dict.fromkeys([assembly_folder.absolute().parent, Path.cwd()]))
        self._print = print_line
        self._bundles: dict[str, asyncio.Task[Path]] = {}

    async def local_code(self, function: Function) -> Code:
        """Return the function's asset if it runs here, else a bundle. Without a bundle, log the reason."""
        if function.bundling is None or reason_not_run(function):
            return function.code
        interpreter = await asyncio.to_thread(find_interpreter, function.runtime)
        if runs_here(function.code, function.bundling, python=interpreter.minor_version, machine=this_machine()):
            return function.code
        log = FunctionLog(function.construct_path, self._print)
        try:
            return await self._bundle_again(function.bundling, interpreter, log)
        except NotBundled as reason:
            _log_reason(log, function.bundling, str(reason))
            return function.code

    async def _bundle_again(self, bundling: Bundling, interpreter: Interpreter, log: FunctionLog) -> Path:
        package_folder = find_bundler()
        request = bundling_request(bundling, interpreter, self._app_folders)
        log.announce(
            f"is bundled again from {_source_name(bundling)} for Python {interpreter.minor_version} on this machine: "
            f"its asset is for {_made_for(bundling)}"
        )
        if request not in self._bundles:
            self._bundles[request] = asyncio.create_task(_run_bundler(self._processes, package_folder, request))
        return await self._bundles[request]


def _source_name(bundling: Bundling) -> str:
    return Path(bundling.requirements).name if bundling.requirements else "the requirements that before_bundling writes"


def _made_for(bundling: Bundling) -> str:
    return f"Python {bundling.python} on {bundling.machine}"


def _log_reason(log: FunctionLog, bundling: Bundling, reason: str) -> None:
    first, *others = reason.splitlines()
    log.announce(f"is not bundled again, and packages compiled for {_made_for(bundling)} may not run here: {first}")
    for line in others:
        log.announce(f"  {line}")


def this_machine() -> str:
    """Return the processor as the construct names it, with the name of the system in front unless that is Linux."""
    machine = platform.machine()
    return machine if sys.platform == "linux" else f"{sys.platform} {machine}"


def runs_here(code: Code, bundling: Bundling, *, python: str, machine: str) -> bool:
    """Return True if a function's asset runs on `python` and `machine` as it is.

    Another Python may need other packages, by their environment markers. Another machine only needs other files if some
    are compiled.
    """
    return python == bundling.python and (machine == bundling.machine or not _has_compiled_files(code))


def _has_compiled_files(code: Code) -> bool:
    # A bundle is always a folder. Any other code counts as compiled without a look inside.
    return (
        not isinstance(code, Path)
        or not os.path.isdir(code)
        or any(file.suffix in _COMPILED for file in code.rglob("*"))
    )


def bundling_request(bundling: Bundling, interpreter: Interpreter, app_folders: Sequence[Path]) -> str:
    """Return the request to the bundler. Raise `NotBundled` if the function's folder is in none of `app_folders`."""
    request = {
        "version": PROTOCOL_VERSION,
        "entry": str(_find_entry(bundling, app_folders)),
        "requirements": bundling.requirements,
        "options": bundling.options,
        "excluded": bundling.excluded,
        "python": [int(number) for number in interpreter.minor_version.split(".")],
        "interpreter": str(interpreter.path),
    }
    return json.dumps(request, sort_keys=True)


def _find_entry(bundling: Bundling, app_folders: Sequence[Path]) -> Path:
    entries = [folder / bundling.entry for folder in app_folders]
    for entry in entries:
        if (entry / (bundling.requirements or ".")).exists():
            return entry
    searched = " or ".join(f"'{entry}'" for entry in entries)
    missing = f"no {bundling.requirements} in {searched}" if bundling.requirements else f"no folder {searched}"
    raise NotBundled(f"there is {missing}; start the emulator where the CDK app runs")


def find_bundler() -> Path:
    """Return the folder that holds the bundler's package. The package is not imported."""
    specification = importlib.util.find_spec(_PACKAGE)
    for folder in (specification and specification.submodule_search_locations) or ():
        if Path(folder, "__main__.py").is_file():
            return Path(folder).parent
    raise NotBundled(
        "cdk-lambda-streaming is not installed beside the emulator; in the folder that holds the clone, run "
        f"{sys.executable} -m pip install './cdk-lambda-streaming[bundling]'"
    )


async def _run_bundler(processes: Processes, package_folder: Path, request: str) -> Path:
    """Return the folder of the bundle."""
    with tempfile.TemporaryFile() as output, tempfile.TemporaryFile() as errors:
        process = await processes.run(
            [sys.executable, "-c", _RUN_MODULE, str(package_folder), request],
            folder=Path.cwd(),
            variables=os.environ,
            stdout=output.fileno(),
            stderr=errors.fileno(),
        )
        try:
            status = await process.wait()
        except asyncio.CancelledError:
            process.send_signal(signal.SIGINT)  # the bundler removes its incomplete files
            await process.wait()
            raise
        if status == 0:
            return read_answer(_written(output))
        text = _written(errors).decode(errors="replace").strip()
        raise NotBundled(_error_text(text) or f"the bundler ended with status {status}")


def _written(file: BinaryIO) -> bytes:
    file.seek(0)
    return file.read()


def read_answer(output: bytes) -> Path:
    """Return the folder that the last line of the bundler's output names. Raise `NotBundled` if it has another form."""
    try:
        answer = json.loads(output.splitlines()[-1])
        if answer["version"] == PROTOCOL_VERSION:
            return Path(answer["folder"])
    except (ValueError, LookupError, TypeError):
        pass
    raise NotBundled(
        "the bundler's answer has another version than this emulator reads; install the same version of "
        "cdk-lambda-streaming and lambda-streaming-emulator"
    )


def _error_text(text: str) -> str:
    """Return the last line of a traceback, or any other text as it is."""
    return text.splitlines()[-1] if "Traceback (most recent call last)" in text else text
