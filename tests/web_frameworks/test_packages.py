"""Packages for streams and protocols: sse-starlette, MCP with its own client, and Strawberry."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator

import pytest

from tests.gate import Gate
from tests.lambda_streaming.conftest import INTERPRETER
from tests.lambda_streaming.fake_runtime_api import TIMEOUT_S

from .cases import Case
from .client import Answer, Site, through_function_url
from .conftest import Lambda, served
from .frameworks import ASGI
from .servers import APPLICATIONS, Functions, packages, web_server

MCP_CLIENTS = 4
COMPARED = ("with_strawberry", "with_sse_starlette")


@pytest.fixture(scope="module")
def lambda_(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lambda]:
    functions = Functions(tmp_path_factory.mktemp("packages"))
    for module in (*COMPARED, "mcp_server"):
        functions.add(module, ASGI, f"{module}:app")
    # The address of a Function URL is known once the function exists.
    functions.add("mcp_server", ASGI, "mcp_server:app", ALLOWED_HOST=functions.domain_name("mcp_server"))
    with served(functions) as lambda_:
        yield lambda_


@pytest.fixture(scope="module")
def ports() -> Iterator[dict[str, int]]:
    with web_server(ASGI, COMPARED) as ports:
        yield ports


def graphql(query: str, **headers: str) -> Case:
    body = json.dumps({"query": query}).encode()
    return Case("GraphQL", "/graphql", "POST", {"content-type": "application/json", **headers}, body)


STRAWBERRY_CASES = {
    "query": graphql("{ books(before: 1900) { title } }"),
    "text": graphql("{ books { title year } }"),
    "error": graphql("{ fails }"),
    "wrong query": graphql("{ nothing }"),
    "subscription": graphql("subscription { numbers }", accept="multipart/mixed;subscriptionSpec=1.0,application/json"),
    "page": Case("GraphQL", "/graphql", headers={"accept": "text/html"}),
}


@pytest.mark.parametrize("name", STRAWBERRY_CASES)
def test_strawberry_answers_as_behind_uvicorn(name: str, lambda_: Lambda, ports: dict[str, int]) -> None:
    case = STRAWBERRY_CASES[name]
    answer, expected = _both(lambda_, ports, "with_strawberry", case)
    assert answer == through_function_url(expected, case.method)
    assert answer.status == 200


def _both(lambda_: Lambda, ports: dict[str, int], module: str, case: Case) -> tuple[Answer, Answer]:
    site = lambda_.site(module)
    return site.send(case), Site(("127.0.0.1", ports[module]), site.headers).send(case)


def test_sse_starlette_answers_as_behind_uvicorn(lambda_: Lambda, ports: dict[str, int]) -> None:
    answer, expected = _both(lambda_, ports, "with_sse_starlette", Case("SSE", "/events"))
    assert answer == expected
    assert answer.body == b"id: 1\r\nevent: number\r\ndata: first\r\n\r\ndata: second\r\ndata: line\r\n\r\n"


def test_sse_starlette_sends_an_event_at_once(lambda_: Lambda, gate: Gate) -> None:
    arriving = lambda_.site("with_sse_starlette").open(Case("SSE", f"/events?gate={gate.port}"))
    arriving.wait_for(b"first")
    assert b"second" not in arriving.body
    gate.open()
    assert b"second" in arriving.answer().body


@pytest.mark.parametrize("mode", ["auto", "legacy"])
def test_mcp_client_sees_progress_while_the_tool_runs(mode: str, lambda_: Lambda, gate: Gate) -> None:
    """Of several clients, one after the other, two are served by one environment.

    A client sends some requests at the same time, so there may be a second environment.
    """
    site = lambda_.site("mcp_server")
    url = f"http://{site.address[0]}:{site.address[1]}/mcp"
    client = subprocess.Popen(
        [
            INTERPRETER,
            APPLICATIONS / "mcp_client.py",
            url,
            site.headers["host"],
            mode,
            str(gate.port),
            str(MCP_CLIENTS),
        ],
        env={"PATH": os.environ["PATH"], "PYTHONPATH": str(packages()), "PYTHONDONTWRITEBYTECODE": "1"},
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert client.stdout is not None
        results = []
        for _ in range(MCP_CLIENTS):
            assert client.stdout.readline() == "tools count\n"
            assert client.stdout.readline() == "progress 1.0\n"
            gate.open()
            assert client.stdout.readline() == "progress 2.0\n"
            results.append(client.stdout.readline())
        assert all(result.startswith("result counted by ") for result in results)
        assert len(set(results)) < MCP_CLIENTS
        assert client.wait(TIMEOUT_S) == 0
    finally:
        client.kill()
        client.wait()
