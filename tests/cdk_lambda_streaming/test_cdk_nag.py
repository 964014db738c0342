"""cdk-nag's AwsSolutions rules. The list has their findings, and the reason for each."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from aws_cdk import Acknowledgment, App, Validations
from cdk_nag import AwsSolutionsChecks

from .templates import TEMPLATES, make_app

AWS_POLICY = "AwsSolutions-IAM4[Policy::arn:<AWS::Partition>:iam::aws:policy/service-role/"
# Findings in resources that the CDK makes by default. Options change most of them.
SUPPRESSED = {
    f"{AWS_POLICY}AWSLambdaBasicExecutionRole]": (
        "The CDK's role for a function writes logs with AWS's own policy. To change it, pass `role`."
    ),
    f"{AWS_POLICY}AmazonAPIGatewayPushToCloudWatchLogs]": (
        "The CDK's role writes API Gateway's logs. To leave it out, pass `cloud_watch_role=False`."
    ),
    "AwsSolutions-L1": "The signer of request bodies has the newest Python in Lambda@Edge's documentation.",
    "AwsSolutions-APIG1": "The application chooses access logs: `deploy_options`.",
    "AwsSolutions-APIG2": "The handler validates requests.",
    "AwsSolutions-APIG3": "The application chooses a web ACL, which costs money.",
    "AwsSolutions-APIG6": "The application chooses the logs of methods: `deploy_options`.",
    "AwsSolutions-COG4": "Callers need IAM permission. For a user pool, pass `default_method_options`.",
    "AwsSolutions-CFR1": "The application chooses countries: `geo_restriction`.",
    "AwsSolutions-CFR2": "The application chooses a web ACL, which costs money: `web_acl_id`.",
    "AwsSolutions-CFR3": "The application chooses access logs: `enable_logging`.",
    "AwsSolutions-CFR4": "CloudFront's own certificate allows old TLS versions. For a domain, pass `certificate`.",
}


def findings(app: App) -> dict[str, list[str]]:
    """Return the paths of the constructs that violate a rule, by rule."""
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
def test_only_listed_findings_exist(name: str, tmp_path: Path) -> None:
    app = make_app(name, tmp_path)
    Validations.of(app).add_plugins(AwsSolutionsChecks(app))
    for rule, reason in SUPPRESSED.items():
        Validations.of(app).acknowledge(Acknowledgment(id=f"AwsSolutions::{rule}", reason=reason))
    app.synth()


def test_all_listed_findings_exist(tmp_path: Path) -> None:
    """This shows that cdk-nag runs, and that the list is not too long."""
    found = set()
    for name in TEMPLATES:
        (tmp_path / name).mkdir()
        found |= set(findings(make_app(name, tmp_path / name)))
    assert found == set(SUPPRESSED)


def test_each_construct_is_checked(tmp_path: Path) -> None:
    (paths,) = findings(make_app("two-functions", tmp_path)).values()
    assert paths == ["two-functions/Chat/ServiceRole/Resource", "two-functions/Search/ServiceRole/Resource"]
