"""Functions are found by every name that callers use."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from lambda_emulator.functions import (
    Function,
    FunctionDirectory,
    FunctionNotFound,
    FunctionUrl,
    InvokeMode,
    missing_url_message,
)


def directory() -> FunctionDirectory:
    def function(name: str, path: str, logical_id: str) -> Function:
        arn = f"arn:aws:lambda:us-east-1:123456789012:function:{name}"
        return Function(name, logical_id, path, arn, "python3.13", "app.handler", code=Path("code"))

    return FunctionDirectory(
        [function("chat", "Demo/Chat", "ChatABC"), function("a", "Demo/Same", "A1"), function("b", "Other/Same", "B1")]
    )


@pytest.mark.parametrize(
    ("name", "qualifier"),
    [
        ("chat", ""),
        ("chat:live", "live"),
        ("arn:aws:lambda:us-east-1:123456789012:function:chat", ""),
        ("arn:aws:lambda:us-east-1:123456789012:function:chat:7", "7"),
        ("123456789012:function:chat", ""),
        ("123456789012:chat:live", "live"),
        ("ChatABC", ""),
        ("Chat", ""),
        ("Demo/Chat", ""),
    ],
)
def test_function_is_found_by_each_name(name: str, qualifier: str) -> None:
    function, found_qualifier = directory().find(name)

    assert (function.name, found_qualifier) == ("chat", qualifier)


def test_unknown_name_is_not_found() -> None:
    with pytest.raises(FunctionNotFound, match=r"^Function not found: nope\. This assembly has: chat, a, b\.$"):
        directory().find("nope")


def test_construct_id_of_two_functions_is_not_found() -> None:
    message = r"^2 functions have the construct id Same: Demo/Same, Other/Same\. Pass one of these construct paths\.$"
    with pytest.raises(FunctionNotFound, match=message):
        directory().find("Same")


@pytest.mark.parametrize(
    ("qualifier", "urls", "message"),
    [
        ("", [], "Function chat has no Function URL for $LATEST. It has no Function URLs."),
        ("7", [], "Function chat has no Function URL for version 7. It has no Function URLs."),
        (
            "live",
            ["", "beta"],
            "Function chat has no Function URL for alias 'live'. It has Function URLs for: $LATEST, alias 'beta'.",
        ),
    ],
)
def test_error_for_a_missing_function_url_lists_the_others(qualifier: str, urls: list[str], message: str) -> None:
    function, _ = directory().find("chat")
    others = [
        FunctionUrl(function, each, "Demo/Chat/Url", "id", "us-east-1", "NONE", InvokeMode.BUFFERED) for each in urls
    ]
    assert missing_url_message(function, qualifier, others) == message


@pytest.mark.parametrize(
    ("path", "is_made_by_cdk"),
    [
        ("Demo/Custom::S3AutoDeleteObjectsCustomResourceProvider/Handler", True),
        ("Demo/Custom::CDKBucketDeployment8693BB64968944B69AAFB0CC9EB8756C", True),
        ("Demo/AWS679f53fac002430cb0da5b7982bd2287", True),
        ("Demo/LogRetentionaae0aa3c5b4d4f87b02d85b201efdd8a", True),
        ("Demo/Provider/framework-onEvent", True),
        ("Demo/@aws-cdk--aws-eks.ClusterResourceProvider/OnEventHandler", True),
        ("Demo/Chat", False),
        ("Demo/Custom/Handler", False),
        ("Demo/LogRetention", False),
        ("Demo/Provider/OnEvent", False),
    ],
)
def test_function_of_the_cdk_is_known_by_its_path(path: str, is_made_by_cdk: bool) -> None:
    function, _ = directory().find("chat")

    assert replace(function, construct_path=path).is_made_by_cdk is is_made_by_cdk


def test_warning_about_a_placeholder_shows_it() -> None:
    function, _ = directory().find("chat")
    function = replace(function, environment={"TABLE": "<Table>"}, unresolved_variables={"TABLE": ("Table",)})
    assert function.placeholder_warnings == [
        "TABLE depends on Table, which exists only after deployment; the function gets the placeholder '<Table>' "
        "instead."
    ]
