"""The examples with web applications stream: each piece reaches the client before the next one is made.

The examples are copied, and a pause of a copy ends when the test opens a gate. The tests need PyPI.
"""

from __future__ import annotations

import calendar
import http.client
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlsplit

import pytest
from lambda_emulator.emulator import Emulator, EmulatorThread
from selenium import webdriver
from selenium.webdriver.common.by import By
from selenium.webdriver.remote.webelement import WebElement
from selenium.webdriver.support.ui import WebDriverWait

from ..cdk_lambda_streaming.test_examples import NOT_IN_A_CLONE
from ..conftest import TOOLS
from ..gate import Gate
from .conftest import NODE, TIMEOUT_S, Log
from .test_browser import browser
from .test_streaming import get, read_until

__all__ = ["browser"]

pytestmark = pytest.mark.network

EXAMPLES = Path(__file__).parents[2] / "examples"
MCP_REQUIREMENTS = EXAMPLES / "mcp_server/server/requirements.txt"
# The form of a Function URL's host on AWS. Some packages answer only to hosts that they know.
AWS_HOST = "abcdefghij.lambda-url.us-east-1.on.aws"
OTHER_HOST = "app.example.com"

GATE = """
import asyncio
import socket


def wait(seconds):
    with socket.create_connection(("127.0.0.1", {port}), timeout={timeout}) as gate:
        gate.recv(1)


async def wait_async(seconds):
    await asyncio.to_thread(wait, seconds)
"""

# Prints each report of progress, then the result of the tool.
MCP_CLIENT = """
import asyncio
import sys

from mcp import Client


async def main(address, mode):
    async with Client(address, mode=mode) as client:
        chapters = {"chapters": ["Light", "Colours"]}
        result = await client.call_tool("write_report", chapters, progress_callback=show)
    print(result.content[0].text)


async def show(progress, total, message):
    print(message, flush=True)


asyncio.run(main(*sys.argv[1:]))
"""

# The answer of the FastAPI example to the message "Hello."
ANSWER = "You asked: Hello. A language model would now answer, one word after the other."
WORDS = ANSWER.split()

# The modules with pauses: the module that they pause with, and the function that takes its place.
PAUSES = {
    "fastapi_chat/server/app/main.py": ("asyncio", "wait_async"),
    "django_report/server/report/views.py": ("time", "wait"),
    "flask_stream/server/app.py": ("time", "wait"),
    "mcp_server/server/server.py": ("asyncio", "wait_async"),
}


class Examples(NamedTuple):
    """The copied examples, served."""

    emulator: Emulator
    log: Log
    gate: Gate


@pytest.fixture(scope="module")
def examples(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Examples]:
    folder = tmp_path_factory.mktemp("clone")
    app = folder / "examples"
    shutil.copytree(EXAMPLES, app, ignore=shutil.ignore_patterns(*NOT_IN_A_CLONE))
    gate, log = Gate(), Log()
    put_gates(app, gate.port)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CDK_LAMBDA_STREAMING_CACHE", str(folder / "bundles"))
        variables = {"JSII_NODE": str(NODE), "CDK_VALIDATION": "false", "CDK_OUTDIR": str(folder / "cdk.out")}
        subprocess.run([sys.executable, app / "app.py"], env={**os.environ, **variables}, check=True, cwd=folder)
        with EmulatorThread(
            folder / "cdk.out", allowed_hosts=[AWS_HOST, OTHER_HOST], print_line=log.print_line
        ) as emulator:
            yield Examples(emulator, log, gate)
    gate.close()


