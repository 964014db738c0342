"""What a response is for: the caller behind the event decides its form.

- A front door that streams gets the prelude, then the body (`PreludeOutlet`).
- A front door that buffers gets the proxy form, whole (`ProxyOutlet`).
- Any other caller gets raw bytes (`RawOutlet`).
"""

from __future__ import annotations

from lambda_streaming import front_door, prelude
from lambda_streaming.body_writer import BodyWriter
from lambda_streaming.proxy_form import CollectedBody

TYPE_CHECKING = False
if TYPE_CHECKING:
    from lambda_streaming.flusher import Flusher
    from lambda_streaming.http_response import HttpResponse
    from lambda_streaming.invocation import Invocation
    from lambda_streaming.invocation_loop import Metrics
    from lambda_streaming.response_stream import Body, Outlet, ResponseStream
    from lambda_streaming.runtime_api import RuntimeApi
    from lambda_streaming.settings import Settings


class RawOutlet:
    can_fail_late = False
    filler = b""

    def __init__(self, api: RuntimeApi, invocation: Invocation, flusher: Flusher, metrics: Metrics) -> None:
        self._api = api
        self._invocation = invocation
        self._flusher = flusher
        self._metrics = metrics

    def open(self, head: HttpResponse) -> Body:
        # Checked though unused: a head that no front door would take fails here as well.
        prelude.validated(head)
        return self._open(BodyWriter, head.content_type or "application/octet-stream")

    def await_first_item(self, stream: ResponseStream) -> None:
        """Without a prelude there is no head to send."""

    def _open(self, kind: type[BodyWriter], content_type: str, opening: bytes = b"") -> BodyWriter:
        connection, request_head = self._api.open_response(self._invocation, content_type)
        return self._metrics.body_kind(kind)(connection, self._flusher, request_head, opening)


class PreludeOutlet(RawOutlet):
    def __init__(
        self,
        api: RuntimeApi,
        invocation: Invocation,
        flusher: Flusher,
        metrics: Metrics,
        door: str,
        method: str,
        filler: bytes,
    ) -> None:
        super().__init__(api, invocation, flusher, metrics)
        self.filler = filler
        self._door = door
        self._method = method

    def open(self, head: HttpResponse) -> Body:
        opening = prelude.encode_prelude(head, self._door)
        kind = HeadOnlyBody if _is_bodiless(self._method, head.status_code) else BodyWriter
        return self._open(kind, prelude.CONTENT_TYPE, opening)

    def await_first_item(self, stream: ResponseStream) -> None:
        self._flusher.watch_head(stream)


class HeadOnlyBody(BodyWriter):
    """Drops what the application writes where HTTP allows no body; the application runs to its end all the same."""

    def put(self, item: bytes | memoryview) -> bool:
        return self.flush()


class ProxyOutlet:
    can_fail_late = True
    filler = b""

    def __init__(self, door: str) -> None:
        self._door = door

    def open(self, head: HttpResponse) -> Body:
        prelude.validated(head)
        return CollectedBody(head, self._door)

    def await_first_item(self, stream: ResponseStream) -> None:
        """Nothing leaves before the end."""


def for_event(
    event: object, invocation: Invocation, api: RuntimeApi, flusher: Flusher, metrics: Metrics, settings: Settings
) -> Outlet:
    door = front_door.of_event(event)
    if door is None:
        return RawOutlet(api, invocation, flusher, metrics)
    if door not in settings.streaming_front_doors:
        return ProxyOutlet(door)
    assert isinstance(event, dict)
    # A Function URL whose body has no byte at all was seen to leave its client waiting (protocol 1.4).
    filler = b"\n" if door == front_door.FUNCTION_URL and settings.fills_empty_body else b""
    return PreludeOutlet(api, invocation, flusher, metrics, door, front_door.method_of_event(event), filler)


def _is_bodiless(method: str, status_code: int) -> bool:
    return method == "HEAD" or status_code < 200 or status_code in (204, 304)
