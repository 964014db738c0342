"""Snapshots of synthesized templates, which show the effect of a change.

Each feature has one snapshot of its template, and one of the changes by the CDK's recommended feature flags and by the
other processor. `make test ARGS="tests/cdk_lambda_streaming/test_snapshots.py --snapshot-update"` updates them. Hashes
are masked, so a change of the runtime or of an asset changes no snapshot.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from aws_cdk import App, DefaultStackSynthesizer, Stack, aws_lambda
from aws_cdk.assertions import Template
from cdk_lambda_streaming import StreamingFunction
from cdk_lambda_streaming.testing import mask_template
from syrupy.assertion import SnapshotAssertion
from syrupy.extensions.json import JSONSnapshotExtension

from .templates import TEMPLATES, recommended_feature_flags, write_entry

# Features with snapshots. All features are linted and deployed.
FEATURES = (
    "defaults",
    "public-url-with-cors",
    "attached-function",
    "snap-start",
    "scaled-alias",
    "rest-api",
    "distribution",
    "container-image",
    "native-node",
    "lambda-web-adapter",
    "asgi",
)
VARIANTS: dict[str, tuple[dict[str, Any], aws_lambda.Architecture]] = {
    "recommended flags": (recommended_feature_flags(), aws_lambda.Architecture.ARM_64),
    "x86_64": ({}, aws_lambda.Architecture.X86_64),
    "recommended flags, x86_64": (recommended_feature_flags(), aws_lambda.Architecture.X86_64),
}
Synthesize = Callable[..., dict[str, Any]]


@pytest.fixture
def synthesize(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Synthesize:
    entry = write_entry(tmp_path / "entry")
    make = StreamingFunction.__init__

    def template(
        feature: str,
        flags: Mapping[str, Any] | None = None,
        architecture: aws_lambda.Architecture = aws_lambda.Architecture.ARM_64,
    ) -> dict[str, Any]:
        def make_for(function: StreamingFunction, scope: Any, id: str, **options: Any) -> None:
            make(function, scope, id, **{"architecture": architecture, **options})

        monkeypatch.setattr(StreamingFunction, "__init__", make_for)
        app = App(outdir=str(tmp_path / "cdk.out"), context=dict(flags or {}))
        # Leave out the CDK's long rule about the bootstrap version.
        stack = Stack(app, "Stack", synthesizer=DefaultStackSynthesizer(generate_bootstrap_version_rule=False))
        TEMPLATES[feature](stack, entry)
        return mask_template(Template.from_stack(stack).to_json())

    return template


@pytest.fixture
def snapshot(snapshot: SnapshotAssertion) -> SnapshotAssertion:
    return snapshot.use_extension(JSONSnapshotExtension)


def flatten(value: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """Yield the leaves of a template with their paths."""
    if isinstance(value, Mapping) and value:
        for key, inner in value.items():
            yield from flatten(inner, f"{path}/{key}")
    elif isinstance(value, list) and value:
        for number, inner in enumerate(value):
            yield from flatten(inner, f"{path}/{number}")
    else:
        yield path, value


def changes(before: dict[str, Any], after: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Return the leaves that differ between two templates."""
    old, new = dict(flatten(before)), dict(flatten(after))
    return {
        "removed": {path: value for path, value in old.items() if new.get(path) != value},
        "added": {path: value for path, value in new.items() if old.get(path) != value},
    }


@pytest.mark.parametrize("feature", FEATURES)
def test_template(feature: str, synthesize: Synthesize, snapshot: SnapshotAssertion) -> None:
    assert synthesize(feature) == snapshot


@pytest.mark.parametrize("feature", FEATURES)
def test_flags_and_processor(feature: str, synthesize: Synthesize, snapshot: SnapshotAssertion) -> None:
    plain = synthesize(feature)
    assert {name: changes(plain, synthesize(feature, *variant)) for name, variant in VARIANTS.items()} == snapshot
