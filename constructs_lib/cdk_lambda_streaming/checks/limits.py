"""Limits of Lambda, checked at synth instead of at deployment."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Any

from aws_cdk import Duration, Token, aws_lambda

from cdk_lambda_streaming.checks.quotas import (
    ALIAS_NAME,
    DOCUMENTED_MEMORY_MB,
    DOCUMENTED_TIMEOUT_SECONDS,
    MEMORY_MB,
    REGIONS_WITHOUT_FUNCTION_URLS,
    REST_API_TIMEOUT_SECONDS,
    TIMEOUT_SECONDS,
)
from cdk_lambda_streaming.checks.synth_warning import SynthWarning
from cdk_lambda_streaming.option_names import struct_of

# Longer timeouts get a warning: Lambda charges to the end of a response even if the caller has left.
LONG_TIMEOUT_SECONDS = 300


def check_timeout(timeout: Duration) -> None:
    """Reject a timeout outside Lambda's range."""
    if not isinstance(timeout, Duration):
        raise TypeError(f"timeout must be a Duration, such as Duration.minutes(5), got {timeout!r}")
    if timeout.is_unresolved():
        return
    seconds = timeout.to_milliseconds() / 1000
    least, most = TIMEOUT_SECONDS
    if not least <= seconds <= most or seconds % 1:
        raise ValueError(
            f"timeout must be at least {least} and at most {most} seconds, without fractions, got {seconds:g} seconds"
        )


def check_memory_size(memory_size: float) -> None:
    """Reject a memory size outside Lambda's range."""
    if not isinstance(memory_size, (int, float)) or isinstance(memory_size, bool):
        raise TypeError(f"memory_size must be a number of MB, got {memory_size!r}")
    if is_number_token(memory_size):
        return
    least, most = MEMORY_MB
    if not least <= memory_size <= most or memory_size % 1:
        raise ValueError(f"memory_size must be between {least} and {most} MB, without fractions, got {memory_size}")


def limit_warnings(*, timeout: Duration, memory_size: float) -> list[SynthWarning]:
    """Return warnings about checked values that are unusual, or that AWS documents as too large."""
    return [*_warn_of_timeout(timeout), *_warn_of_memory_size(memory_size)]


def _warn_of_timeout(timeout: Duration) -> Iterator[SynthWarning]:
    seconds = 0 if timeout.is_unresolved() else timeout.to_milliseconds() / 1000
    if seconds > LONG_TIMEOUT_SECONDS:
        yield SynthWarning(
            "longTimeout",
            f"a response may take {seconds:g} s, and Lambda charges to its end even if the caller has left. "
            f"{_limits_below(seconds)}Pass a shorter timeout, or acknowledge this warning if responses take that long.",
        )


def _limits_below(seconds: float) -> str:
    """Return the documented limits that a timeout exceeds."""
    sentences = []
    if seconds > REST_API_TIMEOUT_SECONDS:
        sentences.append(
            f"A REST API ends a stream after {REST_API_TIMEOUT_SECONDS} s; AWS documents no limit of Function URLs. "
        )
    if seconds > DOCUMENTED_TIMEOUT_SECONDS:
        sentences.append(f"AWS documents {DOCUMENTED_TIMEOUT_SECONDS} s as the maximum without Managed Instances. ")
    return "".join(sentences)


def region_warnings(region: str) -> list[SynthWarning]:
    """Return a warning about a Function URL in a Region that has none. The Region may be a token."""
    if region not in REGIONS_WITHOUT_FUNCTION_URLS:
        return []
    return [
        SynthWarning(
            "functionUrlRegion",
            f"AWS's documentation lists no Function URLs in the Region {region}, so the deployment may fail. Pass "
            "function_url=False, and use add_streaming_rest_api() or the SDK's InvokeWithResponseStream.",
        )
    ]


def _warn_of_memory_size(memory_size: float) -> Iterator[SynthWarning]:
    if not is_number_token(memory_size) and memory_size > DOCUMENTED_MEMORY_MB:
        yield SynthWarning(
            "largeMemory",
            f"memory_size is {memory_size:g} MB, and AWS documents {DOCUMENTED_MEMORY_MB} MB as the maximum without "
            "Managed Instances, so the deployment may fail. Pass a smaller memory_size.",
        )


