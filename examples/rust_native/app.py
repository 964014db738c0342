"""A Rust handler that streams by itself, on an OS-only runtime."""

from pathlib import Path

import aws_cdk as cdk
from aws_cdk import aws_lambda
from cdk_lambda_streaming import Adapter, StreamingFunction
from constructs import Construct

# Output of `cargo lambda build --release --arm64`: a folder with only the program, `bootstrap`.
BUILT = Path(__file__).parent / "function" / "target" / "lambda" / "words"


class RustExample(cdk.Stack):
    """Stack with one function. Its URL is public, so that a browser can open it."""

    def __init__(self, scope: Construct, id: str) -> None:
        super().__init__(scope, id, description="cdk-lambda-streaming: Rust on Amazon Linux")
        if not BUILT.is_dir():
            raise FileNotFoundError(
                f"'{BUILT}' does not exist; build it first: cd function && cargo lambda build --release --arm64"
            )
        function = StreamingFunction(
            self,
            "Rust",
            entry=BUILT,
            runtime=aws_lambda.Runtime.PROVIDED_AL2023,
            adapter=Adapter.native(),
            memory_size=128,
            auth_type=aws_lambda.FunctionUrlAuthType.NONE,
        )
        cdk.CfnOutput(self, "Url", value=function.url)


if __name__ == "__main__":
    app = cdk.App()
    RustExample(app, "StreamingRust")
    app.synth()
