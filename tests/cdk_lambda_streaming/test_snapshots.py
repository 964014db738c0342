"""The synthesized templates, with no feature flag and with those the CDK recommends for a new app.

`pytest tests/cdk_lambda_streaming/test_snapshots.py --snapshot-update` writes them anew. Hashes are masked, so that a
change of the runtime or of an asset changes no snapshot.
"""

from __future__ import annotations

import json
import re
import tarfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import aws_cdk
import pytest
from aws_cdk import App, DefaultStackSynthesizer, Stack, aws_lambda
from aws_cdk.assertions import Template
from cdk_lambda_streaming import StreamingFunction, StreamingLayer
from syrupy.assertion import SnapshotAssertion
from syrupy.extensions.json import JSONSnapshotExtension


def recommended_feature_flags() -> dict[str, Any]:
    """Return what `cdk init` writes into a new app's context, read from the installed CDK."""
    (archive,) = (Path(aws_cdk.__file__).parent / "_jsii").glob("aws-cdk-lib@*.jsii.tgz")
    with tarfile.open(archive) as files:
        member = files.extractfile("package/recommended-feature-flags.json")
        assert member is not None
        flags: dict[str, Any] = json.load(member)
    return flags


def mask(template: Mapping[str, Any]) -> Any:
    """Return the template without what changes whenever an asset's bytes change."""
    text = json.dumps(template)
    text = re.sub(r"[0-9a-f]{64}", "<hash>", text)
    text = re.sub(r"(CurrentVersion[0-9A-F]{8})[0-9a-f]{32}", r"\1<hash>", text)
    return json.loads(text)


@pytest.fixture(params=["no-flags", "recommended-flags"])
def stack(request: pytest.FixtureRequest, tmp_path: Path) -> Stack:
    context = recommended_feature_flags() if request.param == "recommended-flags" else {}
    app = App(outdir=str(tmp_path / "cdk.out"), context=context)
    # The rule about the bootstrap version is the CDK's and long.
    synthesizer = DefaultStackSynthesizer(generate_bootstrap_version_rule=False)
    return Stack(app, "Stack", synthesizer=synthesizer)


@pytest.fixture
def snapshot(snapshot: SnapshotAssertion) -> SnapshotAssertion:
    return snapshot.use_extension(JSONSnapshotExtension)


def test_streaming_function(stack: Stack, entry: Path, snapshot: SnapshotAssertion) -> None:
    StreamingFunction(stack, "Chat", entry=entry)
    assert mask(Template.from_stack(stack).to_json()) == snapshot


def test_streaming_function_with_public_url_and_version(stack: Stack, entry: Path, snapshot: SnapshotAssertion) -> None:
    function = StreamingFunction(
        stack,
        "Chat",
        entry=entry,
        environment={"TABLE": "chats"},
        auth_type=aws_lambda.FunctionUrlAuthType.NONE,
        cors=aws_lambda.FunctionUrlCorsOptions(allowed_origins=["https://app.example.com"]),
    )
    _ = function.current_version
    assert mask(Template.from_stack(stack).to_json()) == snapshot


def test_attached_function(stack: Stack, snapshot: SnapshotAssertion) -> None:
    function = aws_lambda.Function(
        stack,
        "Plain",
        code=aws_lambda.Code.from_inline("def handler(event, context):\n    yield 'hello'\n"),
        handler="index.handler",
        runtime=aws_lambda.Runtime.PYTHON_3_13,
    )
    StreamingLayer.of(stack).attach_to(function)
    assert mask(Template.from_stack(stack).to_json()) == snapshot
