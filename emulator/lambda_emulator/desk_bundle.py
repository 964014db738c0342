"""Bundle a function's dependencies again where those in its asset are for another Python or machine than this desk's.

The construct's own bundler does it, in a process of its own and without the rest of its package: neither that package
nor the AWS CDK is ever imported here. It keeps what it has made, so the next start finds it.
"""

from __future__ import annotations

import asyncio
import importlib.util
import json
import platform
import signal
import sys
from collections.abc import Sequence
from pathlib import Path

from .functions import Bundling, Code, Function
from .interpreter import Interpreter, find_interpreter
from .launch import reason_not_run
from .logs import FunctionLog, Print

_PACKAGE = "cdk_lambda_streaming"

_BUNDLER = f"""\
import sys, types
sys.path = [folder for folder in sys.path if folder]  # not the current folder, which is the user's
sys.modules["{_PACKAGE}"] = package = types.ModuleType("{_PACKAGE}")
package.__path__ = [sys.argv[1]]
from {_PACKAGE}.bundling.__main__ import main
main()
"""
"""Runs the bundler as a part of its package, whose own start would import the AWS CDK."""

_COMPILED = {".so", ".pyd", ".dylib"}


class NotBundled(Exception):
    """There is no bundle for this desk; the message says why, and what would help."""


class DeskBundler:
    """Gives functions the code that they run with on this desk, equal ones the same."""

    def __init__(self, assembly_folder: Path, print_line: Print) -> None:
        # The app most often runs where `cdk.out` is; in another project's folder, the same path means another function.
        self._app_folders = list(dict.fromkeys([assembly_folder.absolute().parent, Path.cwd()]))
        self._print = print_line
        self._bundles: dict[str, asyncio.Task[Path]] = {}

    async def code_for_desk(self, function: Function) -> Code:
        """Return the function's asset if it fits, else a bundle; if there can be none, say why and return the asset."""
        if function.bundling is None or reason_not_run(function):
            return function.code
        interpreter = await asyncio.to_thread(find_interpreter, function.runtime)
        if fits_desk(function.code, function.bundling, interpreter.minor_version, desk_machine()):
            return function.code
        log = FunctionLog(function.construct_path, self._print)
        made_for = f"Python {function.bundling.python} on {function.bundling.machine}"
        try:
            package = find_bundler()
            request = bundling_request(function.bundling, interpreter, self._app_folders)
            named = function.bundling.requirements
            source = Path(named).name if named else "what its before_bundling writes"
            log.note(
                f"is bundled again from {source} for Python {interpreter.minor_version} on this machine: "
                f"its asset is for {made_for}"
            )
            return await self._bundle(package, request)
        except NotBundled as reason:
            first, *others = str(reason).splitlines()
            log.note(f"is not bundled again, and what is compiled for {made_for} may not run here: {first}")
            for line in others:
                log.note(f"  {line}")
            return function.code

    async def _bundle(self, package: Path, request: str) -> Path:
        if request not in self._bundles:
            self._bundles[request] = asyncio.create_task(_run_bundler(package, request))
        return await self._bundles[request]


def desk_machine() -> str:
    """Return this desk's processor as the construct calls it; with the system's name where that is not Lambda's."""
    machine = platform.machine()
    return machine if sys.platform == "linux" else f"{sys.platform} {machine}"


def fits_desk(code: Code, bundling: Bundling, python: str, machine: str) -> bool:
    """Say whether a function's asset runs as it is.

    Another Python may need other packages, by the conditions in their metadata; another machine only asks for other
    files where some are compiled.
    """
    return python == bundling.python and (machine == bundling.machine or not _has_compiled_files(code))


def _has_compiled_files(code: Code) -> bool:
    # What is not a folder is not looked into: a bundle always is one.
    return not isinstance(code, Path) or not code.is_dir() or any(file.suffix in _COMPILED for file in code.rglob("*"))


def bundling_request(bundling: Bundling, interpreter: Interpreter, app_folders: Sequence[Path]) -> str:
    """Return what the bundler is asked for; raise `NotBundled` where the function's folder is not found."""
    entries = [folder / bundling.entry for folder in app_folders]
    entry = next((entry for entry in entries if (entry / (bundling.requirements or ".")).exists()), None)
    if entry is None:
        searched = " or ".join(f"'{entry}'" for entry in entries)
        missing = f"no {bundling.requirements} in {searched}" if bundling.requirements else f"no folder {searched}"
        raise NotBundled(f"there is {missing}; start the emulator where the CDK app runs")
    request = {
        "entry": str(entry),
        "requirements": bundling.requirements,
        "options": bundling.options,
        "excluded": bundling.excluded,
        "python": [int(number) for number in interpreter.minor_version.split(".")],
        "interpreter": str(interpreter.path),
    }
    return json.dumps(request, sort_keys=True)


def find_bundler() -> Path:
    """Return the folder of the construct's package, which is not imported."""
    specification = importlib.util.find_spec(_PACKAGE)
    for folder in (specification and specification.submodule_search_locations) or ():
        if Path(folder, "bundling", "__main__.py").is_file():
            return Path(folder)
    raise NotBundled(
        "cdk-lambda-streaming is not installed beside the emulator; run "
        f"{sys.executable} -m pip install 'cdk-lambda-streaming[bundling]'"
    )


async def _run_bundler(package: Path, request: str) -> Path:
    """Return the folder of the bundle."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-c",
        _BUNDLER,
        str(package),
        request,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        start_new_session=True,  # Ctrl-C is for the emulator alone, which passes it on
    )
    try:
        said, reason = await process.communicate()
    except asyncio.CancelledError:
        process.send_signal(signal.SIGINT)  # with which it takes away what it has half made
        await process.wait()
        raise
    if process.returncode != 0:
        text = reason.decode(errors="replace").strip()
        raise NotBundled(_last_error(text) or f"the bundler ended with status {process.returncode}")
    return Path(said.decode().splitlines()[-1])


def _last_error(text: str) -> str:
    """Return what was said to the user; of a traceback, its end."""
    return text.splitlines()[-1] if "Traceback (most recent call last)" in text else text
