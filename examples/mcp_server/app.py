"""An MCP server in the runtime's own process."""

from pathlib import Path

import aws_cdk as cdk
from aws_cdk import aws_lambda
from cdk_lambda_streaming import Adapter, StreamingFunction
from constructs import Construct

SERVER = Path(__file__).parent / "server"


class McpExample(cdk.Stack):
    """Stack with one function. Its URL is public, so that an MCP client can call it."""

    def __init__(self, scope: Construct, id: str) -> None:
        super().__init__(scope, id, description="cdk-lambda-streaming: an MCP server")
        function = StreamingFunction(
            self,
            "Mcp",
            entry=SERVER,
            adapter=Adapter.asgi("server:app"),
            auth_type=aws_lambda.FunctionUrlAuthType.NONE,
        )
        cdk.CfnOutput(self, "Url", value=function.url)


if __name__ == "__main__":
    app = cdk.App()
    McpExample(app, "StreamingMcp")
    app.synth()
