"""Items that handlers import: server-sent events and JSON lines."""

from __future__ import annotations

import asyncio
import enum
import http
import json
from collections.abc import AsyncIterator
from typing import Any

import lambda_streaming
import pytest
from lambda_streaming import HttpResponse, ServerSentEvent, json_lines
from lambda_streaming.response.front_door import FUNCTION_URL
from lambda_streaming.response.prelude import encode_prelude

EVENTS = {
    "data: one\n\n": ServerSentEvent("one"),
    "data: \n\n": ServerSentEvent(""),
    "data: one\ndata: two\ndata: three\ndata: four\ndata: \n\n": ServerSentEvent("one\ntwo\r\nthree\rfour\n"),
    'data: {"token": "é", "n": 1}\n\n': ServerSentEvent({"token": "é", "n": 1}),
    "event: done\nid: 7\nretry: 1500\ndata: x\n\n": ServerSentEvent("x", event="done", id="7", retry_ms=1500),
    ": keep-alive\n\n": ServerSentEvent.keep_alive(),
}


@pytest.mark.parametrize("text", EVENTS)
def test_event_is_encoded_as_in_the_html_standard(text: str) -> None:
    assert EVENTS[text].to_bytes().decode() == text


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"event": "a\nb"}, "event is 'a\\nb'; it must be text on one line"),
        ({"id": "a\rb"}, "id is 'a\\rb'; it must be text on one line"),
        ({"id": "\0"}, "holds a NUL"),
        ({"retry_ms": 1.5}, "retry_ms is 1.5; it must be a whole number of milliseconds"),
        ({"retry_ms": -1}, "retry_ms is -1"),
    ],
)
def test_event_that_browsers_would_misread_is_rejected(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=r"it must be|NUL") as caught:
        ServerSentEvent("x", **arguments)
    assert message in str(caught.value)


def test_json_lines_of_an_iterable() -> None:
    assert b"".join(json_lines([{"a": "é"}, None, [1, 2]])) == b'{"a": "\\u00e9"}\nnull\n[1, 2]\n'


def test_json_lines_are_encoded_one_by_one() -> None:
    taken = []

    def rows() -> Any:
        for number in range(3):
            taken.append(number)
            yield number

    lines = json_lines(rows())
    assert next(lines) == b"0\n"
    assert taken == [0]


def test_json_lines_of_an_async_iterable() -> None:
    async def rows() -> AsyncIterator[int]:
        yield 1
        yield 2

    async def collect() -> list[bytes]:
        return [line async for line in json_lines(rows())]

    assert asyncio.run(collect()) == [b"1\n", b"2\n"]


def test_json_lines_of_another_type_are_an_error() -> None:
    with pytest.raises(TypeError, match=r"json_lines\(\) got int; it takes an iterable"):
        json_lines(3)  # type: ignore[call-overload]


def test_head_accepts_pairs_and_a_mapping() -> None:
    assert HttpResponse(headers=[("a", "1"), ("a", "2")]).headers == [("a", "1"), ("a", "2")]
    mapping: dict[str, Any] = {"a": ["1", "2"], "b": 3}
    assert HttpResponse(headers=mapping).headers == [("a", "1"), ("a", "2"), ("b", "3")]


class Kind(str, enum.Enum):
    TOKEN = "token"


class Number(enum.IntEnum):
    SEVEN = 7


def test_enum_member_is_sent_as_its_value() -> None:
    """`str()` gives its name, `Kind.TOKEN`, in some Python versions and its value in others."""
    event = ServerSentEvent(Kind.TOKEN, event=Kind.TOKEN, id=Kind.TOKEN, retry_ms=Number.SEVEN)
    assert event.to_bytes() == b"event: token\nid: token\nretry: 7\ndata: token\n\n"
    headers: dict[str, Any] = {"content-type": Kind.TOKEN, "x-n": [Number.SEVEN]}
    head = HttpResponse(http.HTTPStatus.ACCEPTED, headers, [Kind.TOKEN])
    assert head.content_type == "token"
    prelude = encode_prelude(head, FUNCTION_URL)
    assert json.loads(prelude.partition(b"\0")[0]) == {
        "statusCode": 202,
        "headers": {"content-type": "token", "x-n": "7"},
        "cookies": ["token"],
    }


def test_every_public_name_can_be_imported() -> None:
    for name in lambda_streaming.__all__:
        assert getattr(lambda_streaming, name).__name__ == name
    with pytest.raises(AttributeError, match="has no attribute 'HttpRespons'; it has AsgiHandler"):
        _ = lambda_streaming.HttpRespons
