"""The CDK's own validation, which knows CloudFormation's rules, has nothing to say of what the construct makes."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

SYNTHESIZE = """
import sys
from aws_cdk import App, Stack, aws_lambda
from cdk_lambda_streaming import StreamingFunction, StreamingLayer

def synthesize(outdir, **overrides):
    app = App(outdir=outdir, context={"@aws-cdk/core:validateAgainstDefaultRules": True})
    stack = Stack(app, "Stack")
    chat = StreamingFunction(
        stack, "Chat", entry=sys.argv[1], auth_type=aws_lambda.FunctionUrlAuthType.NONE,
        cors=aws_lambda.FunctionUrlCorsOptions(allowed_origins=["https://app.example.com"]),
    )
    chat.add_alias("live").add_function_url()
    for name, value in overrides.items():
        chat.node.default_child.add_property_override(name, value)
    app.synth()

synthesize(sys.argv[2])
print("the construct's template is valid", flush=True)
synthesize(sys.argv[3], MemorySize=64)
"""


def test_the_template_is_valid_to_the_cdk(entry: Path, tmp_path: Path) -> None:
    """A process of its own, since the CDK reads its switch once; and a template that is wrong shows it was on."""
    environment = {key: value for key, value in os.environ.items() if key != "CDK_VALIDATION"}
    outdirs = (str(tmp_path / "valid"), str(tmp_path / "invalid"))
    run = subprocess.run(
        [sys.executable, "-c", SYNTHESIZE, str(entry), *outdirs],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert "the construct's template is valid" in run.stdout, run.stdout + run.stderr
    assert run.returncode == 1
    assert "64 is less than the minimum of 128" in run.stdout + run.stderr
