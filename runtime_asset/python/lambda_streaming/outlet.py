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
    from lambda_streaming.invocation import Invocation
    from lambda_streaming.response_stream import Body, Outlet, ResolvedHead
    from lambda_streaming.runtime_api import RuntimeApi
    from lambda_streaming.settings import Settings


class RawOutlet:
    can_fail_late = False

    def __init__(self, api: RuntimeApi, invocation: Invocation, flusher: Flusher) -> None:
        self._api = api
        self._invocation = invocation
        self._flusher = flusher

    def open(self, head: ResolvedHead) -> Body:
        # Checked though unused: a head that no front door would take fails here as well.
        prelude.validated(head.response)
        return self.open_body(BodyWriter, head.content_type)

    def open_body(self, kind: type[BodyWriter], content_type: str, opening: bytes = b"") -> BodyWriter:
        connection, request_head = self._api.open_response(self._invocation, content_type)
        return kind(connection, self._flusher, request_head, opening)


class PreludeOutlet:
    can_fail_late = False

    def __init__(self, raw: RawOutlet, door: str, method: str, *, fills_empty_body: bool) -> None:
        self._raw = raw
        self._door = door
        self._method = method
        self._fills_empty_body = fills_empty_body

    def open(self, head: ResolvedHead) -> Body:
        opening = prelude.encode_prelude(head.response, self._door)
        bodiless = _is_bodiless(self._method, head.response.status_code)
        # A Function URL whose body has no byte at all was seen to leave its client waiting (protocol 1.4).
        if head.is_empty and not bodiless and self._fills_empty_body and self._door == front_door.FUNCTION_URL:
            opening += b"\n"
        return self._raw.open_body(HeadOnlyBody if bodiless else BodyWriter, prelude.CONTENT_TYPE, opening)


class HeadOnlyBody(BodyWriter):
    """Drops what the application writes where HTTP allows no body; the application runs to its end all the same."""

    __slots__ = ()

    def put(self, item: bytes | memoryview) -> bool:
        return self.flush()


class ProxyOutlet:
    can_fail_late = True

    def __init__(self, door: str) -> None:
        self._door = door

    def open(self, head: ResolvedHead) -> Body:
        prelude.validated(head.response)
        return CollectedBody(head.response, self._door)


def for_event(event: object, invocation: Invocation, api: RuntimeApi, flusher: Flusher, settings: Settings) -> Outlet:
    door = front_door.of_event(event)
    raw = RawOutlet(api, invocation, flusher)
    if door is None:
        return raw
    if door not in settings.streaming_front_doors:
        return ProxyOutlet(door)
    assert isinstance(event, dict)
    return PreludeOutlet(raw, door, front_door.method_of_event(event), fills_empty_body=settings.fills_empty_body)


def _is_bodiless(method: str, status_code: int) -> bool:
    return method == "HEAD" or status_code < 200 or status_code in (204, 304)
