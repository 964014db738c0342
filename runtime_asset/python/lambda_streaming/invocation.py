"""One invocation as `/next` describes it."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from lambda_streaming.http1 import Reply


class Invocation:
    """The reply to `GET /runtime/invocation/next` (protocol 1.1). `event` is the undecoded body.

    `invocation_id` is echoed on the response when it was received: it keeps a late answer from being taken for that
    of a retry with the same request id.
    """

    __slots__ = (
        "client_context",
        "cognito_identity",
        "content_type",
        "deadline_ms",
        "event",
        "function_arn",
        "invocation_id",
        "request_id",
        "tenant_id",
        "trace_id",
    )

    def __init__(self, reply: Reply) -> None:
        headers = reply.headers
        self.event = reply.body
        self.content_type = headers.get("content-type", "application/json")
        self.request_id = headers["lambda-runtime-aws-request-id"]
        self.deadline_ms = int(headers.get("lambda-runtime-deadline-ms", "0"))
        self.function_arn = headers.get("lambda-runtime-invoked-function-arn", "")
        self.trace_id = headers.get("lambda-runtime-trace-id")
        self.client_context = headers.get("lambda-runtime-client-context")
        self.cognito_identity = headers.get("lambda-runtime-cognito-identity")
        self.tenant_id = headers.get("lambda-runtime-aws-tenant-id")
        self.invocation_id = headers.get("lambda-runtime-invocation-id")
