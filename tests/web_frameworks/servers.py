"""The servers: Lambda's emulator with the real runtime, and the web servers that answer the same requests."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from lambda_emulator.assembly.assembly import read_assembly
from lambda_emulator.assembly.template import DeployTarget

from tests.lambda_emulator.cloud_assembly import CloudAssembly
from tests.lambda_streaming.conftest import INTERPRETER, RUNTIME_ASSET
from tests.wrappers.tools import packages_of

from .frameworks import ASGI, PINS

HERE = Path(__file__).parent
APPLICATIONS = HERE / "applications"

# Frameworks write sets into headers, such as `allow`.
HASHES = {"PYTHONHASHSEED": "0"}


def packages() -> Path:
    return packages_of(PINS)


class Functions:
    """Cloud assembly with the runtime's layer, and functions whose code is the folder `applications`."""

    def __init__(self, folder: Path) -> None:
        self._packages = packages()
        self._assembly = CloudAssembly(folder / "cdk.out", folder)
        layer = {"CompatibleRuntimes": [Path(INTERPRETER).name], "Content": self._add_folder(RUNTIME_ASSET)}
        self._assembly.add_resource("Layer", "AWS::Lambda::LayerVersion", layer)
        self._code = self._add_folder(APPLICATIONS)

    def add(
        self,
        construct_id: str,
        interface: str,
        application: str,
        *,
        invoke_mode: str = "RESPONSE_STREAM",
        **variables: str,
    ) -> None:
        properties: dict[str, Any] = {
            "FunctionName": construct_id,
            "Runtime": Path(INTERPRETER).name,
            "Handler": f"lambda_streaming.{interface.lower()}.handler",
            "Code": self._code,
            "Layers": [{"Ref": "Layer"}],
            "Environment": {
                "Variables": {
                    "AWS_LAMBDA_EXEC_WRAPPER": "/opt/bootstrap",
                    "LAMBDA_STREAMING_APP": application,
                    "PYTHONPATH": str(self._packages),
                    **HASHES,
                    **variables,
                }
            },
            "Timeout": 30,
        }
        self._assembly.add_resource(construct_id, "AWS::Lambda::Function", properties)
        self._assembly.add_url(construct_id, InvokeMode=invoke_mode)

    def domain_name(self, construct_id: str) -> str:
        """Return the domain name that the function's URL has in the emulator."""
        urls = read_assembly(self.write(), DeployTarget()).function_urls
        return next(url.domain_name for url in urls if url.function.name == construct_id)

    def write(self) -> Path:
        return self._assembly.write()

    def _add_folder(self, folder: Path) -> dict[str, str]:
        files = [file for part in ("*", "python/**/*") for file in folder.glob(part) if file.is_file()]
        texts = {str(file.relative_to(folder)): file.read_text("utf-8") for file in files if file.suffix != ".pyc"}
        return self._assembly.add_asset(texts)


@contextmanager
def web_server(interface: str, modules: Sequence[str]) -> Iterator[dict[str, int]]:
    """Run uvicorn or gunicorn with applications. Give the port of each module."""
    program = "uvicorn_servers.py" if interface == ASGI else "gunicorn_server.py"
    process = subprocess.Popen(
        [INTERPRETER, APPLICATIONS / program, *modules],
        cwd=APPLICATIONS,
        env={"PATH": os.environ["PATH"], "PYTHONPATH": str(packages()), "PYTHONDONTWRITEBYTECODE": "1", **HASHES},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        ports = [int(port) for port in process.stdout.readline().split()]
        assert ports, "the web server does not start"
        yield dict(zip(modules, ports if interface == ASGI else ports * len(modules), strict=True))
    finally:
        process.stdin.close()
        process.wait()
        process.stdout.close()
