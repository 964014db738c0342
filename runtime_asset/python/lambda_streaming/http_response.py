"""The head of an HTTP response, as handlers write it."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from decimal import Decimal
    from typing import Any, TypeAlias

    # The text of a number or a boolean is that of JSON. None leaves the header out, a list repeats it.
    HeaderText: TypeAlias = str | bytes | bool | int | float | Decimal | None
    HeaderValue: TypeAlias = HeaderText | list[Any] | tuple[HeaderText, ...]
    Headers: TypeAlias = Mapping[str, HeaderValue] | Iterable[tuple[str, HeaderValue]]


class HttpResponse:
    """Status, headers and cookies of a response; with `body`, the whole response.

    Yield one as the first item of a handler, or return one whose `body` is text, bytes, an iterator, an async
    iterator or a file-like object.

    Args:
        status_code: 200 to 599. Default: 200.
        headers: names to values (text, numbers or booleans; a list repeats the header, None leaves it out), or pairs.
            Without a content type the first item decides it.
        cookies: whole `Set-Cookie` values, such as `"session=1; HttpOnly"`.
        body: the body of a returned response. A yielded response has none: its items follow.
    """

    __slots__ = ("body", "cookies", "headers", "status_code")

    def __init__(
        self,
        status_code: int = 200,
        headers: Headers | None = (),
        cookies: Iterable[HeaderText] | None = (),
        *,
        body: Any = None,
    ) -> None:
        if not isinstance(status_code, int) or isinstance(status_code, bool) or not 200 <= status_code <= 599:
            raise ValueError(f"status_code is {status_code!r}; it must be an integer from 200 to 599")
        self.status_code = status_code
        self.headers = header_lines(headers)
        self.cookies = _cookie_texts(cookies)
        self.body = body

    @property
    def content_type(self) -> str | None:
        return next((value for name, value in self.headers if name.lower() == "content-type"), None)

    def copy(self) -> HttpResponse:
        """Return a copy: the handler may use this response again."""
        return HttpResponse(self.status_code, self.headers, self.cookies, body=self.body)

    def __repr__(self) -> str:
        return f"HttpResponse({self.status_code}, headers={self.headers!r}, cookies={self.cookies!r})"


def header_lines(headers: Headers | None) -> list[tuple[str, str]]:
    """Return name and text of each header, a header with a list once a value."""
    lines: list[tuple[str, str]] = []
    for name, value in _pairs(headers) if headers else ():
        if type(value) is str and type(name) is str:  # Most are, and each response pays for the rest.
            lines.append((name, value))
        elif isinstance(name, str):
            lines += [(name, text) for text in _texts(value, f"the header {name!r} has the value")]
        else:
            raise TypeError(f"{name!r} is not the name of a header; it must be text")
    return lines


def status_code_of(value: Any) -> int:
    """Return the status code of a response dict: a whole number of any type, or its text, as API Gateway accepts it."""
    try:
        status_code = int(value)
        if 200 <= status_code <= 599 and (isinstance(value, (str, bytes)) or status_code == value):
            return status_code
    except (TypeError, ValueError, OverflowError):
        pass
    raise ValueError(f"the response's statusCode is {value!r}; it must be an integer from 200 to 599")


def _pairs(headers: Headers) -> Iterable[tuple[str, Any]]:
    if isinstance(headers, dict):
        return headers.items()
    try:
        return [(name, value) for name, value in (headers.items() if hasattr(headers, "items") else headers)]
    except (TypeError, ValueError):
        raise TypeError(f"headers is {headers!r}; it must be a mapping of names to values, or pairs") from None


def _cookie_texts(cookies: Iterable[HeaderText] | None) -> list[str]:
    if not cookies:
        return []
    # Of these a loop would make cookies of letters, numbers or names.
    if isinstance(cookies, (str, bytes)) or hasattr(cookies, "keys") or not hasattr(cookies, "__iter__"):
        raise TypeError(
            f"cookies is {cookies!r}; it must be a list of Set-Cookie values, such as ['session=1; HttpOnly']"
        )
    return [text for cookie in cookies for text in _texts(cookie, "a cookie is")]


def _texts(value: Any, subject: str) -> list[str]:
    if type(value) is str:
        return [value]
    texts = [(one, _text(one)) for one in (value if isinstance(value, (list, tuple)) else (value,)) if one is not None]
    for one, text in texts:
        if text is None:
            raise TypeError(f"{subject} {one!r}; it must be text, a number or a boolean")
    return [text for _, text in texts if text is not None]


def _text(value: Any) -> str | None:
    """Return the text of a value in JSON; None for a value that is no text, number or boolean."""
    if isinstance(value, str):
        return str.__str__(value)  # The value of an enum's member; `str(member)` gives its name.
    if isinstance(value, bytes):
        return value.decode("latin-1")
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return int.__repr__(value)
    # Not imported for this: a Decimal is known by its name.
    if not isinstance(value, float) and type(value).__name__ != "Decimal":
        return None
    text = float.__repr__(value) if isinstance(value, float) else str(value)
    return text if text.lstrip("-")[0].isdigit() else None  # JSON has no NaN and no infinity.
