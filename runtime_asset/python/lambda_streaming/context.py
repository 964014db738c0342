"""The `context` argument of a handler: the attributes and methods of AWS's (AWS, "Using the Lambda context object")."""

from __future__ import annotations

from time import time

from lambda_streaming.python_path import import_standard

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from lambda_streaming.invocation import Invocation
    from lambda_streaming.settings import Settings


class CognitoIdentity:
    __slots__ = ("cognito_identity_id", "cognito_identity_pool_id")

    def __init__(self, document: dict[str, Any]) -> None:
        self.cognito_identity_id = document.get("cognitoIdentityId")
        self.cognito_identity_pool_id = document.get("cognitoIdentityPoolId")


class Client:
    __slots__ = ("app_package_name", "app_title", "app_version_code", "app_version_name", "installation_id")

    def __init__(self, document: dict[str, Any]) -> None:
        for name in self.__slots__:
            setattr(self, name, document.get(name))


class ClientContext:
    __slots__ = ("client", "custom", "env")

    def __init__(self, document: dict[str, Any]) -> None:
        self.custom = document.get("custom")
        self.env = document.get("env")
        client = document.get("client")
        self.client = Client(client) if isinstance(client, dict) else None


class LambdaContext:
    """What Lambda says of one invocation. `memory_limit_in_mb` is text, as AWS has it."""

    def __init__(self, invocation: Invocation, settings: Settings) -> None:
        self.aws_request_id = invocation.request_id
        self.invoked_function_arn = invocation.function_arn
        self.tenant_id = invocation.tenant_id
        self.function_name = settings.function_name
        self.function_version = settings.function_version
        self.memory_limit_in_mb = settings.memory_limit_in_mb
        self.log_group_name = settings.log_group_name
        self.log_stream_name = settings.log_stream_name
        self.identity = CognitoIdentity(_document(invocation.cognito_identity) or {})
        client_context = _document(invocation.client_context)
        self.client_context = ClientContext(client_context) if client_context else None
        self._deadline_ms = invocation.deadline_ms

    def get_remaining_time_in_millis(self) -> int:
        """Milliseconds until Lambda ends the invocation, never below 0."""
        # The wall clock: a monotonic one stands still while a SnapStart snapshot sleeps (protocol 1.6).
        return max(0, int(self._deadline_ms - time() * 1000))

    def log(self, message: object) -> None:
        print(message, flush=True)

    def __repr__(self) -> str:
        return f"LambdaContext(aws_request_id={self.aws_request_id}, function_name={self.function_name})"


def _document(text: str | None) -> dict[str, Any] | None:
    if not text:
        return None
    document = import_standard("json").loads(text)
    return document if isinstance(document, dict) else None
