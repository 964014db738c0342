"""Response streaming for Python on AWS Lambda, as a CDK construct."""

from cdk_lambda_streaming.adapter import Adapter
from cdk_lambda_streaming.bundling.options import BundlingOptions, ByteCode, Installer, LeaveOut
from cdk_lambda_streaming.environment import FrontDoor
from cdk_lambda_streaming.streaming_alias import StreamingAlias
from cdk_lambda_streaming.streaming_function import StreamingFunction
from cdk_lambda_streaming.streaming_layer import StreamingLayer

__all__ = [
    "Adapter",
    "BundlingOptions",
    "ByteCode",
    "FrontDoor",
    "Installer",
    "LeaveOut",
    "StreamingAlias",
    "StreamingFunction",
    "StreamingLayer",
]
