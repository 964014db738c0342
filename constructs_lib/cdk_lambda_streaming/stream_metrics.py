"""CloudWatch metrics about the streams of a function.

The runtime writes one log line an invocation, in CloudWatch's embedded metric format: docs/runtime.md, "Metrics".
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from aws_cdk import aws_cloudwatch, aws_lambda

NAMESPACE = "LambdaStreaming"


def stream_metric(
    function: aws_lambda.Function, alias: aws_lambda.Alias | None, name: str, options: Mapping[str, Any]
) -> aws_cloudwatch.Metric:
    """Return a metric of the runtime, for the alias if the function has one."""
    dimensions = {"FunctionName": function.function_name}
    if alias is not None:
        dimensions["Resource"] = f"{function.function_name}:{alias.alias_name}"
    return aws_cloudwatch.Metric(
        **{"namespace": NAMESPACE, "metric_name": name, "dimensions_map": dimensions, **options}
    )
