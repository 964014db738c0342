"""App with one function: its own URL streams, and the URL of its alias buffers."""

import sys
from pathlib import Path

import aws_cdk as cdk
from aws_cdk import aws_lambda as lambda_
from cdk_lambda_streaming import StreamingFunction

app = cdk.App(outdir=sys.argv[1])
public = lambda_.FunctionUrlAuthType.NONE
function = StreamingFunction(
    cdk.Stack(app, "Demo"), "Chat", entry=Path(__file__).parent / "streams", auth_type=public, function_name="Chat"
)
function.add_alias("whole").add_function_url(auth_type=public, invoke_mode=lambda_.InvokeMode.BUFFERED)
app.synth()
