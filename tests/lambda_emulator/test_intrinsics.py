"""Intrinsic functions resolve to what the desk knows, and to readable placeholders elsewhere."""

from __future__ import annotations

from typing import Any

import pytest
from lambda_emulator.intrinsics import ResolvedText, Unresolvable, resolve, resolve_text


class FakeScope:
    """A scope with one of everything."""

    def reference(self, name: str) -> Any:
        return self._known({"Name": "chat", "AWS::Region": "eu-west-1", "AWS::NoValue": None, "List": ["a", "b"]}, name)

    def attribute(self, logical_id: str, name: str) -> Any:
        return self._known(
            {"Fn.Arn": "arn:aws:lambda", "Url.FunctionUrl": "https://id.example/"}, f"{logical_id}.{name}"
        )

    def import_value(self, export_name: str) -> Any:
        return self._known({"Other:Export": "imported"}, export_name)

    def mapping(self, name: str, top_key: str, second_key: str) -> Any:
        return self._known({"Map.eu-west-1.value": "mapped"}, f"{name}.{top_key}.{second_key}")

    def _known(self, values: dict[str, Any], name: str) -> Any:
        if name not in values:
            raise Unresolvable(name)
        return values[name]


@pytest.mark.parametrize(
    ("value", "resolved"),
    [
        ("plain", "plain"),
        (7, 7),
        ({"Ref": "Name"}, "chat"),
        ({"Ref": "AWS::NoValue"}, None),
        ({"Fn::GetAtt": ["Fn", "Arn"]}, "arn:aws:lambda"),
        ({"Fn::GetAtt": "Fn.Arn"}, "arn:aws:lambda"),
        ({"Fn::Join": ["-", ["a", {"Ref": "Name"}, 1]]}, "a-chat-1"),
        ({"Fn::Join": [",", {"Ref": "List"}]}, "a,b"),
        ({"Fn::Split": ["/", {"Fn::GetAtt": ["Url", "FunctionUrl"]}]}, ["https:", "", "id.example", ""]),
        ({"Fn::Select": [2, {"Fn::Split": ["/", {"Fn::GetAtt": ["Url", "FunctionUrl"]}]}]}, "id.example"),
        ({"Fn::Select": ["1", {"Ref": "List"}]}, "b"),
        (
            {"Fn::Sub": "${Name} in ${AWS::Region}, ${Fn.Arn}, ${!Literal}"},
            "chat in eu-west-1, arn:aws:lambda, ${Literal}",
        ),
        ({"Fn::Sub": ["${Mine}-${Name}", {"Mine": {"Ref": "AWS::Region"}}]}, "eu-west-1-chat"),
        ({"Fn::ImportValue": {"Fn::Sub": "Other:Export"}}, "imported"),
        ({"Fn::FindInMap": ["Map", {"Ref": "AWS::Region"}, "value"]}, "mapped"),
        ({"Fn::Base64": "hi"}, "aGk="),
        ({"deep": [{"Ref": "Name"}]}, {"deep": ["chat"]}),
        ({"Ref": "Name", "two": 2}, {"Ref": "Name", "two": 2}),
    ],
)
def test_a_known_value_is_resolved(value: Any, resolved: Any) -> None:
    assert resolve(value, FakeScope()) == resolved


@pytest.mark.parametrize(
    "value",
    [
        {"Ref": "Table"},
        {"Fn::Join": ["", ["a", {"Ref": "Table"}]]},
        {"Fn::If": ["IsProduction", "a", "b"]},
        {"Fn::Select": [9, {"Ref": "List"}]},
        {"Fn::ImportValue": "Unknown"},
    ],
)
def test_an_unknown_value_is_an_error_where_a_value_is_needed(value: Any) -> None:
    with pytest.raises(Unresolvable):
        resolve(value, FakeScope())


def test_only_the_unknown_part_of_a_text_becomes_a_placeholder() -> None:
    value = {"Fn::Join": ["/", [{"Ref": "Name"}, {"Fn::GetAtt": ["Table", "Arn"]}]]}

    assert resolve_text(value, FakeScope()) == ResolvedText("chat/<Table.Arn>", ("Table.Arn",))


def test_a_placeholder_inside_a_substitution_is_reported() -> None:
    assert resolve_text({"Fn::Sub": "${Name}:${Table}"}, FakeScope()) == ResolvedText("chat:<Table>", ("Table",))


@pytest.mark.parametrize(("value", "text"), [(True, "true"), (3, "3"), (None, "")])
def test_a_value_wanted_as_text_is_written_as_cloudformation_writes_it(value: Any, text: str) -> None:
    assert resolve_text(value, FakeScope()) == ResolvedText(text)
