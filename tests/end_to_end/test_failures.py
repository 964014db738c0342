"""What fails leaves a log line with its traceback, and an environment that serves the next request."""

from __future__ import annotations

import json
from typing import Any

from lambda_emulator.emulator import Emulator

from .conftest import Log
from .test_streaming import get, payload_chunks


def when(value: str) -> str:
    return json.dumps({"queryStringParameters": {"when": value}})


def serves_the_next_request(emulator: Emulator) -> bool:
    return get(emulator.url("Fails")).read() == b"begun"


def test_exception_before_the_first_byte(emulator: Emulator, log: Log) -> None:
    start = len(log.lines)
    response = get(emulator.url("Fails"), "/?when=before")
    assert response.status == 502
    log.wait_for(lambda line: "[ERROR] ValueError: before the first byte" in line, start)
    log.wait_for(lambda line: 'index.py", line 7, in handler' in line, start)
    assert serves_the_next_request(emulator)


def test_exception_before_the_first_byte_is_told_to_an_invoke(lambda_client: Any) -> None:
    answer = lambda_client.invoke(FunctionName="Fails", Payload=when("before"))
    assert answer["FunctionError"] == "Unhandled"
    document = json.load(answer["Payload"])
    assert (document["errorType"], document["errorMessage"]) == ("ValueError", "before the first byte")


def test_exception_after_the_first_byte(emulator: Emulator, log: Log) -> None:
    """A Function URL hides it: the body ends where it failed. The log has it."""
    start = len(log.lines)
    response = get(emulator.url("Fails"), "/?when=after")
    assert (response.status, response.read()) == (200, b"begun")
    log.wait_for(lambda line: "[ERROR] ValueError: after the first byte" in line, start)
    log.wait_for(lambda line: 'index.py", line 10, in handler' in line, start)
    assert serves_the_next_request(emulator)


def test_exception_after_the_first_byte_is_told_to_a_streaming_invoke(lambda_client: Any) -> None:
    answer = lambda_client.invoke_with_response_stream(FunctionName="Fails", Payload=when("after"))
    *chunks, complete = list(answer["EventStream"])
    assert b"".join(chunk["PayloadChunk"]["Payload"] for chunk in chunks) == b"begun"
    assert complete["InvokeComplete"]["ErrorCode"] == "Function.ValueError"
    assert "after the first byte" in complete["InvokeComplete"]["ErrorDetails"]


def test_process_that_dies_is_replaced(emulator: Emulator, lambda_client: Any) -> None:
    answer = lambda_client.invoke_with_response_stream(FunctionName="Fails", Payload=when("exit"))
    *_, complete = list(answer["EventStream"])
    assert complete["InvokeComplete"]["ErrorCode"] in ("Runtime.ExitError", "Runtime.TruncatedResponse")
    assert serves_the_next_request(emulator)
    again = lambda_client.invoke_with_response_stream(FunctionName="Fails", Payload=b"{}")
    assert b"".join(payload_chunks(again)) == b"begun"


def test_init_that_fails_says_why_each_time(emulator: Emulator, log: Log, lambda_client: Any) -> None:
    for _ in range(2):
        start = len(log.lines)
        assert get(emulator.url("InitFails")).status == 502
        log.wait_for(
            lambda line: "[ERROR] Runtime.ImportModuleError: Unable to import module 'init_fails'" in line, start
        )
        log.wait_for(lambda line: "import module_that_is_not_there" in line, start)
    document = json.load(lambda_client.invoke(FunctionName="InitFails", Payload=b"{}")["Payload"])
    assert document["errorType"] == "Runtime.ImportModuleError"
