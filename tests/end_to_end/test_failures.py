"""A failure leaves a log line with its traceback, and the next request is served."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest
from lambda_emulator.emulator import Emulator

from .conftest import Log
from .test_streaming import get, payload_chunks

pytestmark = pytest.mark.cdk


def when(value: str) -> str:
    return json.dumps({"queryStringParameters": {"when": value}})


def serves_the_next_request(emulator: Emulator) -> bool:
    return get(emulator.url("Fails")).read() == b"begun"


def test_exception_before_the_first_byte_is_502_and_logged(emulator: Emulator, log: Log) -> None:
    start = len(log.lines)
    response = get(emulator.url("Fails"), "/?when=before")
    assert response.status == 502
    log.wait_for(lambda line: "[ERROR] ValueError: before the first byte" in line, start)
    log.wait_for(lambda line: 'index.py", line 8, in handler' in line, start)
    assert serves_the_next_request(emulator)


def test_invoke_returns_exception_before_the_first_byte(lambda_client: Any) -> None:
    answer = lambda_client.invoke(FunctionName="Fails", Payload=when("before"))
    assert answer["FunctionError"] == "Unhandled"
    document = json.load(answer["Payload"])
    assert (document["errorType"], document["errorMessage"]) == ("ValueError", "before the first byte")


def test_exception_after_the_first_byte_ends_the_body_and_is_logged(emulator: Emulator, log: Log) -> None:
    """The Function URL hides the error: the body ends early. The log has the traceback."""
    start = len(log.lines)
    response = get(emulator.url("Fails"), "/?when=after")
    assert (response.status, response.read()) == (200, b"begun")
    log.wait_for(lambda line: "[ERROR] ValueError: after the first byte" in line, start)
    log.wait_for(lambda line: 'index.py", line 11, in handler' in line, start)
    assert serves_the_next_request(emulator)


def test_streaming_invoke_returns_exception_after_the_first_byte(lambda_client: Any) -> None:
    answer = lambda_client.invoke_with_response_stream(FunctionName="Fails", Payload=when("after"))
    *chunks, complete = list(answer["EventStream"])
    assert b"".join(chunk["PayloadChunk"]["Payload"] for chunk in chunks) == b"begun"
    assert complete["InvokeComplete"]["ErrorCode"] == "Function.ValueError"
    assert "after the first byte" in complete["InvokeComplete"]["ErrorDetails"]


def test_exception_in_the_middle_of_a_send_is_a_truncated_response(
    emulator: Emulator, lambda_client: Any, log: Log
) -> None:
    start = len(log.lines)
    answer = lambda_client.invoke_with_response_stream(FunctionName="Fails", Payload=when("interrupted"))
    *chunks, complete = list(answer["EventStream"])
    assert b"begun".startswith(b"".join(chunk["PayloadChunk"]["Payload"] for chunk in chunks)[:5])
    assert complete["InvokeComplete"]["ErrorCode"] == "Runtime.TruncatedResponse"
    log.wait_for(lambda line: "Lambda reports Runtime.TruncatedResponse" in line, start)
    assert serves_the_next_request(emulator)


def test_process_that_exits_is_replaced(emulator: Emulator, lambda_client: Any) -> None:
    answer = lambda_client.invoke_with_response_stream(FunctionName="Fails", Payload=when("exit"))
    *_, complete = list(answer["EventStream"])
    assert complete["InvokeComplete"]["ErrorCode"] in ("Runtime.ExitError", "Runtime.TruncatedResponse")
    assert serves_the_next_request(emulator)
    again = lambda_client.invoke_with_response_stream(FunctionName="Fails", Payload=b"{}")
    assert b"".join(payload_chunks(again)) == b"begun"


def log_of(lambda_client: Any, payload: str) -> str:
    answer = lambda_client.invoke(FunctionName="Fails", Payload=payload, LogType="Tail")
    return base64.b64decode(answer["LogResult"]).decode()


def test_whole_traceback_is_in_the_log_of_its_invocation(lambda_client: Any) -> None:
    """Its last line is the one that the user looks for. The next invocation's log has none of it."""
    failed = log_of(lambda_client, when("before"))
    succeeded = log_of(lambda_client, "{}")

    assert "[ERROR] ValueError: before the first byte\nTraceback (most recent call last):\n" in failed
    assert 'raise ValueError("before the first byte")\nEND RequestId: ' in failed
    assert [line.split()[0] for line in succeeded.splitlines()] == ["START", "END", "REPORT"]


def test_failed_init_is_reported_each_time(emulator: Emulator, log: Log, lambda_client: Any) -> None:
    for _ in range(2):
        start = len(log.lines)
        assert get(emulator.url("InitFails")).status == 502
        log.wait_for(
            lambda line: "[ERROR] Runtime.ImportModuleError: Unable to import module 'init_fails'" in line, start
        )
        log.wait_for(lambda line: "import module_that_is_not_there" in line, start)
    document = json.load(lambda_client.invoke(FunctionName="InitFails", Payload=b"{}")["Payload"])
    assert document["errorType"] == "Runtime.ImportModuleError"
