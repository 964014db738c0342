"""A part of an assembly that cannot be read becomes a warning, and the rest is served."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from lambda_emulator.assembly.assembly import Assembly, AssemblyError, read_assembly
from lambda_emulator.assembly.template import DeployTarget
from lambda_emulator.emulator import Emulator
from lambda_emulator.functions import InvokeMode
from lambda_emulator.welcome import welcome

from ..cloud_assembly import CloudAssembly, write_json
from ..damage import REPLACEMENTS, copy_without, damaged_copy, paths_in

FILES = ("manifest.json", "Demo.assets.json", "Demo.template.json", "Demo.metadata.json", "nested.json")


@pytest.fixture
def folder(cloud_assembly: CloudAssembly, tmp_path: Path) -> Path:
    """Assembly with each thing that the emulator reads, and a stack `Other` with the function `Bystander`."""
    function = {"Runtime": "python3.13", "Handler": "app.handler", "Code": cloud_assembly.add_asset({"app.py": ""})}
    layer = cloud_assembly.add_asset({"bootstrap": ""})
    cloud_assembly.add_resource("Layer", "AWS::Lambda::LayerVersion", {"LayerName": "layer", "Content": layer})
    properties = {
        **function,
        "FunctionName": {"Fn::Sub": "${Stage}-app"},
        "Timeout": {"Fn::If": ["IsOn", 20, {"Ref": "AWS::NoValue"}]},
        "MemorySize": {"Ref": "Memory"},
        "Layers": [{"Ref": "Layer"}],
        "Architectures": ["arm64"],
        "LoggingConfig": {"LogFormat": "JSON", "ApplicationLogLevel": "INFO"},
        "TenancyConfig": {"TenantIsolationMode": "PER_TENANT"},
        "Environment": {"Variables": {"STAGE": {"Fn::FindInMap": ["Stages", {"Ref": "Stage"}, "name"]}}},
    }
    cloud_assembly.add_resource("App", "AWS::Lambda::Function", properties)
    cloud_assembly.resources["App"]["Condition"] = "IsOn"
    cloud_assembly.add_bundling("App")
    cloud_assembly.add_resource("Live", "AWS::Lambda::Alias", {"FunctionName": {"Ref": "App"}, "Name": "live"})
    cors = {"AllowOrigins": ["*"], "AllowMethods": ["GET"], "AllowCredentials": True, "MaxAge": 60}
    cloud_assembly.add_url("App", Qualifier="live", Cors=cors)
    nested = {
        "Parameters": {"Mode": {"Type": "String"}},
        "Resources": {
            "Inner": {"Type": "AWS::Lambda::Function", "Properties": {**function, "Handler": {"Ref": "Mode"}}}
        },
        "Outputs": {"InnerArn": {"Value": {"Fn::GetAtt": ["Inner", "Arn"]}}},
    }
    url = {"Fn::Join": ["", ["https://s3/", cloud_assembly.add_template("nested.json", nested)]]}
    parameters = {"Mode": {"Ref": "Stage"}}
    cloud_assembly.add_resource("Nest", "AWS::CloudFormation::Stack", {"TemplateURL": url, "Parameters": parameters})
    cloud_assembly.outputs["Arn"] = {
        "Value": {"Fn::GetAtt": ["Nest", "Outputs.InnerArn"]},
        "Export": {"Name": "arn"},
        "Condition": "IsOn",
    }
    other = CloudAssembly(tmp_path / "other", tmp_path)
    other.add_resource(
        "Bystander",
        "AWS::Lambda::Function",
        {**function, "Code": other.add_asset({"app.py": ""})},
        path="Other/Bystander/Resource",
    )
    cloud_assembly.add_stack_before("Other", other)
    folder = cloud_assembly.write()
    add_sections(folder)
    return folder


def add_sections(folder: Path) -> None:
    """Add parameters, conditions, mappings and the CDK's metadata."""
    template = read(folder / "Demo.template.json")
    template["Parameters"] = {
        "Stage": {"Type": "String", "Default": "test"},
        "Memory": {"Type": "Number", "Default": 256},
    }
    template["Conditions"] = {
        "IsTest": {"Fn::Equals": [{"Ref": "Stage"}, "test"]},
        "IsOn": {"Fn::And": [{"Condition": "IsTest"}, {"Fn::Not": [{"Fn::Equals": ["a", "b"]}]}]},
    }
    template["Mappings"] = {"Stages": {"test": {"name": "Test"}}}
    write_json(folder / "Demo.template.json", template)
    metadata = {"/Demo/App/Resource": [{"type": "aws:cdk:logicalId", "data": "App"}]}
    write_json(folder / "Demo.metadata.json", metadata)
    manifest = read(folder / "manifest.json")
    manifest["artifacts"]["Demo"]["additionalMetadataFile"] = "Demo.metadata.json"
    manifest["artifacts"]["Demo"]["properties"]["stackName"] = "Demo"
    write_json(folder / "manifest.json", manifest)


