"""Small cloud assemblies with real bootstraps, and an emulator that serves them.

The bootstraps speak the Runtime API by hand (`HAND_WRITTEN_RUNTIME`): nothing here borrows from the project's runtime.
"""

from __future__ import annotations

import http.client
import importlib.util
import json
import os
import select
import sys
import textwrap
import threading
import urllib.parse
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from importlib.machinery import ModuleSpec
from pathlib import Path
from typing import Any

import boto3
import pytest
from lambda_emulator import Emulator, EmulatorThread

PATIENCE_SECONDS = 10

HAND_WRITTEN_RUNTIME = '''
import http.client, json, os, sys

api = http.client.HTTPConnection(os.environ["AWS_LAMBDA_RUNTIME_API"])
BASE = "/2018-06-01/runtime"
PRELUDE_TYPE = "application/vnd.awslambda.http-integration-response"
ERROR_TRAILERS = "Lambda-Runtime-Function-Error-Type, Lambda-Runtime-Function-Error-Body"


def reply():
    response = api.getresponse()
    return response.status, response.read(), response.headers


def next_invocation():
    api.request("GET", f"{BASE}/invocation/next")
    status, body, headers = reply()
    assert status == 200, (status, body)
    return headers["Lambda-Runtime-Aws-Request-Id"], json.loads(body), headers


def respond(request_id, body, **headers):
    api.request("POST", f"{BASE}/invocation/{request_id}/response", body, headers)
    return reply()


def fail(request_id, error_type, message):
    document = json.dumps({"errorType": error_type, "errorMessage": message})
    headers = {"Lambda-Runtime-Function-Error-Type": error_type}
    api.request("POST", f"{BASE}/invocation/{request_id}/error", document, headers)
    return reply()


def fail_init(error_type, message):
    document = json.dumps({"errorType": error_type, "errorMessage": message})
    api.request("POST", f"{BASE}/init/error", document, {"Lambda-Runtime-Function-Error-Type": error_type})
    return reply()


class Stream:
    def __init__(self, request_id, content_type=PRELUDE_TYPE, trailers=ERROR_TRAILERS):
        api.putrequest("POST", f"{BASE}/invocation/{request_id}/response")
        api.putheader("Lambda-Runtime-Function-Response-Mode", "streaming")
        api.putheader("Transfer-Encoding", "chunked")
        api.putheader("Content-Type", content_type)
        if trailers:
            api.putheader("Trailer", trailers)
        api.endheaders()

    def head(self, status=200, headers=None, cookies=()):
        prelude = {"statusCode": status, "headers": headers or {}, "cookies": list(cookies)}
        self.write(json.dumps(prelude).encode() + bytes(8))

    def write(self, data):
        api.send(b"%x\\r\\n%s\\r\\n" % (len(data), data))

    def end(self, trailers=()):
        lines = "".join(f"{name}: {value}\\r\\n" for name, value in dict(trailers).items())
        api.send(b"0\\r\\n" + lines.encode() + b"\\r\\n")
        return reply()


class Gate:
    """A semaphore that the test and the function share: a named pipe."""

    def __init__(self, name):
        self.fd = os.open(os.path.join(os.environ["GATES"], name), os.O_RDWR)

    def release(self, text=""):
        os.write(self.fd, f"{text}\\n".encode())

    def acquire(self):
        os.read(self.fd, 1)
'''

BUNDLING_METADATA: dict[str, Any] = {
    "entry": "src/chat",
    "requirements": "../uv.lock",
    "python": "3.14",
    "machine": "aarch64",
    "excluded": ["*.pyc"],
    "options": {"extras": ["fast"]},
}


class Gate:
    """A semaphore that the test and a function share: a named pipe, so that neither has to look twice."""

    def __init__(self, path: Path) -> None:
        os.mkfifo(path)
        self._fd = os.open(path, os.O_RDWR)

    def release(self) -> None:
        os.write(self._fd, b" ")

    def acquire(self) -> str:
        """Wait for the function; return what it says."""
        said = b""
        while not said.endswith(b"\n"):
            readable, _, _ = select.select([self._fd], [], [], PATIENCE_SECONDS)
            assert readable, "the function did not come to its gate"
            said += os.read(self._fd, 1)
        return said.decode().rstrip()

    def close(self) -> None:
        os.close(self._fd)


@pytest.fixture
def gate(tmp_path: Path) -> Iterator[Callable[[str], Gate]]:
    folder = tmp_path / "gates"
    folder.mkdir()
    with ExitStack() as stack:

        def make(name: str) -> Gate:
            made = Gate(folder / name)
            stack.callback(made.close)
            return made

        yield make


