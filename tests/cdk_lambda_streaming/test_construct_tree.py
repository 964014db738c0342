from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from aws_cdk import Stack
from cdk_lambda_streaming import StreamingFunction
from cdk_lambda_streaming.cdk import construct_tree
from cdk_lambda_streaming.cdk.construct_tree import find_constructs


@pytest.fixture
def function(stack: Stack, entry: Path) -> StreamingFunction:
    return StreamingFunction(stack, "Chat", entry=entry, alias_name="live")


def test_constructs_are_found_by_type(stack: Stack, function: StreamingFunction) -> None:
    found = find_constructs(stack.node, ["aws_lambda.CfnUrl", "aws_lambda.Alias"])
    assert function.alias in found
    assert [type(construct).__name__ for construct in found] == ["StreamingAlias", "CfnUrl"]


def test_search_works_with_another_jsii(
    stack: Stack, function: StreamingFunction, monkeypatch: pytest.MonkeyPatch
) -> None:
    types = ["aws_lambda.CfnUrl", "aws_lambda.Alias", "aws_lambda.Version"]
    expected = [construct.node.path for construct in find_constructs(stack.node, types)]

    def fail(*arguments: object) -> None:
        raise AttributeError("another jsii")

    monkeypatch.setattr(construct_tree, "_find_by_reference", fail)
    assert [construct.node.path for construct in find_constructs(stack.node, types)] == expected
    assert len(expected) == 3


def test_synth_imports_only_needed_modules(entry: Path, tmp_path: Path) -> None:
    """Each of these modules takes the CDK hundredths of a second."""
    program = (
        "import sys\n"
        "from aws_cdk import App, Stack\n"
        "from cdk_lambda_streaming import StreamingFunction\n"
        "app = App(outdir=sys.argv[1])\n"
        "StreamingFunction(Stack(app, 'Stack'), 'Chat', entry=sys.argv[2])\n"
        "app.synth()\n"
        "print([name for name in ('aws_s3', 'aws_apigateway', 'aws_cloudfront') if f'aws_cdk.{name}' in sys.modules])\n"
    )
    command = [sys.executable, "-c", program, str(tmp_path / "cdk.out"), str(entry)]
    run = subprocess.run(command, check=True, capture_output=True, text=True)
    assert run.stdout.splitlines()[-1] == "[]"
