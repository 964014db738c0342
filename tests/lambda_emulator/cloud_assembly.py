"""Small cloud assemblies with real bootstraps, written file by file as `cdk synth` writes them.

The bootstraps speak the Runtime API by hand (`HAND_WRITTEN_RUNTIME`) and share no code with the project's runtime.
"""

from __future__ import annotations

import json
import os
import sys
import textwrap
from collections.abc import Mapping
from pathlib import Path
from typing import Any

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
    """Semaphore that the test and the function share: a named pipe."""

    def __init__(self, name):
        self.fd = os.open(os.path.join(os.environ["GATES"], name), os.O_RDWR)

    def release(self, text=""):
        os.write(self.fd, f"{text}\\n".encode())

    def acquire(self):
        os.read(self.fd, 1)


def stay_alive():
    """Keep the pipe `life` open in this process, and in descendants that a signal to the process group misses."""
    import subprocess

    life = os.open(os.path.join(os.environ["GATES"], "life"), os.O_WRONLY)
    os.set_inheritable(life, True)
    subprocess.Popen(["sleep", "600"], close_fds=False)
    subprocess.Popen(["sleep", "600"], close_fds=False, start_new_session=True)
    subprocess.run(["sh", "-c", "sleep 600 &"], close_fds=False, start_new_session=True)
'''

# No machine has this Python, so the asset fits none.
BUNDLING_METADATA: dict[str, Any] = {
    "entry": "src/chat",
    "requirements": "../uv.lock",
    "python": "3.99",
    "machine": "aarch64",
    "excluded": ["*.pyc"],
    "options": {"extras": ["fast"]},
}


class CloudAssembly:
    """A `cdk.out` with one stack, `Demo`."""

    def __init__(self, folder: Path, gates: Path) -> None:
        self.folder = folder
        self._gates = gates
        self.resources: dict[str, Any] = {}
        self.outputs: dict[str, Any] = {}
        self._assets: dict[str, Any] = {}
        self._stacks_before: dict[str, CloudAssembly] = {}
        folder.mkdir(parents=True)

    def add_asset(self, files: Mapping[str, str]) -> dict[str, str]:
        """Add a folder of executable files. Return its location for a template."""
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
        """Add an OS-only function with the bootstrap `program`, which can import the hand-written runtime."""
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
        """Add the metadata of installed dependencies to a function. The app ran in the folder of the assembly."""
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
        """Add the template of a nested stack. Return the last part of its URL."""
        write_json(self.folder / name, template)
        self._assets[name] = {
            "source": {"path": name, "packaging": "file"},
            "destinations": {"current": {"bucketName": "assets", "objectKey": f"{name}.json"}},
        }
        return f"{name}.json"

    def add_stack_before(self, name: str, other: CloudAssembly) -> None:
        """Add the stack of another assembly before this one's stack."""
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
