"""cfn-lint, which knows the schema of every resource, finds nothing in the templates."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from aws_cdk import App, Stack, aws_lambda
from cdk_lambda_streaming import StreamingFunction
from cdk_lambda_streaming.cdk.function_resource import resource_of
from cfnlint.config import ConfigMixIn
from cfnlint.decode import decode_str
from cfnlint.runner import Runner

from .templates import TEMPLATES, make_app, recommended_feature_flags, synthesize

IGNORED = {
    "W3005": "The CDK writes dependencies that CloudFormation sees by itself, such as a function's on its role.",
}

WRONG_IN_A_FUNCTION = {
    "Runtime": "python9.9",
    "Architectures": ["mips"],
    "MemorySize": 64,
    "Timeout": 901,
    "Environment.Variables.AWS_REGION": "eu-west-1",
    "Environment.Variables.LARGE": "x" * 4097,
}
WRONG_IN_A_URL = {"InvokeMode": "STREAM", "AuthType": "SECRET", "Typo": 1}
FOUND = [
    "E3002 Additional properties are not allowed ('Typo' was unexpected)",
    "E3030 'SECRET' is not one of",
    "E3030 'STREAM' is not one of",
    "E3030 'mips' is not one of",
    "E3030 'python9.9' is not one of",
    "E3034 64 is less than the minimum of 128",
    "E3663 'AWS_REGION' is a reserved variable name",
    "E3697 Lambda environment variables total size",
    "E3717 901 is greater than the maximum of 900",
]


@pytest.fixture(scope="module")
def runner() -> Runner:
    """Return a runner that has read all rules, which takes longer than applying them."""
    return Runner(ConfigMixIn(regions=["us-east-1"], ignore_checks=list(IGNORED)))


def lint(runner: Runner, template: Mapping[str, Any]) -> list[str]:
    decoded, problems = decode_str(json.dumps(template))
    assert not problems
    return [f"{match.rule.id} {match.message}" for match in runner.validate_template(decoded)]


@pytest.mark.parametrize("flags", ["no-flags", "recommended-flags"])
@pytest.mark.parametrize("name", TEMPLATES)
def test_template_is_clean(name: str, flags: str, runner: Runner, tmp_path: Path) -> None:
    context = recommended_feature_flags() if flags == "recommended-flags" else {}
    templates = synthesize(make_app(name, tmp_path, context))
    assert {file: found for file, template in templates.items() if (found := lint(runner, template))} == {}


def test_wrong_template_is_reported(runner: Runner, entry: Path, tmp_path: Path) -> None:
    """Lambda would refuse these values. The CDK and the emulator in tests/deployment accept them."""
    app = App(outdir=str(tmp_path / "cdk.out"))
    chat = StreamingFunction(Stack(app, "Stack"), "Chat", entry=entry)
    for name, value in WRONG_IN_A_FUNCTION.items():
        resource_of(chat).add_property_override(name, value)
    assert chat.function_url is not None
    url = chat.function_url.node.default_child
    assert isinstance(url, aws_lambda.CfnUrl)
    for name, value in WRONG_IN_A_URL.items():
        url.add_property_override(name, value)
    ((_, template),) = synthesize(app).items()
    found = sorted(lint(runner, template))
    assert [message[: len(start)] for message, start in zip(found, FOUND, strict=True)] == FOUND