def read(file: Path) -> Any:
    return json.loads(file.read_text())


def read_whole(folder: Path) -> Assembly:
    return read_assembly(folder, DeployTarget())


def test_undamaged_assembly_is_served_without_warnings(folder: Path) -> None:
    assembly = read_whole(folder)

    assert {function.construct_path for function in assembly.functions} == {
        "Demo/App",
        "Demo-Nest/Inner",
        "Other/Bystander",
    }
    [app] = [function for function in assembly.functions if function.logical_id == "App"]
    assert (app.name, app.timeout_seconds, app.memory_size_mb) == ("test-app", 20, 256)
    assert [url.qualifier for url in assembly.function_urls] == ["live"]
    assert assembly.warnings == ()


@pytest.mark.process
@pytest.mark.parametrize("file", FILES)
@pytest.mark.parametrize("replacement", REPLACEMENTS.values(), ids=REPLACEMENTS)
def test_damaged_value_never_ends_the_start(folder: Path, file: str, replacement: Any) -> None:
    serve_each(folder, file, lambda document, path: damaged_copy(document, path, replacement))


@pytest.mark.process
@pytest.mark.parametrize("file", FILES)
def test_missing_value_never_ends_the_start(folder: Path, file: str) -> None:
    serve_each(folder, file, copy_without)


async def lines_of_start(emulator: Emulator) -> list[str]:
    async with emulator:
        return list(welcome(emulator, "127.0.0.1"))


def serve_each(folder: Path, file: str, damage: Callable[[Any, tuple[str | int, ...]], Any]) -> None:
    document = read(folder / file)
    for path in paths_in(document):
        write_json(folder / file, damage(document, path))
        try:
            emulator = Emulator(folder, print_line=lambda line: None)
        except AssemblyError:
            assert path == ("artifacts",), path
            continue
        lines = asyncio.run(lines_of_start(emulator))
        assert lines[-1].startswith("Ready")
        if file != "manifest.json" or "Demo" in path[1:2]:
            names = [function.construct_path for function in emulator.functions]
            assert "Other/Bystander" in names, (path, emulator.assembly.warnings)


@pytest.mark.parametrize("file", FILES[1:])
@pytest.mark.parametrize("text", ["", "{", "[]", "null", "[" * 100_000])
def test_file_that_is_not_a_json_object_is_a_warning(folder: Path, file: str, text: str) -> None:
    (folder / file).write_text(text)

    assembly = read_whole(folder)

    assert "Other/Bystander" in [function.construct_path for function in assembly.functions]
    assert any(file in warning and "cdk synth" in warning for warning in assembly.warnings)


@pytest.mark.parametrize("file", FILES[1:])
def test_missing_file_is_a_warning(folder: Path, file: str) -> None:
    (folder / file).unlink()

    assembly = read_whole(folder)

    assert "Other/Bystander" in [function.construct_path for function in assembly.functions]
    assert any(f"{file} is missing" in warning for warning in assembly.warnings)


