"""Limits of AWS for functions, in one place.

A value outside a range is an error only if AWS's API rejects it. A test compares the ranges and patterns with the API
model in the newest installed botocore. Values that AWS documents as lower limits cause warnings.
"""

from __future__ import annotations

import re
from typing import NamedTuple


class Range(NamedTuple):
    """Smallest and largest value."""

    least: int
    most: int


# https://docs.aws.amazon.com/lambda/latest/api/API_CreateFunction.html
TIMEOUT_SECONDS = Range(1, 5400)
MEMORY_MB = Range(128, 32_768)
# More only with Lambda Managed Instances, which the streaming runtime does not support.
DOCUMENTED_TIMEOUT_SECONDS = 1800
DOCUMENTED_MEMORY_MB = 10_240
# https://docs.aws.amazon.com/apigateway/latest/developerguide/response-transfer-mode.html
REST_API_TIMEOUT_SECONDS = 900
# https://docs.aws.amazon.com/lambda/latest/api/API_CreateAlias.html
ALIAS_NAME = re.compile(r"(?![0-9]+$)[a-zA-Z0-9_-]{1,128}")
# https://docs.aws.amazon.com/lambda/latest/api/API_Environment.html
VARIABLE_NAME = re.compile(r"[a-zA-Z][a-zA-Z0-9_]+")
# https://docs.aws.amazon.com/lambda/latest/dg/lambda-urls.html
REGIONS_WITHOUT_FUNCTION_URLS = frozenset(
    {
        "ap-east-2",
        "ap-south-2",
        "ap-southeast-4",
        "ap-southeast-5",
        "ap-southeast-6",
        "ap-southeast-7",
        "ca-west-1",
        "eu-central-2",
        "eu-south-2",
        "il-central-1",
        "me-central-1",
    }
)
# https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html. The API model has no numbers for these.
ENVIRONMENT_BYTES = 4096
LAYERS = 5