@pytest.fixture(scope="module")
def mcp_packages(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder with the packages of the MCP example, for a client on this machine's Python."""
    folder = tmp_path_factory.mktemp("mcp")
    command: list[str | Path] = [TOOLS / "uv", "pip", "install", "--quiet", "--python", sys.executable]
    subprocess.run([*command, "--target", folder, "--requirement", MCP_REQUIREMENTS], check=True)
    return folder


def put_gates(examples: Path, port: int) -> None:
    for path, (module, wait) in PAUSES.items():
        source = examples / path
        text = source.read_text("utf-8")
        assert f"{module}.sleep(" in text
        lines = ("import types", "import gate", f"{module} = types.SimpleNamespace(sleep=gate.{wait})")
        source.write_text("\n".join((text, *lines, "")), "utf-8")
        entry = examples / Path(*Path(path).parts[:2])
        (entry / "gate.py").write_text(GATE.format(port=port, timeout=TIMEOUT_S), "utf-8")


def stream(examples: Examples, function: str, path: str, parts: list[bytes]) -> bytes:
    """Read a response. Each part is made only after the one before it was received."""
    response = get(examples.emulator.url(function), path)
    assert response.status == 200
    pieces = iter(lambda: response.read1(), b"")
    received = b""
    for part, later in zip(parts, [*parts[1:], b"never"], strict=True):
        received += read_until(pieces, part)
        assert later not in received
        examples.gate.open()
    return received + b"".join(pieces)


def test_words_of_flask_arrive_one_by_one(examples: Examples) -> None:
    words = [f"{word}\n".encode() for word in ("Each", "word", "arrives", "when", "it", "is", "made.")]
    assert stream(examples, "Flask", "/", words) == b"".join(words)


def test_rows_of_django_arrive_one_by_one(examples: Examples) -> None:
    rows = [f"<tr><th>{month}<td>".encode() for month in calendar.month_name[1:]]
    page = stream(examples, "Django", "/", rows)
    assert page.startswith(b"<!doctype html>")
    assert page.endswith(b"</table>\n")


def test_csv_of_django_is_larger_than_a_buffered_response(examples: Examples) -> None:
    response = get(examples.emulator.url("Django"), "/sales.csv")
    assert response.headers["content-disposition"] == 'attachment; filename="sales.csv"'
    table = response.read()
    assert len(table) > 6 * 2**20
    lines = table.decode().splitlines()
    assert lines[:2] == ["id,sold_at,product,cents", "1,2025-01-01 00:00:00,Coffee,200"]
    assert len(lines) == 200_001


def test_events_of_fastapi_arrive_one_by_one(examples: Examples) -> None:
    """The background task and both parts of the lifespan write to the log."""
    start = len(examples.log.lines)
    events = [f'data: {{"token": "{word} "}}\n\n'.encode() for word in WORDS]
    body = stream(examples, "Fastapi", "/chat?message=Hello.", events)
    assert body == b"".join(events) + b'event: done\ndata: ""\n\n'
    examples.log.wait_for(lambda line: line.endswith("Answered 'Hello.'"), start)
    examples.log.wait_for(lambda line: line.endswith("The chat starts"))


def test_page_of_fastapi_grows_in_a_browser(browser: webdriver.Chrome, examples: Examples) -> None:
    address = examples.emulator.url("Fastapi")
    browser.get(address)
    browser.find_element(By.NAME, "message").send_keys("Hello.")
    button = browser.find_element(By.TAG_NAME, "button")
    answer = browser.find_element(By.ID, "answer")
    button.click()
    text = ""
    for word in WORDS:
        text = f"{text} {word}".strip()
        WebDriverWait(browser, TIMEOUT_S).until(partial(has_text, answer, text))
        assert not button.is_enabled()
        examples.gate.open()
    WebDriverWait(browser, TIMEOUT_S).until(lambda _: button.is_enabled())
    assert answer.text == text
    loaded = browser.execute_script("return performance.getEntriesByType('resource').map(entry => entry.name)")
    assert all(name.startswith((address, "data:")) for name in loaded), loaded


def has_text(element: WebElement, text: str, driver: object) -> bool:
    return element.text == text


@pytest.mark.parametrize("mode", ["auto", "legacy"])
def test_progress_of_the_tool_arrives_in_an_mcp_client(mode: str, examples: Examples, mcp_packages: Path) -> None:
    """`legacy` is the protocol of clients before 2026-07-28."""
    command = [sys.executable, "-c", MCP_CLIENT, f"{examples.emulator.url('Mcp')}mcp", mode]
    environment = {**os.environ, "PYTHONPATH": str(mcp_packages)}
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) as client:
        assert client.stdout is not None
        for chapter in ("Light", "Colours"):
            examples.gate.open()
            assert client.stdout.readline() == f"{chapter} is written\n"
        assert client.stdout.read() == "A report with 2 chapters\n"
    assert client.returncode == 0


@pytest.mark.parametrize(("host", "status"), [(AWS_HOST, 404), (OTHER_HOST, 400)])
def test_django_answers_to_the_host_of_a_function_url_only(host: str, status: int, examples: Examples) -> None:
    assert request(examples, "Django", host, "GET", "/missing").status == status


def test_mcp_server_answers_to_the_host_of_a_function_url(examples: Examples) -> None:
    """The package answers 421 to hosts that it does not allow."""
    response = request(examples, "Mcp", AWS_HOST, "POST", "/mcp", {"jsonrpc": "2.0", "id": 1, "method": "tools/list"})
    assert response.status == 200
    assert b"write_report" in response.read()


def request(
    examples: Examples, function: str, host: str, method: str, path: str, document: object = None
) -> http.client.HTTPResponse:
    connection = http.client.HTTPConnection(urlsplit(examples.emulator.url(function)).netloc, timeout=TIMEOUT_S)
    headers = {"host": host, "content-type": "application/json", "accept": "application/json, text/event-stream"}
    connection.request(method, path, None if document is None else json.dumps(document), headers)
    return connection.getresponse()