@pytest.mark.parametrize(
    ("name", "value", "warning"),
    [
        (
            "Timeout",
            {"Fn::If": ["IsLarge", 60, 3]},
            "Demo/App: Timeout depends on IsLarge, which only a deployment knows; it is 3 here.",
        ),
        (
            "MemorySize",
            {"Ref": "Unknown"},
            "Demo/App: MemorySize depends on Unknown, which only a deployment knows; it is 128 here.",
        ),
        ("Timeout", "soon", "Demo/App: Timeout is 'soon', which is not a number from 1 on; it is 3 here."),
        (
            "Handler",
            {"Fn::Sub": "${Module}.run"},
            "Demo/App: Handler depends on Module, which only a deployment knows; it is <Module>.run here.",
        ),
        (
            "Handler",
            {"Fn::If": ["IsLarge", "a.run", "b.run"]},
            "Demo/App: Handler depends on IsLarge, which only a deployment knows; it is <IsLarge> here.",
        ),
        (
            "LoggingConfig",
            {"LogFormat": "xml"},
            "Demo/App: LoggingConfig: LogFormat is 'xml', which is not one of Text, JSON; it is Text here.",
        ),
        ("Layers", "layer", "Demo/App: Layers is 'layer', which is not a list; it is nothing here."),
        ("Environment", [], "Demo/App: Environment is [], which is not an object; it is nothing here."),
    ],
)
def test_warning_names_function_property_and_value(folder: Path, name: str, value: Any, warning: str) -> None:
    template = read(folder / "Demo.template.json")
    template["Resources"]["App"]["Properties"][name] = value
    write_json(folder / "Demo.template.json", template)

    assembly = read_whole(folder)

    assert "Demo/App" in [function.construct_path for function in assembly.functions]
    assert warning in assembly.warnings


@pytest.mark.parametrize("value", ["long", -1, 1.5, {"Ref": "Unknown"}])
def test_unreadable_cache_time_of_cors_is_a_warning(folder: Path, value: Any) -> None:
    template = read(folder / "Demo.template.json")
    template["Resources"]["AppliveUrl"]["Properties"]["Cors"]["MaxAge"] = value
    write_json(folder / "Demo.template.json", template)

    assembly = read_whole(folder)

    assert [url.cors.max_age_seconds for url in assembly.function_urls if url.cors] == [None]
    assert [warning for warning in assembly.warnings if "MaxAge" in warning and "it is nothing here" in warning]


@pytest.mark.parametrize("value", ["STREAM", {"Ref": "Unknown"}, ["RESPONSE_STREAM"], None])
def test_function_url_with_an_unreadable_invoke_mode_is_buffered(folder: Path, value: Any) -> None:
    template = read(folder / "Demo.template.json")
    template["Resources"]["AppliveUrl"]["Properties"]["InvokeMode"] = value
    write_json(folder / "Demo.template.json", template)

    assembly = read_whole(folder)

    assert [url.invoke_mode for url in assembly.function_urls] == [InvokeMode.BUFFERED]
    assert any("InvokeMode" in warning for warning in assembly.warnings) == (value is not None)


def test_variable_with_an_unknown_choice_has_a_placeholder(folder: Path) -> None:
    template = read(folder / "Demo.template.json")
    variables = {"TABLE": {"Fn::If": ["IsLarge", "large", "small"]}}
    template["Resources"]["App"]["Properties"]["Environment"]["Variables"] = variables
    write_json(folder / "Demo.template.json", template)

    [app] = [function for function in read_whole(folder).functions if function.logical_id == "App"]

    assert app.environment == {"TABLE": "<IsLarge>"}
    assert app.unresolved_variables == {"TABLE": ("IsLarge",)}


def with_conditions(folder: Path, conditions: dict[str, Any], *, stage: dict[str, Any]) -> Assembly:
    template = read(folder / "Demo.template.json")
    template["Conditions"] |= conditions
    template["Parameters"]["Stage"] = stage
    template["Resources"]["App"]["Condition"] = "IsServed"
    write_json(folder / "Demo.template.json", template)
    return read_whole(folder)


