"""Lambda@Edge, at origin request: adds the hash of a request's body. CloudFront then signs it for Lambda.

CloudFront signs requests to a Function URL but does not read their bodies, and Lambda refuses unsigned bodies:
https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/private-content-restricting-access-to-lambda.html
Lambda@Edge gets at most 1 MB of a body. It cannot hash a longer one, so it answers 413.
"""

import base64
import hashlib
from typing import Any


def handler(event: dict[str, Any], context: object) -> dict[str, Any]:
    request: dict[str, Any] = event["Records"][0]["cf"]["request"]
    body = request.get("body") or {}
    if body.get("inputTruncated"):
        return {
            "status": "413",
            "statusDescription": "Content Too Large",
            "headers": {"content-type": [{"key": "Content-Type", "value": "text/plain; charset=utf-8"}]},
            "body": "Request bodies behind this distribution can be 1 MB at most.",
        }
    data = body.get("data") or ""
    content = base64.b64decode(data) if body.get("encoding") == "base64" else data.encode()
    name = "x-amz-content-sha256"
    request["headers"][name] = [{"key": name, "value": hashlib.sha256(content).hexdigest()}]
    return request
