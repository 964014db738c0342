"""Alias whose Function URL streams."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from aws_cdk import aws_lambda

from cdk_lambda_streaming.checks.limits import check_cors


class StreamingAlias(aws_lambda.Alias):
    """An `aws_lambda.Alias` of a `StreamingFunction`. `add_alias` and `alias_name` make one."""

    def add_function_url(
        self,
        *,
        auth_type: aws_lambda.FunctionUrlAuthType | None = None,
        cors: aws_lambda.FunctionUrlCorsOptions | Mapping[str, Any] | None = None,
        invoke_mode: aws_lambda.InvokeMode | None = None,
    ) -> aws_lambda.FunctionUrl:
        """Add a Function URL to the alias. An alias can have one.

        :param auth_type: Default: callers need IAM permission.
        :param cors: Default: only its own origin.
        :param invoke_mode: Default: `RESPONSE_STREAM`. All Function URLs of a function must have the same mode.
        """
        invoke_mode = invoke_mode or aws_lambda.InvokeMode.RESPONSE_STREAM
        cors = None if cors is None else check_cors(cors)
        return super().add_function_url(auth_type=auth_type, cors=cors, invoke_mode=invoke_mode)

    def add_auto_scaling(
        self, *, max_capacity: float, min_capacity: float | None = None
    ) -> aws_lambda.IScalableFunctionAttribute:
        """Scale the alias's provisioned concurrency. Call one of the result's `scale_` methods."""
        reject_beside_snap_start(self.lambda_, "add_auto_scaling()")
        return super().add_auto_scaling(max_capacity=max_capacity, min_capacity=min_capacity)


def reject_beside_snap_start(function: aws_lambda.IFunction, option: str) -> None:
    """Reject provisioned concurrency for a function with SnapStart."""
    resource = function.node.default_child
    if isinstance(resource, aws_lambda.CfnFunction) and resource.snap_start is not None:
        raise ValueError(
            f"{option} cannot be combined with snap_start, because a version of a Lambda function has either "
            "provisioned concurrency or SnapStart; leave one of them out"
        )
