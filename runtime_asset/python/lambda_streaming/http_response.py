"""The head of an HTTP response as a handler names it."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from typing import Any

    from lambda_streaming.response_stream import ResponseStream

    # A header's value; a list repeats the header.
    HeaderValue = str | int | list[str] | tuple[str, ...]


class HttpResponse:
    """Status, headers and cookies of a response; with `body`, the whole response.

    Yield one as the first item of a handler, or return one whose `body` is text, bytes, an iterator, an async
    iterator or a file-like object.

    Args:
        status_code: 200 to 599; 200 unless said.
        headers: names to values (text or integers; a list repeats the header), or pairs. Without a content type the
            first item decides it.
        cookies: whole `Set-Cookie` values, such as `"session=1; HttpOnly"`.
        body: what to stream, when the response is returned and not yielded.
    """

    __slots__ = ("body", "cookies", "headers", "status_code")

    def __init__(
        self,
        status_code: int = 200,
        headers: Mapping[str, HeaderValue] | Iterable[tuple[str, HeaderValue]] = (),
        cookies: Iterable[str] = (),
        *,
        body: Any = None,
    ) -> None:
        if not isinstance(status_code, int) or isinstance(status_code, bool) or not 200 <= status_code <= 599:
            raise ValueError(f"status_code is {status_code!r}; it must be an integer from 200 to 599")
        if isinstance(cookies, str):
            raise TypeError(f"cookies is the text {cookies!r}; it must be a list of them: cookies=[{cookies!r}]")
        self.status_code = status_code
        self.headers = list(_header_lines(headers))
        self.cookies = list(cookies)
        self.body = body

    @property
    def content_type(self) -> str | None:
        return next((value for name, value in self.headers if name.lower() == "content-type"), None)

    def copy(self) -> HttpResponse:
        """A response that can be changed without changing this one, which the handler may use again."""
        return HttpResponse(self.status_code, self.headers, self.cookies, body=self.body)

    def __repr__(self) -> str:
        return f"HttpResponse({self.status_code}, headers={self.headers!r}, cookies={self.cookies!r})"


class HttpResponseStream:
    """Python's `awslambda.HttpResponseStream`."""

    @staticmethod
    def from_(response_stream: ResponseStream, metadata: Mapping[str, Any] | HttpResponse) -> ResponseStream:
        """Name the head of `response_stream` and return the stream.

        Args:
            response_stream: the handler's second argument, before anything was written to it.
            metadata: `{"statusCode": 200, "headers": {...}, "cookies": [...]}`, each key optional, or an
                `HttpResponse`.
        """
        if not isinstance(metadata, HttpResponse):
            unknown = set(metadata) - {"statusCode", "headers", "cookies"}
            if unknown:
                raise ValueError(
                    f"the metadata has the keys {sorted(unknown)}; allowed are statusCode, headers and cookies"
                )
            metadata = HttpResponse(
                metadata.get("statusCode", 200), metadata.get("headers") or (), metadata.get("cookies") or ()
            )
        response_stream.name_head(metadata)
        return response_stream


def _header_lines(
    headers: Mapping[str, HeaderValue] | Iterable[tuple[str, HeaderValue]],
) -> Iterable[tuple[str, str]]:
    pairs = headers.items() if hasattr(headers, "items") else headers
    for name, value in pairs:
        if not isinstance(name, str):
            raise TypeError(f"{name!r} is not the name of a header; it must be text")
        for one in value if isinstance(value, (list, tuple)) else (value,):
            if not isinstance(one, (str, int)) or isinstance(one, bool):
                raise TypeError(f"the header {name!r} has the value {one!r}; it must be text or an integer")
            # The value of an enum's member, whose own `str` is its name.
            yield name, str.__str__(one) if isinstance(one, str) else int.__repr__(one)