class CloudAssembly:
    """A `cdk.out` with one stack, `Demo`, written file by file as `cdk synth` writes it."""

    def __init__(self, folder: Path, gates: Path) -> None:
        self.folder = folder
        self._gates = gates
        self.resources: dict[str, Any] = {}
        self.outputs: dict[str, Any] = {}
        self._assets: dict[str, Any] = {}
        self._stacks_before: dict[str, CloudAssembly] = {}
        folder.mkdir(parents=True)

    def add_asset(self, files: Mapping[str, str]) -> dict[str, str]:
        """Add a folder whose files are all executable; return where a template finds it."""
        key = f"{len(self._assets):064x}"
        for name, text in files.items():
            file = self.folder / f"asset.{key}" / name
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text)
            file.chmod(0o755)
        self._assets[key] = {
            "source": {"path": f"asset.{key}", "packaging": "zip"},
            "destinations": {"current": {"bucketName": "assets", "objectKey": f"{key}.zip"}},
        }
        return {"S3Bucket": "assets", "S3Key": f"{key}.zip"}

    def add_function(self, construct_id: str, program: str, **properties: Any) -> None:
        """Add an OS-only function whose bootstrap is `program`, with the hand-written runtime in reach."""
        code = {"bootstrap": python_program(program), "hand_written_runtime.py": HAND_WRITTEN_RUNTIME}
        variables = {"GATES": str(self._gates), **properties.pop("Variables", {})}
        self.add_resource(
            construct_id,
            "AWS::Lambda::Function",
            {
                "FunctionName": construct_id.lower(),
                "Runtime": "provided.al2023",
                "Handler": "handler",
                "Code": self.add_asset(code),
                "Environment": {"Variables": variables},
                "Timeout": 30,
                **properties,
            },
        )

    def add_bundling(self, construct_id: str, metadata: Any = BUNDLING_METADATA) -> None:
        """Say of a function what its dependencies were installed from; the app ran where the assembly is."""
        self.resources[construct_id]["Metadata"]["lambda-streaming:bundling"] = metadata

    def add_url(self, construct_id: str, **properties: Any) -> None:
        """Add a streaming Function URL to a function."""
        target = {"Fn::GetAtt": [construct_id, "Arn"]}
        defaults = {"AuthType": "NONE", "InvokeMode": "RESPONSE_STREAM", "TargetFunctionArn": target}
        suffix = properties.get("Qualifier", "")
        self.add_resource(
            f"{construct_id}{suffix}Url",
            "AWS::Lambda::Url",
            {**defaults, **properties},
            path=f"Demo/{construct_id}/{suffix}FunctionUrl/Resource",
        )

    def add_resource(self, logical_id: str, resource_type: str, properties: Any, path: str = "") -> None:
        self.resources[logical_id] = {
            "Type": resource_type,
            "Properties": properties,
            "Metadata": {"aws:cdk:path": path or f"Demo/{logical_id}/Resource"},
        }

    def add_template(self, name: str, template: Any) -> str:
        """Add the template of a nested stack; return the last part of its URL."""
        write_json(self.folder / name, template)
        self._assets[name] = {
            "source": {"path": name, "packaging": "file"},
            "destinations": {"current": {"bucketName": "assets", "objectKey": f"{name}.json"}},
        }
        return f"{name}.json"

    def add_stack_before(self, name: str, other: CloudAssembly) -> None:
        """Add the stack of another assembly, in front of this one's."""
        self._stacks_before[name] = other

    def write(self) -> Path:
        artifacts: dict[str, Any] = {}
        for name, other in self._stacks_before.items():
            other.write()
            for artifact_id, artifact in other.artifacts(f"{os.path.relpath(other.folder, self.folder)}/").items():
                artifacts[artifact_id.replace("Demo", name)] = artifact
        artifacts.update(self.artifacts())
        write_json(self.folder / "manifest.json", {"version": "55.0.0", "artifacts": artifacts})
        write_json(self.folder / "Demo.assets.json", {"version": "55.0.0", "files": self._assets})
        template = {"Resources": self.resources, "Outputs": self.outputs}
        write_json(self.folder / "Demo.template.json", template)
        return self.folder

    def artifacts(self, folder: str = "") -> dict[str, Any]:
        return {
            "Demo.assets": {"type": "cdk:asset-manifest", "properties": {"file": f"{folder}Demo.assets.json"}},
            "Demo": {
                "type": "aws:cloudformation:stack",
                "environment": "aws://unknown-account/unknown-region",
                "properties": {"templateFile": f"{folder}Demo.template.json"},
            },
        }


def write_json(file: Path, document: Any) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(document))


def python_program(body: str) -> str:
    start = f"#!{sys.executable} -u\nimport sys\nsys.dont_write_bytecode = True\nfrom hand_written_runtime import *\n"
    return start + textwrap.dedent(body)


@pytest.fixture
def cloud_assembly(tmp_path: Path) -> CloudAssembly:
    return CloudAssembly(tmp_path / "cdk.out", tmp_path / "gates")


