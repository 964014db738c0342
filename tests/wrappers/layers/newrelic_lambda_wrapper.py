"""Stand-in for the module of New Relic's layer: the handler in NEW_RELIC_LAMBDA_HANDLER, in a transaction."""

import os
from importlib import import_module

os.environ["NEW_RELIC_APP_NAME"] = os.environ["AWS_LAMBDA_FUNCTION_NAME"]
os.environ["NEW_RELIC_NO_CONFIG_FILE"] = "true"
os.environ["NEW_RELIC_SERVERLESS_MODE_ENABLED"] = "true"

# The agent reads the variables when it is imported.
import newrelic.agent
from newrelic_lambda.lambda_handler import lambda_handler

newrelic.agent.initialize()
_module, _name = os.environ["NEW_RELIC_LAMBDA_HANDLER"].rsplit(".", 1)
_handler = getattr(import_module(_module), _name)


@lambda_handler()
def handler(event, context):
    return _handler(event, context)
