"""Types of the options that go to the CDK are those of its signatures. A new option of a later CDK fails a test."""

from __future__ import annotations

import inspect
import subprocess
import sys
from collections.abc import Callable, Mapping
from types import UnionType
from typing import Any, Union, get_args, get_origin, get_type_hints

import pytest
from aws_cdk import aws_apigateway, aws_cloudfront, aws_cloudfront_origins, aws_cloudwatch, aws_lambda
from cdk_lambda_streaming import StreamingFunction, cdk_options

# The constructor or method of the CDK, and its parameters that are no options of ours.
SOURCES: dict[str, tuple[Callable[..., object], set[str]]] = {
    "FunctionOptions": (aws_lambda.Function.__init__, set(inspect.signature(StreamingFunction.__init__).parameters)),
    "AliasOptions": (aws_lambda.Function.add_alias, {"self", "alias_name"}),
    "IntegrationOptions": (aws_apigateway.LambdaIntegration.__init__, {"self", "handler"}),
    "RestApiOptions": (aws_apigateway.LambdaRestApi.__init__, {"self", "scope", "id", "handler"}),
    "OriginOptions": (
        aws_cloudfront_origins.FunctionUrlOrigin.with_origin_access_control,
        {"lambda_function_url"},
    ),
    "BehaviorOptions": (aws_cloudfront.BehaviorOptions.__init__, {"self", "origin"}),
    "DistributionOptions": (aws_cloudfront.Distribution.__init__, {"self", "scope", "id", "default_behavior"}),
    "PermissionOptions": (aws_lambda.Function.add_permission, {"self", "id", "principal"}),
    "EventSourceMappingOptions": (aws_lambda.Function.add_event_source_mapping, {"self", "id"}),
    "MetricOptions": (aws_cloudwatch.MetricOptions.__init__, {"self"}),
}


def comparable(annotation: Any) -> Any:
    """Return a type without differences of spelling: Optional and |, Dict and dict, jsii.Number and float."""
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin in (Union, UnionType):
        return frozenset(map(comparable, arguments)) - {int}
    return (origin, *map(comparable, arguments)) if origin else annotation


def types_in(annotations: Mapping[str, Any], left_out: set[str]) -> dict[str, Any]:
    return {name: comparable(each) for name, each in annotations.items() if name not in {*left_out, "return"}}


def test_every_class_is_compared() -> None:
    module = cdk_options.__name__
    assert {name for name, each in vars(cdk_options).items() if getattr(each, "__module__", "") == module} == set(
        SOURCES
    )


@pytest.mark.parametrize("name", SOURCES)
def test_options_have_names_and_types_of_cdk(name: str) -> None:
    source, left_out = SOURCES[name]
    expected = types_in(get_type_hints(source), left_out)
    found = types_in(get_type_hints(getattr(cdk_options, name)), set())
    assert sorted(found) == sorted(expected), "missing in or unknown to cdk_options.py"
    assert found == expected


def test_synth_does_not_import_types() -> None:
    """Their imports would make each synth slower."""
    code = "import sys, cdk_lambda_streaming; assert 'cdk_lambda_streaming.cdk_options' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)
