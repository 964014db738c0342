"""The CDK app that is deployed: every template of the table as a stack, and stacks that tests change.

ENTRY names the folder that has the handler.
"""

import os
from pathlib import Path

from aws_cdk import App, Stack

from tests.cdk_lambda_streaming.templates import TEMPLATES, recommended_feature_flags, users_alias_with_url

CHANGED = {
    "hotswapped": users_alias_with_url,
    "with-a-new-runtime": users_alias_with_url,
    "destroyed": users_alias_with_url,
}
"""Each belongs to one test, so that tests know what the others' stacks are."""

if __name__ == "__main__":
    app = App(context=recommended_feature_flags())
    for name, build in {**TEMPLATES, **CHANGED}.items():
        build(Stack(app, name), Path(os.environ["ENTRY"]))
    app.synth()
