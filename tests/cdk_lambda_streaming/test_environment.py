from __future__ import annotations

import pytest
from aws_cdk import Aws, Token
from cdk_lambda_streaming.environment import (
    FrontDoor,
    check_environment,
    check_switch,
    format_front_doors,
    wrong_variables,
)


def test_ordinary_variables_are_let_through() -> None:
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
    ("LAMBDA_STREAMING_EXEC_WRAPPERS", [], ["/opt/a:/opt/bootstrap"], "must not hold /opt/bootstrap"),
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
def test_switches_of_the_runtime_are_the_user_s(switch: str, value: str) -> None:
    check_environment({switch: value})
    check_switch(switch, value)


@pytest.mark.parametrize(
    ("switch", "value", "said"), [(switch, value, said) for switch, _, bad, said in SWITCH_VALUES for value in bad]
)
def test_a_value_that_the_runtime_would_refuse_is_refused(switch: str, value: str, said: str) -> None:
    with pytest.raises(ValueError, match=f"environment variable {switch} {said}.*, got '{value}'"):
        check_switch(switch, value)


def test_tokens_are_let_through() -> None:
    check_environment({"REGION": Aws.REGION, "COUNT": Token.as_string(3)})


@pytest.mark.parametrize(
    ("key", "advice"),
    [
        ("AWS_LAMBDA_EXEC_WRAPPER", "one wrapper slot.*leave the variable out.* in exec_wrappers"),
        ("LAMBDA_STREAMING_FRONT_DOORS", "what it wired; pass front_doors"),
        ("LAMBDA_STREAMING_METRICS_SAMPLE_RATE", "what it wired; pass stream_metrics_sample_rate"),
        ("LAMBDA_STREAMING_ANYTHING", "choose another name"),
        ("AWS_REGION", "Lambda reserves the name.*choose another name"),
        ("AWS_LAMBDA_RUNTIME_API", "Lambda reserves the name"),
        ("_HANDLER", "Lambda reserves the name"),
    ],
)
def test_reserved_names_are_refused_with_advice(key: str, advice: str) -> None:
    with pytest.raises(ValueError, match=f"environment variable {key} cannot be set to 'x': .*{advice}"):
        check_environment({key: "x"})


@pytest.mark.parametrize("key", ["A", "1ST", "WITH-DASH", "WITH SPACE", "_UNDER", "", "ÄRGER"])
def test_a_name_that_lambda_refuses_is_refused(key: str) -> None:
    with pytest.raises(ValueError, match=f"two characters or more, letters, digits and _.* got '{key}'"):
        check_environment({key: "x"})


@pytest.mark.parametrize("key", ["LAMBDA_STREAMNG_ERROR_EVENT", "LAMDA_STREAMING_ERROR_EVENT"])
def test_a_misspelt_prefix_of_the_runtime_s_is_noticed(key: str) -> None:
    """Wherever it was set: at once, and at synth."""
    said = f"environment variable {key} is known to nobody; did you mean LAMBDA_STREAMING_ERROR_EVENT"
    with pytest.raises(ValueError, match=said):
        check_environment({key: "on"})
    assert [problem.startswith(said) for problem in wrong_variables({key: "on"})] == [True]


@pytest.mark.parametrize("key", ["LAMBDA_STREAM_NAME", "STREAMING", "LAMBDA_STREAMS"])
def test_a_name_that_is_a_little_like_them_is_the_user_s(key: str) -> None:
    check_environment({key: "x"})


def test_variables_have_at_most_4_kb() -> None:
    check_environment({"TABLE": "x" * (4096 - len("TABLE"))})
    with pytest.raises(ValueError, match=r"at most 4 KB of names and values, got 4097 bytes; the largest.* PROMPT"):
        check_environment({"PROMPT": "é" * 2044, "A1": "x"})
    check_environment({"LARGE": "x" * 5000, "REGION": Aws.REGION})


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (8080, "got int 8080; pass '8080'"),
        (None, "got NoneType None; leave the variable out or pass ''"),
    ],
)
def test_a_value_that_is_no_str_is_refused_by_name(value: object, said: str) -> None:
    with pytest.raises(TypeError, match=f"environment variable PORT must be a str, .*{said}"):
        check_environment({"PORT": value})  # type: ignore[dict-item]


def test_an_environment_that_is_no_mapping_is_refused() -> None:
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
def test_front_doors_are_named_for_the_runtime(front_doors: list[FrontDoor], value: str) -> None:
    assert format_front_doors(front_doors) == value
