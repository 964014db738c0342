"""The `context` argument of a handler, with the members of AWS's (AWS, "Using the Lambda context object")."""

from __future__ import annotations

from time import time

from lambda_streaming.process.aws_json import RuntimeFault
from lambda_streaming.process.python_path import import_standard

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from lambda_streaming.process.logs import Log
    from lambda_streaming.process.settings import Settings
    from lambda_streaming.wire.runtime_api import Invocation


class LambdaContextUnmarshalError(RuntimeFault):
    """The client context or Cognito identity of an invocation is not JSON."""

    error_type = "Runtime.LambdaContextUnmarshalError"


class CognitoIdentity:
    __slots__ = ("cognito_identity_id", "cognito_identity_pool_id")

    def __init__(self, document: dict[str, Any]) -> None:
        self.cognito_identity_id = document.get("cognitoIdentityId")
        self.cognito_identity_pool_id = document.get("cognitoIdentityPoolId")

    def __repr__(self) -> str:
        return _listed(self, self.__slots__)


class Client:
    __slots__ = ("app_package_name", "app_title", "app_version_code", "app_version_name", "installation_id")

    def __init__(self, document: dict[str, Any]) -> None:
        for name in self.__slots__:
            setattr(self, name, document.get(name))

    def __repr__(self) -> str:
        names = ("installation_id", "app_title", "app_version_name", "app_version_code", "app_package_name")
        return _listed(self, names)


class ClientContext:
    __slots__ = ("client", "custom", "env")

    def __init__(self, document: dict[str, Any]) -> None:
        self.custom = document.get("custom")
        self.env = document.get("env")
        client = document.get("client")
        self.client = Client(client) if isinstance(client, dict) else None

    def __repr__(self) -> str:
        return _listed(self, ("custom", "env", "client"))


class LambdaContext:
    """The properties of one invocation. `memory_limit_in_mb` is text, as in AWS's runtime."""

    def __init__(self, invocation: Invocation, settings: Settings, log: Log) -> None:
        self.aws_request_id = invocation.request_id
        self.invoked_function_arn = invocation.function_arn
        self.tenant_id = invocation.tenant_id
        self.function_name = settings.function_name
        self.function_version = settings.function_version
        self.memory_limit_in_mb = settings.memory_limit_in_mb
        self.log_group_name = settings.log_group_name
        self.log_stream_name = settings.log_stream_name
        client_context = _document(invocation.client_context, "Client Context")
        self._w3c = _w3c_members((client_context or {}).pop("w3c", None))
        self.client_context = None if client_context is None else ClientContext(client_context)
        self.identity = CognitoIdentity(_document(invocation.cognito_identity, "Cognito Identity") or {})
        self._epoch_deadline_time_in_ms = invocation.deadline_ms
        self._log = log

    def get_remaining_time_in_millis(self) -> int:
        """Milliseconds until Lambda ends the invocation, never below 0."""
        # The wall clock: a monotonic clock stands still while a SnapStart snapshot is stored (protocol.md 1.6).
        return max(0, self._epoch_deadline_time_in_ms - int(time() * 1000))

    def w3c(self) -> dict[str, str]:
        """Return the W3C trace context of the caller: `traceparent`, `tracestate` and `baggage`, as far as sent."""
        return dict(self._w3c)

    def log(self, message: object) -> None:
        """Write a message to the log unchanged: no level, no request id, no added line end."""
        self._log.message(str(message))

    def __repr__(self) -> str:
        return _listed(
            self,
            (
                *("aws_request_id", "log_group_name", "log_stream_name", "function_name", "memory_limit_in_mb"),
                *("function_version", "invoked_function_arn", "client_context", "identity", "tenant_id"),
            ),
        )


def _listed(record: object, names: tuple[str, ...]) -> str:
    """Return AWS's notation: `Name([first=1,second=2])`, text without quotes."""
    members = ",".join(f"{name}={getattr(record, name)}" for name in names)
    return f"{type(record).__name__}([{members}])"


def _document(text: str | None, name: str) -> dict[str, Any] | None:
    if not text:
        return None
    try:
        document = import_standard("json").loads(text)
    except Exception as error:
        raise LambdaContextUnmarshalError(f"Unable to parse {name} JSON: {error}") from error
    return document if isinstance(document, dict) else None


def _w3c_members(document: object) -> dict[str, str]:
    if not isinstance(document, dict):
        return {}
    names = ("traceparent", "tracestate", "baggage")
    return {name: document[name] for name in names if isinstance(document.get(name), str)}
