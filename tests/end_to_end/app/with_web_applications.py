"""CDK app with an ASGI and a WSGI application, and with an application of a function made by the CDK."""

import sys
from pathlib import Path

import aws_cdk as cdk
from aws_cdk import aws_lambda
from cdk_lambda_streaming import Adapter, StreamingFunction, StreamingLayer

SERVES = str(Path(__file__).parent / "serves")

app = cdk.App(outdir=sys.argv[1])
stack = cdk.Stack(app, "Web")
asgi = Adapter.asgi("shop.web:create_app()", other_events="shop.jobs:handle")
StreamingFunction(stack, "Asgi", entry=SERVES, adapter=asgi)
StreamingFunction(stack, "Wsgi", entry=SERVES, adapter=Adapter.wsgi("shop.web:application"))
plain = aws_lambda.Function(
    stack,
    "Attached",
    code=aws_lambda.Code.from_asset(SERVES),
    handler="index.handler",
    runtime=aws_lambda.Runtime.PYTHON_3_14,
    timeout=cdk.Duration.seconds(30),
)
StreamingLayer.of(stack).attach_to(plain, adapter=Adapter.wsgi("shop.web:application")).add_function_url()
app.synth()
