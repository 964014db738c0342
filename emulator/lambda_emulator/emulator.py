"""Emulator of Lambda, which serves the functions of a cloud assembly while its context is open.

    async with Emulator("cdk.out") as emulator:
        emulator.lambda_api_url             # for boto3: client("lambda", endpoint_url=...)
        emulator.functions                  # functions that can be invoked
        emulator.function_urls              # pairs of a Function URL and its local address
        emulator.url("Chat")                # the address of one function's URL

`EmulatorThread` does the same for code that does not run on asyncio.
"""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import Collection, Mapping
from pathlib import Path
from types import TracebackType

from .access import normal_name
from .assembly.assembly import Assembly, read_assembly
from .assembly.template import DeployTarget
from .environments.concurrency import DEFAULT_IDLE_SECONDS, DEFAULT_MAX_CONCURRENCY, Account, FunctionConcurrency
from .environments.credentials import Credentials, shell_credentials
from .environments.local_bundle import LocalBundler
from .environments.processes import Processes
from .environments.temporary_folder import TemporaryFolder, make_folder, remove_dead_folders
from .front_doors.function_url import FunctionUrlServer
from .front_doors.lambda_api import LambdaApiServer
from .functions import Function, FunctionDirectory, ServedUrl, missing_url_message
from .invocation import Invocation
from .logs import Print, print_line, with_time
from .ports import port_distances

DEFAULT_HOST = "127.0.0.1"


