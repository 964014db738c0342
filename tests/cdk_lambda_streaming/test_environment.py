from __future__ import annotations

import pytest
from aws_cdk import Aws, Token
from cdk_lambda_streaming.checks.environment import (
    FrontDoor,
    check_any_variable,
    check_environment,
    check_switch,
    format_front_doors,
    wrong_variables,
)


def test_ordinary_variables_are_accepted() -> None:
    check_environment({"TABLE": "chats", "EMPTY": "", "AWS_LWA_PORT": "8000", "LANG": "C.UTF-8"})


SWITCH_VALUES = [
    ("LAMBDA_STREAMING_EMPTY_BODY", ["newline", "empty"], ["", "none", "Empty"], "must be one of newline, empty"),
    ("LAMBDA_STREAMING_GRACEFUL_SHUTDOWN", ["on", "off"], ["", "yes", "true"], "must be one of on, off"),
    (
        "LAMBDA_STREAMING_EXEC_WRAPPERS",
        ["", "/opt/otel-instrument", "/opt/a:/var/task/b"],
        ["otel-instrument", "/opt/a,opt/b:c", "/opt/a::/opt/b", "/opt/a:"],
        "must be absolute paths separated by colons",
    ),
    ("LAMBDA_STREAMING_EXEC_WRAPPERS", [], ["/opt/a:/opt/bootstrap"], "must not contain /opt/bootstrap"),
    (
        "LAMBDA_STREAMING_PYTHON",
        ["/opt/bin/python3", "python3.13"],
        ["", "bin/python3"],
        "must be the name of a Python on PATH or its absolute path",
    ),
]


@pytest.mark.parametrize(
    ("switch", "value"), [(switch, value) for switch, good, _, _ in SWITCH_VALUES for value in good]
)
def test_switches_of_runtime_can_be_set(switch: str, value: str) -> None:
    check_environment({switch: value})
    check_switch(switch, value)


@pytest.mark.parametrize(
    ("switch", "value", "rule"), [(switch, value, rule) for switch, _, bad, rule in SWITCH_VALUES for value in bad]
)
def test_wrong_value_of_switch_is_rejected(switch: str, value: str, rule: str) -> None:
    with pytest.raises(ValueError, match=f"environment variable {switch} {rule}.*, got '{value}'"):
        check_switch(switch, value)


def test_tokens_are_accepted() -> None:
    check_environment({"REGION": Aws.REGION, "COUNT": Token.as_string(3)})


@pytest.mark.parametrize(
    ("key", "advice"),
    [
        ("AWS_LAMBDA_EXEC_WRAPPER", "one wrapper slot.*Leave it out.* in exec_wrappers"),
        ("LAMBDA_STREAMING_FRONT_DOORS", "names that start with LAMBDA_STREAMING_; pass front_doors"),
        (
            "LAMBDA_STREAMING_METRICS_SAMPLE_RATE",
            "names that start with LAMBDA_STREAMING_; pass stream_metrics_sample_rate",
        ),
        ("LAMBDA_STREAMING_ANYTHING", "choose another name"),
        ("AWS_REGION", "Lambda reserves the name.*choose another name"),
        ("AWS_LAMBDA_RUNTIME_API", "Lambda reserves the name"),
        ("_HANDLER", "Lambda reserves the name"),
    ],
)
def test_reserved_names_are_rejected_with_advice(key: str, advice: str) -> None:
    with pytest.raises(ValueError, match=f"environment variable {key} cannot be set to 'x': .*{advice}"):
        check_environment({key: "x"})


@pytest.mark.parametrize("key", ["A", "1ST", "WITH-DASH", "WITH SPACE", "_UNDER", "", "ÄRGER"])
def test_invalid_name_is_rejected(key: str) -> None:
    with pytest.raises(ValueError, match=f"two characters or more, letters, digits and _.* got '{key}'"):
        check_environment({key: "x"})


@pytest.mark.parametrize("key", ["LAMBDA_STREAMNG_ERROR_EVENT", "LAMDA_STREAMING_ERROR_EVENT"])
def test_misspelt_prefix_is_rejected(key: str) -> None:
    """The mistake is found at once, and at synth."""
    message = f"unknown environment variable {key}; did you mean LAMBDA_STREAMING_ERROR_EVENT"
    with pytest.raises(ValueError, match=message):
        check_environment({key: "on"})
    assert [problem.startswith(message) for problem in wrong_variables({key: "on"})] == [True]


@pytest.mark.parametrize(
    ("key", "meant"),
    [
        ("AWS_LWA_EXEC_WRAPPER", "AWS_LAMBDA_EXEC_WRAPPER"),
        ("AWS_EXEC_WRAPPER", "AWS_LAMBDA_EXEC_WRAPPER"),
        ("LAMBDA_EXEC_WRAPPER", "AWS_LAMBDA_EXEC_WRAPPER"),
        ("LAMBDA_STREAMING_EXEC_WRAPPER", "LAMBDA_STREAMING_EXEC_WRAPPERS"),
    ],
)
def test_misspelt_variable_of_wrappers_is_rejected(key: str, meant: str) -> None:
    """Only Lambda's own name starts a wrapper. The check is that of every adapter."""
    with pytest.raises(ValueError, match=rf"unknown environment variable {key}; did you mean {meant}\?"):
        check_any_variable(key, "/opt/bootstrap")


@pytest.mark.parametrize(
    "key", ["DD_EXEC_WRAPPER", "MY_EXEC_WRAPPER_PATH", "LAMBDA_STREAM_NAME", "STREAMING", "LAMBDA_STREAMS"]
)
def test_slightly_similar_name_is_accepted(key: str) -> None:
    check_environment({key: "x"})


def test_variables_over_4_kb_are_rejected() -> None:
    check_environment({"TABLE": "x" * (4096 - len("TABLE"))})
    with pytest.raises(ValueError, match=r"at most 4 KB of names and values, got 4097 bytes; the largest.* PROMPT"):
        check_environment({"PROMPT": "é" * 2044, "A1": "x"})
    check_environment({"LARGE": "x" * 5000, "REGION": Aws.REGION})


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (8080, "got int 8080; pass '8080'"),
        (None, "got NoneType None; leave the variable out or pass ''"),
    ],
)
def test_value_of_wrong_type_is_rejected_by_name(value: object, message: str) -> None:
    with pytest.raises(TypeError, match=f"environment variable PORT must be a str, .*{message}"):
        check_environment({"PORT": value})  # type: ignore[dict-item]


def test_environment_of_wrong_type_is_rejected() -> None:
    with pytest.raises(TypeError, match="environment must be a mapping of str to str"):
        check_environment(["PORT"])  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("front_doors", "value"),
    [
        ([], "none"),
        ([FrontDoor.FUNCTION_URL], "function-url"),
        ([FrontDoor.REST_API, FrontDoor.FUNCTION_URL], "function-url,rest-api"),
    ],
)
def test_front_doors_are_formatted_for_runtime(front_doors: list[FrontDoor], value: str) -> None:
    assert format_front_doors(front_doors) == value
