"""Whatever option `aws_lambda.Function` has, in this CDK or a later one, StreamingFunction takes and hands on."""

from __future__ import annotations

import inspect
from pathlib import Path
from typing import Any

import pytest
from aws_cdk import Duration, Stack, aws_lambda
from cdk_lambda_streaming import StreamingFunction

FUNCTION_OPTIONS = [
    name for name in inspect.signature(aws_lambda.FunctionOptions.__init__).parameters if name != "self"
]
# What StreamingFunction reads itself has to be right; everything else may be anything.
VALUES_THAT_ARE_READ: dict[str, Any] = {
    "architecture": aws_lambda.Architecture.X86_64,
    # A handler of ours does not speak its protocol: that it is refused is tested with the other refusals.
    "durable_config": None,
    "environment": {"TABLE": "chats"},
    "layers": [object()],
    "memory_size": 512,
    "timeout": Duration.seconds(30),
}


class Reached(Exception):
    """Ends the construction where the CDK's own would begin."""

    def __init__(self, options: dict[str, Any]) -> None:
        self.options = options


@pytest.fixture(autouse=True)
def _stop_at_the_cdk(monkeypatch: pytest.MonkeyPatch) -> None:
    def stop(self: aws_lambda.Function, scope: object, id: str, **options: Any) -> None:
        raise Reached(options)

    monkeypatch.setattr(aws_lambda.Function, "__init__", stop)


@pytest.mark.parametrize("option", FUNCTION_OPTIONS)
def test_each_option_reaches_the_cdk(stack: Stack, entry: Path, option: str) -> None:
    value = VALUES_THAT_ARE_READ.get(option, object())
    with pytest.raises(Reached) as reached:
        StreamingFunction(stack, "Chat", entry=entry, function_url=False, **{option: value})
    assert reached.value.options[option] == value


def test_an_option_of_a_later_cdk_reaches_it_too(stack: Stack, entry: Path) -> None:
    with pytest.raises(Reached) as reached:
        StreamingFunction(stack, "Chat", entry=entry, option_of_a_later_cdk=1)
    assert reached.value.options["option_of_a_later_cdk"] == 1
