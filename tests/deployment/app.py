"""CDK app for deployment: every template as a stack, and stacks that tests change.

The variable ENTRY is the folder with the handler.
"""

import os
from pathlib import Path

from aws_cdk import App, Stack

from tests.cdk_lambda_streaming.templates import (
    TEMPLATES,
    add_stack,
    recommended_feature_flags,
    users_alias_with_url,
    warm_alias,
)

NOT_DEPLOYED = {
    "scaled-alias": "ministack has no Application Auto Scaling.",
    "container-image": "The CDK's command line builds the image with Docker.",
}
DEPLOYED = [name for name in TEMPLATES if name not in NOT_DEPLOYED]

CHANGED = {
    "hotswapped": users_alias_with_url,
    "with-a-new-runtime": warm_alias,
    "destroyed": users_alias_with_url,
}
"""Each stack belongs to one test, so that tests do not change the stacks of others."""

if __name__ == "__main__":
    app = App(context=recommended_feature_flags())
    entry = Path(os.environ["ENTRY"])
    for name in DEPLOYED:
        add_stack(app, name, entry)
    for name, build in CHANGED.items():
        build(Stack(app, name), entry)
    app.synth()