IS_TEST = {"Fn::Equals": [{"Ref": "Stage"}, "test"]}
IS_UNKNOWN = {"Fn::Equals": [{"Ref": "Unknown"}, "x"]}


@pytest.mark.parametrize(
    ("condition", "served"),
    [
        (IS_TEST, True),
        ({"Fn::Not": [IS_TEST]}, False),
        ({"Condition": "IsTest"}, True),
        ({"Fn::And": [IS_TEST, {"Fn::Not": [IS_TEST]}]}, False),
        ({"Fn::And": [IS_TEST, IS_TEST]}, True),
        ({"Fn::Or": [{"Fn::Not": [IS_TEST]}, IS_TEST]}, True),
        ({"Fn::Or": [{"Fn::Not": [IS_TEST]}, {"Fn::Not": [IS_TEST]}]}, False),
        ({"Fn::And": [IS_UNKNOWN, {"Fn::Not": [IS_TEST]}]}, False),
        ({"Fn::Or": [IS_UNKNOWN, IS_TEST]}, True),
        ({"Fn::Equals": [1, "1"]}, True),
        ({"Fn::Equals": [True, "true"]}, True),
    ],
)
def test_function_with_a_false_condition_is_not_served(folder: Path, condition: Any, served: bool) -> None:
    assembly = with_conditions(folder, {"IsServed": condition}, stage={"Type": "String", "Default": "test"})

    assert ("Demo/App" in [function.construct_path for function in assembly.functions]) is served
    assert not any("condition" in warning for warning in assembly.warnings)
    assert len(assembly.function_urls) == served


@pytest.mark.parametrize(
    "condition",
    [IS_UNKNOWN, {"Fn::And": [IS_TEST, IS_UNKNOWN]}, {"Condition": "IsServed"}, {"Fn::Equals": ["a"]}, "IsTest", None],
)
def test_function_with_an_unknown_condition_is_served_with_a_warning(folder: Path, condition: Any) -> None:
    assembly = with_conditions(folder, {"IsServed": condition}, stage={"Type": "String", "Default": "test"})

    assert "Demo/App" in [function.construct_path for function in assembly.functions]
    warning = "Demo/App is served, although only a deployment can evaluate its condition IsServed."
    assert warning in assembly.warnings


def test_parameter_without_a_default_leaves_a_condition_unknown(folder: Path) -> None:
    assembly = with_conditions(folder, {"IsServed": IS_TEST}, stage={"Type": "String"})

    assert any("condition IsServed" in warning for warning in assembly.warnings)


def test_assembly_that_contains_itself_is_a_warning(folder: Path) -> None:
    manifest = read(folder / "manifest.json")
    manifest["artifacts"]["again"] = {"type": "cdk:cloud-assembly", "properties": {"directoryName": "."}}
    write_json(folder / "manifest.json", manifest)

    assembly = read_whole(folder)

    assert len(assembly.functions) == 3
    assert any("contains itself" in warning for warning in assembly.warnings)


def test_nested_stack_that_contains_itself_is_a_warning(folder: Path) -> None:
    nested = read(folder / "nested.json")
    nested["Resources"]["Again"] = read(folder / "Demo.template.json")["Resources"]["Nest"]
    write_json(folder / "nested.json", nested)

    assembly = read_whole(folder)

    assert any("contains itself" in warning for warning in assembly.warnings)


def test_values_that_depend_on_each_other_are_unknown(folder: Path) -> None:
    template = read(folder / "Demo.template.json")
    template["Resources"]["App"]["Properties"]["FunctionName"] = {"Fn::Sub": "${Nest.Outputs.Loop}"}
    template["Resources"]["Nest"]["Properties"]["Parameters"]["Mode"] = {"Fn::GetAtt": ["Nest", "Outputs.Loop"]}
    write_json(folder / "Demo.template.json", template)
    nested = read(folder / "nested.json")
    nested["Outputs"]["Loop"] = {"Value": {"Ref": "Mode"}}
    write_json(folder / "nested.json", nested)

    assembly = read_whole(folder)

    assert "Demo-App" in [function.name for function in assembly.functions]
