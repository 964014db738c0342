"""From construct to client: a piece arrives before the next one is made."""

from __future__ import annotations

import hashlib
import http.client
import json
import os
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from lambda_emulator.emulator import Emulator
from lambda_emulator.environments.interpreters import find_interpreter

from ..gate import Gate
from ..lambda_streaming.conftest import RUNTIME_ASSET
from .conftest import Log

pytestmark = pytest.mark.cdk

EXAMPLES = Path(__file__).parents[2] / "examples"
SHAPES = ("generator", "async_generator", "returned_iterator", "write", "async_write")


def get(address: str, path: str = "/") -> http.client.HTTPResponse:
    connection = http.client.HTTPConnection(urlsplit(address).netloc, timeout=30)
    connection.request("GET", path)
    return connection.getresponse()


def read_until(pieces: Iterator[bytes], expected: bytes) -> bytes:
    received = b""
    while expected not in received:
        received += next(pieces)
    return received


def payload_chunks(answer: Any) -> Iterator[bytes]:
    for event in answer["EventStream"]:
        if "PayloadChunk" in event:
            yield event["PayloadChunk"]["Payload"]
        else:
            assert "ErrorCode" not in event["InvokeComplete"], event


@pytest.mark.parametrize("shape", SHAPES)
def test_items_arrive_through_the_function_url(shape: str, emulator: Emulator, gate: Gate) -> None:
    response = get(emulator.url("Streams"), f"/?shape={shape}&port={gate.port}")
    pieces = iter(lambda: response.read1(), b"")
    assert read_until(pieces, b"three,") == b"one,two,three,"
    gate.open()
    assert b"".join(pieces) == b"four"
    assert response.headers["content-type"] == "text/plain; charset=utf-8"


@pytest.mark.parametrize("shape", SHAPES)
def test_items_arrive_through_invoke_with_response_stream(shape: str, lambda_client: Any, gate: Gate) -> None:
    event = {"queryStringParameters": {"shape": shape, "port": str(gate.port)}}
    answer = lambda_client.invoke_with_response_stream(FunctionName="Streams", Payload=json.dumps(event))
    chunks = payload_chunks(answer)
    assert read_until(chunks, b"three,") == b"one,two,three,"
    gate.open()
    assert b"".join(chunks) == b"four"


@pytest.mark.parametrize("name", ["Hello", "NestedHello", "StagedHello"])
def test_boto3_reads_hello_word_by_word(name: str, lambda_client: Any) -> None:
    """The functions are in a stack, a nested stack and a stage. Pauses between words make each word a chunk."""
    answer = lambda_client.invoke_with_response_stream(FunctionName=name, Payload=b"{}")
    words = ["Hello", "from", "Python", "on", "AWS", "Lambda,", "one", "word", "at", "a", "time."]
    assert list(payload_chunks(answer)) == [word.encode() + b"\n" for word in words]


def test_unicode_table_arrives_complete_in_little_memory(emulator: Emulator, log: Log) -> None:
    start = len(log.lines)
    digest, size = hashlib.sha256(), 0
    response = get(emulator.url("UnicodeTable"))
    while piece := response.read1():
        digest.update(piece)
        size += len(piece)
    assert size > 12 * 2**20
    assert digest.hexdigest() == hashlib.sha256(local_unicode_table()).hexdigest()
    report = log.wait_for(lambda line: "UnicodeTable" in line and "Max Memory Used" in line, start)
    memory = re.search(r"Max Memory Used: (\d+) MB", report)
    assert memory is not None
    assert int(memory[1]) < 40, report


def local_unicode_table() -> bytes:
    """Return the table by the interpreter that the emulator chooses: each Python has its own version of Unicode."""
    interpreter = find_interpreter("python3.14")
    program = "import sys, index; sys.stdout.buffer.write(''.join(index.table()).encode())"
    environment = {
        "PYTHONPATH": os.pathsep.join((str(EXAMPLES / "unicode_table"), str(RUNTIME_ASSET / "python"))),
        "LD_LIBRARY_PATH": interpreter.library_path,
    }
    return subprocess.run([interpreter.path, "-c", program], env=environment, capture_output=True, check=True).stdout


def test_chat_serves_a_page_and_an_event_stream(emulator: Emulator) -> None:
    page = get(emulator.url("Chat"))
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    assert b"<title>Ask Newton</title>" in page.read()
    events = get(emulator.url("Chat"), "/?message=light")
    assert events.headers["content-type"] == "text/event-stream"
    assert events.headers["cache-control"] == "no-cache"
    *tokens, end = events.read().decode().removesuffix("\n\n").split("\n\n")
    assert all(isinstance(json.loads(token.removeprefix("data: "))["token"], str) for token in tokens)
    assert len(tokens) > 5
    assert end == "event: done\ndata: "


def test_own_modules_can_have_the_names_of_other_modules(emulator: Emulator) -> None:
    assert get(emulator.url("OwnModules")).read() == b"the user's settings, the user's prelude, the user's queue"


def test_boto3_can_be_imported_as_on_aws(emulator: Emulator) -> None:
    assert get(emulator.url("UsesBoto3")).read() == b"s3 in us-east-1"
