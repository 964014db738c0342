"""What Lambda refuses on deployment, said at synth."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from aws_cdk import Duration, Token, aws_lambda

TIMEOUT_LIMIT_SECONDS = 900
MEMORY_LIMITS_MB = (128, 10_240)


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
    if not isinstance(memory_size, (int, float)):
        raise TypeError(f"memory_size must be a number of MB, got {memory_size!r}")
    if Token.is_unresolved(memory_size):
        return
    least, most = MEMORY_LIMITS_MB
    if not least <= memory_size <= most or memory_size % 1:
        raise ValueError(f"memory_size must be between {least} and {most} MB, without fractions, got {memory_size}")


def check_sample_rate(rate: float) -> None:
    """Refuse what is no share of all invocations."""
    if not isinstance(rate, (int, float)) or isinstance(rate, bool):
        raise TypeError(f"stream_metrics_sample_rate must be a number from 0 to 1, got {rate!r}")
    if not Token.is_unresolved(rate) and not 0 <= rate <= 1:
        raise ValueError(f"stream_metrics_sample_rate must be from 0 (none) to 1 (every invocation), got {rate}")


def format_number(number: float) -> str:
    """Return a number, or one that only deployment knows, as an environment variable's value."""
    return Token.as_string(number) if Token.is_unresolved(number) else f"{number:.6f}".rstrip("0").rstrip(".")


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
    if cors.allow_credentials and "*" in (cors.allowed_origins or []):
        raise ValueError(
            "cors.allow_credentials cannot be combined with the allowed origin '*', because browsers refuse "
            "it; list the origins, such as 'https://app.example.com'"
        )
    return cors
