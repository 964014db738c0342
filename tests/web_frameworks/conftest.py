"""Fixtures: every framework's application in the emulator, and behind the web server for its interface."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest
from lambda_emulator import Emulator, EmulatorThread
from lambda_emulator.assembly.assembly import read_assembly
from lambda_emulator.assembly.template import DeployTarget

from tests.gate import Gate
from tests.lambda_emulator.served import Log, host_and_port

from .client import Site
from .frameworks import ASGI, FRAMEWORKS, WSGI, Framework
from .servers import Functions, web_server

FOLDER = Path(__file__).parent


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if FOLDER in item.path.parents:
            item.add_marker(pytest.mark.network)


@pytest.fixture
def gate() -> Iterator[Gate]:
    gate = Gate()
    yield gate
    gate.close()


class Lambda:
    """The emulator with one function for each framework."""

    def __init__(self, emulator: Emulator, log: Log) -> None:
        self.emulator = emulator
        self.log = log

    def site(self, function: str) -> Site:
        url = next(url for url, _ in self.emulator.function_urls if url.function.name == function)
        return Site(host_and_port(self.emulator.url(function)), headers_of(url.domain_name))

    def beside(self, function: str, port: int) -> tuple[Site, Site]:
        """Return the site of a function named for its module, and that of the module on a web server."""
        site = self.site(function)
        headers = {**site.headers, "x-application": function}
        return Site(site.address, headers), Site(("127.0.0.1", port), headers)


def headers_of(domain_name: str) -> dict[str, str]:
    # A web server learns of HTTPS from its proxy.
    return {"host": domain_name, "x-forwarded-proto": "https", "user-agent": "test", "accept": "*/*"}


def validated(framework: Framework) -> str:
    """Return the construct id of the function with the application under `wsgiref.validate`."""
    return f"Validated{framework.function}"


@contextmanager
def served(functions: Functions) -> Iterator[Lambda]:
    folder = functions.write()
    hosts = [url.domain_name for url in read_assembly(folder, DeployTarget()).function_urls]
    log = Log()
    with EmulatorThread(folder, allowed_hosts=hosts, print_line=log.print_line) as emulator:
        yield Lambda(emulator, log)


@pytest.fixture(scope="session")
def lambda_(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lambda]:
    functions = Functions(tmp_path_factory.mktemp("frameworks"))
    for framework in FRAMEWORKS:
        functions.add(framework.function, framework.interface, f"{framework.module}:app")
        if framework.interface == WSGI:
            functions.add(validated(framework), WSGI, f"validated:{framework.module}")
    with served(functions) as lambda_:
        yield lambda_


@pytest.fixture(scope="session")
def server_ports() -> Iterator[dict[str, int]]:
    with ExitStack() as stack:
        ports: dict[str, int] = {}
        for interface in (ASGI, WSGI):
            modules = [framework.module for framework in FRAMEWORKS if framework.interface == interface]
            ports |= stack.enter_context(web_server(interface, modules))
        yield ports


class Sites:
    """An application at its two places."""

    def __init__(self, in_lambda: Site, on_server: Site) -> None:
        self.in_lambda = in_lambda
        self.on_server = on_server


SitesOf = Callable[[Framework], Sites]


@pytest.fixture
def sites_of(lambda_: Lambda, server_ports: dict[str, int]) -> SitesOf:
    def sites_of(framework: Framework) -> Sites:
        in_lambda = lambda_.site(framework.function)
        headers = {**in_lambda.headers, "x-application": framework.module}
        in_lambda = Site(in_lambda.address, headers)
        return Sites(in_lambda, Site(("127.0.0.1", server_ports[framework.module]), headers))

    return sites_of
