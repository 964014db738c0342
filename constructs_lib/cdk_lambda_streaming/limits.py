"""What Lambda refuses on deployment, said at synth."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from aws_cdk import Duration, Token, aws_lambda

TIMEOUT_LIMIT_SECONDS = 900
MEMORY_LIMITS_MB = (128, 10_240)
# https://docs.aws.amazon.com/lambda/latest/api/API_CreateAlias.html
ALIAS_NAME = re.compile(r"(?![0-9]+$)[a-zA-Z0-9_-]{1,128}")


def check_timeout(timeout: Duration) -> None:
    """Refuse a timeout that is longer than Lambda allows."""
    if not isinstance(timeout, Duration):
        raise TypeError(f"timeout must be a Duration, such as Duration.minutes(5), got {timeout!r}")
    if timeout.is_unresolved():
        return
    seconds = timeout.to_milliseconds() / 1000
    if not 1 <= seconds <= TIMEOUT_LIMIT_SECONDS or seconds % 1:
        raise ValueError(
            f"timeout must be at least 1 and at most {TIMEOUT_LIMIT_SECONDS} seconds, without fractions, "
            f"got {seconds:g} seconds"
        )


def check_memory_size(memory_size: float) -> None:
    """Refuse a memory size outside Lambda's range."""
    if not isinstance(memory_size, (int, float)) or isinstance(memory_size, bool):
        raise TypeError(f"memory_size must be a number of MB, got {memory_size!r}")
    if is_number_token(memory_size):
        return
    least, most = MEMORY_LIMITS_MB
    if not least <= memory_size <= most or memory_size % 1:
        raise ValueError(f"memory_size must be between {least} and {most} MB, without fractions, got {memory_size}")


def check_sample_rate(rate: float) -> None:
    """Refuse what is no share of all invocations."""
    if not isinstance(rate, (int, float)) or isinstance(rate, bool):
        raise TypeError(f"stream_metrics_sample_rate must be a number from 0 to 1, got {rate!r}")
    if not is_number_token(rate) and not 0 <= rate <= 1:
        raise ValueError(f"stream_metrics_sample_rate must be from 0 (none) to 1 (every invocation), got {rate}")


def format_number(number: float) -> str:
    """Return a number, or one that only deployment knows, as an environment variable's value."""
    if is_number_token(number):
        return Token.as_string(number)
    # All its digits, and never an exponent.
    text = f"{Decimal(repr(float(number))):f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def is_number_token(number: float) -> bool:
    """Whether a number is one that only deployment knows."""
    # The CDK's process ends when it is asked about NaN or infinity, which JSON has not.
    return isinstance(number, float) and math.isfinite(number) and Token.is_unresolved(number)


def check_alias_name(alias_name: object) -> None:
    """Refuse what Lambda takes for no alias's name, or CloudFormation for no part of a construct's id."""
    if not isinstance(alias_name, str) or not alias_name:
        raise TypeError(f"alias_name must be a name, such as 'live', got {alias_name!r}")
    if Token.is_unresolved(alias_name):
        raise ValueError("alias_name must be known at synth, because it is part of a construct's id, got a token")
    if alias_name == "$LATEST":
        raise ValueError("alias_name cannot be '$LATEST', which is Lambda's own name; choose another, such as 'live'")
    if not ALIAS_NAME.fullmatch(alias_name):
        raise ValueError(
            "alias_name must be 1 to 128 letters, digits, '-' and '_', and not digits alone, such as 'live', got "
            f"{alias_name!r}"
        )


def check_cors(
    cors: aws_lambda.FunctionUrlCorsOptions | Mapping[str, Any],
) -> aws_lambda.FunctionUrlCorsOptions:
    """Return the CORS options of a Function URL, or refuse what Lambda or a browser would not accept."""
    if isinstance(cors, Mapping):
        cors = aws_lambda.FunctionUrlCorsOptions(**cors)
    if not isinstance(cors, aws_lambda.FunctionUrlCorsOptions):
        raise TypeError(f"cors must be FunctionUrlCorsOptions, got {cors!r}")
    if aws_lambda.HttpMethod.OPTIONS in (cors.allowed_methods or []):
        raise ValueError(
            "cors.allowed_methods cannot hold HttpMethod.OPTIONS, because Function URLs answer preflight "
            "requests themselves; leave it out or pass [HttpMethod.ALL]"
        )
    for origin in cors.allowed_origins or []:
        if "://" not in origin and origin not in ("*", "null") and not Token.is_unresolved(origin):
            raise ValueError(
                f"cors.allowed_origins must hold origins with their scheme, such as 'https://{origin}', or '*', "
                f"got {origin!r}"
            )
    if cors.allow_credentials and "*" in (cors.allowed_origins or []):
        raise ValueError(
            "cors.allow_credentials cannot be combined with the allowed origin '*', because browsers refuse "
            "it; list the origins, such as 'https://app.example.com'"
        )
    return cors
