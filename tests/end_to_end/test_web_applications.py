"""Web applications that the construct names are served by the runtime, and their responses stream."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from lambda_emulator.emulator import Emulator, EmulatorThread

from ..gate import Gate
from .conftest import synthesize
from .test_streaming import get, read_until

pytestmark = pytest.mark.cdk

APP = Path(__file__).parent / "app" / "with_web_applications.py"


@pytest.fixture(scope="module")
def web(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Emulator]:
    assembly = synthesize(APP, tmp_path_factory.mktemp("assembly") / "cdk.out")
    with EmulatorThread(assembly, print_line=lambda line: None) as emulator:
        yield emulator


@pytest.mark.parametrize("function", ["Asgi", "Wsgi", "Attached"])
def test_response_streams(function: str, web: Emulator, gate: Gate) -> None:
    response = get(web.url(function), f"/orders?port={gate.port}")
    assert (response.status, response.headers["x-path"]) == (201, "/orders")
    pieces = iter(lambda: response.read1(), b"")
    assert read_until(pieces, b"one,") == b"one,"
    gate.open()
    assert b"".join(pieces) == b"two"


def test_other_event_reaches_its_handler(web: Emulator) -> None:
    client: Any = boto3.client(
        "lambda",
        endpoint_url=web.lambda_api_url,
        region_name="us-east-1",
        aws_access_key_id="test",
        aws_secret_access_key="test",
    )
    result = client.invoke(FunctionName="Asgi", Payload=json.dumps({"job": 1}))
    assert json.loads(result["Payload"].read()) == {"handled": {"job": 1}}
