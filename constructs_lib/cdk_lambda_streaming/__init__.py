"""Response streaming for Python on AWS Lambda, as a CDK construct."""

from lambda_bundling.options import BundlingOptions, ByteCode, Installer, LeaveOut

from cdk_lambda_streaming.adapters.adapter import Adapter
from cdk_lambda_streaming.checks.environment import FrontDoor
from cdk_lambda_streaming.streaming_alias import StreamingAlias
from cdk_lambda_streaming.streaming_function import StreamingFunction
from cdk_lambda_streaming.streaming_layer import StreamingLayer
from cdk_lambda_streaming.streaming_target import AttachedFunction

__all__ = [
    "Adapter",
    "AttachedFunction",
    "BundlingOptions",
    "ByteCode",
    "FrontDoor",
    "Installer",
    "LeaveOut",
    "StreamingAlias",
    "StreamingFunction",
    "StreamingLayer",
]
