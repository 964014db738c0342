"""Stand-in for the module of an OpenTelemetry layer: the handler in ORIG_HANDLER, instrumented."""

import os
from importlib import import_module

from opentelemetry.instrumentation.aws_lambda import AwsLambdaInstrumentor

AwsLambdaInstrumentor().instrument()
_module, _name = os.environ["ORIG_HANDLER"].replace("/", ".").rsplit(".", 1)
lambda_handler = getattr(import_module(_module), _name)
