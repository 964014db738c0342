"""Intrinsic functions resolve to known values, and to readable placeholders for unknown ones."""

from __future__ import annotations

from typing import Any

import pytest
from lambda_emulator.assembly.intrinsics import ResolvedText, Unresolvable, is_true, resolve, resolve_text


class FakeScope:
    """Scope with one name of each kind."""

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

    def condition(self, name: str) -> bool:
        return bool(self._known({"IsOn": True, "IsOff": False}, name))

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
        ({"Fn::If": ["IsOn", {"Ref": "Name"}, {"Ref": "Table"}]}, "chat"),
        ({"Fn::If": ["IsOff", "a", {"Fn::If": ["IsOn", "b", "c"]}]}, "b"),
        ({"Fn::If": ["IsOff", "a", {"Ref": "AWS::NoValue"}]}, None),
        (["a", {"Fn::If": ["IsOff", "b", {"Ref": "AWS::NoValue"}]}], ["a"]),
        ({"a": {"Ref": "AWS::NoValue"}, "b": "c"}, {"b": "c"}),
        ({"deep": [{"Ref": "Name"}]}, {"deep": ["chat"]}),
        ({"Ref": "Name", "two": 2}, {"Ref": "Name", "two": 2}),
    ],
)
def test_known_value_is_resolved(value: Any, resolved: Any) -> None:
    assert resolve(value, FakeScope()) == resolved


@pytest.mark.parametrize(
    "value",
    [
        {"Ref": "Table"},
        {"Fn::Join": ["", ["a", {"Ref": "Table"}]]},
        {"Fn::If": ["IsProduction", "a", "b"]},
        {"Fn::If": ["IsOn", "a"]},
        {"Fn::If": "IsOn"},
        {"Fn::GetAtt": 3},
        {"Fn::Sub": 3},
        {"Fn::Join": ["", 3]},
        {"Fn::Select": ["x", {"Ref": "List"}]},
        {"Fn::Select": [0, "text"]},
        {"Ref": ["Name"]},
        {"Fn::FindInMap": ["Map"]},
        {"Fn::Transform": {}},
        {"Fn::Select": [9, {"Ref": "List"}]},
        {"Fn::ImportValue": "Unknown"},
    ],
)
def test_unknown_value_raises_unresolvable(value: Any) -> None:
    with pytest.raises(Unresolvable):
        resolve(value, FakeScope())


def test_only_the_unknown_part_of_a_text_becomes_a_placeholder() -> None:
    value = {"Fn::Join": ["/", [{"Ref": "Name"}, {"Fn::GetAtt": ["Table", "Arn"]}]]}

    assert resolve_text(value, FakeScope()) == ResolvedText("chat/<Table.Arn>", ("Table.Arn",))


def test_placeholder_inside_a_substitution_is_reported() -> None:
    assert resolve_text({"Fn::Sub": "${Name}:${Table}"}, FakeScope()) == ResolvedText("chat:<Table>", ("Table",))


@pytest.mark.parametrize(
    ("condition", "outcome"),
    [
        ({"Fn::Equals": [{"Ref": "Name"}, "chat"]}, True),
        ({"Fn::Equals": [{"Ref": "Name"}, "app"]}, False),
        ({"Fn::Equals": [1, "1"]}, True),
        ({"Condition": "IsOff"}, False),
        ({"Fn::Not": [{"Condition": "IsOff"}]}, True),
        ({"Fn::And": [{"Condition": "IsOn"}, {"Condition": "IsOff"}]}, False),
        ({"Fn::And": [{"Condition": "Unknown"}, {"Condition": "IsOff"}]}, False),
        ({"Fn::Or": [{"Condition": "Unknown"}, {"Condition": "IsOn"}]}, True),
    ],
)
def test_condition_is_evaluated(condition: Any, outcome: bool) -> None:
    assert is_true(condition, FakeScope()) is outcome


@pytest.mark.parametrize(
    "condition",
    [
        {"Condition": "Unknown"},
        {"Fn::Equals": [{"Ref": "Table"}, "x"]},
        {"Fn::And": [{"Condition": "Unknown"}, {"Condition": "IsOn"}]},
        {"Fn::Or": [{"Condition": "Unknown"}, {"Condition": "IsOff"}]},
        {"Fn::Not": [{"Condition": "Unknown"}]},
        {"Fn::Equals": ["a"]},
        {"Fn::Contains": [["a"], "a"]},
        {"Condition": ["IsOn"]},
        "IsOn",
        None,
    ],
)
def test_unknown_condition_raises_unresolvable(condition: Any) -> None:
    with pytest.raises(Unresolvable):
        is_true(condition, FakeScope())


@pytest.mark.parametrize(("value", "text"), [(True, "true"), (3, "3"), (None, "")])
def test_values_become_text_as_in_cloudformation(value: Any, text: str) -> None:
    assert resolve_text(value, FakeScope()) == ResolvedText(text)