def check_sample_rate(rate: float) -> None:
    """Reject a sample rate outside 0 to 1."""
    if not isinstance(rate, (int, float)) or isinstance(rate, bool):
        raise TypeError(f"stream_metrics_sample_rate must be a number from 0 to 1, got {rate!r}")
    if not is_number_token(rate) and not 0 <= rate <= 1:
        raise ValueError(f"stream_metrics_sample_rate must be from 0 (none) to 1 (every invocation), got {rate}")


def format_number(number: float) -> str:
    """Return a number as the value of an environment variable. It may be a token."""
    if is_number_token(number):
        return Token.as_string(number)
    # All digits, never an exponent.
    text = f"{Decimal(repr(float(number))):f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def is_number_token(number: float) -> bool:
    """Return True if a number is known only at deployment."""
    # NaN and infinity are not JSON, and would end the CDK's process.
    return isinstance(number, float) and math.isfinite(number) and Token.is_unresolved(number)


def check_alias_name(alias_name: object) -> None:
    """Reject a name that Lambda does not accept for an alias, or that cannot be part of a construct id."""
    if not isinstance(alias_name, str) or not alias_name:
        raise TypeError(f"alias_name must be a name, such as 'live', got {alias_name!r}")
    if Token.is_unresolved(alias_name):
        raise ValueError("alias_name must be known at synth, because it is part of a construct's id, got a token")
    if alias_name == "$LATEST":
        raise ValueError("alias_name cannot be '$LATEST', which Lambda reserves; choose another name, such as 'live'")
    if not ALIAS_NAME.fullmatch(alias_name):
        raise ValueError(
            "alias_name must be 1 to 128 letters, digits, '-' and '_', and not digits alone, such as 'live', got "
            f"{alias_name!r}"
        )


def check_cors(
    cors: aws_lambda.FunctionUrlCorsOptions | Mapping[str, Any],
) -> aws_lambda.FunctionUrlCorsOptions:
    """Return the CORS options of a Function URL. Reject those that Lambda or browsers do not accept."""
    if isinstance(cors, Mapping):
        cors = struct_of(aws_lambda.FunctionUrlCorsOptions, "cors", cors)
    if not isinstance(cors, aws_lambda.FunctionUrlCorsOptions):
        raise TypeError(f"cors must be FunctionUrlCorsOptions, got {cors!r}")
    if aws_lambda.HttpMethod.OPTIONS in (cors.allowed_methods or []):
        raise ValueError(
            "cors.allowed_methods cannot hold HttpMethod.OPTIONS, because Function URLs answer preflight "
            "requests themselves; leave it out or pass [HttpMethod.ALL]"
        )
    # A token for a whole list has other text than one for an item.
    for origin in [] if Token.is_unresolved(cors.allowed_origins) else cors.allowed_origins or []:
        _check_origin(origin)
    if cors.allow_credentials and not cors.allowed_origins:
        raise ValueError(
            "cors.allow_credentials needs cors.allowed_origins, got none, so browsers would send nothing from other "
            "origins; list the origins, such as 'https://app.example.com'"
        )
    if cors.allow_credentials and "*" in (cors.allowed_origins or []):
        raise ValueError(
            "cors.allow_credentials cannot be combined with the allowed origin '*', because browsers reject "
            "it; list the origins, such as 'https://app.example.com'"
        )
    return cors


def _check_origin(origin: str) -> None:
    """Reject an origin that no browser sends."""
    if origin in ("*", "null") or Token.is_unresolved(origin):
        return
    scheme, separator, host = origin.partition("://")
    if not separator:
        raise ValueError(
            f"cors.allowed_origins must hold origins with their scheme, such as 'https://{origin}', or '*', "
            f"got {origin!r}"
        )
    if "/" in host:
        raise ValueError(
            "cors.allowed_origins must hold origins without a slash after the host, because browsers send none, such "
            f"as '{scheme}://{host.partition('/')[0]}', got {origin!r}"
        )


def check_provisioned(provisioned: object, reserved: object) -> None:
    """Reject more provisioned concurrency than the function has reserved concurrency, as Lambda does."""
    numbers = [number for number in (provisioned, reserved) if isinstance(number, (int, float))]
    if len(numbers) == 2 and not any(map(is_number_token, numbers)) and numbers[0] > numbers[1]:
        raise ValueError(
            f"provisioned_concurrent_executions must be at most reserved_concurrent_executions, got {numbers[0]} and "
            f"{numbers[1]}; reserve more or provision less"
        )
