"""App of these tests: examples and other functions, in a stack, a nested stack and a stage."""

import sys
from pathlib import Path

import aws_cdk as cdk
from cdk_lambda_streaming import StreamingFunction

HERE = Path(__file__).parent
EXAMPLES = HERE.parents[2] / "examples"

app = cdk.App(outdir=sys.argv[1])
stack = cdk.Stack(app, "Tests")
StreamingFunction(stack, "Hello", entry=EXAMPLES / "hello")
StreamingFunction(stack, "UnicodeTable", entry=EXAMPLES / "unicode_table")
StreamingFunction(stack, "Chat", entry=EXAMPLES / "chat")
StreamingFunction(stack, "Streams", entry=HERE / "streams")
StreamingFunction(stack, "Fails", entry=HERE / "fails", timeout=cdk.Duration.seconds(20))
StreamingFunction(stack, "InitFails", entry=HERE / "fails", index="init_fails.py")
StreamingFunction(stack, "UsesBoto3", entry=HERE / "uses_boto3")
StreamingFunction(stack, "OwnModules", entry=HERE / "own_modules")
StreamingFunction(cdk.NestedStack(stack, "Nested"), "NestedHello", entry=EXAMPLES / "hello")
StreamingFunction(cdk.Stack(cdk.Stage(app, "Stage"), "Staged"), "StagedHello", entry=EXAMPLES / "hello")
app.synth()