class Emulator:
    """Server of the assembly in `assembly_folder`: the Lambda API at `port`, Function URLs at ports after it.

    Port 0 takes free ports. A request must name the address that it is sent to, `localhost`, or one of `allowed_hosts`.
    Functions get `credentials`, or else those in the environment of this process. The constructor may raise
    `AssemblyError`, entering the context `PortTaken`.
    """

    def __init__(
        self,
        assembly_folder: Path | str,
        *,
        host: str = DEFAULT_HOST,
        port: int = 0,
        allowed_hosts: Collection[str] = (),
        credentials: Credentials | None = None,
        max_concurrency: int = DEFAULT_MAX_CONCURRENCY,
        idle_seconds: float = DEFAULT_IDLE_SECONDS,
        print_line: Print = print_line,
    ) -> None:
        self.assembly_folder = Path(assembly_folder)
        self.credentials = credentials or shell_credentials(os.environ)
        self.assembly: Assembly = read_assembly(self.assembly_folder, _deploy_target(os.environ))
        self._host = host
        self._port = port
        self._account = Account(max_concurrency)
        self._idle_seconds = idle_seconds
        self._print = with_time(print_line)
        self._loop: asyncio.AbstractEventLoop | None = None
        self._folder: TemporaryFolder | None = None
        self._processes: Processes | None = None
        self._local_addresses: dict[str, str] = {}
        self._concurrency: dict[str, FunctionConcurrency] = {}
        names = {normal_name(name) for name in (host, *allowed_hosts)}
        self._url_servers = [
            FunctionUrlServer(url, self._invoke, self._print, names) for url in self.assembly.function_urls
        ]
        self._lambda_api = LambdaApiServer(
            self.assembly.functions,
            self._invoke,
            served_urls=lambda: self.function_urls,
            print_line=self._print,
            allowed_hosts=names,
        )

    async def __aenter__(self) -> Emulator:
        self._loop = asyncio.get_running_loop()
        try:
            await self._open()
        except BaseException:
            await self._close()
            raise
        return self

    async def __aexit__(
        self, error_type: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._close()

    @property
    def functions(self) -> tuple[Function, ...]:
        return self.assembly.functions

    @property
    def function_urls(self) -> list[ServedUrl]:
        return [ServedUrl(server.url, server.address) for server in self._url_servers]

    @property
    def lambda_api_url(self) -> str:
        return self._lambda_api.address

    def url(self, function_name: str, qualifier: str = "") -> str:
        """Return the local address of a function's URL. Raise `LookupError` if there is none.

        `function_name` is any name that an invoke accepts.
        """
        function = self._find(function_name)
        served = [each for each in self.function_urls if each.url.function == function]
        for url, address in served:
            if url.qualifier == qualifier:
                return address
        raise LookupError(missing_url_message(function, qualifier, [each.url for each in served]))

    def environment_count(self, function_name: str) -> int:
        """Return the number of execution environments that a function has now."""
        function = self._find(function_name)
        return self._concurrency[function.name].environment_count

    def start_environments(self) -> None:
        """Start one execution environment of each function, so that failures of their init show at once.

        Without this call, a function's first invocation starts one. Any thread may call this.
        """
        assert self._loop is not None, "enter the context first"
        for concurrency in self._concurrency.values():
            self._loop.call_soon_threadsafe(concurrency.start_early)

    def _find(self, name: str) -> Function:
        return FunctionDirectory(self.functions).find(name)[0]

    async def _invoke(self, invocation: Invocation) -> None:
        await self._concurrency[invocation.function.name].invoke(invocation)

    async def _open(self) -> None:
        await asyncio.to_thread(remove_dead_folders)
        self._folder = make_folder()
        self._processes = Processes(self._folder)
        for number, function in enumerate(self.functions):
            self._concurrency[function.name] = FunctionConcurrency(
                function,
                account=self._account,
                processes=self._processes,
                folder=self._folder.path / str(number),
                idle_seconds=self._idle_seconds,
                local_addresses=self._local_addresses,
                credentials=self.credentials,
                print_line=self._print,
            )
        await self._find_code(self._processes)
        await self._listen()

    async def _find_code(self, processes: Processes) -> None:
        """Find or build the code that each function runs with on this machine. A build takes seconds."""
        bundler = LocalBundler(self.assembly_folder, processes, self._print)
        functions = self._concurrency.values()
        codes = await asyncio.gather(*(bundler.local_code(each.function) for each in functions))
        for concurrency, code in zip(functions, codes, strict=True):
            concurrency.code = code

    async def _listen(self) -> None:
        await self._lambda_api.start(self._host, self._port)
        for server, port in zip(self._url_servers, self._url_ports(), strict=True):
            await server.start(self._host, port)
            self._local_addresses[server.url.aws_address] = server.address

    def _url_ports(self) -> list[int]:
        if not self._port:
            return [0 for _ in self._url_servers]
        names = [server.url.construct_path for server in self._url_servers]
        return [self._port + distance for distance in port_distances(self.assembly_folder, names)]

    async def _close(self) -> None:
        """End the processes first, and close the servers then."""
        await asyncio.gather(*(concurrency.stop() for concurrency in self._concurrency.values()))
        await asyncio.gather(self._lambda_api.close(), *(server.close() for server in self._url_servers))
        if self._processes is not None:
            await self._processes.close()
        if self._folder is not None:
            self._folder.remove()


def _deploy_target(variables: Mapping[str, str]) -> DeployTarget:
    region = variables.get("AWS_REGION") or variables.get("AWS_DEFAULT_REGION")
    return DeployTarget(region=region) if region else DeployTarget()


class EmulatorThread:
    """Emulator on a thread of its own: `with EmulatorThread("cdk.out") as emulator: ...`."""

    def __init__(
        self,
        assembly_folder: Path | str,
        *,
        host: str = DEFAULT_HOST,
        port: int = 0,
        allowed_hosts: Collection[str] = (),
        credentials: Credentials | None = None,
        max_concurrency: int = DEFAULT_MAX_CONCURRENCY,
        idle_seconds: float = DEFAULT_IDLE_SECONDS,
        print_line: Print = print_line,
    ) -> None:
        self._emulator = Emulator(
            assembly_folder,
            host=host,
            port=port,
            allowed_hosts=allowed_hosts,
            credentials=credentials,
            max_concurrency=max_concurrency,
            idle_seconds=idle_seconds,
            print_line=print_line,
        )
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
