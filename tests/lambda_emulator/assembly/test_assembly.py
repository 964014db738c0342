"""Manifests and templates are enough to find functions, layers and Function URLs."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from lambda_emulator.assembly.assembly import Assembly, AssemblyError, read_assembly
from lambda_emulator.assembly.template import DeployTarget
from lambda_emulator.functions import Cors, InlineCode, InvokeMode

from ..cloud_assembly import CloudAssembly, write_json

ARN = "arn:aws:lambda:us-east-1:123456789012"


def read(assembly: CloudAssembly) -> Assembly:
    return read_assembly(assembly.write(), DeployTarget())


def add_function(assembly: CloudAssembly, logical_id: str = "App", **properties: Any) -> None:
    defaults = {
        "Runtime": "python3.13",
        "Handler": "app.handler",
        "Code": assembly.add_asset({"app.py": ""}),
        "Role": {"Fn::GetAtt": ["Role", "Arn"]},
    }
    assembly.add_resource(logical_id, "AWS::Lambda::Function", {**defaults, **properties})


def test_missing_properties_have_lambdas_defaults(cloud_assembly: CloudAssembly) -> None:
    add_function(cloud_assembly)

    [function] = read(cloud_assembly).functions

    assert (function.name, function.arn) == ("Demo-App", f"{ARN}:function:Demo-App")
    assert (function.construct_path, function.construct_id) == ("Demo/App", "App")
    assert (function.timeout_seconds, function.memory_size_mb) == (3, 128)
    assert isinstance(function.code, Path)
    assert (function.code / "app.py").is_file()


def test_function_name_of_the_template_is_used(cloud_assembly: CloudAssembly) -> None:
    add_function(cloud_assembly, FunctionName="chat")

    assert read(cloud_assembly).functions[0].name == "chat"


def test_inline_code_is_read_from_the_template(cloud_assembly: CloudAssembly) -> None:
    add_function(cloud_assembly, Code={"ZipFile": "x = 1"})

    assert read(cloud_assembly).functions[0].code == InlineCode("index.py", "x = 1")


def test_layers_keep_their_order(cloud_assembly: CloudAssembly) -> None:
    for name in ("First", "Second"):
        content = cloud_assembly.add_asset({f"{name}.txt": ""})
        cloud_assembly.add_resource(name, "AWS::Lambda::LayerVersion", {"Content": content})
    add_function(cloud_assembly, Layers=[{"Ref": "Second"}, {"Ref": "First"}])

    layers = read(cloud_assembly).functions[0].layers

    assert [file.name for layer in layers for file in layer.content.iterdir()] == ["Second.txt", "First.txt"]


def test_missing_layer_of_another_account_is_a_warning(cloud_assembly: CloudAssembly) -> None:
    foreign = "arn:aws:lambda:us-east-1:999999999999:layer:Foreign:7"
    add_function(cloud_assembly, Layers=[foreign])

    assembly = read(cloud_assembly)

    assert assembly.functions[0].layers == ()
    assert any(foreign in warning for warning in assembly.warnings)


def test_list_parameter_has_the_items_of_its_default(cloud_assembly: CloudAssembly) -> None:
    for name in ("First", "Second"):
        content = cloud_assembly.add_asset({f"{name}.txt": ""})
        cloud_assembly.add_resource(name, "AWS::Lambda::LayerVersion", {"Content": content})
    add_function(cloud_assembly, Layers={"Ref": "Layers"})
    folder = cloud_assembly.write()
    template = json.loads((folder / "Demo.template.json").read_text())
    arns = f"{ARN}:layer:Demo-Second:1, {ARN}:layer:Demo-First:1"
    template["Parameters"] = {"Layers": {"Type": "CommaDelimitedList", "Default": arns}}
    write_json(folder / "Demo.template.json", template)

    [function] = read_assembly(folder, DeployTarget()).functions

    assert [layer.arn for layer in function.layers] == arns.split(", ")


def test_layer_name_is_resolved(cloud_assembly: CloudAssembly) -> None:
    layer = {"LayerName": {"Fn::Sub": "${AWS::StackName}-tools"}, "Content": cloud_assembly.add_asset({"a": ""})}
    cloud_assembly.add_resource("Layer", "AWS::Lambda::LayerVersion", layer)
    add_function(cloud_assembly, Layers=[f"{ARN}:layer:Demo-tools:1"])

    assembly = read(cloud_assembly)

    assert [layer.arn for layer in assembly.functions[0].layers] == [f"{ARN}:layer:Demo-tools:1"]


def test_variable_without_a_value_does_not_exist(cloud_assembly: CloudAssembly) -> None:
    add_function(cloud_assembly, Environment={"Variables": {"A": {"Ref": "AWS::NoValue"}, "B": ""}})

    assert read(cloud_assembly).functions[0].environment == {"B": ""}


def test_text_that_no_process_can_get_is_a_warning(cloud_assembly: CloudAssembly) -> None:
    add_function(cloud_assembly, Environment={"Variables": {"A": "a\0b", "B=C": "d", "E": ["f"]}})

    assembly = read(cloud_assembly)

    assert assembly.functions[0].environment == {}
    for name in ("Variables.A is", "'B=C' is not the name", "Variables.E is ['f']"):
        assert any(name in warning for warning in assembly.warnings)


def test_variables_are_resolved_and_placeholders_reported(cloud_assembly: CloudAssembly) -> None:
    variables = {"ME": {"Ref": "App"}, "TABLE": {"Ref": "Table"}, "REGION": {"Ref": "AWS::Region"}}
    cloud_assembly.add_resource("Table", "AWS::DynamoDB::Table", {})
    add_function(cloud_assembly, Environment={"Variables": variables})

    [function] = read(cloud_assembly).functions

    assert function.environment == {"ME": "Demo-App", "TABLE": "<Table>", "REGION": "us-east-1"}
    assert function.unresolved_variables == {"TABLE": ("Table",)}


def test_a_function_url_belongs_to_its_function_and_alias(cloud_assembly: CloudAssembly) -> None:
    add_function(cloud_assembly)
    cloud_assembly.add_resource("Live", "AWS::Lambda::Alias", {"FunctionName": {"Ref": "App"}, "Name": "live"})
    cloud_assembly.add_url("App", AuthType="AWS_IAM")
    cors = {"AllowOrigins": ["*"], "MaxAge": 60}
    cloud_assembly.add_url("App", Qualifier="live", InvokeMode="BUFFERED", Cors=cors)

    own, alias = read(cloud_assembly).function_urls

    assert (own.function.name, own.qualifier, own.auth_type) == ("Demo-App", "", "AWS_IAM")
    assert (own.invoke_mode, alias.invoke_mode) == (InvokeMode.RESPONSE_STREAM, InvokeMode.BUFFERED)
    assert alias.qualifier == "live"
    assert alias.cors == Cors(allow_origins=("*",), max_age_seconds=60)
    assert own.url_id != alias.url_id


def test_unresolved_origin_is_a_warning(cloud_assembly: CloudAssembly) -> None:
    site = {"Fn::Join": ["", ["https://", {"Fn::GetAtt": ["Site", "DomainName"]}]]}
    add_function(cloud_assembly)
    cloud_assembly.add_url("App", Cors={"AllowOrigins": [site], "AllowHeaders": {"Ref": "Headers"}})

    assembly = read(cloud_assembly)

    assert assembly.function_urls[0].cors == Cors(allow_origins=("https://<Site.DomainName>",))
    assert any(
        "Demo/App/FunctionUrl has https://<Site.DomainName> in AllowOrigins" in each for each in assembly.warnings
    )


def test_domain_name_has_the_form_of_aws_and_is_stable(cloud_assembly: CloudAssembly) -> None:
    add_function(cloud_assembly)
    cloud_assembly.add_url("App")

    first, second = read(cloud_assembly).function_urls[0], read(cloud_assembly).function_urls[0]

    assert first.domain_name == second.domain_name == f"{first.url_id}.lambda-url.us-east-1.on.aws"
    assert len(first.url_id) == 32
    assert first.url_id.isalnum()
    assert first.url_id == first.url_id.lower()


def test_account_and_region_of_the_stack_win_over_the_defaults(cloud_assembly: CloudAssembly) -> None:
    add_function(cloud_assembly)
    folder = cloud_assembly.write()
    manifest = folder / "manifest.json"
    manifest.write_text(manifest.read_text().replace("unknown-account/unknown-region", "111122223333/eu-west-1"))

    [function] = read_assembly(folder, DeployTarget()).functions

    assert function.arn == "arn:aws:lambda:eu-west-1:111122223333:function:Demo-App"
    assert function.region == "eu-west-1"


def test_construct_paths_come_from_the_manifest_if_the_template_has_none(cloud_assembly: CloudAssembly) -> None:
    add_function(cloud_assembly)
    del cloud_assembly.resources["App"]["Metadata"]
    folder = cloud_assembly.write()
    write_json(
        folder / "Demo.metadata.json", {"/Demo/Deep/App/Resource": [{"type": "aws:cdk:logicalId", "data": "App"}]}
    )
    manifest = folder / "manifest.json"
    file = '"additionalMetadataFile": "Demo.metadata.json", "environment"'
    manifest.write_text(manifest.read_text().replace('"environment"', file))

    assert read_assembly(folder, DeployTarget()).functions[0].construct_path == "Demo/Deep/App"


def test_functions_of_a_stage_are_served(cloud_assembly: CloudAssembly, tmp_path: Path) -> None:
    stage = CloudAssembly(cloud_assembly.folder / "assembly-Prod", tmp_path)
    add_function(stage)
    folder = cloud_assembly.write()
    stage.write()
    artifacts = {"assembly-Prod": {"type": "cdk:cloud-assembly", "properties": {"directoryName": "assembly-Prod"}}}
    write_json(folder / "manifest.json", {"artifacts": artifacts})

    [function] = read_assembly(folder, DeployTarget()).functions

    assert isinstance(function.code, Path)
    assert function.code.is_dir()


def test_nested_stack_receives_parameters_and_returns_outputs(cloud_assembly: CloudAssembly) -> None:
    code = cloud_assembly.add_asset({"app.py": ""})
    nested = {
        "Parameters": {"Mode": {"Type": "String"}},
        "Resources": {
            "Inner": {
                "Type": "AWS::Lambda::Function",
                "Properties": {
                    "Runtime": "python3.13",
                    "Handler": "app.handler",
                    "Code": code,
                    "Environment": {"Variables": {"MODE": {"Ref": "Mode"}}},
                },
            }
        },
        "Outputs": {"InnerArn": {"Value": {"Fn::GetAtt": ["Inner", "Arn"]}}},
    }
    template = cloud_assembly.add_template("Nested.nested.template.json", nested)
    url = {"Fn::Join": ["", ["https://s3.", {"Ref": "AWS::Region"}, "/", template]]}
    cloud_assembly.add_resource(
        "Nested", "AWS::CloudFormation::Stack", {"TemplateURL": url, "Parameters": {"Mode": {"Ref": "AWS::StackName"}}}
    )
    inner_arn = {"Fn::GetAtt": ["Nested", "Outputs.InnerArn"]}
    add_function(cloud_assembly, Environment={"Variables": {"INNER": inner_arn}})

    inner, outer = read(cloud_assembly).functions

    assert inner.environment == {"MODE": "Demo"}
    assert outer.environment == {"INNER": inner.arn}


def test_stack_imports_the_export_of_another_stack(cloud_assembly: CloudAssembly, tmp_path: Path) -> None:
    content = cloud_assembly.add_asset({"bootstrap": ""})
    cloud_assembly.add_resource("Layer", "AWS::Lambda::LayerVersion", {"Content": content})
    cloud_assembly.outputs["Export"] = {"Value": {"Ref": "Layer"}, "Export": {"Name": "Demo:Layer"}}
    other = CloudAssembly(tmp_path / "other", tmp_path)
    add_function(other, Layers=[{"Fn::ImportValue": "Demo:Layer"}])
    # The importing stack comes first: the order must not matter.
    cloud_assembly.add_stack_before("Other", other)

    [function] = read(cloud_assembly).functions

    assert [layer.arn for layer in function.layers] == [f"{ARN}:layer:Demo-Layer:1"]


def test_variable_can_hold_the_address_of_a_function_url(cloud_assembly: CloudAssembly) -> None:
    add_function(cloud_assembly)
    cloud_assembly.add_url("App")
    add_function(
        cloud_assembly, "Caller", Environment={"Variables": {"URL": {"Fn::GetAtt": ["AppUrl", "FunctionUrl"]}}}
    )

    assembly = read(cloud_assembly)

    assert assembly.functions[1].environment["URL"] == assembly.function_urls[0].aws_address


def test_missing_assembly_is_an_error_with_the_fix(tmp_path: Path) -> None:
    with pytest.raises(AssemblyError, match="cdk synth"):
        read_assembly(tmp_path, DeployTarget())


@pytest.mark.parametrize("text", ["{", "[]", "{}", '{"artifacts": []}'])
def test_error_about_a_damaged_manifest_has_the_fix(cloud_assembly: CloudAssembly, text: str) -> None:
    folder = cloud_assembly.write()
    (folder / "manifest.json").write_text(text)

    with pytest.raises(AssemblyError, match=r"manifest\.json .*cdk synth"):
        read_assembly(folder, DeployTarget())


def test_container_image_is_a_warning(cloud_assembly: CloudAssembly) -> None:
    add_function(cloud_assembly, Code={"ImageUri": "repository:tag"})

    assembly = read(cloud_assembly)

    assert assembly.functions == ()
    assert any("Demo/App is not served" in warning for warning in assembly.warnings)
