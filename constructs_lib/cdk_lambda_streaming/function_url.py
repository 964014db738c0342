"""What there is to say of a Function URL, of a function or of its alias."""

from __future__ import annotations

from aws_cdk import Annotations, aws_lambda


def warn_of_function_url(
    function: aws_lambda.IFunction,
    auth_type: aws_lambda.FunctionUrlAuthType | None,
    invoke_mode: aws_lambda.InvokeMode,
) -> None:
    """Warn, on the function, of a URL that everybody can call, and of one that does not stream."""
    if auth_type is aws_lambda.FunctionUrlAuthType.NONE:
        _warn(
            function,
            "publicFunctionUrl",
            "everybody who knows the Function URL can call it, at your cost; leave auth_type out for callers with "
            "IAM permission, or acknowledge this where the function checks its callers",
        )
    if invoke_mode is not aws_lambda.InvokeMode.RESPONSE_STREAM:
        _warn(
            function,
            "bufferedFunctionUrl",
            "the Function URL buffers: a response reaches its caller whole, at its end, and cannot be larger than "
            "6 MB; leave invoke_mode out",
        )
    elif function.is_bound_to_vpc:
        _warn(
            function,
            "vpcFunctionUrl",
            "AWS does not support streaming through Function URLs within a VPC; call the function by "
            "InvokeWithResponseStream through a VPC endpoint, or leave vpc out",
        )


def _warn(function: aws_lambda.IFunction, warning: str, message: str) -> None:
    Annotations.of(function).add_warning_v2(f"cdk-lambda-streaming:{warning}", message)
