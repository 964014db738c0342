"""cdk-nag's AwsSolutions rules find nothing in any template but what is listed here, with the reason why it stays."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from aws_cdk import Acknowledgment, App, Validations
from cdk_nag import AwsSolutionsChecks

from .templates import TEMPLATES, make_app

AWS_POLICY = "AwsSolutions-IAM4[Policy::arn:<AWS::Partition>:iam::aws:policy/service-role/"
# Each is of a resource that the CDK makes by default, and an option says otherwise.
SUPPRESSED = {
    f"{AWS_POLICY}AWSLambdaBasicExecutionRole]": (
        "The role that the CDK makes for a function writes logs by AWS's own policy; `role` takes another."
    ),
    f"{AWS_POLICY}AmazonAPIGatewayPushToCloudWatchLogs]": (
        "The CDK's role for API Gateway's logs; `cloud_watch_role=False` leaves it out."
    ),
    "AwsSolutions-L1": "What signs request bodies has the newest Python that Lambda@Edge is documented to have.",
    "AwsSolutions-APIG1": "Where access logs go is the application's to say: `deploy_options`.",
    "AwsSolutions-APIG2": "What a request holds is for the handler to check.",
    "AwsSolutions-APIG3": "A web ACL is the application's to choose, and it costs.",
    "AwsSolutions-APIG6": "What is logged of a method is the application's to say: `deploy_options`.",
    "AwsSolutions-COG4": "Callers need IAM permission; `default_method_options` takes a user pool.",
    "AwsSolutions-CFR1": "Where viewers may be is the application's to say: `geo_restriction`.",
    "AwsSolutions-CFR2": "A web ACL is the application's to choose, and it costs: `web_acl_id`.",
    "AwsSolutions-CFR3": "Where access logs go is the application's to say: `enable_logging`.",
    "AwsSolutions-CFR4": "CloudFront's own certificate has no minimum; one of a domain has: `certificate`.",
}


def findings(app: App) -> dict[str, list[str]]:
    """Return, by rule, the paths of the constructs that it objects to."""
    Validations.of(app).add_plugins(AwsSolutionsChecks(app))
    with pytest.raises(RuntimeError, match="ValidationFailed"):
        app.synth()
    (report,) = json.loads(Path(app.outdir, "validation-report.json").read_text())["pluginReports"]
    assert report["pluginName"] == "AwsSolutions"
    return {
        violation["ruleName"]: [construct["constructPath"] for construct in violation["violatingConstructs"]]
        for violation in report["violations"]
    }


@pytest.mark.parametrize("name", TEMPLATES)
def test_nothing_is_found_but_what_is_listed(name: str, tmp_path: Path) -> None:
    app = make_app(name, tmp_path)
    Validations.of(app).add_plugins(AwsSolutionsChecks(app))
    for rule, reason in SUPPRESSED.items():
        Validations.of(app).acknowledge(Acknowledgment(id=f"AwsSolutions::{rule}", reason=reason))
    app.synth()


def test_all_that_is_listed_is_found(tmp_path: Path) -> None:
    """So that nothing is listed in vain, and nag is on."""
    found = set()
    for name in TEMPLATES:
        (tmp_path / name).mkdir()
        found |= set(findings(make_app(name, tmp_path / name)))
    assert found == set(SUPPRESSED)


def test_each_construct_is_looked_at(tmp_path: Path) -> None:
    (paths,) = findings(make_app("two-functions", tmp_path)).values()
    assert paths == ["two-functions/Chat/ServiceRole/Resource", "two-functions/Search/ServiceRole/Resource"]
