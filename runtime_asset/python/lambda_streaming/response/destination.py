"""The destination of a response: the caller behind the event decides the form.

- A front door that streams gets the prelude, then the body (`PreludeDestination`).
- A front door that buffers gets the proxy form, whole (`ProxyDestination`).
- Any other caller gets raw bytes (`RawDestination`).
"""

from __future__ import annotations

from lambda_streaming.response import front_door, prelude
from lambda_streaming.response.body_writer import DONE, BodyWriter, ResponseInterrupted

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable
    from typing import Any, Protocol

    from lambda_streaming.http_response import HttpResponse
    from lambda_streaming.process.settings import Settings
    from lambda_streaming.response.flusher import Flusher, NamedHead
    from lambda_streaming.wire.http1 import Reply
    from lambda_streaming.wire.runtime_api import Invocation, RuntimeApi

    class Metrics(Protocol):
        """Chooses the class of a body, so that it can count."""

        def body_kind(self, kind: type[BodyWriter]) -> type[BodyWriter]: ...
        def leave_out(self) -> None: ...

    class Log(Protocol):
        """Writes warnings of the runtime."""

        def warning(self, message: str) -> None: ...


class Destinations:
    """Finds the destination of each event's response."""

    def __init__(self, *, api: RuntimeApi, flusher: Flusher, metrics: Metrics, settings: Settings, log: Log) -> None:
        self.api = api
        self.flusher = flusher
        self.metrics = metrics
        self._settings = settings
        self._log = log
        self._has_warned_of_encoding = False

    def for_event(self, event: object, invocation: Invocation) -> RawDestination:
        door = front_door.of_event(event)
        if door is None:
            return RawDestination(self, invocation)
        assert isinstance(event, dict)
        listed = self._settings.streaming_front_doors
        method = front_door.method_of_event(event)
        if door not in listed and not front_door.streams_in_part(door, event, invocation.function_arn, listed):
            return ProxyDestination(self, invocation, door=door, method=method)
        return PreludeDestination(self, invocation, door=door, method=method, filler=self._filler_for(door))

    def warn_of_encoding(self, door: str) -> None:
        """Warn once that a Function URL decodes responses: aws/aws-lambda-nodejs-runtime-interface-client#96."""
        if door != front_door.FUNCTION_URL or self._has_warned_of_encoding:
            return
        self._has_warned_of_encoding = True
        self._log.warning(
            "The response has the header content-encoding, but a Function URL decodes compressed responses and removes "
            "the header; behind CloudFront some fail with status 502. Do not compress: switch off compression in the "
            "application, or remove accept-encoding from requests at CloudFront"
        )

    def _filler_for(self, door: str) -> bytes:
        # A Function URL whose body has no byte at all leaves its client waiting (protocol.md 1.4).
        return b"\n" if door == front_door.FUNCTION_URL and self._settings.fills_empty_body else b""


class RawDestination:
    """A caller of `Invoke` or `InvokeWithResponseStream`: bytes as they are."""

    can_fail_late = False
    takes_http_response = False
    filler = b""

    def __init__(self, destinations: Destinations, invocation: Invocation) -> None:
        self._api = destinations.api
        self._flusher = destinations.flusher
        self._metrics = destinations.metrics
        self._invocation = invocation

    def open(self, head: HttpResponse) -> BodyWriter | CollectedBody:
        # Validated though unused: a head that no front door accepts fails here as well.
        prelude.validated(head)
        return self._open_stream(BodyWriter, head.content_type or "application/octet-stream")

    def open_whole(self, content: bytes, content_type: str) -> CollectedBody:
        return CollectedBody(
            lambda _: content, lambda content: self._api.post_response(self._invocation, content, content_type)
        )

    def await_first_item(self, head: NamedHead) -> None:
        """Do nothing: without a prelude no head can leave."""

    def leave_unmeasured(self) -> None:
        self._metrics.leave_out()

    def _open_stream(self, kind: type[BodyWriter], content_type: str, opening: bytes = b"") -> BodyWriter:
        connection, request_head = self._api.open_response(self._invocation, content_type)
        return self._metrics.body_kind(kind)(connection, self._flusher, request_head, opening)


class PreludeDestination(RawDestination):
    """A front door that streams: a Function URL or a REST API."""

    takes_http_response = True

    def __init__(
        self, destinations: Destinations, invocation: Invocation, *, door: str, method: str, filler: bytes
    ) -> None:
        super().__init__(destinations, invocation)
        self._destinations = destinations
        self.filler = filler
        self._door = door
        self._method = method

    def open(self, head: HttpResponse) -> BodyWriter:
        opening = prelude.encode_prelude(head, self._door)
        if prelude.NAMES_CONTENT_ENCODING in opening:
            self._destinations.warn_of_encoding(self._door)
        kind = HeadOnlyBody if _is_bodiless(self._method, head.status_code) else BodyWriter
        return self._open_stream(kind, prelude.CONTENT_TYPE, opening)

    def await_first_item(self, head: NamedHead) -> None:
        self._flusher.watch_head(head)


class ProxyDestination(RawDestination):
    """A front door that buffers: one JSON document, when the response is complete."""

    can_fail_late = True

    def __init__(self, destinations: Destinations, invocation: Invocation, *, door: str, method: str) -> None:
        super().__init__(destinations, invocation)
        self._door = door
        self._method = method

    def open(self, head: HttpResponse) -> CollectedBody:
        # Imported here: functions behind a front door that streams do not need it.
        from lambda_streaming.response.proxy_form import proxy_json

        prelude.validated(head)
        is_bodiless = _is_bodiless(self._method, head.status_code)
        return CollectedBody(
            lambda body: proxy_json(head, b"" if is_bodiless else body, self._door),
            lambda content: self._api.post_response(self._invocation, content, "application/json"),
        )


class HeadOnlyBody(BodyWriter):
    """Drops the items where HTTP allows no body (HEAD, 204, 304); the application runs to its end all the same."""

    def put(self, item: bytes | memoryview) -> bool:
        return self.flush()

    def hold(self, item: bytes | memoryview) -> None: ...


class CollectedBody:
    """A body that is posted whole, when it is complete."""

    def __init__(self, encode: Callable[[bytes], bytes], post: Callable[[bytes], Reply]) -> None:
        self.reply: Reply | None = None
        self.has_begun = False
        self._encode = encode
        self._post = post
        self._items: list[bytes | memoryview] = []

    def start(self, driver: Any) -> None:
        """Do nothing: no byte leaves before the end, so there is no early reply to watch for."""

    def put(self, item: bytes | memoryview) -> bool:
        self._items.append(item)
        return True

    def hold(self, item: bytes | memoryview) -> None:
        self._items.append(item)

    def put_last(self, trailers: Iterable[tuple[str, str]] = ()) -> bool:
        """Post the body: work that the application does after its end delays no caller."""
        if self.reply is None:
            if self.has_begun:
                raise ResponseInterrupted  # An exception interrupted the post: Lambda may have the response.
            content = self._encode(b"".join(self._items))
            self.has_begun = True
            self.reply = self._post(content)
        return True

    def flush(self) -> bool:
        return True

    def finish(self, driver: Any) -> Awaitable[None]:
        """Do nothing: the end of the body has posted it."""
        return DONE


def _is_bodiless(method: str, status_code: int) -> bool:
    return method == "HEAD" or status_code < 200 or status_code in (204, 304)
