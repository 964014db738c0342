"""CDK app of the examples. The repository's `cdk.json` names it."""

from pathlib import Path

import aws_cdk as cdk
from aws_cdk import aws_lambda
from cdk_lambda_streaming import StreamingFunction
from django_report.app import DjangoExample
from fastapi_chat.app import FastapiExample
from flask_stream.app import FlaskExample
from mcp_server.app import McpExample

EXAMPLES = Path(__file__).parent


class Examples(cdk.Stack):
    """One function for each handler. The URLs are public, so that a browser can open them."""

    def __init__(self, scope: cdk.App, id: str) -> None:
        super().__init__(scope, id, description="Examples of cdk-lambda-streaming")
        for folder, name in (
            ("hello", "Hello"),
            ("unicode_table", "UnicodeTable"),
            ("chat", "Chat"),
            ("handshake", "Handshake"),
        ):
            function = StreamingFunction(
                self, name, entry=EXAMPLES / folder, auth_type=aws_lambda.FunctionUrlAuthType.NONE
            )
            cdk.CfnOutput(self, f"{name}Url", value=function.url)


app = cdk.App()
Examples(app, "StreamingExamples")
FastapiExample(app, "StreamingFastapi")
DjangoExample(app, "StreamingDjango")
FlaskExample(app, "StreamingFlask")
McpExample(app, "StreamingMcp")
app.synth()
