"""Second runs of the CDK's command line: differences, replacements and removals."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from botocore.exceptions import ClientError

from .app import DEPLOYED
from .cloud import CHANGED_HANDLER, FUNCTION, LAYER, ROOT, Cloud


def live_version(cloud: Cloud, function: str) -> str:
    version: str = cloud.client("lambda").get_alias(FunctionName=function, Name="live")["FunctionVersion"]
    return version


def live_address(cloud: Cloud, function: str) -> str:
    address: str = cloud.client("lambda").get_function_url_config(FunctionName=function, Qualifier="live")[
        "FunctionUrl"
    ]
    return address


def error_of(call: Callable[[], object]) -> str:
    with pytest.raises(ClientError) as caught:
        call()
    code: str = caught.value.response["Error"]["Code"]
    return code


def test_second_deployment_finds_no_difference(cloud: Cloud) -> None:
    """`cdk diff` compares with a change set of CloudFormation, and deletes the change set."""
    done = cloud.cdk("diff", "--fail", *DEPLOYED)
    assert done.returncode == 0, done.end
    assert "Number of stacks with differences: 0" in done.output
    assert done.output.count("There were no differences") >= len(DEPLOYED)


def test_changed_handler_changes_only_code(cloud: Cloud) -> None:
    done = cloud.cdk("diff", "--fail", "defaults", entry=cloud.changed_entry("different"))
    assert done.returncode == 1, done.end
    assert "Number of stacks with differences: 1" in done.output
    assert [line for line in done.output.splitlines() if line.startswith("[")] == [
        "[~] AWS::Lambda::Function Chat Chat26DEB33F"
    ]


def test_hotswap_replaces_code_of_alias(cloud: Cloud) -> None:
    """Without CloudFormation, the CDK publishes a version of the changed code and moves the alias."""
    function = cloud.only("hotswapped", FUNCTION)
    before = live_version(cloud, function)
    output = cloud.deploy("hotswapped", "--hotswap", entry=cloud.changed_entry("hotswapped"))
    assert "hotswapped!" in output
    assert cloud.code(function)["index.py"].content == CHANGED_HANDLER.encode()
    # ministack returns only the code of $LATEST. For versions it has the hash.
    hashes = [
        cloud.client("lambda").get_function_configuration(FunctionName=function, Qualifier=version)["CodeSha256"]
        for version in ("$LATEST", live_version(cloud, function), before)
    ]
    assert hashes[0] == hashes[1] != hashes[2]


def test_changed_runtime_reaches_alias(cloud: Cloud, tmp_path: Path) -> None:
    """An update of this library changes nothing of the user's, and the URL stays."""
    function = cloud.only("with-a-new-runtime", FUNCTION)
    before, layer = live_version(cloud, function), cloud.only("with-a-new-runtime", LAYER)
    address = live_address(cloud, function)
    shutil.copytree(ROOT / "runtime_asset", tmp_path / "runtime", ignore=shutil.ignore_patterns("__pycache__"))
    changed = tmp_path / "runtime" / "python" / "lambda_streaming" / "__init__.py"
    changed.write_text(changed.read_text() + "# changed\n")

    cloud.deploy("with-a-new-runtime", "--method", "direct", runtime=tmp_path / "runtime")

    after = live_version(cloud, function)
    assert after != before
    assert live_address(cloud, function) == address
    configuration = cloud.client("lambda").get_function_configuration(FunctionName=function, Qualifier=after)
    (arn,) = (layer["Arn"] for layer in configuration["Layers"])
    assert arn != layer
    assert cloud.layer(arn)["python/lambda_streaming/__init__.py"].content == changed.read_bytes()


def test_destroy_removes_everything(cloud: Cloud) -> None:
    function, layer = cloud.only("destroyed", FUNCTION), cloud.only("destroyed", LAYER)
    role = cloud.only("destroyed", "AWS::IAM::Role")
    done = cloud.cdk("destroy", "--force", "destroyed")
    assert done.returncode == 0, done.end
    assert error_of(lambda: cloud.client("cloudformation").describe_stacks(StackName="destroyed")) == "ValidationError"
    assert error_of(lambda: cloud.client("lambda").get_function(FunctionName=function)) == "ResourceNotFoundException"
    assert error_of(lambda: cloud.layer(layer)) == "ResourceNotFoundException"
    assert error_of(lambda: cloud.client("iam").get_role(RoleName=role)) == "NoSuchEntity"
