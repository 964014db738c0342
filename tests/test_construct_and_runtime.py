"""The construct and the runtime agree on variables, values and front doors, though neither imports the other."""

from __future__ import annotations

import itertools
import re
from pathlib import Path

import pytest
from cdk_lambda_streaming.checks import application_variables
from cdk_lambda_streaming.checks.environment import (
    DEFAULT_FRONT_DOORS,
    EXEC_WRAPPERS_VARIABLE,
    FRONT_DOORS_VARIABLE,
    PYTHON_VARIABLE,
    SAMPLE_RATE_VARIABLE,
    SETTINGS_PREFIX,
    SWITCHES,
    WRAPPER_PATH,
    FrontDoor,
    check_switch,
    format_front_doors,
)
from cdk_lambda_streaming.checks.limits import format_number
from cdk_lambda_streaming.code.layer_content import read_layer_files
from lambda_streaming.process.settings import CAN_STREAM, AsgiSettings, Settings, SettingsError

pytestmark = pytest.mark.cdk

RUNTIME = Path(__file__).parents[1] / "runtime_asset"
# Values of every kind: each variable accepts some of them.
VALUES = ["", " ", "on", "off", "ON", "true", "newline", "empty", "none"]
NUMBERS = [
    "0",
    "1",
    "0.5",
    ".5",
    "1.",
    "0.000001",
    "2",
    "1.1",
    "-1",
    "1e-1",
    "1_0",
    "nan",
    "inf",
    "+1",
    "٣",
    "0.1.2",
    ".",
]


def runtime_accepts(variable: str, value: str) -> bool:
    try:
        Settings({"_HANDLER": "index.handler", variable: value})
    except SettingsError:
        return False
    return True


def construct_accepts(variable: str, value: str) -> bool:
    try:
        check_switch(variable, value)
    except ValueError:
        return False
    return True


def variables_of_the_runtime() -> set[str]:
    sources = [RUNTIME / "bootstrap", *RUNTIME.rglob("*.py")]
    return {name for file in sources for name in re.findall(rf"\b{SETTINGS_PREFIX}[A-Z_]+\b", file.read_text("utf-8"))}


def test_construct_knows_every_variable_of_the_runtime() -> None:
    expected = {*SWITCHES, FRONT_DOORS_VARIABLE, SAMPLE_RATE_VARIABLE, *application_variables.CHECKS}
    assert expected == variables_of_the_runtime()


def test_handlers_of_applications_are_modules_of_the_runtime() -> None:
    files = {file.path for file in read_layer_files()}
    for handler in application_variables.APPLICATION_HANDLERS:
        module, _, _ = handler.rpartition(".")
        assert f"python/{module.replace('.', '/')}.py" in files


@pytest.mark.parametrize("value", [*VALUES, *NUMBERS])
@pytest.mark.parametrize(
    "variable", sorted({*SWITCHES, SAMPLE_RATE_VARIABLE} - {EXEC_WRAPPERS_VARIABLE, PYTHON_VARIABLE})
)
def test_both_accept_the_same_values(variable: str, value: str) -> None:
    """The shell script `bootstrap` reads the two variables that are left out; it accepts any path."""
    assert construct_accepts(variable, value) == runtime_accepts(variable, value)


@pytest.mark.parametrize("value", [*VALUES, "auto", "response", "error"])
@pytest.mark.parametrize(
    "variable",
    [
        application_variables.LIFESPAN_VARIABLE,
        application_variables.FORWARDED_HOST_VARIABLE,
        application_variables.ERRORS_VARIABLE,
    ],
)
def test_both_accept_the_same_values_for_an_application(variable: str, value: str) -> None:
    assert construct_accepts(variable, value) == application_is_accepted(variable, value)


@pytest.mark.parametrize("value", ["", "/api", "/api/v1"])
def test_runtime_reads_root_paths_that_the_construct_accepts(value: str) -> None:
    variable = application_variables.ROOT_PATH_VARIABLE
    assert construct_accepts(variable, value)
    assert application_is_accepted(variable, value)


def application_is_accepted(variable: str, value: str) -> bool:
    try:
        AsgiSettings({application_variables.APP_VARIABLE: "main:app", variable: value})
    except SettingsError:
        return False
    return True


@pytest.mark.parametrize("rate", [0, 1, 0.5, 0.000001, 1e-9])
def test_runtime_reads_every_rate_that_the_construct_writes(rate: float) -> None:
    settings = Settings({"_HANDLER": "index.handler", SAMPLE_RATE_VARIABLE: format_number(rate)})
    assert settings.metrics_sample_rate == rate


def test_front_doors_have_the_same_names() -> None:
    assert {door.value for door in FrontDoor} == CAN_STREAM


@pytest.mark.parametrize(
    "doors", [doors for size in range(3) for doors in itertools.combinations(FrontDoor, size)], ids=repr
)
def test_runtime_reads_every_list_of_front_doors_that_the_construct_writes(doors: tuple[FrontDoor, ...]) -> None:
    settings = Settings({"_HANDLER": "index.handler", FRONT_DOORS_VARIABLE: format_front_doors(frozenset(doors))})
    assert settings.streaming_front_doors == {door.value for door in doors}


def test_default_front_doors_are_the_same() -> None:
    settings = Settings({"_HANDLER": "index.handler"})
    assert settings.streaming_front_doors == {door.value for door in DEFAULT_FRONT_DOORS}


def test_wrapper_of_the_construct_is_in_the_layer() -> None:
    wrappers = [file for file in read_layer_files() if f"/opt/{file.path}" == WRAPPER_PATH]
    assert [file.mode & 0o111 for file in wrappers] == [0o111]
