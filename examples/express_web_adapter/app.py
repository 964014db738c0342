"""An Express application behind AWS's Lambda Web Adapter."""

from pathlib import Path

import aws_cdk as cdk
from aws_cdk import aws_lambda
from cdk_lambda_streaming import Adapter, StreamingFunction
from constructs import Construct

SERVER = Path(__file__).parent / "server"


class ExpressExample(cdk.Stack):
    """Stack with one function. Its URL is public, so that a browser can open it."""

    def __init__(self, scope: Construct, id: str) -> None:
        super().__init__(scope, id, description="cdk-lambda-streaming: Express behind AWS Lambda Web Adapter")
        function = StreamingFunction(
            self,
            "Express",
            entry=SERVER,
            runtime=aws_lambda.Runtime.NODEJS_24_X,
            # The adapter requests this path until the server is ready. `/` would start a stream each time.
            adapter=Adapter.lambda_web_adapter(readiness_check_path="/health"),
            auth_type=aws_lambda.FunctionUrlAuthType.NONE,
        )
        cdk.CfnOutput(self, "Url", value=function.url)


if __name__ == "__main__":
    app = cdk.App()
    ExpressExample(app, "StreamingExpress")
    app.synth()
