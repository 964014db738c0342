"""cdk-nag's AwsSolutions rules find nothing in any template but what is listed here, with the reason why it stays."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from aws_cdk import Acknowledgment, App, Validations
from cdk_nag import AwsSolutionsChecks

from .templates import TEMPLATES, make_app

SUPPRESSED = {
    "AwsSolutions-IAM4[Policy::arn:<AWS::Partition>:iam::aws:policy/service-role/AWSLambdaBasicExecutionRole]": (
        "The role that the CDK makes for a function writes logs by AWS's own policy; `role` takes another."
    ),
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
def test_nothing_is_found_but_what_is_listed(name: str, entry: Path, tmp_path: Path) -> None:
    app = make_app(name, entry, tmp_path / "cdk.out")
    Validations.of(app).add_plugins(AwsSolutionsChecks(app))
    for rule, reason in SUPPRESSED.items():
        Validations.of(app).acknowledge(Acknowledgment(id=f"AwsSolutions::{rule}", reason=reason))
    app.synth()


def test_all_that_is_listed_is_found(entry: Path, tmp_path: Path) -> None:
    """So that nothing is listed in vain, and nag is on."""
    found = {rule for name in TEMPLATES for rule in findings(make_app(name, entry, tmp_path / name))}
    assert found == set(SUPPRESSED)


def test_each_construct_is_looked_at(entry: Path, tmp_path: Path) -> None:
    (paths,) = findings(make_app("two-functions", entry, tmp_path)).values()
    assert paths == ["two-functions/Chat/ServiceRole/Resource", "two-functions/Search/ServiceRole/Resource"]