@pytest.fixture
def app_folder(cloud_assembly: CloudAssembly) -> Path:
    """Where the app of the assembly runs, with what `BUNDLING_METADATA` names."""
    folder = cloud_assembly.folder.parent
    (folder / "src" / "chat").mkdir(parents=True)
    (folder / "src" / "uv.lock").touch()
    return folder


@pytest.fixture
def install_bundler(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Let `cdk_lambda_streaming` be a package whose bundler is this body of `main`, and that cannot be imported."""

    def install(body: str) -> None:
        package = tmp_path / "site" / "cdk_lambda_streaming"
        (package / "bundling").mkdir(parents=True)
        (package / "__init__.py").write_text("raise AssertionError('this would import the AWS CDK')\n")
        (package / "bundling" / "__init__.py").touch()
        (package / "bundling" / "of_the_bundler.py").write_text("import json, os, signal, sys\n")
        main = f"from .of_the_bundler import *\n\ndef main():\n{textwrap.indent(textwrap.dedent(body), '    ')}\n"
        (package / "bundling" / "__main__.py").write_text(main)
        # For a process, and for this one, where the real one may have been imported.
        monkeypatch.setenv("PYTHONPATH", str(tmp_path / "site"))
        specification = ModuleSpec("cdk_lambda_streaming", None, is_package=True)
        specification.submodule_search_locations = [str(package)]
        monkeypatch.setattr(importlib.util, "find_spec", lambda name: specification)

    return install


class Log:
    """What the emulator has printed."""

    def __init__(self) -> None:
        self._lines: list[str] = []
        self._changed = threading.Condition()

    def print_line(self, line: str) -> None:
        with self._changed:
            self._lines.append(line)
            self._changed.notify_all()

    def wait_for(self, text: str, *, count: int = 1) -> list[str]:
        """Wait until so many lines hold `text`; return all lines."""
        with self._changed:
            found = self._changed.wait_for(
                lambda: sum(text in line for line in self._lines) >= count, timeout=PATIENCE_SECONDS
            )
            assert found, f"{text!r} was not logged {count} times: {self._lines}"
            return list(self._lines)


class Desk:
    """A running emulator with the clients that tests need."""

    def __init__(self, emulator: Emulator, log: Log, stop: Callable[[], None]) -> None:
        self.emulator = emulator
        self.stop = stop
        self.log = log
        self.client = lambda_client(emulator.lambda_api_url)

    def request(
        self, function: str = "App", method: str = "GET", path: str = "/", body: bytes | None = None, **headers: str
    ) -> http.client.HTTPResponse:
        """Send a request to a Function URL; the response is read by the test, piece by piece."""
        address = urllib.parse.urlsplit(self.emulator.url(function))
        connection = http.client.HTTPConnection(str(address.hostname), address.port, timeout=PATIENCE_SECONDS)
        connection.request(method, path, body, {name.replace("_", "-"): value for name, value in headers.items()})
        return connection.getresponse()

    def invoke(self, payload: Any = None, function: str = "App") -> tuple[Any, str]:
        """Invoke; return the decoded payload and the function error."""
        response = self.client.invoke(FunctionName=function, Payload=json.dumps(payload))
        return json.loads(response["Payload"].read()), response.get("FunctionError", "")

    def stream(self, payload: Any = None, function: str = "App", **options: Any) -> Iterator[dict[str, Any]]:
        """Invoke with a response stream; yield its events as they arrive."""
        response = self.client.invoke_with_response_stream(
            FunctionName=function, Payload=json.dumps(payload), **options
        )
        yield from response["EventStream"]


def is_gone(pid: int) -> bool:
    """Say whether a process has ended; one whose parent has not noticed yet has."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    status = Path(f"/proc/{pid}/stat")
    return not status.exists() or status.read_text().rpartition(")")[2].split()[0] == "Z"


def lambda_client(endpoint_url: str) -> Any:
    config = boto3.session.Config(retries={"max_attempts": 0}, read_timeout=PATIENCE_SECONDS)
    return boto3.client(
        "lambda",
        endpoint_url=endpoint_url,
        region_name="us-east-1",
        aws_access_key_id="nobody",
        aws_secret_access_key="nothing",
        config=config,
    )


@pytest.fixture
def serve(cloud_assembly: CloudAssembly) -> Iterator[Callable[[], Desk]]:
    """Serve the assembly as it has been built up so far."""
    with ExitStack() as stack:

        def start() -> Desk:
            log = Log()
            emulator = stack.enter_context(EmulatorThread(cloud_assembly.write(), print_line=log.print_line))
            return Desk(emulator, log, stop=stack.close)

        yield start


@pytest.fixture
def serve_app(cloud_assembly: CloudAssembly, serve: Callable[[], Desk]) -> Callable[..., Desk]:
    """Serve one function, `App`, with a streaming Function URL."""

    def start(program: str, url: Mapping[str, Any] | None = None, **properties: Any) -> Desk:
        cloud_assembly.add_function("App", program, **properties)
        cloud_assembly.add_url("App", **(url or {}))
        return serve()

    return start
