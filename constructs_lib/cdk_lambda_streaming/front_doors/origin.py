"""Origin for CloudFront: a Function URL that only CloudFront may call.

Rules: https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/private-content-restricting-access-to-lambda.html
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from aws_cdk import Duration, Stack, Token, aws_cloudfront, aws_cloudfront_origins, aws_lambda

from cdk_lambda_streaming.cdk.cdk_errors import named_options
from cdk_lambda_streaming.cdk.function_resource import add_warning
from cdk_lambda_streaming.option_names import check_option_names

# CloudFront's quota unless AWS raises it.
USUAL_READ_TIMEOUT_SECONDS = 120
READ_TIMEOUT = Duration.seconds(60)
# Partitions without CloudFront, by the start of their regions' names.
_WITHOUT_CLOUDFRONT = ("us-gov-", "us-iso", "eu-isoe-", "eusc-")


def function_url_origin(
    function: aws_lambda.Function, url: aws_lambda.FunctionUrl, options: Mapping[str, Any]
) -> aws_cloudfront.IOrigin:
    """Return an origin with origin access control and timeouts for streams."""
    if not isinstance(options, Mapping):
        raise TypeError(f"origin_options must be a mapping, such as {{'origin_path': '/chat'}}, got {options!r}")
    make = aws_cloudfront_origins.FunctionUrlOrigin.with_origin_access_control
    check_option_names("function_url_origin()", options, cdk=make)
    _check_region(function)
    if not Token.is_unresolved(url.auth_type) and url.auth_type is aws_lambda.FunctionUrlAuthType.NONE:
        raise ValueError(
            "auth_type of the Function URL must be AWS_IAM for an origin with origin access control, got NONE, which "
            "lets anyone bypass CloudFront; leave auth_type out"
        )
    options = dict(options)
    read, completion = _origin_timeouts(
        function, _pop_duration(options, "read_timeout"), _pop_duration(options, "response_completion_timeout")
    )
    with named_options(options):
        return make(url, **{**options, "read_timeout": read, "response_completion_timeout": completion})


def _check_region(function: aws_lambda.Function) -> None:
    region = Stack.of(function).region
    if region.startswith(_WITHOUT_CLOUDFRONT):
        raise ValueError(
            f"CloudFront is not available in the partition of {region}, and a distribution of another partition cannot "
            "sign requests for this function; use the Function URL, or add_streaming_rest_api()"
        )
    if region.startswith("cn-"):
        add_warning(
            function,
            "cloudFrontInChina",
            f"CloudFront in {region} serves only domain names of your own with an ICP recordal and a certificate in "
            "IAM, and it lacks features of other regions. Check that it has origin access control for Function URLs "
            "and CloudFront Functions before you deploy.",
        )


def _origin_timeouts(
    function: aws_lambda.Function, read: Duration | None, completion: Duration | None
) -> tuple[Duration, Duration | None]:
    """Return the longest silence in a stream, and the longest stream."""
    if read is not None:
        _warn_of_long_read_timeout(function, read)
    if completion is None:
        read = read or READ_TIMEOUT
        return read, _default_completion(function.timeout, read)
    if read is not None and _is_shorter(completion, read):
        raise ValueError(
            "response_completion_timeout must be at least read_timeout, the longest silence in a stream, got "
            f"{completion.to_seconds()} s and {read.to_seconds()} s"
        )
    _warn_of_short_completion(function, completion)
    return read or (completion if _is_shorter(completion, READ_TIMEOUT) else READ_TIMEOUT), completion


def _warn_of_long_read_timeout(function: aws_lambda.Function, read: Duration) -> None:
    if not read.is_unresolved() and read.to_milliseconds() > USUAL_READ_TIMEOUT_SECONDS * 1000:
        add_warning(
            function,
            "originReadTimeout",
            f"read_timeout is {read.to_milliseconds() / 1000:g} s, but CloudFront allows "
            f"{USUAL_READ_TIMEOUT_SECONDS} s unless AWS has raised the quota of your account. It limits the silence "
            "between two pieces of a response. For the length of the whole response, pass "
            "response_completion_timeout.",
        )


def _default_completion(timeout: Duration | None, read: Duration) -> Duration | None:
    """Return the function's timeout if CloudFront accepts it: a number at synth, and not shorter than `read`."""
    is_known = timeout is not None and not timeout.is_unresolved()
    return timeout if timeout is not None and is_known and not _is_shorter(timeout, read) else None


def _warn_of_short_completion(function: aws_lambda.Function, completion: Duration) -> None:
    if function.timeout is not None and _is_shorter(completion, function.timeout):
        add_warning(
            function,
            "originTimeout",
            f"CloudFront ends a response after {completion.to_milliseconds() / 1000:g} s, but the function may run for "
            f"{function.timeout.to_milliseconds() / 1000:g} s, and you pay for all of them. Pass a longer "
            "response_completion_timeout, or the function a shorter timeout.",
        )


def _pop_duration(options: dict[str, Any], name: str) -> Duration | None:
    value = options.pop(name, None)
    if value is not None and not isinstance(value, Duration):
        raise TypeError(f"{name} must be a Duration, such as Duration.seconds(60), got {value!r}")
    return value


def _is_shorter(one: Duration, other: Duration) -> bool:
    if one.is_unresolved() or other.is_unresolved():
        return False
    return one.to_milliseconds() < other.to_milliseconds()
