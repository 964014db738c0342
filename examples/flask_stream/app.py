"""A Flask application in the runtime's own process."""

from pathlib import Path

import aws_cdk as cdk
from aws_cdk import aws_lambda
from cdk_lambda_streaming import Adapter, StreamingFunction
from constructs import Construct

SERVER = Path(__file__).parent / "server"


class FlaskExample(cdk.Stack):
    """Stack with one function. Its URL is public, so that a browser can open it."""

    def __init__(self, scope: Construct, id: str) -> None:
        super().__init__(scope, id, description="cdk-lambda-streaming: Flask")
        function = StreamingFunction(
            self,
            "Flask",
            entry=SERVER,
            adapter=Adapter.wsgi("app:app"),
            auth_type=aws_lambda.FunctionUrlAuthType.NONE,
        )
        cdk.CfnOutput(self, "Url", value=function.url)


if __name__ == "__main__":
    app = cdk.App()
    FlaskExample(app, "StreamingFlask")
    app.synth()
