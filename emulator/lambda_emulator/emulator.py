"""The emulator: everything an assembly asks for, served on this desk for as long as it is open.

    async with Emulator("cdk.out") as emulator:
        emulator.lambda_api_url             # for boto3: client("lambda", endpoint_url=...)
        emulator.functions                  # what can be invoked
        emulator.function_urls              # pairs of a Function URL and its local address
        emulator.url("Chat")                # the address of one function's URL

`EmulatorThread` is the same for code that does not run on asyncio.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import tempfile
import threading
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType

from .assembly import Assembly, read_assembly
from .concurrency import FunctionConcurrency
from .desk_bundle import DeskBundler
from .function_url import FunctionUrlServer
from .functions import Function, FunctionUrl
from .lambda_api import ApiError, FunctionDirectory, LambdaApiServer
from .logs import Print, print_line
from .template import Desk

DEFAULT_HOST = "127.0.0.1"


class Emulator:
    """Serves the assembly in `assembly_folder`: the Lambda API at `port`, Function URLs at the ports that follow.

    Port 0 stands for any free ports. Reading the assembly may raise `AssemblyError`, entering the context `PortTaken`.
    """

    def __init__(
        self,
        assembly_folder: Path | str,
        *,
        host: str = DEFAULT_HOST,
        port: int = 0,
        print_line: Print = print_line,
    ) -> None:
        self.assembly_folder = Path(assembly_folder)
        self.assembly: Assembly = read_assembly(self.assembly_folder, _desk(os.environ))
        self._host = host
        self._port = port
        self._print = print_line
        self._folder = Path()
        self._local_addresses: dict[str, str] = {}
        self._concurrency = {
            function.name: FunctionConcurrency(function, self._local_addresses, print_line)
            for function in self.assembly.functions
        }
        self._url_servers = [
            FunctionUrlServer(url, self._concurrency[url.function.name], print_line)
            for url in self.assembly.function_urls
        ]
        self._lambda_api = LambdaApiServer(self.assembly.functions, self._concurrency, self._url_servers, print_line)

    async def __aenter__(self) -> Emulator:
        self._folder = Path(tempfile.mkdtemp(prefix="lambda-emulator-"))
        try:
            await self._find_code()
            await self._listen()
        except BaseException:
            await self._close()
            raise
        for number, concurrency in enumerate(self._concurrency.values()):
            concurrency.folder = self._folder / str(number)
        return self

    async def __aexit__(
        self, error_type: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._close()

    @property
    def functions(self) -> tuple[Function, ...]:
        return self.assembly.functions

    @property
    def function_urls(self) -> list[tuple[FunctionUrl, str]]:
        return [(server.url, server.address) for server in self._url_servers]

    @property
    def lambda_api_url(self) -> str:
        return self._lambda_api.address

    def url(self, function_name: str, qualifier: str = "") -> str:
        """Return the local address of a function's URL, the function named as an invoke may name it.

        Raise `LookupError` if there is none.
        """
        function = self._find(function_name)
        for url, address in self.function_urls:
            if url.function == function and url.qualifier == qualifier:
                return address
        raise LookupError(f"{function.name} has no such Function URL")

    def environment_count(self, function_name: str) -> int:
        """Return how many execution environments a function has at the moment."""
        function = self._find(function_name)
        return self._concurrency[function.name].environment_count

    def _find(self, name: str) -> Function:
        try:
            return FunctionDirectory(self.functions).find(name)[0]
        except ApiError as error:
            raise LookupError(error.message) from None

    async def _find_code(self) -> None:
        """Give every function code that fits this desk, where there is any; what is not there yet takes seconds."""
        bundler = DeskBundler(self.assembly_folder, self._print)
        functions = self._concurrency.values()
        codes = await asyncio.gather(*(bundler.code_for_desk(each.function) for each in functions))
        for concurrency, code in zip(functions, codes, strict=True):
            concurrency.code = code

    async def _listen(self) -> None:
        await self._lambda_api.start(self._host, self._port)
        for number, server in enumerate(self._url_servers, start=1):
            await server.start(self._host, self._port + number if self._port else 0)
            self._local_addresses[server.url.deployed_form] = server.address

    async def _close(self) -> None:
        """End the processes first: what they leave unanswered is not reported to anyone."""
        await asyncio.gather(*(concurrency.stop() for concurrency in self._concurrency.values()))
        await asyncio.gather(self._lambda_api.close(), *(server.close() for server in self._url_servers))
        shutil.rmtree(self._folder, ignore_errors=True)


def _desk(variables: Mapping[str, str]) -> Desk:
    region = variables.get("AWS_REGION") or variables.get("AWS_DEFAULT_REGION")
    return Desk(region=region) if region else Desk()


class EmulatorThread:
    """Runs an `Emulator` on a thread of its own: `with EmulatorThread("cdk.out") as emulator: ...`."""

    def __init__(
        self,
        assembly_folder: Path | str,
        *,
        host: str = DEFAULT_HOST,
        port: int = 0,
        print_line: Print = print_line,
    ) -> None:
        self._emulator = Emulator(assembly_folder, host=host, port=port, print_line=print_line)
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="lambda-emulator", daemon=True)

    def __enter__(self) -> Emulator:
        self._thread.start()
        try:
            return asyncio.run_coroutine_threadsafe(self._emulator.__aenter__(), self._loop).result()
        except BaseException:
            self._end_thread()
            raise

    def __exit__(
        self, error_type: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        asyncio.run_coroutine_threadsafe(self._emulator.__aexit__(None, None, None), self._loop).result()
        self._end_thread()

    def _end_thread(self) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()
