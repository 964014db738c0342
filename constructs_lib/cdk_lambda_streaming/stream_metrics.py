"""CloudWatch's metrics of a function's Function URL, and those that the runtime writes about its streams.

URL metrics: https://docs.aws.amazon.com/lambda/latest/dg/urls-monitoring.html. The stream metrics come from one line
in the function's log an invocation, in CloudWatch's embedded metric format: docs/runtime.md, "Metrics".
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from aws_cdk import aws_cloudwatch, aws_lambda

NAMESPACE = "LambdaStreaming"


def stream_metric(
    function: aws_lambda.Function, alias: aws_lambda.Alias | None, name: str, options: Mapping[str, Any]
) -> aws_cloudwatch.Metric:
    """Return a metric that the runtime writes, of the alias if there is one."""
    dimensions = {"FunctionName": function.function_name}
    if alias is not None:
        dimensions["Resource"] = f"{function.function_name}:{alias.alias_name}"
    return aws_cloudwatch.Metric(
        **{"namespace": NAMESPACE, "metric_name": name, "dimensions_map": dimensions, **options}
    )
