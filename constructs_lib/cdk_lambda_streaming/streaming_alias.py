"""An alias whose Function URL streams, as its function's does."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from aws_cdk import aws_lambda

from cdk_lambda_streaming.limits import check_cors


class StreamingAlias(aws_lambda.Alias):
    """An `aws_lambda.Alias` of a `StreamingFunction`, made by its `add_alias` or `alias_name`."""

    def add_function_url(
        self,
        *,
        auth_type: aws_lambda.FunctionUrlAuthType | None = None,
        cors: aws_lambda.FunctionUrlCorsOptions | Mapping[str, Any] | None = None,
        invoke_mode: aws_lambda.InvokeMode | None = None,
    ) -> aws_lambda.FunctionUrl:
        """Add a Function URL to the alias. An alias has one.

        :param auth_type: Default: callers with IAM permission.
        :param cors: Default: no origin but its own.
        :param invoke_mode: Default: `RESPONSE_STREAM`. All Function URLs of a function have to have the same.
        """
        invoke_mode = invoke_mode or aws_lambda.InvokeMode.RESPONSE_STREAM
        cors = None if cors is None else check_cors(cors)
        return super().add_function_url(auth_type=auth_type, cors=cors, invoke_mode=invoke_mode)

    def add_auto_scaling(
        self, *, max_capacity: float, min_capacity: float | None = None
    ) -> aws_lambda.IScalableFunctionAttribute:
        """Scale the alias's provisioned concurrency; call one of the result's `scale_` methods."""
        refuse_beside_snap_start(self.lambda_, "add_auto_scaling()")
        return super().add_auto_scaling(max_capacity=max_capacity, min_capacity=min_capacity)


def refuse_beside_snap_start(function: aws_lambda.IFunction, option: str) -> None:
    """Refuse provisioned concurrency for a function with SnapStart."""
    resource = function.node.default_child
    if isinstance(resource, aws_lambda.CfnFunction) and resource.snap_start is not None:
        raise ValueError(
            f"{option} cannot be combined with snap_start, because a version of a Lambda function has either "
            "provisioned concurrency or SnapStart; leave one of them out"
        )


def alias_options_by_name(options: object) -> dict[str, Any]:
    """Return the options of an alias by name, from a mapping or from `AliasOptions`."""
    if options is None:
        return {}
    if isinstance(options, aws_lambda.AliasOptions):
        return dict(options._values)
    if isinstance(options, Mapping):
        return dict(aws_lambda.AliasOptions(**options)._values)
    raise TypeError(
        f"alias_options must be AliasOptions, such as AliasOptions(provisioned_concurrent_executions=2), "
        f"got {options!r}"
    )
