"""A Hono application on Node.js, whose runtime streams by itself."""

from pathlib import Path

import aws_cdk as cdk
from aws_cdk import aws_lambda
from cdk_lambda_streaming import Adapter, StreamingFunction
from constructs import Construct

FUNCTION = Path(__file__).parent / "function"


class HonoExample(cdk.Stack):
    """Stack with one function. Its URL is public, so that a browser can open it."""

    def __init__(self, scope: Construct, id: str) -> None:
        super().__init__(scope, id, description="cdk-lambda-streaming: Hono on Node.js")
        function = StreamingFunction(
            self,
            "Hono",
            entry=FUNCTION,
            runtime=aws_lambda.Runtime.NODEJS_24_X,
            adapter=Adapter.native(),
            auth_type=aws_lambda.FunctionUrlAuthType.NONE,
        )
        cdk.CfnOutput(self, "Url", value=function.url)


if __name__ == "__main__":
    app = cdk.App()
    HonoExample(app, "StreamingHono")
    app.synth()
